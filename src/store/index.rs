//! Finding items again by their RPDE id, in memory: a compact table from a keyed hash to the row's key, and what is left
//! of deleted items. Both are made anew from the state at every start.

use std::hash::Hasher;

use hashbrown::HashTable;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::keys::OpportunityKey;
use super::packed::bytes::take_bytes;
use crate::domain::{Feed, Pair};

/// The hash of a feed's item id: 128 bits, keyed by the state's own random key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ItemHash(u128);

impl ItemHash {
    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half by itself")]
    pub(super) fn halves(self) -> [u64; 2] {
        [(self.0 >> 64) as u64, self.0 as u64]
    }

    /// The part that the table here goes by.
    #[expect(clippy::cast_possible_truncation, reason = "the lowest quarter is what is wanted")]
    fn fingerprint(self) -> u32 {
        self.0 as u32
    }
}

/// Makes hashes of item ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ItemHasher([u8; 16]);

impl ItemHasher {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    pub(super) fn hash(&self, feed: Feed, item_id: &str) -> ItemHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_i64(feed.number());
        hasher.write(item_id.as_bytes());
        ItemHash(hasher.finish128().as_u128())
    }

    /// The hash of an `@id` that a pair's items link by.
    pub(super) fn hash_link(&self, pair: Pair, id: &str) -> ItemHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_i64(-1 - pair.number());
        hasher.write(id.as_bytes());
        ItemHash(hasher.finish128().as_u128())
    }

    /// The hash of values that are no item's id.
    pub(super) fn hash_values(&self, values: &Gathered) -> ItemHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_i64(0);
        hasher.write(&values.0);
        ItemHash(hasher.finish128().as_u128())
    }
}

/// The bytes of small values, to be compared or hashed in one go. Other values have other bytes, as long as they come in the same order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered(Vec<u8>);

impl Gathered {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        self.0.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.0.extend_from_slice(text);
    }

    /// A byte with what may be absent.
    pub(super) fn record(&mut self, byte: u8, texts: [Option<&[u8]>; 3], numbers: [Option<u64>; 3]) {
        let bit = |at: usize, given: bool| u8::from(given) << at;
        let [first, second, third] = texts;
        let given = bit(0, first.is_some()) | bit(1, second.is_some()) | bit(2, third.is_some());
        let [a, b, c] = numbers;
        let given = given | bit(3, a.is_some()) | bit(4, b.is_some()) | bit(5, c.is_some());
        self.0.extend_from_slice(&[byte, given]);
        for number in numbers.into_iter().flatten() {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
        for text in texts.into_iter().flatten() {
            self.text(text);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A byte with what may be absent: what [`Gathered::record`] wrote.
pub(super) type Record<'a> = (u8, [Option<&'a str>; 3], [Option<u64>; 3]);

/// Takes the record with which these bytes begin; `None` where they do not.
pub(super) fn take_record<'a>(bytes: &mut &'a [u8]) -> Option<Record<'a>> {
    let [byte, given] = *take_bytes(bytes)?;
    let is_given = |at: usize| given & 1 << at != 0;
    let (mut texts, mut numbers) = ([None; 3], [None; 3]);
    for (_, slot) in numbers.iter_mut().enumerate().filter(|(at, _)| is_given(3 + at)) {
        *slot = Some(u64::from_le_bytes(*take_bytes(bytes)?));
    }
    for (_, slot) in texts.iter_mut().enumerate().filter(|(at, _)| is_given(*at)) {
        *slot = Some(std::str::from_utf8(take_text(bytes)?).ok()?);
    }
    Some((byte, texts, numbers))
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(*take_bytes(bytes)?);
    let (text, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(text)
}

/// From an item's hash to the rows that may be its own; the caller compares the row's id. Eight bytes an entry, so that ten
/// million items are found again within 150 MB; one lookup in some hundreds then meets a stranger first.
#[derive(Debug, Default)]
pub(super) struct ItemIndex(HashTable<(u32, u32)>);

/// Spreads a fingerprint over the 64 bits that the table looks at.
fn spread(fingerprint: u32) -> u64 {
    u64::from(fingerprint).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A row's key as it is kept here. Keys count from 1 and no state has four billion rows; should one, the last number stands
/// for all beyond, and its row is never the right one.
fn short(key: OpportunityKey) -> u32 {
    u32::try_from(key.0).unwrap_or(u32::MAX)
}

impl ItemIndex {
    pub(super) fn reserve(&mut self, rows: usize) {
        self.0.reserve(rows, |entry| spread(entry.0));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn candidates(&self, hash: ItemHash) -> impl Iterator<Item = OpportunityKey> + '_ {
        let fingerprint = hash.fingerprint();
        let found = self.0.iter_hash(spread(fingerprint)).filter(move |entry| entry.0 == fingerprint);
        found.map(|entry| OpportunityKey(i64::from(entry.1)))
    }

    pub(super) fn insert(&mut self, hash: ItemHash, key: OpportunityKey) {
        let fingerprint = hash.fingerprint();
        self.0.insert_unique(spread(fingerprint), (fingerprint, short(key)), |entry| spread(entry.0));
    }

    pub(super) fn remove(&mut self, hash: ItemHash, key: OpportunityKey) {
        let wanted = (hash.fingerprint(), short(key));
        if let Ok(entry) = self.0.find_entry(spread(wanted.0), |entry| *entry == wanted) {
            entry.remove();
        }
    }
}

/// What is known of an item that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tombstone {
    pub(super) modified: i64,
    pub(super) walk: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colliding_rows_are_all_candidates_and_removed_by_key() {
        let hasher = ItemHasher::new([7; 16]);
        let hash = hasher.hash(Feed::ScheduledSessions, "a");
        assert_ne!(hash, hasher.hash(Feed::SessionSeries, "a"), "the same id in another feed is another item");
        let mut index = ItemIndex::default();
        index.insert(hash, OpportunityKey(1));
        index.insert(hash, OpportunityKey(2));
        index.remove(hash, OpportunityKey(1));
        assert_eq!(index.candidates(hash).collect::<Vec<_>>(), [OpportunityKey(2)]);
        assert_eq!(ItemHash::from_bytes(hash.bytes()), hash);
    }
}
