//! Keeps the snapshots that were made of the catalogue from outliving what a publisher deleted.
//!
//! Runs beside the writer and with connections of its own, because a copy of a large catalogue takes seconds. What fails is logged and
//! tried again the next time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::{StoreSetup, renew_snapshots};

/// Snapshots are looked at this often.
const INTERVAL: Duration = Duration::from_mins(10);

/// Looks at the snapshots now and then, until `stop` is cancelled.
pub(super) async fn keep(setup: StoreSetup, clock: Clock, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        renew(setup.clone(), clock.clone()).await;
    }
}

/// Makes those anew that are due.
pub(super) async fn renew(setup: StoreSetup, clock: Clock) {
    let renewed =
        tokio::task::spawn_blocking(move || renew_snapshots(&setup.catalogue, &setup.state, clock.now())).await;
    match renewed {
        Ok(Ok(failed)) => failed.iter().for_each(|error| tracing::warn!("a snapshot could not be made anew: {error}")),
        Ok(Err(error)) => tracing::warn!("the snapshots could not be looked at: {error}"),
        Err(_) => tracing::warn!("the snapshots could not be looked at"),
    }
}
