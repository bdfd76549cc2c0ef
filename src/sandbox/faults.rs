//! Faults on request: what the feeds do wrong, how often, and on which feed.
//!
//! Owns the list of faults that are still to be shown, and its text form. Fails on a text that names no fault.

use std::collections::VecDeque;
use std::str::FromStr;

use thiserror::Error;

use super::Feed;

/// One thing that a feed does wrong instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status, with `Retry-After` in seconds where given.
    Status {
        /// The status.
        status: u16,
        /// Seconds for `Retry-After`.
        retry_after: Option<u32>,
    },
    /// The page stops in the middle and the connection is closed.
    Cut,
    /// The page is no JSON.
    Malformed,
    /// The page comes in ten pieces, a tenth of a second apart.
    Slow,
    /// The connection is closed before the page begins.
    Drop,
}

/// A fault and how often it is still to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// What is shown.
    pub fault: Fault,
    /// For this many requests.
    pub times: u32,
    /// On this feed only; absent: on either.
    pub feed: Option<Feed>,
}

/// Faults to be shown, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(VecDeque<FaultRule>);

/// A text that names no faults.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no fault; write status=503:3, retry-after=429:2:1 (status:seconds:times), cut:1, malformed:1, slow:1 or drop:1, each also with @ and a feed's name such as @session-series"
)]
pub struct FaultParseError(String);

impl Faults {
    /// No faults.
    pub const NONE: Self = Self(VecDeque::new());

    /// These faults, in this order.
    pub fn new(rules: impl IntoIterator<Item = FaultRule>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// The fault for the next request of `feed`, which then counts as shown.
    pub(super) fn take(&mut self, feed: Feed) -> Option<Fault> {
        let at = self.0.iter().position(|rule| rule.feed.is_none_or(|only| only == feed))?;
        let rule = self.0.get_mut(at)?;
        let fault = rule.fault;
        rule.times = rule.times.saturating_sub(1);
        if rule.times == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

/// `status=503:3,cut:1@session-series`: the faults in order, each with the number of requests that it meets.
impl FromStr for Faults {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| rule(part).ok_or_else(|| FaultParseError(part.to_owned()))).collect::<Result<_, _>>().map(Self)
    }
}

fn rule(text: &str) -> Option<FaultRule> {
    let (text, feed) = match text.split_once('@') {
        Some((text, name)) => (text, Some(Feed::ALL.into_iter().find(|feed| feed.name() == name)?)),
        None => (text, None),
    };
    let parts: Vec<&str> = text.split([':', '=']).collect();
    let (fault, times) = match *parts.as_slice() {
        ["status", status, times] => (Fault::Status { status: status_of(status)?, retry_after: None }, times),
        ["retry-after", status, seconds, times] => {
            (Fault::Status { status: status_of(status)?, retry_after: Some(seconds.parse().ok()?) }, times)
        }
        ["cut", times] => (Fault::Cut, times),
        ["malformed", times] => (Fault::Malformed, times),
        ["slow", times] => (Fault::Slow, times),
        ["drop", times] => (Fault::Drop, times),
        _ => return None,
    };
    let times = times.parse().ok().filter(|times| *times > 0)?;
    Some(FaultRule { fault, times, feed })
}

fn status_of(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_shown_in_order_on_their_feed() {
        let mut faults: Faults = "status=503:2@session-series, cut:1,retry-after=429:2:1".parse().unwrap();
        assert_eq!(faults.take(Feed::ScheduledSessions), Some(Fault::Cut));
        let unavailable = Fault::Status { status: 503, retry_after: None };
        assert_eq!(faults.take(Feed::SessionSeries), Some(unavailable));
        assert_eq!(faults.take(Feed::SessionSeries), Some(unavailable));
        let limited = Fault::Status { status: 429, retry_after: Some(2) };
        assert_eq!(faults.take(Feed::SessionSeries), Some(limited));
        assert_eq!(faults.take(Feed::SessionSeries), None);
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in ["cut", "status=503", "cut:0", "status=99:1", "cut:1@nowhere", "flood:3"] {
            assert!(text.parse::<Faults>().is_err(), "{text}");
        }
        assert_eq!("".parse(), Ok(Faults::default()));
    }
}
