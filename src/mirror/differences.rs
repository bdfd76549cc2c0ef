//! Reading the catalogue, and what in it is not as PostgreSQL has it.
//!
//! One pass over each table as its rows lie, beside what is known to be published: a key and a hash for each row, 24 bytes.
//! It reads in one transaction and lets go of it before anything is sent, so that a slow server never holds back the
//! write-ahead log. Uses an ordinary read-only connection, as any other reader would.

use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};
use tempfile::SpooledTempFile;

use super::error::{MirrorError, Result};
use super::tables::{Key, Rows, TABLES, Table, hash, write_field};
use crate::store::{CatalogueReader, StoreError};

/// Lines beyond this many bytes wait in a file without a name beside the catalogue.
const SPOOL_BYTES: usize = 32 * 1024 * 1024;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What PostgreSQL has: for each of [`TABLES`] keys and hashes, in the order of the keys.
pub(super) type Held = Vec<Vec<(Key, i64)>>;

/// What is to be done to one table.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) table: &'static Table,
    /// Rows to take out: those that are no more, and those that are written anew.
    pub(super) gone: Vec<Key>,
    /// Lines of `COPY`.
    pub(super) lines: SpooledTempFile,
    pub(super) line_count: usize,
    /// What there is when this is done.
    pub(super) after: Vec<(Key, i64)>,
    /// Whether there is anything to do.
    pub(super) is_needed: bool,
}

/// The catalogue, open to read as long as its file is there.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// The file's device and number: another file may come to stand under the path.
    identity: (u64, u64),
    /// SQLite's data version when it was last compared.
    seen: Option<i64>,
}

impl Reader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// The changes that make `held` what the catalogue is, one for each of [`TABLES`]; nothing where the catalogue has not changed
    /// since the last look, or is not there yet.
    pub(super) fn look(&mut self, held: &Held) -> Result<Option<Vec<Change>>> {
        let Ok(identity) = std::fs::metadata(&self.path).map(|file| (file.dev(), file.ino())) else {
            self.open = None;
            return Ok(None);
        };
        if self.open.as_ref().is_none_or(|open| open.identity != identity) {
            match CatalogueReader::open(&self.path) {
                Ok(_) => {}
                // On its way: the harvest has not made its tables yet, or not brought them up to date.
                Err(StoreError::Missing { .. } | StoreError::Older { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.path, flags).map_err(|source| self.error(source))?;
            connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| self.error(source))?;
            self.open = Some(Open { connection, identity, seen: None });
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        let compared = compare_all(open, held, self.path.parent().unwrap_or(Path::new(".")));
        compared.map_err(|fault| match fault {
            Fault::Sqlite(source) => self.error(source),
            Fault::Spool(source) => MirrorError::Spool { path: self.path.clone(), source },
        })
    }

    fn error(&self, source: rusqlite::Error) -> MirrorError {
        MirrorError::Catalogue { path: self.path.clone(), source }
    }
}

enum Fault {
    Sqlite(rusqlite::Error),
    Spool(io::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Spool(error)
    }
}

fn compare_all(open: &mut Open, held: &Held, folder: &Path) -> std::result::Result<Option<Vec<Change>>, Fault> {
    let version: i64 = open.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
    if open.seen == Some(version) {
        return Ok(None);
    }
    let reading = open.connection.transaction()?;
    let nothing = Vec::new();
    let changes =
        TABLES.iter().enumerate().map(|(at, table)| compare(&reading, table, held.get(at).unwrap_or(&nothing), folder));
    let changes = changes.collect::<std::result::Result<Vec<Change>, Fault>>()?;
    drop(reading);
    // As of before: what was committed in between is looked at once more.
    open.seen = Some(version);
    Ok(Some(changes))
}

fn compare(
    connection: &Connection,
    table: &'static Table,
    held: &[(Key, i64)],
    folder: &Path,
) -> std::result::Result<Change, Fault> {
    let mut found = vec![false; held.len()];
    let mut gone = Vec::new();
    let mut after = Vec::with_capacity(held.len());
    let mut lines = BufWriter::new(SpooledTempFile::new_in(SPOOL_BYTES, folder));
    let mut line_count = 0;
    let mut line = Vec::with_capacity(1024);
    let mut whole = Vec::new();
    let mut statement = connection.prepare(&table.select())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        line.clear();
        write_line(&mut line, table, row)?;
        if table.rows == Rows::Whole {
            line.push(b'\n');
            whole.extend_from_slice(&line);
            line_count += 1;
            continue;
        }
        let key = key(table, row)?;
        let hash = hash(&line);
        let known = held.binary_search_by_key(&key, |(known, _)| *known).ok();
        if let Some(found) = known.and_then(|at| found.get_mut(at)) {
            *found = true;
        }
        let before = known.and_then(|at| held.get(at)).map(|(_, hash)| *hash);
        after.push((key, hash));
        if before != Some(hash) {
            gone.extend(before.map(|_| key));
            lines.write_all(&line)?;
            writeln!(lines, "\t{hash}")?;
            line_count += 1;
        }
    }
    gone.extend(held.iter().zip(&found).filter(|(_, found)| !**found).map(|((key, _), _)| *key));
    after.sort_unstable();
    let mut is_needed = !gone.is_empty() || line_count > 0;
    if table.rows == Rows::Whole {
        gone.clear();
        after.push(((0, 0), hash(&whole)));
        is_needed = after != held;
        lines.write_all(&whole)?;
    }
    let lines = lines.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(Change { table, gone, lines, line_count, after, is_needed })
}

fn write_line(line: &mut Vec<u8>, table: &Table, row: &Row<'_>) -> rusqlite::Result<()> {
    for (at, (_, kind, _)) in table.columns.iter().enumerate() {
        if at > 0 {
            line.push(b'\t');
        }
        write_field(line, row.get_ref(at)?, *kind);
    }
    Ok(())
}

fn key(table: &Table, row: &Row<'_>) -> rusqlite::Result<Key> {
    let second = if table.keys().len() > 1 { row.get(1)? } else { 0 };
    Ok((row.get(0)?, second))
}
