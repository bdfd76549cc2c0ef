//! Moves what the write-ahead logs hold into the files, beside the writer, so that no commit waits for it.
//!
//! Passively: neither the writer nor a reader is ever held up. Where it does not come through (a reader that looks at the log for long),
//! it is tried again, and in the end the writer does it itself ([`crate::store::checkpoint`]).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{StoreSetup, checkpoint};

/// The logs are looked at this often.
const INTERVAL: Duration = Duration::from_millis(100);

/// Looks at the logs now and then, until `stop` is cancelled.
pub(super) async fn keep(setup: StoreSetup, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        let paths = [setup.state.clone(), setup.catalogue.clone()];
        let done = tokio::task::spawn_blocking(move || paths.iter().try_for_each(|path| checkpoint(path)));
        if let Ok(Err(error)) = done.await {
            tracing::debug!("a log was not moved into its file: {error}");
        }
    }
}
