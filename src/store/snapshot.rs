//! Snapshots: consistent, self-contained copies of the catalogue, put in place atomically, and kept within the licence.
//!
//! A copy is in rollback-journal mode, so that it is one file. It is refused where a reader's `-wal`, `-shm` or `-journal`
//! lies beside the target, because SQLite would play that old log into the new file, and where the target is a file of
//! another kind. Until the rename nothing at the target has changed.
//!
//! What a publisher deletes is to be gone within 24 hours, from copies too. So the state knows which snapshots were made and how
//! fresh each is, and the harvest makes those anew that come near that age. One that was moved or deleted is forgotten; `purge`
//! deletes the others.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use super::database::{CATALOGUE, Database, STATE};
use super::error::{Result, StoreError};
use super::{STALE_SECONDS, files_of};
use crate::domain::Instant;

/// The bytes of a SQLite file up to the end of its application id.
const HEADER_BYTES: usize = 72;
/// A snapshot whose content is older than this is made anew: early enough to be done by the licence's 24 hours.
const RENEW_SECONDS: i64 = STALE_SECONDS - 4 * 3600;

/// Who sees to it that a snapshot does not outlive what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The harvest, which knows of it from the state.
    ByTheHarvest,
    /// Whoever made it: there is no state here, or it is not theirs to write.
    ByNobody,
}

/// Copies the catalogue to `target`, and has the state remember it where there is one.
///
/// # Errors
/// [`StoreError`] where the target may not be replaced or either file cannot be read or written.
pub fn snapshot(catalogue: &Path, state: &Path, target: &Path) -> Result<Kept> {
    let source = Database::open_to_read(catalogue, &CATALOGUE)?;
    let wrap = |source| StoreError::File { action: "find", path: target.to_owned(), source };
    let target = std::path::absolute(target).map_err(wrap)?;
    check_target(catalogue, &target)?;
    // Known before it is there: a copy that nobody knows of would outlive what it holds.
    let kept = match Database::open_to_write(state, &STATE) {
        Ok(state) => remember(&state, &target, fresh_at(&source)?).map(|()| Kept::ByTheHarvest)?,
        Err(_) => Kept::ByNobody,
    };
    copy(&source, &target).map(|()| kept)
}

/// Makes the snapshots anew that hold what is older than the licence allows soon, where the catalogue is fresher than they are;
/// gives those that could not be, with the reason.
///
/// # Errors
/// [`StoreError`] where the catalogue or the state cannot be read or written.
pub fn renew_snapshots(catalogue: &Path, state: &Path, now: Instant) -> Result<Vec<StoreError>> {
    let known = remembered(&Database::open_to_read(state, &STATE)?)?;
    let due = known.into_iter().filter(|(_, fresh_at)| now.seconds_since(*fresh_at) >= RENEW_SECONDS);
    let due: Vec<(PathBuf, Instant)> = due.collect();
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let state = Database::open_to_write(state, &STATE)?;
    let source = Database::open_to_read(catalogue, &CATALOGUE)?;
    let fresh_at = fresh_at(&source)?;
    let mut failed = Vec::new();
    for (target, was_fresh_at) in due {
        if !is_ours(&target) {
            forget(&state, &target)?;
        } else if fresh_at > was_fresh_at {
            match check_target(catalogue, &target).and_then(|()| copy(&source, &target)) {
                Ok(()) => remember(&state, &target, fresh_at)?,
                Err(error) => failed.push(error),
            }
        }
    }
    Ok(failed)
}

/// The snapshots that the state remembers and that are still there, with what a killed copy may have left.
pub(super) fn files(state: &Path) -> Result<Vec<PathBuf>> {
    let Ok(state) = Database::open_to_read(state, &STATE) else { return Ok(Vec::new()) };
    let known = remembered(&state)?.into_iter().map(|(target, _)| target).filter(|target| is_ours(target));
    Ok(known.flat_map(|target| [unfinished(&target), target]).collect())
}

/// The instant for which the rows of this catalogue are right: what a publisher said later may be missing. Never read to the end
/// means as old as can be.
fn fresh_at(catalogue: &Database) -> Result<Instant> {
    let sql = "SELECT coalesce(min(coalesce(strftime('%s', read_to_end_at), 0)), 0) + 0 FROM feed";
    catalogue.set("read", |connection| connection.query_row(sql, [], |row| row.get(0))).map(Instant::from_seconds)
}

fn remembered(state: &Database) -> Result<Vec<(PathBuf, Instant)>> {
    state.set("read", |connection| {
        let mut statement = connection.prepare("SELECT path, fresh_at FROM snapshot ORDER BY path")?;
        let read = |row: &rusqlite::Row<'_>| {
            let path: Vec<u8> = row.get(0)?;
            Ok((PathBuf::from(OsStr::from_bytes(&path)), Instant::from_seconds(row.get(1)?)))
        };
        statement.query_map([], read)?.collect()
    })
}

fn remember(state: &Database, target: &Path, fresh_at: Instant) -> Result<()> {
    state.set("write", |connection| {
        let sql = "INSERT INTO snapshot (path, fresh_at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET fresh_at = ?2";
        connection.execute(sql, params![target.as_os_str().as_bytes(), fresh_at.as_seconds()]).map(drop)
    })
}

fn forget(state: &Database, target: &Path) -> Result<()> {
    state.set("write", |connection: &Connection| {
        connection.execute("DELETE FROM snapshot WHERE path = ?1", [target.as_os_str().as_bytes()]).map(drop)
    })
}

fn copy(source: &Database, target: &Path) -> Result<()> {
    let copy = unfinished(target);
    let wrap = |action, path: &Path, source| StoreError::File { action, path: path.to_owned(), source };
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrap("replace", &copy, error)),
        _ => {}
    }
    // As bytes, since a path need not be UTF-8. It is absolute, so it is never taken for a URI.
    let name = ToSqlOutput::Borrowed(ValueRef::Text(copy.as_os_str().as_bytes()));
    let copied = source.connection.execute("VACUUM INTO ?1", [name]);
    copied.map_err(|source| StoreError::Sqlite { action: "write", path: copy.clone(), what: "copy", source })?;
    File::open(&copy).and_then(|file| file.sync_all()).map_err(|error| wrap("make durable", &copy, error))?;
    std::fs::rename(&copy, target).map_err(|error| wrap("put in place", target, error))?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| wrap("make durable", folder, error))
}

/// Where a copy is written before it is put in place.
fn unfinished(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

fn check_target(catalogue: &Path, target: &Path) -> Result<()> {
    let refuse = |path: &Path, why| Err(StoreError::Target { path: path.to_owned(), why });
    let same =
        std::fs::canonicalize(target).is_ok_and(|target| std::fs::canonicalize(catalogue).is_ok_and(|c| c == target));
    if same {
        return refuse(target, "is the catalogue itself; name another file");
    }
    if !(is_absent(target) || is_ours(target)) {
        return refuse(target, "is there and is no catalogue; remove it first, or name another file");
    }
    match files_of(target).iter().skip(1).find(|beside| beside.exists()) {
        Some(beside) => refuse(beside, "lies beside the target: close the program that reads it, or name another file"),
        None => Ok(()),
    }
}

/// Whether there is nothing to lose at the target.
fn is_absent(target: &Path) -> bool {
    match std::fs::metadata(target) {
        Ok(file) => file.is_file() && file.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Whether a file is a catalogue, by its first bytes: never the state, a log of either, or something of somebody else's.
fn is_ours(path: &Path) -> bool {
    let mut header = Vec::new();
    let limit = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut header));
    let id = header.get(HEADER_BYTES - 4..).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    let ours = id.is_some_and(|id| i64::from(u32::from_be_bytes(id)) == CATALOGUE.application_id);
    read.is_ok() && ours && header.starts_with(b"SQLite format 3\0")
}
