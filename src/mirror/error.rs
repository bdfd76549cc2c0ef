//! What can keep the catalogue from being published, in words for one line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::store::StoreError;

/// A failure to publish. What was published before stands.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// The network, or the server went away.
    #[error("cannot {action}: {source}")]
    Network {
        /// What was being done.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The server said no.
    #[error("cannot {action}: PostgreSQL says {code}: {message}")]
    Server {
        /// What was being done.
        action: &'static str,
        /// PostgreSQL's five characters.
        code: String,
        /// Its words, on one line.
        message: String,
    },
    /// The server did not answer.
    #[error("cannot {action}: no answer within {} s", waited.as_secs())]
    Silent {
        /// What was being done.
        action: &'static str,
        /// How long was waited.
        waited: Duration,
    },
    /// Something about the server or the database that only a person can change.
    #[error("{0}")]
    Unfit(String),
    /// The catalogue cannot be opened to read it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalogue cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Catalogue {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The differences cannot be put by, between reading and sending them.
    #[error("cannot put the differences by beside {}: {source}", path.display())]
    Spool {
        /// The catalogue.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The task that reads the catalogue ended without a word.
    #[error("the reading of the catalogue ended without a word")]
    ReaderLost,
}

/// `Result` with a [`MirrorError`].
pub(super) type Result<T> = std::result::Result<T, MirrorError>;
