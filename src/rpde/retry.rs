//! The one retry table: what is tried again, how soon, and when to give up.
//!
//! Owns the whole policy, as pure functions of a fault and of how many came in a row; nothing else in the program decides
//! how long to wait after a failure. Nothing here sleeps, reads a clock or fails. Jitter comes from a seeded source, so
//! that a simulation repeats.
//!
//! | fault | wait | standing |
//! | --- | --- | --- |
//! | 408, 425, 429, 5xx but for 501 and 505, odd statuses below 400, redirect, no connection, timeout, cut or malformed page, bad `next` | 1 s, 2 s, 4 s … 60 s, ±20 %; from the tenth in a row 60 to 120 minutes (RPDE 1.0, "HTTP status codes") | passing, then exhausted |
//! | 401, 403 | three short waits (firewalls blink), then an hour | refused |
//! | 404, 410 | a day | gone |
//! | every other 4xx, 501, 505, page too large | an hour | exhausted |
//!
//! `Retry-After` wins on 429 and every 5xx, though never below the first short wait; elsewhere it can only lengthen the
//! wait. It is capped where it is read, at 24 hours.

use std::time::Duration;

use super::fault::Fault;

/// The longest `Retry-After` that a single run (`--once`) sits out; for a longer one it gives up.
const ONCE_WAIT_MAX: Duration = Duration::from_mins(5);

/// What to do after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How long to wait before the next try.
    pub wait: Duration,
    /// How the feed stands meanwhile.
    pub standing: Standing,
}

/// How a feed stands after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Likely to pass by itself: short back-off.
    Passing,
    /// The key was refused.
    Refused,
    /// The feed is not there: stopped until the program starts again or the next day.
    Gone,
    /// Short tries are used up, or would not help: tries are an hour or more apart.
    Exhausted,
}

impl Standing {
    /// A short name for `status` and logs; it does not change between versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Exhausted => "exhausted",
        }
    }
}

/// The figures of the table. The default is the policy; tests shorten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryTimes {
    /// The first short wait, before jitter; each further one is twice the last.
    pub first: Duration,
    /// The longest short wait, before jitter.
    pub longest: Duration,
    /// The failure in a row from which on a passing fault is exhausted.
    pub exhausted_from: u32,
    /// The shortest wait once exhausted.
    pub exhausted_min: Duration,
    /// The longest wait once exhausted.
    pub exhausted_max: Duration,
    /// The failure in a row from which on a refused key is tried hourly.
    pub refused_from: u32,
    /// The wait where trying soon does not help; up to a fifth is added.
    pub hourly: Duration,
    /// The wait for a feed that is gone.
    pub gone: Duration,
}

impl Default for RetryTimes {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_mins(1),
            exhausted_from: 10,
            exhausted_min: Duration::from_hours(1),
            exhausted_max: Duration::from_hours(2),
            refused_from: 4,
            hourly: Duration::from_hours(1),
            gone: Duration::from_hours(24),
        }
    }
}

impl RetryTimes {
    /// What to do after `fault`, the `failures_in_a_row`-th without a page between (the first is 1).
    pub fn advice(&self, fault: &Fault, failures_in_a_row: u32, jitter: &mut Jitter) -> Advice {
        let (wait, standing) = match class(fault) {
            Class::Passing if failures_in_a_row < self.exhausted_from => {
                (self.short_wait(failures_in_a_row, jitter), Standing::Passing)
            }
            Class::Passing => (jitter.between(self.exhausted_min, self.exhausted_max), Standing::Exhausted),
            Class::Refused if failures_in_a_row < self.refused_from => {
                (self.short_wait(failures_in_a_row, jitter), Standing::Refused)
            }
            Class::Refused => (self.hourly_wait(jitter), Standing::Refused),
            Class::Gone => (self.gone, Standing::Gone),
            Class::Lasting => (self.hourly_wait(jitter), Standing::Exhausted),
        };
        let wait = match fault {
            Fault::Status { status: 429 | 500..=599, retry_after: Some(asked), .. } => (*asked).max(self.first),
            Fault::Status { retry_after: Some(asked), .. } => wait.max(*asked),
            _ => wait,
        };
        Advice { wait, standing }
    }

    fn short_wait(&self, failures_in_a_row: u32, jitter: &mut Jitter) -> Duration {
        let doublings = failures_in_a_row.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let wait = self.first.saturating_mul(factor).min(self.longest);
        jitter.between(wait.saturating_sub(wait / 5), wait.saturating_add(wait / 5))
    }

    fn hourly_wait(&self, jitter: &mut Jitter) -> Duration {
        jitter.between(self.hourly, self.hourly.saturating_add(self.hourly / 5))
    }
}

/// Whether a single run (`--once`) gives up: at once on a feed that is gone or a fault that trying soon does not cure,
/// after three tries with a refused key, else after five; and at once when the server asks for more than five minutes.
pub fn gives_up(fault: &Fault, failures_in_a_row: u32) -> bool {
    if matches!(fault, Fault::Status { retry_after: Some(asked), .. } if *asked > ONCE_WAIT_MAX) {
        return true;
    }
    let tries_max = match class(fault) {
        Class::Gone | Class::Lasting => 1,
        Class::Refused => 3,
        Class::Passing => 5,
    };
    failures_in_a_row >= tries_max
}

/// The rows of the table.
enum Class {
    Passing,
    Refused,
    Gone,
    Lasting,
}

fn class(fault: &Fault) -> Class {
    match fault {
        Fault::Status { status, .. } => match status {
            401 | 403 => Class::Refused,
            404 | 410 => Class::Gone,
            408 | 425 | 429 => Class::Passing,
            400..=499 | 501 | 505 => Class::Lasting,
            _ => Class::Passing,
        },
        Fault::TooLarge { .. } => Class::Lasting,
        Fault::Connect { .. }
        | Fault::Dns { .. }
        | Fault::Timeout { .. }
        | Fault::Interrupted { .. }
        | Fault::Redirected { .. }
        | Fault::Unreadable { .. }
        | Fault::BadNext { .. }
        | Fault::Other { .. } => Class::Passing,
    }
}

/// A seeded source of chance (`SplitMix64`): the same seed gives the same waits.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// Starts a sequence. Two daemons should have different seeds, or they beat in phase.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A duration from `low..=high`, each about equally likely; `low` when `high` is not above it.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span_nanos = high.saturating_sub(low).as_nanos().min(u128::from(u64::MAX));
        let offset_nanos = (u128::from(self.next()) * (span_nanos + 1)) >> 64;
        low.saturating_add(Duration::from_nanos(u64::try_from(offset_nanos).unwrap_or(u64::MAX)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
