//! `bookable rebuild`: the catalogue anew from the state, without the network.

use super::lock_or_fail;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::store::{StateReader, Store};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings) -> Result<(), Failure> {
    let now = Clock::system().now();
    // Opened to read first: a rebuild must not make an empty state where there is none.
    drop(StateReader::open(&settings.state())?);
    let mut setup = settings.store()?;
    setup.feeds = None;
    let _lock = lock_or_fail(settings, "rebuild")?;
    let mut store = Store::open(&setup, now)?;
    let rows = if store.is_loading() { 0 } else { store.rebuild(now)? };
    store.tidy(true)?;
    output::say(&format!("{rows} sessions and slots can be booked now; {} is made anew", setup.catalogue.display()));
    Ok(())
}
