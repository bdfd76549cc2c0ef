//! How far the harvest is, for whoever watches: plain counters that the feeds' tasks and the writer move.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::domain::Feed;
use crate::rpde::Content;

/// Where no `modified` has been seen yet.
const NONE: i64 = i64::MIN;

/// Counters of one run. Reading them never waits.
#[derive(Debug, Default)]
pub struct Progress {
    feeds: [FeedProgress; Feed::ALL.len()],
    filling: AtomicBool,
    ready: AtomicBool,
}

#[derive(Debug)]
struct FeedProgress {
    items: AtomicU64,
    pages: AtomicU64,
    at_end: AtomicBool,
    walking: AtomicBool,
    first_modified: AtomicI64,
    last_modified: AtomicI64,
}

impl Default for FeedProgress {
    fn default() -> Self {
        Self {
            items: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            at_end: AtomicBool::new(false),
            walking: AtomicBool::new(false),
            first_modified: AtomicI64::new(NONE),
            last_modified: AtomicI64::new(NONE),
        }
    }
}

impl Progress {
    fn feed(&self, feed: Feed) -> Option<&FeedProgress> {
        Feed::ALL.iter().position(|known| *known == feed).and_then(|at| self.feeds.get(at))
    }

    /// A walk that has not come to the feed's end yet begins, or is taken up.
    pub(super) fn walk_begun(&self, feed: Feed) {
        if let Some(progress) = self.feed(feed) {
            progress.walking.store(true, Ordering::Relaxed);
            progress.first_modified.store(NONE, Ordering::Relaxed);
            progress.last_modified.store(NONE, Ordering::Relaxed);
        }
    }

    pub(super) fn page_read(&self, feed: Feed, content: &Content<'_>, at_end: bool) {
        let Some(progress) = self.feed(feed) else { return };
        progress.items.fetch_add(content.item_count as u64, Ordering::Relaxed);
        progress.pages.fetch_add(1, Ordering::Relaxed);
        progress.at_end.store(at_end, Ordering::Relaxed);
        if at_end {
            progress.walking.store(false, Ordering::Relaxed);
        }
        let stamps = || content.changes.iter().filter_map(|change| change.modified);
        if let Some((first, last)) = stamps().next().zip(stamps().next_back()) {
            let _ = progress.first_modified.compare_exchange(NONE, first, Ordering::Relaxed, Ordering::Relaxed);
            progress.last_modified.store(last, Ordering::Relaxed);
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

    /// Whether a walk of this feed goes on that has not come to its end yet.
    pub fn walking(&self, feed: Feed) -> bool {
        self.feed(feed).is_some_and(|progress| progress.walking.load(Ordering::Relaxed))
    }

    /// The `modified` of the first item of this walk that was read in this run, and of the last.
    pub fn modified(&self, feed: Feed) -> Option<(i64, i64)> {
        let progress = self.feed(feed)?;
        let [first, last] =
            [&progress.first_modified, &progress.last_modified].map(|stamp| stamp.load(Ordering::Relaxed));
        (first != NONE && last != NONE).then_some((first, last))
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
