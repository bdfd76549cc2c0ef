//! The log: to standard error, as text or as JSON.
//!
//! A standard error that nobody reads any more is no reason to stop: a line that cannot be written is dropped. Uses
//! `settings` for the format and `output` to speak before there is a log.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use super::settings::LogFormat;

/// Starts the log. Our own lines from `level` on; those of libraries from warnings on.
pub(super) fn start(format: LogFormat, level: tracing::Level) {
    let filter = EnvFilter::new(format!("warn,bookable={level}"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    // The subscriber would tell of a closed standard error with `eprintln!`, which panics on just that.
    let builder = builder.log_internal_errors(false);
    let started = match format {
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        super::output::say(&format!("bookable: the log cannot be started: {error}"));
    }
}
