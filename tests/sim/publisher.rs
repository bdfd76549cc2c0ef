//! The publisher: what it has, and the pages that it would send.

use std::collections::BTreeMap;

use bookable::domain::Feed;

use crate::events::FEEDS;
use crate::histories::{Change, Kind};

/// Items on a page.
const PAGE: usize = 3;

/// One feed: its items in the order of `modified`.
#[derive(Clone, Debug, Default)]
struct Log {
    items: Vec<Change>,
    counter: i64,
    /// Positions before this one are no longer known; the start always is.
    known_from: i64,
    /// As it was before each change.
    before: Vec<Vec<Change>>,
}

/// A page as it would be sent.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) items: Vec<Change>,
    pub(crate) next: Option<String>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Publisher(BTreeMap<Feed, Log>);

pub(crate) fn start_url(feed: Feed) -> String {
    format!("https://example.org/{feed}")
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self(FEEDS.into_iter().map(|feed| (feed, Log::default())).collect())
    }

    fn log(&mut self, feed: Feed) -> &mut Log {
        self.0.get_mut(&feed).expect("a feed")
    }

    /// An item comes, changes or goes; it moves to the end.
    pub(crate) fn publish(&mut self, change: &Change) {
        let log = self.log(change.feed());
        log.before.push(log.items.clone());
        if log.before.len() > 4 {
            log.before.remove(0);
        }
        log.counter += 1;
        log.items.retain(|item| item.id != change.id);
        log.items.push(Change { modified: log.counter, ..change.clone() });
    }

    /// All numbers anew, and no deletions any more.
    pub(crate) fn renumber(&mut self, feed: Feed) {
        let log = self.log(feed);
        log.items.retain(|item| !matches!(item.kind, Kind::Deleted(_)));
        log.counter = 0;
        for item in &mut log.items {
            log.counter += 1;
            item.modified = log.counter;
        }
        log.before.clear();
    }

    pub(crate) fn expire(&mut self, feed: Feed) {
        let log = self.log(feed);
        log.known_from = log.counter / 2 + 1;
    }

    /// All positions are known again.
    pub(crate) fn know_all(&mut self) {
        self.0.values_mut().for_each(|log| log.known_from = 0);
    }

    /// The page behind a URL, as it was so many changes ago; `None` for a position that is no longer known.
    pub(crate) fn sheet(&mut self, feed: Feed, asked: &str, ago: usize) -> Option<Sheet> {
        let log = self.log(feed);
        let after: i64 = asked.split_once("?after=").map_or(0, |(_, text)| text.parse().expect("a position"));
        if after > 0 && after < log.known_from {
            return None;
        }
        let then = log.before.len().checked_sub(ago).filter(|_| ago > 0).map(|at| &log.before[at]);
        let rest = then.unwrap_or(&log.items).iter().filter(|item| item.modified > after);
        let items: Vec<Change> = rest.take(PAGE).cloned().collect();
        let next = match items.last() {
            Some(last) => format!("{}?after={}", start_url(feed), last.modified),
            None if asked.contains('?') => asked.to_owned(),
            None => format!("{}?after=0", start_url(feed)),
        };
        Some(Sheet { items, next: Some(next) })
    }

    /// Everything that there is.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Change> {
        self.0.values().flat_map(|log| &log.items)
    }
}
