//! How far the harvest is, for whoever watches: plain counters that the feeds' tasks and the writer move.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::domain::Feed;

/// Counters of one run. Reading them never waits.
#[derive(Debug, Default)]
pub struct Progress {
    feeds: [FeedProgress; Feed::ALL.len()],
    filling: AtomicBool,
    ready: AtomicBool,
}

#[derive(Debug, Default)]
struct FeedProgress {
    items: AtomicU64,
    pages: AtomicU64,
    at_end: AtomicBool,
}

impl Progress {
    fn feed(&self, feed: Feed) -> Option<&FeedProgress> {
        Feed::ALL.iter().position(|known| *known == feed).and_then(|at| self.feeds.get(at))
    }

    pub(super) fn page_read(&self, feed: Feed, items: usize, at_end: bool) {
        if let Some(progress) = self.feed(feed) {
            progress.items.fetch_add(items as u64, Ordering::Relaxed);
            progress.pages.fetch_add(1, Ordering::Relaxed);
            progress.at_end.store(at_end, Ordering::Relaxed);
        }
    }

    pub(super) fn set_filling(&self, filling: bool) {
        self.filling.store(filling, Ordering::Relaxed);
    }

    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Items read from this feed in this run.
    pub fn items(&self, feed: Feed) -> u64 {
        self.feed(feed).map_or(0, |progress| progress.items.load(Ordering::Relaxed))
    }

    /// Pages read from this feed in this run.
    pub fn pages(&self, feed: Feed) -> u64 {
        self.feed(feed).map_or(0, |progress| progress.pages.load(Ordering::Relaxed))
    }

    /// Whether this feed's last answer was its last page.
    pub fn at_end(&self, feed: Feed) -> bool {
        self.feed(feed).is_some_and(|progress| progress.at_end.load(Ordering::Relaxed))
    }

    /// Whether indexes and catalogue are being made at the end of a first harvest.
    pub fn filling(&self) -> bool {
        self.filling.load(Ordering::Relaxed)
    }

    /// Whether the catalogue has been right for at least one moment of this run.
    pub fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}
