//! How far the harvest is, for whoever watches: plain counters that the feeds' tasks and the writer move.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant as Moment};

use super::walk::ReadPage;
use crate::domain::Feed;
use crate::rpde::Fault;

/// Where no `modified` has been seen yet.
const NONE: i64 = i64::MIN;
/// What a commit's time is compared with, in milliseconds: the upper ends of a histogram's buckets.
pub const COMMIT_MILLIS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000];

/// Counters of one run. Reading them never waits.
#[derive(Debug)]
pub struct Progress {
    feeds: [FeedProgress; Feed::ALL.len()],
    filling: AtomicBool,
    ready: AtomicBool,
    begun: Moment,
    /// When the writer last looked at the clock: milliseconds since `begun`, plus one; 0: not yet.
    looked: AtomicU64,
    commits: [AtomicU64; COMMIT_MILLIS.len() + 1],
    commit_micros: AtomicU64,
}

#[derive(Debug)]
struct FeedProgress {
    items: AtomicU64,
    pages: AtomicU64,
    polls: AtomicU64,
    requests: AtomicU64,
    faults: [AtomicU64; Fault::CODES.len()],
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
            polls: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            faults: <[AtomicU64; Fault::CODES.len()]>::default(),
            at_end: AtomicBool::new(false),
            walking: AtomicBool::new(false),
            first_modified: AtomicI64::new(NONE),
            last_modified: AtomicI64::new(NONE),
        }
    }
}

/// How long commits took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitTimes {
    /// How many took at most as long as the entry of [`COMMIT_MILLIS`] at the same place (and longer than the one before); the last:
    /// how many took longer than all of them.
    pub counts: [u64; COMMIT_MILLIS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            feeds: <[FeedProgress; Feed::ALL.len()]>::default(),
            filling: AtomicBool::default(),
            ready: AtomicBool::default(),
            begun: Moment::now(),
            looked: AtomicU64::default(),
            commits: <[AtomicU64; COMMIT_MILLIS.len() + 1]>::default(),
            commit_micros: AtomicU64::default(),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Progress {
    fn feed(&self, feed: Feed) -> Option<&FeedProgress> {
        Feed::ALL.iter().position(|known| *known == feed).and_then(|at| self.feeds.get(at))
    }

    fn read(&self, feed: Feed, counter: impl Fn(&FeedProgress) -> &AtomicU64) -> u64 {
        self.feed(feed).map_or(0, |progress| counter(progress).load(Ordering::Relaxed))
    }

    /// A walk that has not come to the feed's end yet begins, or is taken up.
    pub(super) fn walk_begun(&self, feed: Feed) {
        if let Some(progress) = self.feed(feed) {
            progress.walking.store(true, Ordering::Relaxed);
            progress.first_modified.store(NONE, Ordering::Relaxed);
            progress.last_modified.store(NONE, Ordering::Relaxed);
        }
    }

    pub(super) fn requested(&self, feed: Feed) {
        if let Some(progress) = self.feed(feed) {
            add(&progress.requests, 1);
        }
    }

    pub(super) fn page_read(&self, feed: Feed, read: &ReadPage, at_end: bool) {
        let Some(progress) = self.feed(feed) else { return };
        add(&progress.items, read.page.content().item_count as u64);
        add(&progress.pages, 1);
        add(&progress.polls, u64::from(at_end));
        progress.at_end.store(at_end, Ordering::Relaxed);
        if at_end {
            progress.walking.store(false, Ordering::Relaxed);
        }
        if let Some((first, last)) = read.stamps() {
            let _ = progress.first_modified.compare_exchange(NONE, first, Ordering::Relaxed, Ordering::Relaxed);
            progress.last_modified.store(last, Ordering::Relaxed);
        }
    }

    /// Counts a fault by its code.
    pub(super) fn fault_met(&self, feed: Feed, code: &str) {
        let at = Fault::CODES.iter().position(|known| *known == code);
        if let Some(counter) = self.feed(feed).zip(at).and_then(|(progress, at)| progress.faults.get(at)) {
            add(counter, 1);
        }
    }

    pub(super) fn set_filling(&self, filling: bool) {
        self.filling.store(filling, Ordering::Relaxed);
    }

    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// The writer answers: it has looked at the clock.
    pub(super) fn looked(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.looked.store(millis.saturating_add(1), Ordering::Relaxed);
    }

    pub(super) fn committed(&self, took: Duration) {
        let at = COMMIT_MILLIS.iter().position(|millis| took <= Duration::from_millis(*millis));
        if let Some(counter) = self.commits.get(at.unwrap_or(COMMIT_MILLIS.len())) {
            add(counter, 1);
        }
        add(&self.commit_micros, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Items read from this feed in this run.
    pub fn items(&self, feed: Feed) -> u64 {
        self.read(feed, |progress| &progress.items)
    }

    /// Pages read from this feed in this run.
    pub fn pages(&self, feed: Feed) -> u64 {
        self.read(feed, |progress| &progress.pages)
    }

    /// How often this feed's last page was read in this run.
    pub fn polls(&self, feed: Feed) -> u64 {
        self.read(feed, |progress| &progress.polls)
    }

    /// Requests made to this feed in this run.
    pub fn requests(&self, feed: Feed) -> u64 {
        self.read(feed, |progress| &progress.requests)
    }

    /// How many of this feed's requests met each fault in this run, in the order of [`Fault::CODES`].
    pub fn faults(&self, feed: Feed) -> [u64; Fault::CODES.len()] {
        let counts = |progress: &FeedProgress| progress.faults.each_ref().map(|count| count.load(Ordering::Relaxed));
        self.feed(feed).map(counts).unwrap_or_default()
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

    /// How long ago the writer last looked at the clock, which it does at least once a second; `None`: not yet.
    pub fn writer_age(&self) -> Option<Duration> {
        let since = self.looked.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.begun.elapsed().saturating_sub(Duration::from_millis(since)))
    }

    /// How long the commits of this run took.
    pub fn commit_times(&self) -> CommitTimes {
        CommitTimes {
            counts: self.commits.each_ref().map(|count| count.load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.commit_micros.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_counted_where_it_belongs() {
        let progress = Progress::default();
        for micros in [0, 1000, 1001, 5_000_000, 5_000_001] {
            progress.committed(Duration::from_micros(micros));
        }
        let CommitTimes { counts, sum } = progress.commit_times();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(sum, Duration::from_micros(10_002_002));
    }

    #[test]
    fn the_writer_has_an_age_once_it_has_looked() {
        let progress = Progress::default();
        assert_eq!(progress.writer_age(), None);
        progress.looked();
        assert!(progress.writer_age().is_some_and(|age| age < Duration::from_secs(5)));
    }

    #[test]
    fn faults_are_counted_by_their_code() {
        let progress = Progress::default();
        progress.fault_met(Feed::Slots, "timeout");
        progress.fault_met(Feed::Slots, "no such code");
        let at = Fault::CODES.iter().position(|code| *code == "timeout").unwrap();
        assert_eq!((progress.faults(Feed::Slots)[at], progress.faults(Feed::Slots).iter().sum()), (1, 1_u64));
        assert_eq!(progress.faults(Feed::Datasets).iter().sum::<u64>(), 0);
    }
}
