//! All published series in memory, as far as verdicts need them: by item, and by the `@id` that sessions link to.
//!
//! Two items may carry one `@id` (a publisher that renames its items); the one with the greater `modified` speaks for it,
//! on a tie the one with the greater item id, so that the order in which they came does not matter.

use std::collections::HashMap;

use super::keys::{LinkKey, SeriesKey};
use crate::domain::SeriesTerms;

/// One published SessionSeries item.
#[derive(Clone, Debug)]
pub(super) struct SeriesEntry {
    pub(super) key: SeriesKey,
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) link: LinkKey,
    pub(super) terms: SeriesTerms,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SeriesBook {
    items: HashMap<Box<str>, SeriesEntry>,
    /// The items that carry an `@id`: almost always one.
    carriers: HashMap<LinkKey, Vec<Box<str>>>,
    links: HashMap<Box<str>, LinkKey>,
}

impl SeriesBook {
    pub(super) fn item(&self, item_id: &str) -> Option<&SeriesEntry> {
        self.items.get(item_id)
    }

    /// Puts an item in the place of the one with the same id; gives the link that it had before.
    pub(super) fn put(&mut self, item_id: &str, entry: SeriesEntry) -> Option<LinkKey> {
        let before = self.remove(item_id);
        self.carriers.entry(entry.link).or_default().push(item_id.into());
        self.items.insert(item_id.into(), entry);
        before
    }

    /// Takes an item away; gives the link that it had.
    pub(super) fn remove(&mut self, item_id: &str) -> Option<LinkKey> {
        let entry = self.items.remove(item_id)?;
        if let Some(carriers) = self.carriers.get_mut(&entry.link) {
            carriers.retain(|carrier| &**carrier != item_id);
            if carriers.is_empty() {
                self.carriers.remove(&entry.link);
            }
        }
        Some(entry.link)
    }

    /// The item that speaks for a link.
    pub(super) fn speaker(&self, link: LinkKey) -> Option<&SeriesEntry> {
        let carriers = self.carriers.get(&link)?;
        let entries = carriers.iter().filter_map(|item_id| Some((item_id, self.items.get(item_id)?)));
        entries.max_by_key(|(item_id, entry)| (entry.modified, *item_id)).map(|(_, entry)| entry)
    }

    pub(super) fn terms(&self, link: Option<LinkKey>) -> Option<SeriesTerms> {
        self.speaker(link?).map(|entry| entry.terms)
    }

    pub(super) fn link(&self, id: &str) -> Option<LinkKey> {
        self.links.get(id).copied()
    }

    pub(super) fn learn_link(&mut self, id: &str, key: LinkKey) {
        self.links.insert(id.into(), key);
    }

    pub(super) fn forget_link(&mut self, id: &str) {
        self.links.remove(id);
    }

    /// The items that were not seen in `walk`.
    pub(super) fn unseen(&self, walk: i64) -> Vec<Box<str>> {
        self.items.iter().filter(|(_, entry)| entry.walk != walk).map(|(item_id, _)| item_id.clone()).collect()
    }
}
