//! Opening a SQLite file: its pragmas, its identity, its schema version. One function for each kind of connection.
//!
//! Refuses files of other programs and files from a newer version. A new file is given the schema as it is; an older one
//! goes through the migrations, each applied in one transaction together with its version number.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{Result, StoreError};
use super::probe::{self, Point};

/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// A log of this size is moved into its file by [`checkpoint`].
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
/// A log of this many pages (of 4 KiB) is moved into its file by the writer itself, at a commit.
const CHECKPOINT_PAGES: i64 = 16_384;
/// The same for the state's log in a first harvest.
const LOADING_CHECKPOINT_PAGES: i64 = 2048;
/// How long emptying a write-ahead log waits for readers.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(100);
/// SQLite's page cache for each connection, in KiB.
const CACHE_KIB: i64 = 4096;
/// The same while indexes are built. SQLite sorts as much at one time, and is quicker about it where a core's own memory holds that.
const SORT_CACHE_KIB: i64 = 2048;
/// The same for who reads a large file once, from its beginning to its end.
const NARROW_CACHE_KIB: i64 = 256;
/// The same for a writer whose changes come anywhere in a large file: a batch of them should not have to be written twice.
const WIDE_CACHE_KIB: i64 = 16 * 1024;
/// The same for the time of a batch that changes thousands of rows: a page that does not stay in the cache until the commit is written twice.
const LARGE_CACHE_KIB: i64 = 64 * 1024;

/// One of our two kinds of file.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) application_id: i64,
    /// What a new file is given.
    pub(super) schema: &'static str,
    /// `migrations[n]` leads from version n + 1 to n + 2; the schema's version is one more than there are migrations.
    pub(super) migrations: &'static [&'static str],
    /// Whether others may read the file.
    pub(super) public: bool,
    /// Whether SQLite looks up what rows refer to.
    pub(super) foreign_keys: bool,
}

impl Kind {
    /// The schema's version.
    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.migrations.len()).map_or(i64::MAX, |steps| steps + 1)
    }
}

macro_rules! catalogue_schema {
    () => {
        concat!(include_str!("schema/catalogue.sql"), include_str!("schema/catalogue_indexes.sql"))
    };
}

/// The catalogue: "BKBL".
pub(super) const CATALOGUE: Kind = Kind {
    name: "catalogue",
    application_id: 0x424B_424C,
    schema: catalogue_schema!(),
    migrations: &[
        include_str!("schema/migrations/catalogue_1_to_2.sql"),
        include_str!("schema/migrations/catalogue_2_to_3.sql"),
        include_str!("schema/migrations/catalogue_3_to_4.sql"),
        include_str!("schema/migrations/catalogue_4_to_5.sql"),
        concat!(include_str!("schema/migrations/catalogue_5_to_6.sql"), catalogue_schema!()),
    ],
    public: true,
    // Every row of it follows from the state's, and the writer sees to what hangs on what: looking it up for each row would cost a tenth.
    foreign_keys: false,
};

/// The state: "BKST".
pub(super) const STATE: Kind = Kind {
    name: "state",
    application_id: 0x424B_5354,
    schema: include_str!("schema/state.sql"),
    migrations: &[
        include_str!("schema/migrations/state_1_to_2.sql"),
        include_str!("schema/migrations/state_2_to_3.sql"),
        include_str!("schema/migrations/state_3_to_4.sql"),
        include_str!("schema/migrations/state_4_to_5.sql"),
        include_str!("schema/migrations/state_5_to_6.sql"),
    ],
    public: false,
    foreign_keys: true,
};

/// An open file and its path, which every error names.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// `catalogue` or `state`.
    what: &'static str,
    identity: Option<(u64, u64)>,
}

/// Which file stands under a path: its device and number. Nothing where there is none.
fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

impl Database {
    /// Opens a file to write it, making it where it is not there yet.
    pub(super) fn open(path: &Path, kind: &Kind) -> Result<Self> {
        create_file(path, kind)?;
        let connection = Connection::open(path).map_err(|source| StoreError::Sqlite {
            action: "open",
            path: path.to_owned(),
            what: kind.name,
            source,
        })?;
        let database = Self { connection, path: path.to_owned(), what: kind.name, identity: identity(path) };
        database.check_identity(kind)?;
        database.set_pragmas(kind)?;
        database.migrate(kind)?;
        Ok(database)
    }

    /// Opens a file that must be there and of this version, to write it.
    pub(super) fn open_to_write(path: &Path, kind: &Kind) -> Result<Self> {
        drop(Self::open_to_read(path, kind)?);
        Self::open(path, kind)
    }

    /// Opens a file that must be there, to read it only.
    pub(super) fn open_to_read(path: &Path, kind: &Kind) -> Result<Self> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|source| StoreError::Sqlite {
            action: "open",
            path: path.to_owned(),
            what: kind.name,
            source,
        })?;
        let database = Self { connection, path: path.to_owned(), what: kind.name, identity: identity(path) };
        database.set("set the waiting time of", |connection| connection.busy_timeout(BUSY_TIMEOUT))?;
        database.check_identity(kind)?;
        match database.version()? {
            0 => Err(StoreError::Missing { path: path.to_owned() }),
            found if found < kind.version() => Err(StoreError::Older { path: path.to_owned(), found }),
            _ => Ok(database),
        }
    }

    /// The same, to read all of it once.
    pub(super) fn open_to_read_through(path: &Path, kind: &Kind) -> Result<Self> {
        let database = Self::open_to_read(path, kind)?;
        database.set_cache(NARROW_CACHE_KIB).map(|()| database)
    }

    /// Gives back the memory of the page cache.
    pub(super) fn empty_cache(&self) -> Result<()> {
        self.set("set up", |connection| connection.execute_batch("PRAGMA shrink_memory"))
    }

    /// Runs `work`, naming the file and the `action` where it fails.
    pub(super) fn set<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&self.connection).map_err(|source| self.error(action, source))
    }

    /// Begins a transaction that may write. Without [`Database::commit`] it is rolled back when the file is closed.
    pub(super) fn begin(&self) -> Result<()> {
        self.set("begin to write", |connection| connection.execute_batch("BEGIN IMMEDIATE"))
    }

    /// Commits the transaction.
    pub(super) fn commit(&self) -> Result<()> {
        self.set("write", |connection| connection.execute_batch("COMMIT"))
    }

    /// Runs `work`, which only reads here, in one transaction: otherwise every statement takes the file's lock and gives it back.
    pub(super) fn reading<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.set("begin to read", |connection| connection.execute_batch("BEGIN"))?;
        let done = work();
        self.set("end reading", |connection| connection.execute_batch("COMMIT"))?;
        done
    }

    /// For a first harvest, in which no reader waits for a batch: the writer itself sees to it that the log is soon written from its
    /// beginning again. One that grows costs more to write: the system finds new room for each page.
    pub(super) fn suit_loading(&self) -> Result<()> {
        self.set_checkpoint(LOADING_CHECKPOINT_PAGES)
    }

    /// For the changes after it, which come anywhere in the file: a larger page cache, and a log that the writer seldom has to move.
    pub(super) fn suit_updates(&self) -> Result<()> {
        self.set_checkpoint(CHECKPOINT_PAGES)?;
        self.set_cache(WIDE_CACHE_KIB)
    }

    fn set_checkpoint(&self, pages: i64) -> Result<()> {
        let set = |connection: &Connection| connection.pragma_update(None, "wal_autocheckpoint", pages);
        self.set("set up", set)
    }

    /// Runs `work`, which changes thousands of rows here and there, with a page cache for it.
    pub(super) fn with_large_cache<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.set_cache(LARGE_CACHE_KIB)?;
        let done = work();
        self.set_cache(WIDE_CACHE_KIB)?;
        done
    }

    fn set_cache(&self, kib: i64) -> Result<()> {
        self.set("set up", |connection| connection.pragma_update(None, "cache_size", -kib))
    }

    /// Runs `work`, one transaction that builds indexes, with sorts in SQLite's temporary files: a large one is several times faster
    /// there than in memory, and takes hardly any. Where no folder has room for such files, `work` is run again with sorts in memory.
    pub(super) fn with_sort_files<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        let set = |place: &str| self.set("set up", |connection| connection.pragma_update(None, "temp_store", place));
        let read = |connection: &Connection| connection.query_row("PRAGMA cache_size", [], |row| row.get::<_, i64>(0));
        let cache = self.set("read", read)?;
        self.set_cache(SORT_CACHE_KIB)?;
        set("FILE")?;
        let done = work();
        if !self.connection.is_autocommit() {
            self.set("take back what was written to", |connection| connection.execute_batch("ROLLBACK"))?;
        }
        set("MEMORY")?;
        let done = match done {
            Err(error) if error.lacks_room() => work(),
            done => done,
        };
        self.set_cache(-cache)?;
        done
    }

    /// Sees whether the file that is open is still the one under its path: what is written to another is lost.
    pub(super) fn check_in_place(&self) -> Result<()> {
        if identity(&self.path) == self.identity {
            return Ok(());
        }
        Err(StoreError::Taken { path: self.path.clone(), what: self.what })
    }

    /// Empties the write-ahead log into the file and cuts it to nothing, where no reader holds it back. Nobody is waited for
    /// long: there is a next time.
    pub(super) fn truncate_log(&self) -> Result<()> {
        self.set("empty the write-ahead log of", |connection| {
            connection.busy_timeout(CHECKPOINT_TIMEOUT)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            connection.busy_timeout(BUSY_TIMEOUT)
        })
    }

    /// Sees to it that the write-ahead log does not grow without end behind a reader that keeps a transaction open: tries to empty one
    /// that is larger than `bytes_max`.
    ///
    /// # Errors
    /// [`StoreError::LogHeld`] where it cannot be emptied.
    pub(super) fn bound_log(&self, bytes_max: u64) -> Result<()> {
        let [_, log, ..] = files_of(&self.path);
        let bytes = || std::fs::metadata(&log).map_or(0, |file| file.len());
        if bytes() <= bytes_max {
            return Ok(());
        }
        self.truncate_log()?;
        match bytes() {
            left if left <= bytes_max => Ok(()),
            bytes => Err(StoreError::LogHeld { path: self.path.clone(), log, bytes }),
        }
    }

    pub(super) fn error(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { action, path: self.path.clone(), what: self.what, source }
    }

    fn check_identity(&self, kind: &Kind) -> Result<()> {
        let (id, tables): (i64, i64) = self.set("read", |connection| {
            let id = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
            let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((id, tables))
        })?;
        if id != kind.application_id && (id != 0 || tables != 0) {
            return Err(StoreError::Foreign { path: self.path.clone(), what: kind.name });
        }
        let (found, known) = (self.version()?, kind.version());
        if found > known {
            return Err(StoreError::Newer { path: self.path.clone(), found, known });
        }
        Ok(())
    }

    fn version(&self) -> Result<i64> {
        self.set("read", |connection| connection.query_row("PRAGMA user_version", [], |row| row.get(0)))
    }

    fn set_pragmas(&self, kind: &Kind) -> Result<()> {
        let mode: String = self.set("set up", |connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.set_prepared_statement_cache_capacity(64);
            // A plan is made once, not anew for each value that is bound.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            connection.pragma_update(None, "secure_delete", true)?;
            connection.pragma_update(None, "foreign_keys", kind.foreign_keys)?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "temp_store", "MEMORY")?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        })?;
        self.set_checkpoint(CHECKPOINT_PAGES)?;
        if mode == "wal" { Ok(()) } else { Err(StoreError::NoWal { path: self.path.clone(), mode }) }
    }

    fn migrate(&self, kind: &Kind) -> Result<()> {
        match self.version()? {
            0 => self.step(kind, kind.schema, kind.version()),
            from => {
                let done = usize::try_from(from).unwrap_or(usize::MAX).saturating_sub(1);
                (2_i64..).zip(kind.migrations).skip(done).try_for_each(|(version, sql)| self.step(kind, sql, version))
            }
        }
    }

    fn step(&self, kind: &Kind, sql: &str, version: i64) -> Result<()> {
        self.begin()?;
        self.set("set up the tables of", |connection| {
            probe::reach(Point::Migration)?;
            connection.execute_batch(sql)?;
            connection.pragma_update(None, "application_id", kind.application_id)?;
            connection.pragma_update(None, "user_version", version)
        })?;
        self.commit()
    }
}

/// When the write-ahead log of the database at `path` was last written to, where it is so long that what it holds should be moved into the
/// file. A log stays as long as it was when that is done.
pub fn long_log_written_at(path: &Path) -> Option<SystemTime> {
    let [_, log, ..] = files_of(path);
    std::fs::metadata(log).ok().filter(|file| file.len() >= CHECKPOINT_BYTES)?.modified().ok()
}

/// Moves what the write-ahead log of the database at `path` holds into the file, and says whether all of it could be moved. Holds nobody up.
///
/// # Errors
/// [`StoreError::Sqlite`] where SQLite cannot.
pub fn checkpoint(path: &Path) -> Result<bool> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let done = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let whole = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?);
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], whole)
    });
    done.map_err(|source| StoreError::Sqlite { action: "move the log into", path: path.to_owned(), what: "", source })
}

/// Every file that SQLite keeps for a database at `path`.
pub fn files_of(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Makes an empty file with the right mode before SQLite would make one with its own.
fn create_file(path: &Path, kind: &Kind) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if kind.public { 0o644 } else { 0o600 });
    if path.exists() {
        return Ok(());
    }
    options.open(path).map(drop).map_err(|source| StoreError::File { action: "create", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(sql: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        Database::open(&path, &STATE).unwrap_err().to_string()
    }

    #[test]
    fn foreign_and_newer_files_are_refused_with_what_to_do() {
        assert!(refusal("CREATE TABLE t (x)").contains("is not a state of bookable"));
        assert!(refusal("PRAGMA application_id = 7").contains("name another file with --state"));
        let newer = refusal("PRAGMA application_id = 1112232788; PRAGMA user_version = 99; CREATE TABLE t (x)");
        assert!(newer.contains("schema version 99") && newer.contains("install the newer version"), "{newer}");
    }

    #[test]
    fn indexes_are_sorted_in_memory_where_there_is_no_room_for_files() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("file.db"), &STATE).unwrap();
        let places = std::cell::RefCell::new(Vec::new());
        let work = |fails: Option<i32>| {
            let read =
                |connection: &Connection| connection.query_row("PRAGMA temp_store", [], |row| row.get::<_, i64>(0));
            let place = database.set("read", read)?;
            places.borrow_mut().push(place);
            database.begin()?;
            // Only where sorts are in files: 1 is FILE, 2 is MEMORY.
            if let Some(code) = fails.filter(|_| place == 1) {
                let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
                return Err(database.error("build the indexes of", source));
            }
            database.commit()
        };
        database.with_sort_files(|| work(None)).unwrap();
        assert_eq!(places.take(), [1]);
        for code in
            [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_CANTOPEN, rusqlite::ffi::SQLITE_IOERR_GETTEMPPATH]
        {
            database.with_sort_files(|| work(Some(code))).unwrap();
            assert_eq!(places.take(), [1, 2]);
        }
        // What another folder would not mend is told, and nothing stays begun.
        database.with_sort_files(|| work(Some(rusqlite::ffi::SQLITE_CORRUPT))).unwrap_err();
        assert_eq!(places.take(), [1]);
        database.with_sort_files(|| work(None)).unwrap();
    }

    #[test]
    fn a_file_is_made_once_and_keeps_its_version() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.db");
        for _ in 0..2 {
            let database = Database::open(&path, &CATALOGUE).unwrap();
            assert_eq!(database.version().unwrap(), CATALOGUE.version());
            let secure: i64 = database.connection.query_row("PRAGMA secure_delete", [], |row| row.get(0)).unwrap();
            assert_eq!(secure, 1);
        }
        assert!(matches!(
            Database::open_to_read(&directory.path().join("none.db"), &STATE),
            Err(StoreError::Missing { .. })
        ));
    }
}
