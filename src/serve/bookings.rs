//! `bookings.db`: what the Success Webhook told of, each booking once.
//!
//! A SQLite file of mode 0600, written with `synchronous` FULL: what was answered with 204 survives a cut of power. Fails
//! with [`BookingsError`], which names the file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::redact::Payload;
use crate::domain::Instant;

/// "BKBO".
const APPLICATION_ID: i64 = 0x424B_424F;
const VERSION: i64 = 1;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A failure of the bookings' file.
#[derive(Debug, Error)]
pub enum BookingsError {
    /// SQLite refused something.
    #[error("cannot {action} the bookings {}", path.display())]
    Sqlite {
        /// What was being done.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file cannot be made.
    #[error("cannot create {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Another program's file, or a newer version's.
    #[error("{} is not a bookings file that this version knows; name another with --bookings", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// There is none yet.
    #[error("{} does not exist; `bookable serve` makes it", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The thread that worked on it ended without a word.
    #[error("the work on the bookings was lost")]
    Lost,
}

/// How long bookings are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For so many seconds.
    Seconds(i64),
    /// Until they are deleted by hand.
    Forever,
}

impl Keep {
    /// Reads `400d`, `12h` or `forever`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "forever" {
            return Some(Self::Forever);
        }
        let (digits, each) =
            text.strip_suffix('d').map(|days| (days, 86_400)).or(text.strip_suffix('h').map(|hours| (hours, 3600)))?;
        let number: i64 = digits.parse().ok().filter(|number| *number > 0)?;
        number.checked_mul(each).map(Self::Seconds)
    }

    /// What was received before this instant is to go.
    pub(super) fn before(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Seconds(seconds) => Some(now.plus_seconds(-seconds)),
            Self::Forever => None,
        }
    }
}

/// One booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Our own id.
    pub id: String,
    /// The order's identifier, where it has one.
    pub order: String,
    /// When it was received.
    pub received_at: Instant,
    /// The session's or slot's `identifier`.
    pub identifier: Option<String>,
    /// `ScheduledSession` or `Slot`.
    pub item_type: Option<String>,
    /// The webhook's body as JSON, without what is personal.
    pub body: String,
    /// How often it was told again.
    pub repeats: i64,
}

/// The open file.
#[derive(Debug)]
pub struct Bookings {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl Bookings {
    /// Opens the file to write it, making it where there is none.
    ///
    /// # Errors
    /// [`BookingsError`] for a file that cannot be made or is not ours.
    pub fn open(path: &Path) -> Result<Self, BookingsError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = options.open(path);
        made.map_err(|source| BookingsError::File { path: path.to_owned(), source })?;
        let bookings = Self::over(Connection::open(path), path)?;
        bookings.work("set up", |connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "secure_delete", true)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
        })?;
        match bookings.version()? {
            Some(VERSION) => {}
            None => bookings.work("set up", |connection| {
                connection.execute_batch(concat!("BEGIN;", include_str!("bookings.sql")))?;
                connection.pragma_update(None, "application_id", APPLICATION_ID)?;
                connection.pragma_update(None, "user_version", VERSION)?;
                connection.execute_batch("COMMIT")
            })?,
            Some(_) => return Err(BookingsError::Foreign { path: path.to_owned() }),
        }
        Ok(bookings)
    }

    /// Opens the file to read it.
    ///
    /// # Errors
    /// [`BookingsError`] for a file that is missing or not ours.
    pub fn open_to_read(path: &Path) -> Result<Self, BookingsError> {
        if !path.exists() {
            return Err(BookingsError::Missing { path: path.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let bookings = Self::over(Connection::open_with_flags(path, flags), path)?;
        bookings.work("read", |connection| connection.busy_timeout(BUSY_TIMEOUT))?;
        match bookings.version()? {
            Some(VERSION) => Ok(bookings),
            _ => Err(BookingsError::Foreign { path: path.to_owned() }),
        }
    }

    fn over(opened: rusqlite::Result<Connection>, path: &Path) -> Result<Self, BookingsError> {
        let sqlite = |source| BookingsError::Sqlite { action: "open", path: path.to_owned(), source };
        Ok(Self { connection: Mutex::new(opened.map_err(sqlite)?), path: path.to_owned() })
    }

    /// The schema's version; `None` for an empty file, `Some(0)` for another program's.
    fn version(&self) -> Result<Option<i64>, BookingsError> {
        self.work("read", |connection| {
            let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            match (pragma("application_id")?, tables) {
                (0, 0) => Ok(None),
                (APPLICATION_ID, _) => pragma("user_version").map(Some),
                _ => Ok(Some(0)),
            }
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // Statements are whole or not at all, so what a panic elsewhere left behind is whole.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, BookingsError> {
        let source = |source| BookingsError::Sqlite { action, path: self.path.clone(), source };
        work(&self.connection()).map_err(source)
    }

    /// Stores what a webhook told; whether it was new. A repeat is counted and changes nothing else.
    ///
    /// # Errors
    /// [`BookingsError`] where it could not be written.
    pub(super) fn store(&self, payload: &Payload, now: Instant) -> Result<bool, BookingsError> {
        let sql = "INSERT INTO booking (id, key, received_at, identifier, item_type, body, repeats) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0) ON CONFLICT (id) DO UPDATE SET repeats = repeats + 1 RETURNING repeats";
        self.work("write", |connection| {
            let values = params![
                id_of(&payload.key),
                payload.key,
                now.as_seconds(),
                payload.identifier,
                payload.item_type,
                payload.body
            ];
            connection.query_row(sql, values, |row| row.get::<_, i64>(0)).map(|repeats| repeats == 0)
        })
    }

    /// The booking with this id of ours, or this order identifier.
    ///
    /// # Errors
    /// [`BookingsError`] where it could not be read.
    pub fn find(&self, id: &str) -> Result<Option<Booking>, BookingsError> {
        let sql = "SELECT id, key, received_at, identifier, item_type, body, repeats FROM booking \
            WHERE id = ?1 OR key = ?1 ORDER BY id = ?1 DESC LIMIT 1";
        self.work("read", |connection| connection.query_row(sql, [id], read).optional())
    }

    /// The last bookings, the newest first.
    ///
    /// # Errors
    /// [`BookingsError`] where they could not be read.
    pub fn newest(&self, limit: u32) -> Result<Vec<Booking>, BookingsError> {
        let sql = "SELECT id, key, received_at, identifier, item_type, body, repeats FROM booking \
            ORDER BY received_at DESC, rowid DESC LIMIT ?1";
        self.work("read", |connection| connection.prepare(sql)?.query_map([limit], read)?.collect())
    }

    /// How many there are.
    ///
    /// # Errors
    /// [`BookingsError`] where they could not be read.
    pub fn count(&self) -> Result<i64, BookingsError> {
        self.work("read", |connection| connection.query_row("SELECT count(*) FROM booking", [], |row| row.get(0)))
    }

    /// Deletes what was received before this instant; how many that were.
    pub(super) fn expire(&self, before: Instant) -> Result<usize, BookingsError> {
        self.work("write", |connection| {
            let gone = connection.execute("DELETE FROM booking WHERE received_at < ?1", [before.as_seconds()])?;
            if gone > 0 {
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            }
            Ok(gone)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Booking> {
    Ok(Booking {
        id: row.get(0)?,
        order: row.get(1)?,
        received_at: Instant::from_seconds(row.get(2)?),
        identifier: row.get(3)?,
        item_type: row.get(4)?,
        body: row.get(5)?,
        repeats: row.get(6)?,
    })
}

/// Our id for what goes by this key: half of its hash, in hexadecimal digits.
fn id_of(key: &str) -> String {
    super::redact::hexadecimal(Sha256::digest(key.as_bytes()).get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(text: &str) -> Payload {
        Payload::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_booking_is_stored_once_however_often_it_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bookings.db");
        let bookings = Bookings::open(&path).unwrap();
        let (early, late) = (Instant::from_seconds(100), Instant::from_seconds(200));
        let first = payload(r#"{"imin:order": {"identifier": "o/1", "n": 1}}"#);
        assert!(bookings.store(&first, early).unwrap());
        assert!(!bookings.store(&payload(r#"{"imin:order": {"identifier": "o/1", "n": 2}}"#), late).unwrap());
        assert!(bookings.store(&payload(r#"{"x": 1}"#), late).unwrap());
        let found = bookings.find("o/1").unwrap().unwrap();
        assert_eq!((found.received_at, found.repeats, found.body.contains("\"n\":1")), (early, 1, true));
        assert_eq!(bookings.find(&found.id).unwrap().unwrap(), found);
        assert_eq!(bookings.newest(5).unwrap().len(), 2);
        assert_eq!(bookings.expire(late).unwrap(), 1);
        drop(bookings);
        let reader = Bookings::open_to_read(&path).unwrap();
        assert_eq!((reader.count().unwrap(), reader.find("o/1").unwrap()), (1, None));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn foreign_and_missing_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.db");
        assert!(matches!(Bookings::open_to_read(&path), Err(BookingsError::Missing { .. })));
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(Bookings::open(&path), Err(BookingsError::Foreign { .. })));
    }

    #[test]
    fn how_long_to_keep_is_read_or_refused() {
        assert_eq!(Keep::parse("400d"), Some(Keep::Seconds(34_560_000)));
        assert_eq!(Keep::parse("12h"), Some(Keep::Seconds(43_200)));
        assert_eq!(Keep::parse("forever"), Some(Keep::Forever));
        for text in ["", "d", "0d", "-1d", "5", "5w", "99999999999999999999d"] {
            assert_eq!(Keep::parse(text), None, "{text}");
        }
    }
}
