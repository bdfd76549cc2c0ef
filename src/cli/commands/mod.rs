//! One module a command; most have a `run`.

pub(super) mod bookings;
pub(super) mod checkout;
pub(super) mod config;
pub(super) mod demo;
pub(super) mod explain;
pub(super) mod export;
pub(super) mod harvest;
pub(super) mod purge;
pub(super) mod rebuild;
pub(super) mod resync;
pub(super) mod sandbox;
pub(super) mod schema;
pub(super) mod search;
pub(super) mod serve;
pub(super) mod shell;
pub(super) mod snapshot;
pub(super) mod status;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::store::HarvestLock;

/// Takes the lock for a command that must not run beside a harvest.
fn lock_or_fail(settings: &Settings, what: &str) -> Result<HarvestLock, Failure> {
    let catalogue = settings.catalogue();
    HarvestLock::try_take(&catalogue, &settings.state())?.ok_or_else(|| {
        let catalogue = catalogue.display();
        Failure::failed(format!("a harvest is running on {catalogue}; stop it before you {what}"))
    })
}
