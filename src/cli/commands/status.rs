//! `bookable status`: is it fine? Exit code 0: fresh; 1: stale or broken.
//!
//! One look at the state, the catalogue and the disk ([`look`]), a verdict on it ([`verdict`]), and the two ways to tell it
//! ([`text`], [`json`]).

mod json;
mod look;
mod text;
mod verdict;

use std::time::Duration;

use crate::cli::args::Status as Arguments;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use look::Look;
use verdict::judge;

/// Between two looks of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.watch {
        return watch(settings, arguments.json);
    }
    let mut look = Look::take(settings)?;
    look.measure_walks(settings)?;
    let judged = judge(&look);
    if arguments.json {
        output::data(&format!("{:#}", json::of(&look, &judged)))?;
    } else {
        output::data(&text::of(&look, &judged))?;
    }
    if judged.is_fine() { Ok(()) } else { Err(Failure::Quiet(1)) }
}

/// A look every two seconds, until somebody ends it: a screen on a terminal, or a line of JSON each.
fn watch(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    if !as_json && !output::is_terminal() {
        return Err(Failure::settings("--watch needs a terminal, or --json for a line each time"));
    }
    let mut last: Option<Look> = None;
    loop {
        match Look::take(settings) {
            Ok(mut look) => {
                look.measure_since(last.as_ref());
                let judged = judge(&look);
                if as_json {
                    output::data(&json::of(&look, &judged).to_string())?;
                } else {
                    output::screen(&text::of(&look, &judged))?;
                }
                last = Some(look);
            }
            Err(failure) if as_json => return Err(failure),
            // It may come back: a purge, a first harvest that has yet to begin.
            Err(failure) => output::screen(&failure.line().unwrap_or_default())?,
        }
        std::thread::sleep(WATCH_INTERVAL);
    }
}
