//! One feed's items and their order: by `modified`, which only ever grows.
//!
//! Owns the order. Old places of items that have moved are left behind, skipped, and swept out now and then. Cannot fail;
//! a feed holds at most `u32::MAX` items, after which pushes go nowhere. May use `session` for what is kept of one.

use std::collections::HashMap;
use std::sync::Arc;

use super::session::SessionState;

/// What an item is rendered from.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Session(SessionState),
    /// A series in its n-th version.
    Series(u32),
    /// A series that exists but is not in the feed.
    Unpublished,
    /// Handed in by a test.
    Published(Arc<Published>),
}

/// An item that was handed in.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) rpde_id: String,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// An envelope is made around this `data`.
    Data { kind: String, json: String },
    /// A whole envelope, served as it is.
    Raw(String),
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) modified: i64,
    pub(super) deleted: bool,
    pub(super) body: Body,
}

/// An item on its way onto a page.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) slot: u32,
    pub(super) item: Item,
}

#[derive(Debug, Default)]
pub(super) struct FeedLog {
    items: Vec<Item>,
    /// (`modified`, slot), growing; stale where the item's own `modified` differs.
    order: Vec<(i64, u32)>,
    published: HashMap<String, u32>,
    last_modified: i64,
}

impl FeedLog {
    pub(super) fn with_capacity(items: u32) -> Self {
        let capacity = items as usize;
        Self { items: Vec::with_capacity(capacity), order: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// How many slots are taken; the next item pushed gets this number.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Item> {
        self.items.get(slot as usize)
    }

    /// The slot of an item that was handed in.
    pub(super) fn published(&self, rpde_id: &str) -> Option<u32> {
        self.published.get(rpde_id).copied()
    }

    /// All items that were handed in.
    pub(super) fn all_published(&self) -> impl Iterator<Item = (u32, &Item)> {
        self.published.values().filter_map(|slot| Some((*slot, self.get(*slot)?)))
    }

    /// Adds an item at the end, not before `modified`; the time it got is returned.
    pub(super) fn push(&mut self, body: Body, modified: i64) -> i64 {
        let slot = self.len();
        if slot == u32::MAX {
            return self.last_modified;
        }
        if let Body::Published(published) = &body {
            self.published.insert(published.rpde_id.clone(), slot);
        }
        let in_feed = !matches!(body, Body::Unpublished);
        let modified = if in_feed { self.following(modified) } else { self.last_modified };
        self.items.push(Item { modified, deleted: false, body });
        if in_feed {
            self.order.push((modified, slot));
        }
        modified
    }

    /// Moves an item to the end with its new content; the time it got is returned.
    pub(super) fn replace(&mut self, slot: u32, body: Body, deleted: bool, modified: i64) -> i64 {
        let modified = self.following(modified);
        if let Some(item) = self.items.get_mut(slot as usize) {
            if let Body::Published(published) = &body {
                self.published.insert(published.rpde_id.clone(), slot);
            }
            *item = Item { modified, deleted, body };
            self.order.push((modified, slot));
            if self.order.len() > 2 * self.items.len() + 1024 {
                self.sweep();
            }
        }
        modified
    }

    /// Up to `limit` items after the position, in order.
    pub(super) fn after(
        &self,
        position: Option<(i64, &str)>,
        limit: usize,
        id_of: impl Fn(u32, &Item) -> String,
    ) -> Vec<Entry> {
        let (after, after_id) = position.unwrap_or((i64::MIN, ""));
        let from = self.order.partition_point(|(modified, _)| *modified < after);
        let rest = self.order.get(from..).unwrap_or_default();
        rest.iter()
            .filter_map(|(modified, slot)| {
                let item = self.get(*slot).filter(|item| item.modified == *modified)?;
                let wanted = *modified > after || id_of(*slot, item).as_str() > after_id;
                wanted.then(|| Entry { slot: *slot, item: item.clone() })
            })
            .take(limit)
            .collect()
    }

    fn following(&mut self, modified: i64) -> i64 {
        self.last_modified = modified.max(self.last_modified + 1);
        self.last_modified
    }

    fn sweep(&mut self) {
        let items = &self.items;
        self.order.retain(|(modified, slot)| items.get(*slot as usize).is_some_and(|item| item.modified == *modified));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(log: &FeedLog, position: Option<(i64, &str)>) -> Vec<u32> {
        log.after(position, 100, |slot, _| slot.to_string()).iter().map(|entry| entry.slot).collect()
    }

    #[test]
    fn times_only_grow_and_a_replaced_item_moves_to_the_end() {
        let mut log = FeedLog::default();
        assert_eq!(log.push(Body::Series(0), 10), 10);
        assert_eq!(log.push(Body::Series(0), 10), 11);
        assert_eq!(log.push(Body::Series(0), 5), 12);
        assert_eq!(slots(&log, None), [0, 1, 2]);
        assert_eq!(log.replace(0, Body::Series(1), false, 3), 13);
        assert_eq!(slots(&log, None), [1, 2, 0]);
        assert_eq!(slots(&log, Some((11, "1"))), [2, 0]);
        assert_eq!(slots(&log, Some((11, ""))), [1, 2, 0], "an id before the item's own");
        assert_eq!(slots(&log, Some((13, "0"))), [0_u32; 0]);
    }

    #[test]
    fn sweeping_changes_nothing_that_is_seen() {
        let mut log = FeedLog::default();
        for _ in 0..3 {
            log.push(Body::Series(0), 0);
        }
        for round in 0..3_000 {
            log.replace(round % 3, Body::Series(round), false, 0);
        }
        assert!(log.order.len() < 1_100, "{}", log.order.len());
        assert_eq!(slots(&log, None), [0, 1, 2]);
    }

    #[test]
    fn what_is_unpublished_has_a_slot_but_no_place() {
        let mut log = FeedLog::default();
        log.push(Body::Unpublished, 1);
        log.push(Body::Series(0), 2);
        assert_eq!(slots(&log, None), [1]);
    }
}
