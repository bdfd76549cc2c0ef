//! `bookable purge --yes`: deletes everything that was harvested.

use super::lock_or_fail;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::store::purge;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings) -> Result<(), Failure> {
    let lock = lock_or_fail(settings, "purge")?;
    let (catalogue, state) = (settings.catalogue(), settings.state());
    purge(lock, &catalogue, &state)?;
    output::say(&format!("deleted {} and {}", catalogue.display(), state.display()));
    Ok(())
}
