//! `bookable purge --yes`: deletes everything that was harvested, and what was published of it.

use super::harvest::runtime;
use super::lock_or_fail;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::cli::{output, publishing};
use crate::store::purge;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings) -> Result<(), Failure> {
    let postgres = settings.postgres()?;
    let lock = lock_or_fail(settings, "purge")?;
    let (catalogue, state) = (settings.catalogue(), settings.state());
    purge(lock, &catalogue, &state)?;
    output::say(&format!("deleted {} and {}", catalogue.display(), state.display()));
    if let Some(target) = postgres {
        runtime()?.block_on(publishing::remove(target))?;
    }
    Ok(())
}
