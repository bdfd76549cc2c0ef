//! Named points at which a test can let the files fail, or the process die. An ordinary build has none of it.
//!
//! With the feature `crash-points`, `arm` lets the n-th reaching of a point in this thread fail as a full disk would, and
//! `BOOKABLE_CRASH_AT=between_commits:3` kills the process (SIGKILL) when it is reached for the third time.

/// Where something can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// One change is about to be written to the state.
    Change,
    /// The state is about to be committed.
    StateCommit,
    /// The state has been committed; the catalogue has not followed yet.
    BetweenCommits,
    /// The catalogue is about to be committed.
    CatalogueCommit,
    /// The catalogue has been committed.
    CatalogueCommitted,
    /// A schema is about to be set up or migrated.
    Migration,
    /// One of the files is about to be deleted by `purge`.
    Purge,
    /// The write-ahead logs are about to be emptied.
    Tidy,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 8] = [
        Self::Change,
        Self::StateCommit,
        Self::BetweenCommits,
        Self::CatalogueCommit,
        Self::CatalogueCommitted,
        Self::Migration,
        Self::Purge,
        Self::Tidy,
    ];

    /// Its name in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::StateCommit => "state_commit",
            Self::BetweenCommits => "between_commits",
            Self::CatalogueCommit => "catalogue_commit",
            Self::CatalogueCommitted => "catalogue_committed",
            Self::Migration => "migration",
            Self::Purge => "purge",
            Self::Tidy => "tidy",
        }
    }
}

#[cfg(not(feature = "crash-points"))]
pub(super) use off::reach;
#[cfg(feature = "crash-points")]
pub(super) use on::reach;
#[cfg(feature = "crash-points")]
pub use on::{arm, disarm};

#[cfg(not(feature = "crash-points"))]
mod off {
    use super::Point;

    /// Nothing happens here.
    #[expect(clippy::unnecessary_wraps, clippy::inline_always, reason = "it fails in builds for tests")]
    #[inline(always)]
    pub(in crate::store) const fn reach(_point: Point) -> rusqlite::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "crash-points")]
mod on {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Point;

    thread_local! {
        static PLAN: Cell<Option<(Point, u64)>> = const { Cell::new(None) };
    }
    static TO_DIE: OnceLock<Option<(Point, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);

    /// Lets the `nth` reaching of a point in this thread fail, counted from 1.
    pub fn arm(point: Point, nth: u64) {
        PLAN.set(Some((point, nth)));
    }

    /// Takes that back; whether it had not happened yet.
    pub fn disarm() -> bool {
        PLAN.take().is_some()
    }

    #[expect(clippy::disallowed_methods, reason = "only in builds for tests, and no setting")]
    fn to_die() -> Option<(Point, u64)> {
        *TO_DIE.get_or_init(|| {
            let text = std::env::var("BOOKABLE_CRASH_AT").ok()?;
            let (name, nth) = text.split_once(':')?;
            let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
            Some((point, nth.parse().ok()?))
        })
    }

    pub(in crate::store) fn reach(point: Point) -> rusqlite::Result<()> {
        if let Some((at, nth)) = to_die().filter(|(at, _)| *at == point) {
            debug_assert_eq!(at, point);
            if REACHED.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                let id = std::process::id().to_string();
                let _ = std::process::Command::new("kill").args(["-s", "KILL", &id]).status();
                loop {
                    std::thread::park();
                }
            }
        }
        match PLAN.get() {
            Some((at, 1)) if at == point => {
                PLAN.set(None);
                let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
                Err(rusqlite::Error::SqliteFailure(full, Some("a test's doing".to_owned())))
            }
            Some((at, nth)) if at == point => {
                PLAN.set(Some((at, nth - 1)));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
