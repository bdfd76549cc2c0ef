//! Where an export goes: standard output, or a file that is put in place, whole, when it is complete.
//!
//! Until then it is written beside its place, as `FILE.unfinished`, which is deleted on failure; one that a killed export left is
//! written over by the next. What is no regular file (a pipe, a device) is written to directly. A SQLite file is never
//! replaced: it would be the catalogue, or somebody else's data.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output;

/// An open target.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was named.
    name: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Output,
    Direct(File),
    Beside { target: PathBuf, unfinished: Unfinished },
}

/// A file that is deleted unless it was put in place.
#[derive(Debug)]
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Target {
    /// Opens the file of that name; `-` is standard output.
    pub(super) fn open(name: &Path) -> Result<Self, Failure> {
        let place = if name == Path::new("-") { Ok(Place::Output) } else { place(name) };
        let place = place.map_err(|error| failure(name, error))?;
        Ok(Self { name: name.to_owned(), place })
    }

    /// What the data is written to.
    pub(super) fn writer(&self) -> Result<Box<dyn Write + Send>, Failure> {
        let file = match &self.place {
            Place::Output => return Ok(Box::new(output::stream())),
            Place::Direct(file) | Place::Beside { unfinished: Unfinished { file, .. }, .. } => file,
        };
        let file = file.try_clone().map_err(|error| self.failure(error))?;
        Ok(Box::new(io::BufWriter::with_capacity(1 << 16, file)))
    }

    /// Puts the file in place. Everything must have been flushed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Place::Beside { target, unfinished } = &self.place else { return Ok(()) };
        let put = || {
            if let Ok(before) = std::fs::metadata(target) {
                unfinished.file.set_permissions(before.permissions())?;
            }
            unfinished.file.sync_all()?;
            std::fs::rename(&unfinished.path, target)?;
            File::open(folder(target))?.sync_all()
        };
        put().map_err(|error| self.failure(error))
    }

    /// A failure to write here. A reader that went away is none.
    pub(super) fn failure(&self, error: io::Error) -> Failure {
        failure(&self.name, error)
    }
}

fn failure(name: &Path, error: io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return error.into();
    }
    let name = if name == Path::new("-") { "standard output".into() } else { name.display().to_string() };
    Failure::Failed(anyhow::Error::new(error).context(format!("cannot write {name}")))
}

fn place(name: &Path) -> io::Result<Place> {
    // A link's end is what is replaced.
    let target = std::fs::canonicalize(name).unwrap_or_else(|_| name.to_owned());
    match std::fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(io::Error::other("it is a folder; name a file")),
        Ok(found) if !found.is_file() => Ok(Place::Direct(OpenOptions::new().write(true).open(&target)?)),
        Ok(_) if is_sqlite(&target)? => {
            Err(io::Error::other("it is a SQLite file, which no export replaces; name another file"))
        }
        _ => {
            let mut path = target.clone().into_os_string();
            path.push(".unfinished");
            let unfinished = Unfinished::open(PathBuf::from(path))?;
            Ok(Place::Beside { target, unfinished })
        }
    }
}

fn is_sqlite(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    Ok(head == b"SQLite format 3\0")
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Unfinished {
    /// Opens it, empty, for this process alone.
    fn open(path: PathBuf) -> io::Result<Self> {
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::other("another export is writing it; wait for it"));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // One that another export has put in place meanwhile is that one's.
            let (mine, there) = (file.metadata()?, std::fs::metadata(&path));
            if there.is_ok_and(|there| (there.dev(), there.ino()) == (mine.dev(), mine.ino())) {
                file.set_len(0)?;
                return Ok(Self { path, file });
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already where it was put in place. The lock is still held, so it is nobody else's.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(path: &Path) -> Result<Target, String> {
        Target::open(path).map_err(|failure| failure.line().unwrap())
    }

    #[test]
    fn a_file_is_put_in_place_when_it_is_complete() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out.csv");
        std::fs::write(&path, "old").unwrap();
        std::fs::write(place.path().join("out.csv.unfinished"), "what a killed export left, longer than the new one")
            .unwrap();
        let target = opened(&path).unwrap();
        let mut writer = target.writer().unwrap();
        writer.write_all(b"new").unwrap();
        writer.flush().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert!(opened(&path).unwrap_err().contains("another export is writing it"));
        target.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_that_fails_leaves_what_was_there() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out.csv");
        std::fs::write(&path, "old").unwrap();
        let target = opened(&path).unwrap();
        target.writer().unwrap().write_all(b"new").unwrap();
        drop(target);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_followed_and_devices_written_to() {
        let place = tempfile::tempdir().unwrap();
        let (path, link) = (place.path().join("out.csv"), place.path().join("link.csv"));
        std::fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        opened(&link).unwrap().finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert!(link.is_symlink());
        let null = opened(Path::new("/dev/null")).unwrap();
        null.writer().unwrap().write_all(b"new").unwrap();
        null.finish().unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn what_must_not_be_replaced_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let sqlite = place.path().join("catalogue.db");
        std::fs::write(&sqlite, b"SQLite format 3\0 and so on").unwrap();
        assert!(opened(&sqlite).unwrap_err().contains("is a SQLite file"));
        assert!(opened(place.path()).unwrap_err().contains("is a folder"));
        let nowhere = place.path().join("nowhere/out.csv");
        assert!(opened(&nowhere).unwrap_err().starts_with(&format!("cannot write {}", nowhere.display())));
    }
}
