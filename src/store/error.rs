//! What can go wrong with the two files, each in words that say what to do.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite refused something.
    #[error("cannot {action} {}{}", path.display(), advice(what, source))]
    Sqlite {
        /// What was being done.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// `catalogue` or `state`.
        what: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file system refused something.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file was written by a newer `bookable`.
    #[error("{} has schema version {found}, this program knows {known}; install the newer version that wrote it", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file was written by an older `bookable`, and only a writer brings it up to date.
    #[error("{} has the older schema version {found}; run `bookable harvest` or `bookable rebuild` once", path.display())]
    Older {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// A SQLite file of another program.
    #[error("{} is not a {what} of bookable; name another file with --{what}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// `catalogue` or `state`.
        what: &'static str,
    },
    /// SQLite would not use a write-ahead log there.
    #[error("{} cannot have a write-ahead log (journal mode {mode}); put it on a local file system", path.display())]
    NoWal {
        /// Which file.
        path: PathBuf,
        /// What it uses instead.
        mode: String,
    },
    /// Somebody deleted or replaced the file while it was open.
    #[error("{} was deleted or replaced while it was written{}", path.display(), taken_advice(what))]
    Taken {
        /// Which file.
        path: PathBuf,
        /// `catalogue` or `state`.
        what: &'static str,
    },
    /// The catalogue was made from a state that is not there any more.
    #[error(
        "{} is missing, from which {} was made: restore it, or run `bookable harvest --anew`, which reads everything again \
         (the licence allows that once a week)", state.display(), catalogue.display()
    )]
    StateLost {
        /// The state's file.
        state: PathBuf,
        /// The catalogue's file.
        catalogue: PathBuf,
    },
    /// A write-ahead log that cannot be emptied, because somebody reads on and on.
    #[error(
        "{} has grown to {} MiB, because a program keeps a transaction open on {}; close that program",
        log.display(), bytes / 1_048_576, path.display()
    )]
    LogHeld {
        /// The database.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
        /// The log's size.
        bytes: u64,
    },
    /// A file that a snapshot may not replace.
    #[error("{} {why}", path.display())]
    Target {
        /// Which file.
        path: PathBuf,
        /// Why, and what to do.
        why: &'static str,
    },
    /// There is nothing to read yet.
    #[error("{} does not exist; run `bookable harvest` first", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
}

impl StoreError {
    /// Whether it may go well later: a full disk, a file system that is read-only for a while, a lock.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                        | ErrorCode::FileLockingProtocolFailed
                )
            ),
            Self::File { source, .. } => !matches!(source.kind(), std::io::ErrorKind::NotFound),
            Self::Taken { what, .. } => *what == "catalogue",
            Self::LogHeld { .. } => true,
            Self::Newer { .. }
            | Self::Older { .. }
            | Self::Foreign { .. }
            | Self::NoWal { .. }
            | Self::Target { .. }
            | Self::Missing { .. }
            | Self::StateLost { .. } => false,
        }
    }

    /// Whether there may have been no room for temporary files.
    pub(super) fn lacks_room(&self) -> bool {
        let code = if let Self::Sqlite { source, .. } = self { source.sqlite_error_code() } else { None };
        matches!(code, Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen))
    }
}

/// What to do, in brackets, where that follows from what SQLite says.
fn advice(what: &str, source: &rusqlite::Error) -> &'static str {
    match (source.sqlite_error_code(), what) {
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), "catalogue") => {
            " (it is damaged: delete it with its -wal and -shm, and run `bookable rebuild`)"
        }
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => {
            " (it is damaged: restore a copy, or move it away and run `bookable harvest --anew`, which reads everything again)"
        }
        (Some(ErrorCode::DiskFull), _) => " (make room on its disk)",
        (Some(ErrorCode::ReadOnly), _) => " (make it, and its folder, writable)",
        _ => "",
    }
}

fn taken_advice(what: &str) -> &'static str {
    if what == "catalogue" { "; it is made anew" } else { "; put it back, or run `bookable harvest --anew`" }
}

/// `Result` with a [`StoreError`].
pub type Result<T> = std::result::Result<T, StoreError>;
