//! What of a page does not hang on what the state holds: the hashes by which things are found, and rows of sessions and slots packed
//! but for their keys.
//!
//! It is made where the page was read, by the core that has its texts at hand: the writer, on another, mostly need not look at
//! them again. Pure; does not fail. Uses `domain` only.

use super::index::{Gathered, ItemHash, ItemHasher};
use super::offer_book::{self, Given};
use super::own_row;
use super::packed::{Numbers, Seen, Texts, pack_back, pack_front};
use super::shape_book;
use crate::domain::{Change, Feed, Item, Opportunity, OpportunityTerms, Role};

/// Makes [`Prepared`] pages for one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparer(ItemHasher);

/// A page's changes, prepared for one state.
#[derive(Debug)]
pub struct Prepared {
    by: Preparer,
    feed: Feed,
    walk: i64,
    items: Vec<PreparedItem>,
    bytes: Vec<u8>,
}

/// A change.
#[derive(Clone, Copy, Debug)]
pub(super) struct PreparedItem {
    /// Of the item's id.
    pub(super) hash: ItemHash,
    /// For a session or slot whose `modified` is known.
    row: Option<(PreparedRow, Place)>,
}

/// A session or slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct PreparedRow {
    /// Of its parent's `@id`.
    pub(super) link: Option<ItemHash>,
    /// Of its offers, if there are any.
    pub(super) offers: Option<ItemHash>,
    /// Of the shape of its texts.
    pub(super) shape: ItemHash,
    pub(super) terms: OpportunityTerms,
    /// Whether it says something for itself.
    pub(super) own: bool,
}

/// Where the two parts of a packed row are among a page's bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    front: usize,
    back: usize,
    end: usize,
}

/// A packed row's parts before and after its keys.
pub(super) type Parts<'a> = (&'a [u8], &'a [u8]);

impl Preparer {
    pub(super) fn new(hasher: ItemHasher) -> Self {
        Self(hasher)
    }

    /// Prepares the changes of a page.
    pub fn prepare(self, feed: Feed, walk: i64, changes: &[Change<'_>]) -> Prepared {
        let mut making = Making::new(self.0);
        let prepare = |change: &Change<'_>| {
            let row = match (feed.role(), &change.item, change.modified) {
                (Role::Children(pair), Item::Opportunity(facts), Some(modified)) => {
                    Some(making.row(&change.id, Seen { pair, modified, walk }, facts))
                }
                _ => None,
            };
            PreparedItem { hash: self.0.hash(feed, &change.id), row }
        };
        let items = changes.iter().map(prepare).collect();
        Prepared { by: self, feed, walk, items, bytes: making.bytes }
    }
}

impl Prepared {
    /// Whether this is what the state of this hasher needs for so many changes.
    pub(super) fn is_of(&self, hasher: ItemHasher, (feed, walk): (Feed, i64), changes: usize) -> bool {
        (self.by, self.feed, self.walk, self.items.len()) == (Preparer(hasher), feed, walk, changes)
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &PreparedItem> {
        self.items.iter()
    }

    /// The row of a change.
    pub(super) fn row(&self, item: &PreparedItem) -> Option<(PreparedRow, Parts<'_>)> {
        let (row, place) = item.row?;
        Some((row, parts(&self.bytes, place)))
    }
}

fn parts(bytes: &[u8], Place { front, back, end }: Place) -> Parts<'_> {
    (bytes.get(front..back).unwrap_or_default(), bytes.get(back..end).unwrap_or_default())
}

/// A row whose `modified` only the state knows, with its packed bytes.
pub(super) fn alone(
    hasher: ItemHasher,
    item_id: &str,
    seen: Seen,
    facts: &Opportunity<'_>,
    take: impl FnOnce(PreparedRow, Parts<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut making = Making::new(hasher);
    let (row, place) = making.row(item_id, seen, facts);
    take(row, parts(&making.bytes, place))
}

/// The texts that tell a session or slot from others.
pub(super) fn texts<'a>(item_id: &'a str, facts: &'a Opportunity<'_>) -> Texts<'a> {
    Texts {
        item_id,
        id: facts.id.as_deref(),
        identifier: facts.identifier.as_deref(),
        url: facts.url.as_deref(),
    }
}

/// Its offers, as they are relative to its `@id`.
pub(super) fn given<'a>(facts: &'a Opportunity<'_>) -> Given<'a> {
    Given { offers: &facts.offers, owner: facts.id.as_deref() }
}

struct Making {
    hasher: ItemHasher,
    bytes: Vec<u8>,
    shape: Gathered,
    list: Gathered,
    /// The list of offers before, with its hash: neighbours often have the same.
    list_before: Option<(Gathered, ItemHash)>,
}

impl Making {
    fn new(hasher: ItemHasher) -> Self {
        let (shape, list) = <(Gathered, Gathered)>::default();
        Self { hasher, bytes: Vec::new(), shape, list, list_before: None }
    }

    fn row(&mut self, item_id: &str, seen: Seen, facts: &Opportunity<'_>) -> (PreparedRow, Place) {
        let texts = texts(item_id, facts);
        let pieces = texts.pieces();
        shape_book::gather(&mut self.shape, pieces);
        let own = own_row::has_own(facts);
        let row = PreparedRow {
            link: facts.parent_id.as_deref().map(|id| self.hasher.hash_link(seen.pair, id)),
            offers: self.offers(given(facts)),
            shape: self.hasher.hash_values(&self.shape),
            terms: facts.terms,
            own,
        };
        let numbers = Numbers::of(facts, own);
        let front = self.bytes.len();
        pack_front(&mut self.bytes, seen, &numbers, row.offers.is_some());
        let back = self.bytes.len();
        let whole = pieces.into_iter().filter_map(|piece| piece?.err());
        pack_back(&mut self.bytes, &numbers, texts.token(), whole);
        (row, Place { front, back, end: self.bytes.len() })
    }

    fn offers(&mut self, given: Given<'_>) -> Option<ItemHash> {
        if given.offers.is_empty() {
            return None;
        }
        offer_book::gather_list(&mut self.list, given);
        if let Some((before, hash)) = &self.list_before
            && *before == self.list
        {
            return Some(*hash);
        }
        let hash = self.hasher.hash_values(&self.list);
        let before = self.list_before.take().map(|before| before.0).unwrap_or_default();
        self.list_before = Some((std::mem::replace(&mut self.list, before), hash));
        Some(hash)
    }
}
