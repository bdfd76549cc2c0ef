//! `bookable snapshot`: a consistent, self-contained copy of the catalogue, put in place atomically.
//!
//! The copy is in rollback-journal mode, so that it is one file. It is refused where a reader's `-wal` or `-shm` lies
//! beside the target: `SQLite` would play that old log into the new file.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::args::Snapshot;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::cli::{catalogue, output};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Snapshot) -> Result<(), Failure> {
    let (source, target) = (settings.catalogue(), &arguments.file);
    let connection = catalogue::open(&source)?;
    check_target(&source, target)?;
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let place = tempfile::Builder::new().prefix(".bookable-snapshot-").tempdir_in(directory);
    let place = place.with_context(|| format!("cannot write in {}", directory.display()))?;
    let copy = place.path().join("catalogue.db");
    let text = copy.to_str().ok_or_else(|| Failure::failed("the target's path must be valid UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [text]).with_context(|| format!("cannot copy {}", source.display()))?;
    File::open(&copy).and_then(|file| file.sync_all()).context("cannot make the copy durable")?;
    std::fs::rename(&copy, target).with_context(|| format!("cannot put {} in place", target.display()))?;
    File::open(directory).and_then(|file| file.sync_all()).context("cannot make the copy durable")?;
    output::say(&format!("{} is a copy of {}", target.display(), source.display()));
    Ok(())
}

fn check_target(source: &Path, target: &Path) -> Result<(), Failure> {
    let same =
        std::fs::canonicalize(target).is_ok_and(|target| std::fs::canonicalize(source).is_ok_and(|s| s == target));
    if same {
        return Err(Failure::failed(format!("{} is the catalogue itself; name another file", target.display())));
    }
    for ending in ["-wal", "-shm"] {
        let mut name = target.as_os_str().to_owned();
        name.push(ending);
        let beside = PathBuf::from(name);
        if beside.exists() {
            return Err(Failure::failed(format!(
                "{} lies beside the target: close the program that reads it, or name another file",
                beside.display()
            )));
        }
    }
    Ok(())
}
