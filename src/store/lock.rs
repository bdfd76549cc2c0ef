//! One harvest for each catalogue and each state: a lock file beside each, held by the running process. The kernel lets
//! go of it however the process ends.
//!
//! The lock is on files of its own, never on the databases: closing any handle on those would drop SQLite's own locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Result, StoreError};

/// Held while a process may write the two files.
#[derive(Debug)]
pub struct HarvestLock {
    _held: Vec<File>,
}

impl HarvestLock {
    /// Takes the locks of both files; `None` where another process holds one of them.
    ///
    /// # Errors
    /// [`StoreError::File`] where a lock file cannot be made.
    pub fn try_take(catalogue: &Path, state: &Path) -> Result<Option<Self>> {
        let mut held = Vec::new();
        for path in [lock_path(catalogue), lock_path(state)] {
            let wrap = |source| StoreError::File { action: "lock", path: path.clone(), source };
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(wrap)?;
            match lock_soon(&file) {
                Ok(()) => held.push(file),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(wrap(source)),
            }
        }
        Ok(Some(Self { _held: held }))
    }
}

impl HarvestLock {
    /// Whether another process holds the lock of this catalogue or state. Makes no files.
    pub fn is_held(catalogue: &Path, state: &Path) -> bool {
        [lock_path(catalogue), lock_path(state)].iter().any(|path| {
            let probe = File::open(path).map(|file| file.try_lock_shared());
            matches!(probe, Ok(Err(TryLockError::WouldBlock)))
        })
    }
}

/// Takes a lock, asking a few times over: somebody who only asks whether it is held has it for a moment.
fn lock_soon(file: &File) -> std::result::Result<(), TryLockError> {
    for _ in 0..4 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            answer => return answer,
        }
    }
    file.try_lock()
}

/// The lock file beside a database.
pub(super) fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Deletes everything that was harvested: the snapshots that were made and not moved, both databases with everything SQLite
/// keeps beside them, and the lock files.
///
/// # Errors
/// [`StoreError::File`] where a file cannot be deleted; those before it are gone.
pub fn purge(lock: HarvestLock, catalogue: &Path, state: &Path) -> Result<()> {
    let databases = [catalogue, state];
    // The snapshots first: only the state knows of them. One that cannot be read any more is no reason to keep the rest.
    let snapshots = super::snapshot::files(state).unwrap_or_default();
    let files = databases.iter().flat_map(|path| super::files_of(path));
    for path in snapshots.into_iter().chain(files).chain(databases.iter().map(|path| lock_path(path))) {
        let removed = match super::probe::reach(super::probe::Point::Purge) {
            Ok(()) => std::fs::remove_file(&path),
            Err(error) => Err(std::io::Error::other(error)),
        };
        match removed {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::File { action: "delete", path, source }),
        }
    }
    drop(lock);
    Ok(())
}
