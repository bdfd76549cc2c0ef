//! The engine held still: one step at a time, without network, tasks or threads, for simulations.
//!
//! It is the same walk, the same writing and the same files as in a harvest; what differs is who asks the publisher (the
//! caller), when (the caller says), and what time it is (a held clock).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::progress::Progress;
use super::walk::{After, Message, Read, Walk, is_over, starts};
use super::writing::Writing;
use super::{EngineError, Setup};
use crate::domain::{Feed, Instant};
use crate::rpde::{Fault, FeedUrl, Jitter, Spare};
use crate::store::{Store, Version};

/// One feed's walk and what it does next.
#[derive(Debug)]
struct Walking {
    walk: Walk,
    after: After,
    /// When its last page was last read.
    polled_at: Option<Instant>,
}

/// See the module.
pub struct Stepwise {
    setup: Setup,
    writing: Writing,
    walks: BTreeMap<Feed, Walking>,
    waiting: Vec<Message>,
    seed: u64,
}

impl Stepwise {
    /// Starts the program, as it were: opens both files and mends the catalogue.
    ///
    /// # Errors
    /// [`EngineError`] as a harvest would have it.
    pub fn start(setup: &Setup, seed: u64) -> Result<Self, EngineError> {
        let store = Store::open(&setup.store, setup.clock.now())?;
        let writing = Writing::begin(store, setup, Arc::new(Progress::default()))?;
        let mut steps = Self { setup: setup.clone(), writing, walks: BTreeMap::new(), waiting: Vec::new(), seed };
        steps.take_up()?;
        Ok(steps)
    }

    /// Takes up the walks that are new.
    fn take_up(&mut self) -> Result<(), EngineError> {
        let now = self.setup.clock.now();
        for (feed, start) in starts(&self.writing.store, 0)? {
            if self.walks.get(&feed).is_some_and(|walking| walking.walk.id() == start.id) {
                continue;
            }
            let jitter = Jitter::seeded(self.seed);
            let (walk, after) = Walk::begin(feed, start, &self.setup, jitter, now);
            self.walks.insert(feed, Walking { walk, after, polled_at: None });
        }
        Ok(())
    }

    /// The feeds that would ask for a page now, and for which.
    pub fn asking(&self) -> Vec<(Feed, FeedUrl)> {
        let now = self.setup.clock.now();
        let interval = i64::try_from(self.setup.poll_interval.as_secs()).unwrap_or(i64::MAX);
        let asks = |walking: &&Walking| match &walking.after {
            After::Ask => true,
            // A clock that went back does not keep the pacer from going on.
            After::Poll => walking.polled_at.is_none_or(|at| now.seconds_since(at).abs() >= interval),
            After::Wait(time, until) => is_over(*time, *until, now),
            After::Finished | After::GaveUp(_) => false,
        };
        let asking = self.walks.iter().filter(|(_, walking)| asks(walking));
        asking.map(|(feed, walking)| (*feed, walking.walk.url().clone())).collect()
    }

    /// The version of a document that is held, as it would be named in the request.
    pub fn known(&self, feed: Feed) -> Option<Version> {
        self.walks.get(&feed)?.walk.known().cloned()
    }

    /// What the publisher answers a feed: a body, or a fault. It waits for [`Stepwise::write`].
    pub fn answer(&mut self, feed: Feed, answer: Result<Vec<u8>, Fault>) {
        let now = self.setup.clock.now();
        let Some(walking) = self.walks.get_mut(&feed) else { return };
        let read = answer.and_then(|body| {
            let read = walking.walk.reading().read(body, &Spare::default());
            let read = read.map_err(|error| Fault::unreadable(walking.walk.url(), error))?;
            Ok(Read::Page(read, Version::default()))
        });
        let (messages, after) = walking.walk.answer(read, now);
        if after == After::Poll {
            walking.polled_at = Some(now);
        }
        walking.after = after;
        self.waiting.extend(messages);
    }

    /// The writer's turn: commits what waits, at most so many pages together, and looks at the clock.
    ///
    /// # Errors
    /// [`EngineError`] where the files cannot be written; everything must then be started anew.
    pub fn write(&mut self, pages: usize) -> Result<(), EngineError> {
        let batch: Vec<Message> = self.waiting.drain(..pages.min(self.waiting.len())).collect();
        if !batch.is_empty() {
            self.writing.take(batch)?;
        }
        if self.writing.look()? {
            self.take_up()?;
        }
        Ok(())
    }

    /// How many pages and faults wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a first harvest goes on, so that the catalogue waits.
    pub fn is_loading(&self) -> bool {
        self.writing.store.is_loading()
    }

    /// Where each feed stands in the state.
    pub fn positions(&self) -> Vec<crate::store::Position> {
        self.writing.store.positions().cloned().collect()
    }
}
