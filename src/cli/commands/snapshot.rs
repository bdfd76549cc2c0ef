//! `bookable snapshot`: a consistent, self-contained copy of the catalogue, put in place atomically.
//!
//! The copy is in rollback-journal mode, so that it is one file. It is refused where a reader's `-wal`, `-shm` or
//! `-journal` lies beside the target, because `SQLite` would play that old log into the new file, and where the target
//! is a file of another kind. Until the rename nothing at the target has changed. Uses `catalogue` for reading.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::cli::args::Snapshot;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::cli::{catalogue, output};

/// The bytes of a `SQLite` file up to the end of its application id.
const HEADER_BYTES: usize = 72;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Snapshot) -> Result<(), Failure> {
    let (source, target) = (settings.catalogue(), &arguments.file);
    let connection = catalogue::open(&source)?;
    check_target(&source, target)?;
    copy(&connection, &source, target)?;
    output::say(&format!("{} is a copy of {}", target.display(), source.display()));
    Ok(())
}

fn copy(connection: &Connection, source: &Path, target: &Path) -> Result<(), Failure> {
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let place = tempfile::Builder::new().prefix(".bookable-snapshot-").tempdir_in(directory);
    let place = place.with_context(|| format!("cannot write in {}", directory.display()))?;
    let copy = place.path().join("catalogue.db");
    // As bytes, since a path need not be UTF-8. tempfile gives an absolute path, so it is never taken for a URI.
    let name = ToSqlOutput::Borrowed(ValueRef::Text(copy.as_os_str().as_bytes()));
    connection.execute("VACUUM INTO ?1", [name]).with_context(|| format!("cannot copy {}", source.display()))?;
    File::open(&copy).and_then(|file| file.sync_all()).context("cannot make the copy durable")?;
    std::fs::rename(&copy, target).with_context(|| format!("cannot put {} in place", target.display()))?;
    File::open(directory).and_then(|file| file.sync_all()).context("cannot make the copy durable")?;
    Ok(())
}

fn check_target(source: &Path, target: &Path) -> Result<(), Failure> {
    let same =
        std::fs::canonicalize(target).is_ok_and(|target| std::fs::canonicalize(source).is_ok_and(|s| s == target));
    if same {
        return Err(Failure::failed(format!("{} is the catalogue itself; name another file", target.display())));
    }
    if !replaceable(target)? {
        return Err(Failure::failed(format!(
            "{} is there and is no catalogue; remove it first, or name another file",
            target.display()
        )));
    }
    for ending in ["-wal", "-shm", "-journal"] {
        let beside = with_ending(target, ending);
        if beside.exists() {
            return Err(Failure::failed(format!(
                "{} lies beside the target: close the program that reads it, or name another file",
                beside.display()
            )));
        }
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Whether what is at the target may be replaced: nothing, an empty file or a catalogue, but never the state, a log of
/// either, or something that is not ours.
fn replaceable(target: &Path) -> Result<bool, Failure> {
    let mut header = Vec::new();
    let limit = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    match File::open(target).and_then(|file| file.take(limit).read_to_end(&mut header)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => {
            let context = format!("cannot look at {}", target.display());
            return Err(Failure::Failed(anyhow::Error::new(error).context(context)));
        }
        Ok(_) => {}
    }
    let id = header.get(HEADER_BYTES - 4..).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    let ours = id.is_some_and(|id| i64::from(u32::from_be_bytes(id)) == catalogue::APPLICATION_ID);
    Ok(header.is_empty() || (ours && header.starts_with(b"SQLite format 3\0")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::cli::catalogue::tests::synthetic;

    fn snapshot(source: &Path, target: &Path) -> Result<(), String> {
        let connection = catalogue::open(source).map_err(|failure| failure.line().unwrap())?;
        check_target(source, target)
            .and_then(|()| copy(&connection, source, target))
            .map_err(|failure| failure.line().unwrap())
    }

    fn rows(connection: &Connection) -> Vec<String> {
        let sql = "SELECT session_id || identifier || starts_at FROM bookable_session ORDER BY identifier";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_copy_is_one_file_that_reads_the_same() {
        let place = tempfile::tempdir().unwrap();
        let source = place.path().join("catalogue.db");
        let writer = synthetic(&source);
        let target = place.path().join(OsStr::from_bytes(b"copy \xff?%23.db"));
        // In the middle of the writer's transaction: what is not committed is not in the copy.
        writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM session;").unwrap();
        snapshot(&source, &target).unwrap();
        writer.execute_batch("ROLLBACK").unwrap();
        let copy = catalogue::open(&target).unwrap();
        assert_eq!(rows(&copy), rows(&writer));
        assert!(!rows(&copy).is_empty());
        let mode: String = copy.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        let check: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), check.as_str()), ("delete", "ok"));
        let near: i64 = copy.query_row("SELECT count(*) FROM listing_area", [], |row| row.get(0)).unwrap();
        let words = "SELECT count(*) FROM listing_words WHERE listing_words MATCH 'yoga'";
        let words: i64 = copy.query_row(words, [], |row| row.get(0)).unwrap();
        assert!(near > 0 && words > 0);
        let names = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.filter(|name| name.to_string_lossy().starts_with('.')).count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_copy_replaces_an_older_one() {
        let place = tempfile::tempdir().unwrap();
        let (source, target) = (place.path().join("catalogue.db"), place.path().join("copy.db"));
        let writer = synthetic(&source);
        snapshot(&source, &target).unwrap();
        writer.execute_batch("DELETE FROM session WHERE identifier = 'a'").unwrap();
        snapshot(&source, &target).unwrap();
        assert_eq!(rows(&catalogue::open(&target).unwrap()), rows(&writer));
    }

    #[test]
    fn dangerous_targets_are_refused_and_left_as_they_are() {
        let place = tempfile::tempdir().unwrap();
        let source = place.path().join("catalogue.db");
        let writer = synthetic(&source);
        assert!(snapshot(&source, &source).unwrap_err().contains("is the catalogue itself"));
        let link = place.path().join("link.db");
        std::os::unix::fs::symlink(&source, &link).unwrap();
        assert!(snapshot(&source, &link).unwrap_err().contains("is the catalogue itself"));
        let log = with_ending(&source, "-wal");
        assert!(snapshot(&source, &log).unwrap_err().contains("is no catalogue"));
        let state = place.path().join("state.db");
        let other = Connection::open(&state).unwrap();
        other.execute_batch("PRAGMA application_id = 1112232788; CREATE TABLE t (x)").unwrap();
        assert!(snapshot(&source, &state).unwrap_err().contains("is no catalogue"));
        let target = place.path().join("copy.db");
        for ending in ["-wal", "-shm", "-journal"] {
            let beside = with_ending(&target, ending);
            std::fs::write(&beside, b"").unwrap();
            assert!(snapshot(&source, &target).unwrap_err().contains("lies beside the target"), "{ending}");
            std::fs::remove_file(beside).unwrap();
        }
        assert!(!target.exists());
        assert!(snapshot(&source, &place.path().join("no/such.db")).unwrap_err().contains("cannot write in"));
        assert_eq!(rows(&writer).len(), 3);
    }
}
