//! The only place where the time of day is read.
//!
//! Everything that needs "now" is handed a [`Clock`]. The program uses [`Clock::system`]; tests use [`Clock::held`],
//! which stands still until it is told otherwise and may be set forward or backward.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::Instant;

/// Tells what time it is. Cheap to clone; clones of a held clock show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Held(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `now` until [`Clock::set`] moves it.
    pub fn held(now: Instant) -> Self {
        Self(Source::Held(Arc::new(AtomicI64::new(now.as_seconds()))))
    }

    /// The current time, to the whole second that has begun.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system clock")]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::from_seconds(chrono::Utc::now().timestamp()),
            Source::Held(seconds) => Instant::from_seconds(seconds.load(Ordering::SeqCst)),
        }
    }

    /// Moves a held clock to `now`; the system clock is left as it is.
    pub fn set(&self, now: Instant) {
        if let Source::Held(seconds) = &self.0 {
            seconds.store(now.as_seconds(), Ordering::SeqCst);
        }
    }
}
