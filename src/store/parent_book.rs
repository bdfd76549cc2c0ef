//! All published series and facility uses in memory, as far as verdicts need them: by item, and by the `@id`s that sessions
//! and slots link to.
//!
//! Two items may carry one `@id` (a publisher that renames its items); the one with the greater `modified` speaks for it,
//! on a tie the one with the greater item id, so that the order in which they came does not matter.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::index::ItemHash;
use super::keys::{LinkKey, OfferListKey, ParentKey};
use crate::domain::{Aggregate, Pair};

/// One published item.
#[derive(Clone, Debug)]
pub(super) struct ParentEntry {
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) aggregate: Aggregate,
    /// The organizer's `@id`; left out where no broker asks for it.
    pub(super) organizer: Option<Arc<str>>,
    /// Its offers.
    pub(super) offers: Option<OfferListKey>,
    /// A row for each `@id` that it carries.
    pub(super) rows: Vec<(LinkKey, ParentKey)>,
}

/// What speaks for an `@id`: as much of its entry as each session asks for.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    pub(super) key: ParentKey,
    pub(super) aggregate: Aggregate,
    /// As in [`ParentEntry`].
    pub(super) organizer: Option<Arc<str>>,
}

/// One pair's parents.
#[derive(Debug, Default)]
struct Shelf {
    items: HashMap<Arc<str>, ParentEntry>,
    /// The items that carry an `@id`: almost always one.
    carriers: HashMap<LinkKey, Vec<Arc<str>>>,
}

impl Shelf {
    /// The item that speaks for a link.
    fn speaker(&self, link: LinkKey) -> Option<Speaker> {
        let carriers = self.carriers.get(&link)?;
        let entries = carriers.iter().filter_map(|item_id| Some((item_id, self.items.get(item_id)?)));
        let (_, entry) = entries.max_by_key(|(item_id, entry)| (entry.modified, *item_id))?;
        let (_, key) = entry.rows.iter().find(|row| row.0 == link)?;
        Some(Speaker { key: *key, aggregate: entry.aggregate, organizer: entry.organizer.clone() })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ParentBook {
    sessions: Shelf,
    slots: Shelf,
    /// The numbers of `@id`s, each pair's own.
    links: HashMap<ItemHash, LinkKey>,
    /// Who speaks for each link, by the link's number, whichever pair it belongs to: every session asks for its parent's.
    speakers: Vec<Option<Speaker>>,
    /// The `@id`s that an organizer's items carry, or once carried.
    by_organizer: HashMap<Arc<str>, BTreeSet<LinkKey>>,
}

impl ParentBook {
    fn shelf(&self, pair: Pair) -> &Shelf {
        match pair {
            Pair::Sessions => &self.sessions,
            Pair::Slots => &self.slots,
        }
    }

    fn shelf_mut(&mut self, pair: Pair) -> &mut Shelf {
        match pair {
            Pair::Sessions => &mut self.sessions,
            Pair::Slots => &mut self.slots,
        }
    }

    pub(super) fn item(&self, pair: Pair, item_id: &str) -> Option<&ParentEntry> {
        self.shelf(pair).items.get(item_id)
    }

    /// One copy of an organizer's `@id` for all its items.
    pub(super) fn intern_organizer(&mut self, id: &str) -> Arc<str> {
        if let Some((known, _)) = self.by_organizer.get_key_value(id) {
            return Arc::clone(known);
        }
        let id: Arc<str> = id.into();
        self.by_organizer.insert(Arc::clone(&id), BTreeSet::new());
        id
    }

    /// Puts an item in the place of the one with the same id; gives the rows that it had before.
    pub(super) fn put(&mut self, pair: Pair, item_id: &str, entry: ParentEntry) -> Vec<(LinkKey, ParentKey)> {
        let before = self.remove(pair, item_id);
        if let Some(links) = entry.organizer.as_ref().and_then(|organizer| self.by_organizer.get_mut(organizer)) {
            links.extend(entry.rows.iter().map(|row| row.0));
        }
        let item_id: Arc<str> = item_id.into();
        let links: Vec<LinkKey> = entry.rows.iter().map(|row| row.0).collect();
        let shelf = self.shelf_mut(pair);
        for link in &links {
            shelf.carriers.entry(*link).or_insert_with(|| Vec::with_capacity(1)).push(Arc::clone(&item_id));
        }
        shelf.items.insert(item_id, entry);
        self.hear(pair, links);
        before
    }

    /// Takes an item away; gives the rows that it had.
    pub(super) fn remove(&mut self, pair: Pair, item_id: &str) -> Vec<(LinkKey, ParentKey)> {
        let shelf = self.shelf_mut(pair);
        let Some(entry) = shelf.items.remove(item_id) else { return Vec::new() };
        for (link, _) in &entry.rows {
            if let Some(carriers) = shelf.carriers.get_mut(link) {
                carriers.retain(|carrier| &**carrier != item_id);
                if carriers.is_empty() {
                    shelf.carriers.remove(link);
                }
            }
        }
        self.hear(pair, entry.rows.iter().map(|row| row.0));
        entry.rows
    }

    /// Finds out anew who speaks for these links.
    fn hear(&mut self, pair: Pair, links: impl IntoIterator<Item = LinkKey>) {
        for link in links {
            let Ok(at) = usize::try_from(link.0) else { continue };
            let speaker = self.shelf(pair).speaker(link);
            if at >= self.speakers.len() {
                self.speakers.resize(at + 1, None);
            }
            if let Some(place) = self.speakers.get_mut(at) {
                *place = speaker;
            }
        }
    }

    /// Takes up a row of an item as it stands in the state.
    pub(super) fn load(&mut self, pair: Pair, item_id: &str, entry: ParentEntry) {
        let mut entry = entry;
        if let Some(known) = self.item(pair, item_id) {
            entry.rows.splice(0..0, known.rows.iter().copied());
        }
        self.put(pair, item_id, entry);
    }

    /// The item that speaks for a link.
    pub(super) fn speaker(&self, link: LinkKey) -> Option<&Speaker> {
        self.speakers.get(usize::try_from(link.0).ok()?)?.as_ref()
    }

    /// The `@id`s that this organizer's items carry.
    pub(super) fn links_of_organizer(&self, organizer: &str) -> impl Iterator<Item = LinkKey> + '_ {
        self.by_organizer.get(organizer).into_iter().flatten().copied()
    }

    pub(super) fn link(&self, id: ItemHash) -> Option<LinkKey> {
        self.links.get(&id).copied()
    }

    pub(super) fn learn_link(&mut self, id: ItemHash, key: LinkKey) {
        self.links.insert(id, key);
    }

    pub(super) fn forget_link(&mut self, id: ItemHash) {
        self.links.remove(&id);
    }

    /// The items that were not seen in `walk`.
    pub(super) fn unseen(&self, pair: Pair, walk: i64) -> Vec<Box<str>> {
        let unseen = self.shelf(pair).items.iter().filter(|(_, entry)| entry.walk != walk);
        unseen.map(|(item_id, _)| Box::from(&**item_id)).collect()
    }
}
