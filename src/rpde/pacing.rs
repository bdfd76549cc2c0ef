//! How often a feed's last page may be asked for.
//!
//! Owns the usage policy's figure, [`POLL_INTERVAL_MIN`], and the [`Pacer`] of one feed. Pages with items are not limited
//! and never come here. The time is governor's clock (monotonic, so that a step of the wall clock changes nothing); nothing
//! here sleeps: the caller is told how long. Fails only in [`checked_interval`]. Uses `address`.

use std::fmt;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::address::FeedUrl;

/// The shortest interval between two requests for a feed's last page that the Firehose's usage policy allows.
pub const POLL_INTERVAL_MIN: Duration = Duration::from_secs(8);

/// A poll interval below [`POLL_INTERVAL_MIN`] for a feed that is not on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a poll interval of {interval:?} is too short for {origin}: the usage policy allows one request for the last page \
     every {POLL_INTERVAL_MIN:?}"
)]
pub struct PollIntervalError {
    /// The interval asked for.
    pub interval: Duration,
    /// Where the feed is.
    pub origin: String,
}

/// Gives `interval` back when the feed at `url` may be polled that often: 8 s or more, anything on a loopback address.
///
/// # Errors
/// [`PollIntervalError`] when it is shorter and the feed is on another machine.
pub fn checked_interval(interval: Duration, url: &FeedUrl) -> Result<Duration, PollIntervalError> {
    if interval < POLL_INTERVAL_MIN && !url.is_loopback() {
        return Err(PollIntervalError { interval, origin: url.origin_text() });
    }
    Ok(interval)
}

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Paces one feed's last page: at most one request an interval, counted from the last answer.
///
/// Counted from the answer, not the request, because only then the server, too, sees the interval kept: a first request
/// that waits for its connection arrives late, and the next one on the open connection does not.
pub struct Pacer<C: Clock = DefaultClock> {
    /// `None` when the interval is zero: no limit.
    quota: Option<Quota>,
    clock: C,
    limiter: Option<Limiter<C>>,
}

impl Pacer<DefaultClock> {
    /// A pacer on the machine's monotonic clock; an interval of zero limits nothing.
    pub fn every(interval: Duration) -> Self {
        Self::with_clock(interval, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Pacer<C> {
    /// A pacer on a clock of the caller's, such as governor's `FakeRelativeClock`.
    pub fn with_clock(interval: Duration, clock: C) -> Self {
        let quota = Quota::with_period(interval);
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, clock.clone()));
        Self { quota, clock, limiter }
    }

    /// To be called when an answer turned out to be the last page, however it was come to: the next request for it may
    /// follow an interval from now.
    pub fn last_page_read(&mut self) {
        self.limiter = self.quota.map(|quota| {
            let limiter = RateLimiter::direct_with_clock(quota, self.clock.clone());
            // A fresh limiter always grants its first cell; taking it here starts the interval.
            let _ = limiter.check();
            limiter
        });
    }

    /// Asks to request the last page now; a granted request counts, also when it then fails.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub fn may_poll_last_page(&self) -> Result<(), Duration> {
        match &self.limiter {
            Some(limiter) => limiter.check().map_err(|until| until.wait_time_from(self.clock.now())),
            None => Ok(()),
        }
    }
}

impl<C: Clock> fmt::Debug for Pacer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer").field("quota", &self.quota).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_last_page_is_granted_once_an_interval() {
        let clock = FakeRelativeClock::default();
        let pacer = Pacer::with_clock(SECOND * 8, clock.clone());
        assert_eq!(pacer.may_poll_last_page(), Ok(()), "at the start at once");
        assert_eq!(pacer.may_poll_last_page(), Err(SECOND * 8));
        clock.advance(SECOND * 5);
        assert_eq!(pacer.may_poll_last_page(), Err(SECOND * 3));
        clock.advance(Duration::new(2, 999_999_999));
        assert_eq!(pacer.may_poll_last_page(), Err(Duration::from_nanos(1)));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(pacer.may_poll_last_page(), Ok(()), "after the interval, to the nanosecond");
    }

    #[test]
    fn waiting_long_saves_nothing_up() {
        let clock = FakeRelativeClock::default();
        let pacer = Pacer::with_clock(SECOND * 8, clock.clone());
        clock.advance(SECOND * 3600);
        assert_eq!(pacer.may_poll_last_page(), Ok(()));
        assert_eq!(pacer.may_poll_last_page(), Err(SECOND * 8));
    }

    #[test]
    fn the_interval_counts_from_the_answer() {
        let clock = FakeRelativeClock::default();
        let mut pacer = Pacer::with_clock(SECOND * 8, clock.clone());
        pacer.last_page_read();
        assert_eq!(pacer.may_poll_last_page(), Err(SECOND * 8), "a walk that came to the last page counts");
        clock.advance(SECOND * 8);
        assert_eq!(pacer.may_poll_last_page(), Ok(()));
        clock.advance(SECOND * 2);
        pacer.last_page_read();
        clock.advance(SECOND * 7);
        assert_eq!(pacer.may_poll_last_page(), Err(SECOND), "9 s after the request, 7 s after its answer");
        clock.advance(SECOND);
        assert_eq!(pacer.may_poll_last_page(), Ok(()));
    }

    #[test]
    fn an_interval_of_zero_limits_nothing() {
        let mut pacer = Pacer::every(Duration::ZERO);
        pacer.last_page_read();
        assert_eq!(pacer.may_poll_last_page(), Ok(()));
        assert_eq!(pacer.may_poll_last_page(), Ok(()));
    }

    #[test]
    fn intervals_below_the_policy_are_for_loopback_only() {
        let far = FeedUrl::parse("https://firehose.example/feeds").unwrap();
        let near = FeedUrl::parse("http://127.0.0.1:8080/feeds").unwrap();
        assert_eq!(checked_interval(SECOND * 8, &far), Ok(SECOND * 8));
        assert_eq!(checked_interval(SECOND, &near), Ok(SECOND));
        let error = checked_interval(Duration::from_millis(7999), &far).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a poll interval of 7.999s is too short for https://firehose.example: the usage policy allows one request \
             for the last page every 8s"
        );
    }
}
