//! What a packed row begins with: whose it is, how it was last read, and by what it is found.

use super::HAS_OFFERS;
use super::bytes::{put, put_signed, take, take_bytes, take_signed, take_text};
use super::token::Token;
use crate::domain::Pair;
use crate::store::keys::{OfferListKey, ShapeKey};

/// Which feed's item a row is, and how it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Seen {
    pub(in crate::store) pair: Pair,
    /// The RPDE `modified`.
    pub(in crate::store) modified: i64,
    pub(in crate::store) walk: i64,
}

/// Under which numbers the state keeps what a row does not have itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Keys {
    pub(in crate::store) offers: Option<OfferListKey>,
    pub(in crate::store) shape: ShapeKey,
}

/// `modified` is not one of [`SHORT_MODIFIED`].
const LONG_MODIFIED: u8 = 128;
/// In the second byte: the row is a slot's.
const SLOT: u8 = 64;
/// In the second byte: the walk is not the first.
const LATER_WALK: u8 = 128;

/// Where `modified` is milliseconds since 1970, from September 2020 on for 34 years, it takes [`MODIFIED_BYTES`].
const SHORT_MODIFIED: std::ops::Range<i64> = MODIFIED_EPOCH..MODIFIED_EPOCH + (1 << (8 * MODIFIED_BYTES));
const MODIFIED_EPOCH: i64 = 1_600_000_000_000;
const MODIFIED_BYTES: usize = 5;

/// What a row begins with.
pub(super) struct Head<'a> {
    pub(super) flags: u8,
    pub(super) kinds: u8,
    pub(super) seen: Seen,
    pub(super) keys: Keys,
    pub(super) token: Token<'a>,
}

/// What comes before the keys.
pub(super) fn put_seen(out: &mut Vec<u8>, flags: u8, kinds: u8, Seen { pair, modified, walk }: Seen) {
    let short = SHORT_MODIFIED.contains(&modified);
    out.push(flags | if short { 0 } else { LONG_MODIFIED });
    out.push(kinds | if pair == Pair::Slots { SLOT } else { 0 } | if walk == 1 { 0 } else { LATER_WALK });
    if walk != 1 {
        put_signed(out, walk);
    }
    if short {
        out.extend((modified - MODIFIED_EPOCH).to_le_bytes().iter().take(MODIFIED_BYTES));
    } else {
        put_signed(out, modified);
    }
}

/// The keys; the token comes after them.
pub(in crate::store) fn put_keys(out: &mut Vec<u8>, Keys { offers, shape }: Keys) {
    if let Some(offers) = offers {
        put(out, offers.0.cast_unsigned());
    }
    put(out, shape.0.cast_unsigned());
}

impl<'a> Head<'a> {
    fn put(&self, out: &mut Vec<u8>) {
        put_seen(out, self.flags, self.kinds, self.seen);
        put_keys(out, self.keys);
        self.token.put(out);
    }

    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let &[flags, kinds] = take_bytes(bytes)?;
        let walk = if kinds & LATER_WALK == 0 { 1 } else { take_signed(bytes)? };
        let modified = if flags & LONG_MODIFIED == 0 {
            let mut all = [0; 8];
            let short: &[u8; MODIFIED_BYTES] = take_bytes(bytes)?;
            for (byte, given) in all.iter_mut().zip(short) {
                *byte = *given;
            }
            i64::from_le_bytes(all) + MODIFIED_EPOCH
        } else {
            take_signed(bytes)?
        };
        let offers = if flags & HAS_OFFERS == 0 { None } else { Some(OfferListKey(take(bytes)?.cast_signed())) };
        let shape = ShapeKey(take(bytes)?.cast_signed());
        let seen = Seen { pair: pair_of(kinds), modified, walk };
        Some(Self { flags, kinds, seen, keys: Keys { offers, shape }, token: Token::take(bytes)? })
    }
}

pub(super) fn pair_of(kinds: u8) -> Pair {
    if kinds & SLOT == 0 { Pair::Sessions } else { Pair::Slots }
}

/// A row as the state's version 3 had it, packed as it now is.
pub(in crate::store) fn repack(old: &[u8], seen: Seen) -> Option<Vec<u8>> {
    let mut rest = old;
    let &[flags, kinds] = take_bytes(&mut rest)?;
    let offers = if flags & HAS_OFFERS == 0 { None } else { Some(OfferListKey(take_signed(&mut rest)?)) };
    let shape = ShapeKey(take(&mut rest)?.cast_signed());
    let token = Token::of(take_text(&mut rest)?);
    let mut out = Vec::with_capacity(old.len() + 8);
    Head { flags, kinds, seen, keys: Keys { offers, shape }, token }.put(&mut out);
    out.extend(rest);
    Some(out)
}
