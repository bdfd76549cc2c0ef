//! What systemd is told (`sd_notify(3)`): that the harvest is up, that it stops, and while the writer answers that all is well.
//!
//! Where no systemd has started it (`NOTIFY_SOCKET` is not set), nothing is said. The crate `sd-notify` reads the three variables
//! that are systemd's own.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::engine::Progress;

/// The writer is looked at this often until it has begun.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// It looks at the clock once a second, so that a younger look than this is none to worry about.
const WRITER_AGE_MIN: Duration = Duration::from_secs(2);

/// Tells systemd what there is to tell, until `stop` is cancelled.
pub async fn tell_systemd(progress: Arc<Progress>, stop: CancellationToken) {
    stop.run_until_cancelled(keep(&progress)).await;
    say(&[NotifyState::Stopping]);
}

async fn keep(progress: &Progress) {
    while progress.writer_age().is_none() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    say(&[NotifyState::Ready]);
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return std::future::pending().await;
    };
    loop {
        if answers(progress, limit) {
            say(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(limit / 4).await;
    }
}

/// Whether the writer answers. Filling the catalogue is one long step, in which it cannot.
fn answers(progress: &Progress, limit: Duration) -> bool {
    let young = |age| age <= (limit / 2).max(WRITER_AGE_MIN);
    progress.filling() || progress.writer_age().is_some_and(young)
}

fn say(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::warn!("systemd cannot be told: {error}");
    }
}
