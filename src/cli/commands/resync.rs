//! `bookable resync`: have the feeds read again from the start.

use crate::cli::args::Resync;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::store::{ResyncAnswer, request_resync};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Resync) -> Result<(), Failure> {
    match request_resync(&settings.state(), Clock::system().now(), arguments.force)? {
        ResyncAnswer::Granted => {
            output::say("all feeds will be read again from the start by the next (or the running) harvest");
            Ok(())
        }
        ResyncAnswer::TooSoon(last) => Err(Failure::failed(format!(
            "the last resync was asked for at {last}; the licence's fair use is one a week, so give --force if it must be"
        ))),
    }
}
