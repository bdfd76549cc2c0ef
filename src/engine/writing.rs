//! What the writer does, held still: commits what was walked, lets time pass, ends a first harvest, tidies.
//!
//! The writer's thread drives it with what comes through the channel, [`super::Stepwise`] with what a simulation hands in.

use std::sync::Arc;
use std::time::Instant as Moment;

use super::progress::Progress;
use super::walk::{Message, findings};
use super::{EngineError, Setup};
use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::{FaultStep, Note, PageStep, Position, Step, Store};

/// A first harvest fills the catalogue after this long at the latest, so that a slow link does not keep it empty.
const LOADING_SECONDS_MAX: i64 = 60;
/// The write-ahead logs are emptied this often.
const TIDY_SECONDS: i64 = 5 * 60;
/// Deleted words are dropped from the index this often.
const TIDY_WORDS_SECONDS: i64 = 6 * 3600;

/// See the module.
pub(super) struct Writing {
    pub(super) store: Store,
    clock: Clock,
    progress: Arc<Progress>,
    loading_since: Instant,
    next_due: Option<Instant>,
    looked_at: Instant,
    tidied_at: Instant,
    words_tidied_at: Instant,
}

impl Writing {
    /// Mends the catalogue and begins.
    pub(super) fn begin(store: Store, setup: &Setup, progress: Arc<Progress>) -> Result<Self, EngineError> {
        let now = setup.clock.now();
        let mut writing = Self {
            store,
            clock: setup.clock.clone(),
            progress,
            loading_since: now,
            next_due: None,
            looked_at: now,
            tidied_at: now,
            words_tidied_at: now,
        };
        writing.store.mend(now)?;
        writing.next_due = writing.store.next_transition(now)?;
        if !writing.store.is_loading() {
            writing.progress.set_ready();
        }
        Ok(writing)
    }

    /// How many seconds until the next window opens or closes; many where none does.
    pub(super) fn due_in(&self) -> i64 {
        self.next_due.map_or(i64::MAX, |due| due.seconds_since(self.clock.now()))
    }

    /// Commits these messages together. They are asked for one by one, and dropped as soon as they are written.
    pub(super) fn take(&mut self, batch: impl IntoIterator<Item = Message>) -> Result<(), EngineError> {
        let now = self.clock.now();
        let began = Moment::now();
        self.store.apply_each(now, |take| batch.into_iter().try_for_each(|message| take(&step(&message))))?;
        self.progress.committed(began.elapsed());
        self.looked_at = now;
        self.next_due = self.store.next_transition(now)?;
        Ok(())
    }

    /// Looks at the clock and at what else may have happened without a page; whether a feed is to be walked anew.
    pub(super) fn look(&mut self) -> Result<bool, EngineError> {
        let now = self.clock.now();
        self.store.check_files()?;
        let restarted = self.store.take_restarts(now)?;
        if self.store.is_loading() && self.is_loaded(now) {
            self.finish_loading(now)?;
        }
        if self.next_due.is_some_and(|due| due <= now) || now < self.looked_at {
            self.store.pass_time(now)?;
            self.next_due = self.store.next_transition(now)?;
        }
        self.store.merge_words()?;
        self.looked_at = now;
        let words_too = now.seconds_since(self.words_tidied_at).abs() >= TIDY_WORDS_SECONDS;
        if now.seconds_since(self.tidied_at).abs() >= TIDY_SECONDS || words_too {
            self.store.tidy(words_too)?;
            self.tidied_at = now;
            if words_too {
                self.words_tidied_at = now;
            }
        }
        Ok(restarted)
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
        if self.store.positions().any(|position| position.feed.is_needed() && position.walk_complete) {
            tracing::info!("the first harvest is in the catalogue");
        } else {
            tracing::info!("the catalogue has what could be read so far; no feed is at its end yet");
        }
        Ok(())
    }

    /// Leaves both files right for this moment and their logs empty; a first harvest that is through is ended.
    pub(super) fn finish(mut self, through: bool) -> Result<(), EngineError> {
        let now = self.clock.now();
        if through && self.store.is_loading() {
            self.finish_loading(now)?;
        }
        self.store.pass_time(now)?;
        self.store.tidy(false)?;
        self.store.close();
        Ok(())
    }
}

fn step(message: &Message) -> Step<'_> {
    match message {
        Message::Page(walked) => {
            let content = walked.read.page.content();
            let note = |finding: crate::rpde::Finding| Note { code: finding.kind.code(), item: finding.item };
            Step::Page(PageStep {
                feed: walked.feed,
                walk: walked.id.walk,
                changes: walked.read.changes(),
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
            walk: fault.id.walk,
            code: fault.code,
            text: &fault.text,
            failures: fault.failures,
            wait_until: fault.wait_until,
        }),
    }
}
