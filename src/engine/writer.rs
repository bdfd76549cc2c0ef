//! The writer's thread: it alone changes the two files.
//!
//! It takes as many pages as are waiting, up to a limit, into one transaction, and looks at the clock in between. A failure
//! of the files ends it, and with it the harvest.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::walk::{Message, Starts, starts};
use super::writing::Writing;
use super::{EngineError, Mode};

/// Pages in one transaction.
const PAGES_A_BATCH_MAX: usize = 10;
/// The writer looks at the clock at least this often, because a sleeping machine or a jump of the clock wakes nobody.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Writer {
    pub(super) writing: Writing,
    pub(super) mode: Mode,
    pub(super) waiting: mpsc::Receiver<Message>,
    pub(super) announce: watch::Sender<Starts>,
    pub(super) stop: CancellationToken,
}

impl Writer {
    /// Writes until every walker has ended and all they sent is committed.
    pub(super) fn run(mut self, runtime: &Handle) -> Result<(), EngineError> {
        loop {
            let wait = self.wait();
            let received = runtime.block_on(async { tokio::time::timeout(wait, self.waiting.recv()).await });
            match received {
                Ok(Some(first)) => self.take(first)?,
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            if self.writing.look()? {
                tracing::info!("a feed is walked again from its start");
                let _ = self.announce.send(starts(&self.writing.store)?);
            }
        }
        let through = self.mode == Mode::Once && !self.stop.is_cancelled();
        self.writing.finish(through)
    }

    /// How long to wait for a page: until the next window opens or closes, and never long.
    fn wait(&self) -> Duration {
        u64::try_from(self.writing.due_in())
            .map_or(Duration::ZERO, Duration::from_secs)
            .clamp(Duration::from_millis(20), LOOK_INTERVAL)
    }

    /// Commits a message and those that wait behind it.
    fn take(&mut self, first: Message) -> Result<(), EngineError> {
        let mut batch = vec![first];
        while batch.len() < PAGES_A_BATCH_MAX
            && let Ok(message) = self.waiting.try_recv()
        {
            batch.push(message);
        }
        self.writing.take(&batch)
    }
}
