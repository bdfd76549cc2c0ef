//! The writer's thread: it alone changes the two files.
//!
//! It takes as many pages as are waiting, up to a limit, into one transaction; lets windows open and close on time; ends a
//! first harvest; and tidies. A failure of the files ends it, and with it the harvest.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::walker::{Message, Starts, findings, starts};
use super::{EngineError, Mode, Setup};
use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::{FaultStep, Note, PageStep, Position, Step, Store};

/// Pages in one transaction.
const PAGES_A_BATCH_MAX: usize = 10;
/// The writer looks at the clock at least this often, because a sleeping machine or a jump of the clock wakes nobody.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A first harvest fills the catalogue after this long at the latest, so that a slow link does not keep it empty.
const LOADING_SECONDS_MAX: i64 = 60;
/// The write-ahead logs are emptied this often.
const TIDY_SECONDS: i64 = 5 * 60;
/// Deleted words are dropped from the index this often.
const TIDY_WORDS_SECONDS: i64 = 6 * 3600;

/// See the module.
pub(super) struct Writer {
    store: Store,
    clock: Clock,
    mode: Mode,
    waiting: mpsc::Receiver<Message>,
    announce: watch::Sender<Starts>,
    progress: Arc<Progress>,
    stop: CancellationToken,
    loading_since: Instant,
    next_due: Option<Instant>,
    looked_at: Instant,
    tidied_at: Instant,
    words_tidied_at: Instant,
}

impl Writer {
    pub(super) fn new(
        store: Store,
        setup: &Setup,
        waiting: mpsc::Receiver<Message>,
        announce: watch::Sender<Starts>,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> Self {
        let now = setup.clock.now();
        Self {
            store,
            clock: setup.clock.clone(),
            mode: setup.mode,
            waiting,
            announce,
            progress,
            stop,
            loading_since: now,
            next_due: None,
            looked_at: now,
            tidied_at: now,
            words_tidied_at: now,
        }
    }

    /// Writes until every walker has ended and all they sent is committed.
    pub(super) fn run(mut self, runtime: &Handle) -> Result<(), EngineError> {
        let now = self.clock.now();
        self.store.mend(now)?;
        self.next_due = self.store.next_transition(now)?;
        if !self.store.is_loading() {
            self.progress.set_ready();
        }
        loop {
            let wait = self.wait();
            let received = runtime.block_on(async { tokio::time::timeout(wait, self.waiting.recv()).await });
            match received {
                Ok(Some(first)) => self.take(first)?,
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            self.look()?;
        }
        self.finish()
    }

    /// How long to wait for a page: until the next window opens or closes, and never long.
    fn wait(&self) -> Duration {
        let due_in = self.next_due.map_or(i64::MAX, |due| due.seconds_since(self.clock.now()));
        u64::try_from(due_in)
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
        let steps: Vec<Step<'_>> = batch.iter().map(step).collect();
        let now = self.clock.now();
        self.store.apply(&steps, now)?;
        self.looked_at = now;
        self.next_due = self.store.next_transition(now)?;
        Ok(())
    }

    /// Looks at the clock and at what else may have happened without a page.
    fn look(&mut self) -> Result<(), EngineError> {
        let now = self.clock.now();
        if self.store.take_restarts(now)? {
            tracing::info!("a feed is walked again from its start");
            let _ = self.announce.send(starts(&self.store)?);
        }
        if self.store.is_loading() && self.is_loaded(now) {
            self.finish_loading(now)?;
        }
        if self.next_due.is_some_and(|due| due <= now) || now < self.looked_at {
            self.store.pass_time(now)?;
            self.next_due = self.store.next_transition(now)?;
        }
        self.looked_at = now;
        let words_too = now.seconds_since(self.words_tidied_at).abs() >= TIDY_WORDS_SECONDS;
        if now.seconds_since(self.tidied_at).abs() >= TIDY_SECONDS || words_too {
            self.store.tidy(words_too)?;
            self.tidied_at = now;
            if words_too {
                self.words_tidied_at = now;
            }
        }
        Ok(())
    }

    /// Whether a first harvest has nothing more to read for now, or has read for long enough to show something.
    fn is_loaded(&self, now: Instant) -> bool {
        let needed = |position: &&Position| position.feed.is_needed();
        let quiet =
            self.store.positions().filter(needed).all(|position| position.walk_complete || position.failures > 0);
        quiet || now.seconds_since(self.loading_since).abs() >= LOADING_SECONDS_MAX
    }

    fn finish_loading(&mut self, now: Instant) -> Result<(), EngineError> {
        self.progress.set_filling(true);
        self.store.finish_loading(now)?;
        self.progress.set_filling(false);
        self.progress.set_ready();
        self.next_due = self.store.next_transition(now)?;
        tracing::info!("the first harvest is in the catalogue");
        Ok(())
    }

    /// Leaves both files right for this moment and their logs empty.
    fn finish(mut self) -> Result<(), EngineError> {
        let now = self.clock.now();
        if self.mode == Mode::Once && !self.stop.is_cancelled() && self.store.is_loading() {
            self.finish_loading(now)?;
        }
        self.store.pass_time(now)?;
        Ok(self.store.tidy(false)?)
    }
}

fn step(message: &Message) -> Step<'_> {
    match message {
        Message::Page(walked) => {
            let content = walked.page.content();
            let note = |finding: crate::rpde::Finding| Note { code: finding.kind.code(), item: finding.item };
            Step::Page(PageStep {
                feed: walked.feed,
                walk: walked.walk,
                changes: &content.changes,
                notes: findings(walked).into_iter().map(note).collect(),
                next_url: &walked.next_url,
                at_end: walked.at_end,
                license: content.license.as_deref(),
                wait_until: walked.wait_until,
                document: walked.document.clone(),
            })
        }
        Message::Fault(fault) => Step::Fault(FaultStep {
            feed: fault.feed,
            walk: fault.walk,
            code: fault.code,
            text: &fault.text,
            failures: fault.failures,
            wait_until: fault.wait_until,
        }),
    }
}
