//! The writer's thread: it alone changes the two files. (At the end of a first harvest it has a second thread settle the state while it
//! fills the catalogue, and waits for it.)
//!
//! It takes as many pages as are waiting, up to a limit, into one transaction, and looks at the clock in between. A failure
//! of the files that may pass (a full disk) makes it pause: it opens them anew until that goes well, and has every feed go
//! on from what was committed. Any other failure ends it, and with it the harvest.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::walk::{Message, Starts, starts};
use super::writing::Writing;
use super::{EngineError, Mode, Setup};
use crate::store::Store;

/// Pages in one transaction.
const PAGES_A_BATCH_MAX: usize = 10;
/// The writer looks at the clock at least this often, because a sleeping machine or a jump of the clock wakes nobody.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The first pause after a failure of the files.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Writer {
    pub(super) writing: Writing,
    pub(super) setup: Setup,
    pub(super) progress: Arc<Progress>,
    pub(super) waiting: mpsc::Receiver<Message>,
    pub(super) announce: watch::Sender<Starts>,
    pub(super) stop: CancellationToken,
    /// How often it has had to begin anew.
    pub(super) epoch: u64,
    /// The next pause: longer after each failure, until a batch is committed.
    pub(super) pause: Duration,
}

impl Writer {
    /// Writes until every walker has ended and all they sent is committed.
    pub(super) fn run(mut self, runtime: &Handle) -> Result<(), EngineError> {
        loop {
            match self.turn(runtime) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.may_pass() && self.setup.mode == Mode::UntilStopped => {
                    self = self.pause(error, runtime)?;
                }
                Err(error) => return Err(error),
            }
        }
        let through = self.setup.mode == Mode::Once && !self.stop.is_cancelled();
        self.writing.finish(through)
    }

    /// One message with those that wait behind it, and a look at the clock; whether there may be more.
    fn turn(&mut self, runtime: &Handle) -> Result<bool, EngineError> {
        let wait = self.wait();
        let received = runtime.block_on(async { tokio::time::timeout(wait, self.waiting.recv()).await });
        match received {
            Ok(Some(first)) => self.take(first)?,
            Ok(None) => return Ok(false),
            Err(_elapsed) => {}
        }
        if self.writing.look()? {
            tracing::info!("a feed is walked again from its start");
            let _ = self.announce.send(starts(&self.writing.store, self.epoch)?);
        }
        self.progress.looked();
        Ok(true)
    }

    /// How long to wait for a page: until the next window opens or closes, and never long.
    fn wait(&self) -> Duration {
        u64::try_from(self.writing.due_in())
            .map_or(Duration::ZERO, Duration::from_secs)
            .clamp(Duration::from_millis(20), LOOK_INTERVAL)
    }

    /// Commits a message and those that come before it is written, up to a limit.
    fn take(&mut self, first: Message) -> Result<(), EngineError> {
        let Self { writing, waiting, epoch, pause, .. } = self;
        let ours = |message: &Message| message.id().epoch == *epoch;
        let more = std::iter::from_fn(|| waiting.try_recv().ok());
        let mut batch = std::iter::once(first).chain(more).take(PAGES_A_BATCH_MAX).filter(ours).peekable();
        if batch.peek().is_some() {
            writing.take(batch)?;
            *pause = PAUSE;
        }
        Ok(())
    }

    /// Waits until the files can be written again, and begins anew from what was committed.
    fn pause(self, error: EngineError, runtime: &Handle) -> Result<Self, EngineError> {
        let Self { writing, setup, progress, waiting, announce, stop, epoch, mut pause } = self;
        drop(writing);
        let mut error = error;
        loop {
            progress.looked();
            tracing::error!("{}; nothing is lost; trying again in {} s", error.told(), pause.as_secs());
            let stopped =
                runtime.block_on(async { stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() });
            if stopped {
                return Err(error);
            }
            let begun = Store::open(&setup.store, setup.clock.now())
                .map_err(EngineError::from)
                .and_then(|store| Writing::begin(store, &setup, Arc::clone(&progress)));
            match begun {
                Ok(writing) => {
                    let pause = (pause * 2).min(PAUSE_MAX);
                    let epoch = epoch + 1;
                    let _ = announce.send(starts(&writing.store, epoch)?);
                    tracing::info!("the files can be written again; going on from what was committed");
                    return Ok(Self { writing, setup, progress, waiting, announce, stop, epoch, pause });
                }
                Err(again) if again.may_pass() => error = again,
                Err(again) => return Err(again),
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
