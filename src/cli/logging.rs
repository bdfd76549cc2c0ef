//! The log: to standard error or to a file, as text or as JSON.
//!
//! A standard error that nobody reads any more is no reason to stop: a line that cannot be written is dropped. The file is
//! opened anew on SIGHUP, so that it can be rotated. Uses `settings` for the format and `output` to speak before there is
//! a log, and `progress`, whose bars make room on a terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;

use super::failure::Failure;
use super::progress;
use super::settings::LogFormat;

/// The log's file, where there is one.
static FILE: OnceLock<(PathBuf, Mutex<File>)> = OnceLock::new();

/// Writes where the log goes at the moment.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match FILE.get() {
            Some((_, file)) => file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
            None => progress::aside(|| stderr().write(bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Starts the log. Our own lines from `level` on; those of libraries from warnings on.
pub(super) fn start(format: LogFormat, level: tracing::Level, file: Option<PathBuf>) -> Result<(), Failure> {
    if let Some(path) = file {
        let opened = open(&path)
            .map_err(|error| Failure::settings(format!("cannot open the log file {}: {error}", path.display())))?;
        let _ = FILE.set((path, Mutex::new(opened)));
    }
    let filter = EnvFilter::new(format!("warn,bookable={level}"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| LogWriter).with_target(false);
    // The subscriber would tell of a closed standard error with `eprintln!`, which panics on just that.
    let builder = builder.log_internal_errors(false);
    let started = match format {
        LogFormat::Text => builder.with_ansi(FILE.get().is_none() && stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        super::output::say(&format!("bookable: the log cannot be started: {error}"));
    }
    Ok(())
}

/// Whether it goes to a file.
pub(super) fn to_file() -> bool {
    FILE.get().is_some()
}

/// Opens the log's file anew, after it was renamed; without a file, or where it cannot be opened, all stays as it is.
pub(super) fn reopen() {
    let Some((path, file)) = FILE.get() else { return };
    match open(path) {
        Ok(opened) => *file.lock().unwrap_or_else(PoisonError::into_inner) = opened,
        Err(error) => tracing::error!("cannot open the log file {} anew: {error}", path.display()),
    }
}
