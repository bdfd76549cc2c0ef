//! Moves what the write-ahead logs hold into the files, beside the writer, so that no commit waits for it.
//!
//! Passively: neither the writer nor a reader is ever held up. Where it does not come through (a reader that looks at the log for long),
//! it is tried again, and in the end the writer does it itself ([`crate::store::checkpoint`]).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{StoreSetup, checkpoint, long_log_written_at};

/// The logs are looked at this often while they grow.
const INTERVAL: Duration = Duration::from_millis(100);
/// And this often while nothing happens, because a harvest at rest should cost nothing.
const INTERVAL_MAX: Duration = Duration::from_millis(800);

/// Looks at the logs now and then, until `stop` is cancelled.
pub(super) async fn keep(setup: StoreSetup, stop: CancellationToken) {
    let mut logs = [(setup.state, None), (setup.catalogue, None)];
    let mut interval = INTERVAL;
    while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
        interval = (interval * 2).min(INTERVAL_MAX);
        for (path, moved) in &mut logs {
            // What is written while it is moved makes the log younger than what is remembered here.
            let written_at = long_log_written_at(path);
            if written_at.is_none() || written_at == *moved {
                continue;
            }
            let of = path.clone();
            match tokio::task::spawn_blocking(move || checkpoint(&of)).await {
                Ok(Ok(true)) => (*moved, interval) = (written_at, INTERVAL),
                Ok(Err(error)) => tracing::debug!("a log was not moved into its file: {error}"),
                Ok(Ok(false)) | Err(_) => {}
            }
        }
    }
}
