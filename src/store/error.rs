//! What can go wrong with the two files, each in words that say what to do.

use std::path::PathBuf;

use thiserror::Error;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite refused something.
    #[error("cannot {action} {}", path.display())]
    Sqlite {
        /// What was being done.
        action: &'static str,
        /// On which file.
        path: PathBuf,
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
    /// There is nothing to read yet.
    #[error("{} does not exist; run `bookable harvest` first", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
}

/// `Result` with a [`StoreError`].
pub type Result<T> = std::result::Result<T, StoreError>;
