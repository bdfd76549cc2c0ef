//! The changes of a page of sessions or slots as far as they do not hang on what the state holds: with the hashes by which things are
//! found, and rows packed but for their keys.
//!
//! It is made where the page was read, by the core that has its texts at hand, and owns what it needs of them in a few large
//! pieces: the writer, on another core, mostly need not look at a text, and the page itself is gone by then. Pure; does not fail.
//! Uses `domain` only.

use std::ops::Range;

use super::index::{Gathered, ItemHash, ItemHasher};
use super::offer_book::{self, Given};
use super::own_row::Own;
use super::packed::{Numbers, Seen, Texts, pack_back, pack_front};
use super::shape_book;
use crate::domain::{Change, Feed, Item, Opportunity, OpportunityTerms, Pair, Role, Taker};

/// What the texts of an item usually take, so that memory is asked for once a page.
const TEXT_BYTES_USUAL: usize = 320;
/// What its packed row and its offers do.
const ROW_BYTES_USUAL: usize = 256;

/// Makes [`Prepared`] pages for one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparer(ItemHasher);

/// A page's sessions or slots, prepared for one state.
#[derive(Debug)]
pub struct Prepared {
    by: Preparer,
    feed: Feed,
    pair: Pair,
    walk: i64,
    items: Vec<PreparedItem>,
    texts: String,
    bytes: Vec<u8>,
    own: Vec<Own>,
}

/// A change.
#[derive(Clone, Debug)]
pub(super) struct PreparedItem {
    /// Of the item's id.
    pub(super) hash: ItemHash,
    id: Range<usize>,
    pub(super) modified: Option<i64>,
    /// Nothing where the item is gone.
    pub(super) row: Option<PreparedRow>,
}

/// A session or slot.
#[derive(Clone, Debug)]
pub(super) struct PreparedRow {
    /// Of its parent's `@id`, with that.
    link: Option<(ItemHash, Range<usize>)>,
    /// Of its list of offers, with what that is made of.
    offers: Option<(ItemHash, Range<usize>)>,
    /// Of the shape of its texts.
    pub(super) shape: ItemHash,
    pub(super) terms: OpportunityTerms,
    pub(super) numbers: Numbers,
    /// `@id`, `identifier`, `url`.
    texts: [Option<Range<usize>>; 3],
    own: Option<usize>,
    /// The packed row before its keys, and after them.
    front: Range<usize>,
    back: Range<usize>,
}

impl Preparer {
    pub(super) fn new(hasher: ItemHasher) -> Self {
        Self(hasher)
    }

    /// Prepares the changes of a page of a feed of sessions or slots; nothing of any other.
    pub fn prepare(self, feed: Feed, walk: i64, changes: &[Change<'_>]) -> Option<Prepared> {
        let mut preparing = self.begin(feed, walk)?;
        preparing.begin(changes.len());
        for change in changes {
            preparing.add(change);
        }
        Some(preparing.prepared)
    }

    /// Begins a page of a feed of sessions or slots, whose changes follow; nothing of any other.
    pub fn begin(self, feed: Feed, walk: i64) -> Option<Preparing> {
        let Role::Children(pair) = feed.role() else { return None };
        let (items, texts, bytes, own) = Default::default();
        let prepared = Prepared { by: self, feed, pair, walk, items, texts, bytes, own };
        let (shape, list) = Default::default();
        Some(Preparing { hasher: self.0, prepared, shape, list, list_before: None })
    }
}

impl Prepared {
    /// Whether this is a page of this walk, for the state of this hasher.
    pub(super) fn is_of(&self, hasher: ItemHasher, feed: Feed, walk: i64) -> bool {
        (self.by, self.feed, self.walk) == (Preparer(hasher), feed, walk)
    }

    pub(super) fn feed(&self) -> Feed {
        self.feed
    }

    pub(super) fn pair(&self) -> Pair {
        self.pair
    }

    pub(super) fn walk(&self) -> i64 {
        self.walk
    }

    pub(super) fn items(&self) -> &[PreparedItem] {
        &self.items
    }

    fn text(&self, place: &Range<usize>) -> &str {
        self.texts.get(place.clone()).unwrap_or_default()
    }

    fn piece(&self, place: &Range<usize>) -> &[u8] {
        self.bytes.get(place.clone()).unwrap_or_default()
    }

    /// The RPDE id.
    pub(super) fn id(&self, item: &PreparedItem) -> &str {
        self.text(&item.id)
    }

    /// The hash of a row's link, with the `@id`.
    pub(super) fn link(&self, row: &PreparedRow) -> Option<(ItemHash, &str)> {
        row.link.as_ref().map(|(hash, id)| (*hash, self.text(id)))
    }

    /// The hash of a row's offers, with what [`offer_book`] gathered of them.
    pub(super) fn offers(&self, row: &PreparedRow) -> Option<(ItemHash, &[u8])> {
        row.offers.as_ref().map(|(hash, list)| (*hash, self.piece(list)))
    }

    /// What a row says for itself.
    pub(super) fn own(&self, row: &PreparedRow) -> Option<&Own> {
        self.own.get(row.own?)
    }

    /// A packed row's parts before and after its keys; as a part that names `modified`, the first stands only where that is known.
    pub(super) fn parts(&self, row: &PreparedRow) -> (&[u8], &[u8]) {
        (self.piece(&row.front), self.piece(&row.back))
    }

    /// The texts that tell the item from others.
    pub(super) fn texts(&self, item: &PreparedItem, row: &PreparedRow) -> Texts<'_> {
        let [id, identifier, url] = &row.texts;
        let text = |place: &Option<Range<usize>>| place.as_ref().map(|place| self.text(place));
        Texts { item_id: self.id(item), id: text(id), identifier: text(identifier), url: text(url) }
    }

    /// The first and the last `modified` that is known.
    pub fn stamps(&self) -> Option<(i64, i64)> {
        let mut stamps = self.items.iter().filter_map(|item| item.modified);
        let first = stamps.next()?;
        Some((first, stamps.next_back().unwrap_or(first)))
    }
}

/// A page that is being prepared.
#[derive(Debug)]
pub struct Preparing {
    hasher: ItemHasher,
    prepared: Prepared,
    shape: Gathered,
    list: Gathered,
    /// The list of offers before: neighbours often have the same.
    list_before: Option<(ItemHash, Range<usize>)>,
}

impl Taker<'_> for Preparing {
    fn begin(&mut self, changes: usize) {
        self.list_before = None;
        let Prepared { items, texts, bytes, own, .. } = &mut self.prepared;
        items.clear();
        texts.clear();
        bytes.clear();
        own.clear();
        items.reserve(changes);
        texts.reserve(changes.saturating_mul(TEXT_BYTES_USUAL));
        bytes.reserve(changes.saturating_mul(ROW_BYTES_USUAL));
    }

    fn take(&mut self, change: Change<'_>) {
        self.add(&change);
    }
}

impl Preparing {
    /// What was made of the changes.
    pub fn finish(self) -> Prepared {
        self.prepared
    }

    fn add(&mut self, change: &Change<'_>) {
        let (hash, id) = (self.hasher.hash(self.prepared.feed, &change.id), self.text(&change.id));
        let row = if let Item::Opportunity(facts) = &change.item { Some(self.row(change, facts)) } else { None };
        self.prepared.items.push(PreparedItem { hash, id, modified: change.modified, row });
    }

    fn text(&mut self, text: &str) -> Range<usize> {
        let from = self.prepared.texts.len();
        self.prepared.texts.push_str(text);
        from..self.prepared.texts.len()
    }

    fn row(&mut self, change: &Change<'_>, facts: &Opportunity<'_>) -> PreparedRow {
        let (id, identifier, url) = (facts.id.as_deref(), facts.identifier.as_deref(), facts.url.as_deref());
        let texts = Texts { item_id: &change.id, id, identifier, url };
        let pieces = texts.pieces();
        shape_book::gather(&mut self.shape, pieces);
        let own = Own::of(facts);
        let numbers = Numbers::of(facts, own.is_some());
        let offers = self.offers(Given { offers: &facts.offers, owner: id });
        let link = facts.parent_id.as_deref().map(|id| (self.hasher.hash_link(self.prepared.pair, id), self.text(id)));
        let seen =
            Seen { pair: self.prepared.pair, modified: change.modified.unwrap_or_default(), walk: self.prepared.walk };
        let bytes = &mut self.prepared.bytes;
        let front = bytes.len();
        pack_front(bytes, seen, &numbers, offers.is_some());
        let back = bytes.len();
        pack_back(bytes, &numbers, texts.token(), pieces.into_iter().filter_map(|piece| piece?.err()));
        let end = bytes.len();
        PreparedRow {
            link,
            offers,
            shape: self.hasher.hash_values(&self.shape),
            terms: facts.terms,
            numbers,
            texts: [id, identifier, url].map(|text| text.map(|text| self.text(text))),
            own: own.map(|own| {
                self.prepared.own.push(own);
                self.prepared.own.len() - 1
            }),
            front: front..back,
            back: back..end,
        }
    }

    fn offers(&mut self, given: Given<'_>) -> Option<(ItemHash, Range<usize>)> {
        if given.offers.is_empty() {
            return None;
        }
        offer_book::gather_list(&mut self.list, given);
        let bytes = &mut self.prepared.bytes;
        let known = self.list_before.as_ref().filter(|(_, place)| bytes.get(place.clone()) == Some(self.list.bytes()));
        if known.is_none() {
            let from = bytes.len();
            bytes.extend_from_slice(self.list.bytes());
            self.list_before = Some((self.hasher.hash_values(&self.list), from..bytes.len()));
        }
        self.list_before.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Aggregate, AggregateOffer, EventStatus, Offer, Start};
    use crate::store::keys::{OfferListKey, ShapeKey};
    use crate::store::packed::{Keys, pack, put_keys};

    fn session() -> Opportunity<'static> {
        let terms = OpportunityTerms {
            has_identifier: true,
            status: EventStatus::Scheduled,
            potentially_bookable: true,
            start: Start::parse("2026-11-01T10:00:00Z"),
            names_parent: true,
            aggregate: Aggregate::Absent,
        };
        Opportunity {
            id: Some("https://s.example/a".into()),
            identifier: Some("a".into()),
            parent_id: Some("https://s.example/series".into()),
            terms,
            ends: None,
            duration_minutes: Some(60),
            remaining: None,
            maximum: Some(7),
            attendance_mode: None,
            url: Some("https://b.example/else".into()),
            name: Some("its own".into()),
            place: None,
            offer: AggregateOffer::default(),
            offers: vec![Offer { id: Some("https://s.example/a#o".into()), ..Offer::default() }],
        }
    }

    #[test]
    fn a_prepared_row_is_the_row_that_would_be_packed() {
        let hasher = ItemHasher::new([7; 16]);
        let facts = session();
        let changes = [
            Change { id: "a".into(), modified: Some(7), item: Item::Opportunity(Box::new(facts.clone())) },
            Change { id: "b".into(), modified: Some(9), item: Item::Gone },
            Change { id: "c".into(), modified: None, item: Item::Gone },
        ];
        let prepared = Preparer::new(hasher).prepare(Feed::ScheduledSessions, 3, &changes).unwrap();
        assert!(Preparer::new(hasher).prepare(Feed::SessionSeries, 3, &changes).is_none());
        assert_eq!(prepared.stamps(), Some((7, 9)));
        let ids: Vec<&str> = prepared.items().iter().map(|item| prepared.id(item)).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert!(prepared.items()[1].row.is_none());
        let item = &prepared.items()[0];
        let row = item.row.as_ref().unwrap();
        assert_eq!(prepared.link(row).map(|link| link.1), facts.parent_id.as_deref());
        assert_eq!(prepared.own(row), Own::of(&facts).as_ref());
        let texts = prepared.texts(item, row);
        assert_eq!((texts.id, texts.identifier, texts.url), (facts.id.as_deref(), Some("a"), facts.url.as_deref()));
        let keys = Keys { offers: Some(OfferListKey(5)), shape: ShapeKey(6) };
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        let seen = Seen { pair: Pair::Sessions, modified: 7, walk: 3 };
        pack(&mut whole, seen, &Numbers::of(&facts, true), (keys, &texts.shape()), &texts);
        let (front, back) = prepared.parts(row);
        parts.extend(front);
        put_keys(&mut parts, keys);
        parts.extend(back);
        assert_eq!(parts, whole);
    }

    #[test]
    fn it_is_known_what_it_was_prepared_for() {
        let (ours, other) = (ItemHasher::new([7; 16]), ItemHasher::new([8; 16]));
        let prepared = Preparer::new(ours).prepare(Feed::Slots, 3, &[]).unwrap();
        let others = [(ours, Feed::Slots, 4), (ours, Feed::ScheduledSessions, 3), (other, Feed::Slots, 3)];
        assert!(prepared.is_of(ours, Feed::Slots, 3));
        assert!(!others.into_iter().any(|(hasher, feed, walk)| prepared.is_of(hasher, feed, walk)));
    }
}
