//! Numbers, instants and texts as bytes of a packed row. A number has seven bits a byte, the lowest first.

use crate::domain::Instant;

/// Instants are counted from 2024-01-01T00:00:00Z, in steps of five minutes where that goes.
const EPOCH: i64 = 1_704_067_200;
pub(super) const STEP: i64 = 300;

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low(number) | 0x80);
        number >>= 7;
    }
    out.push(low(number));
}

/// The lowest seven bits.
fn low(number: u64) -> u8 {
    u8::try_from(number & 0x7F).unwrap_or(0)
}

/// Small numbers of either sign as small ones without.
pub(super) fn fold(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

pub(super) fn unfold(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

pub(in crate::store) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, fold(number));
}

pub(in crate::store) fn put_option(out: &mut Vec<u8>, number: Option<i64>) {
    // 0 is absent; what would not fit then is written as two numbers.
    match number.map(fold) {
        None => put(out, 0),
        Some(u64::MAX) => out.extend([0x81, 0x80, 0x00]),
        Some(number) => put(out, number + 1),
    }
}

pub(super) fn put_instant(out: &mut Vec<u8>, instant: Instant) {
    let seconds = instant.as_seconds().wrapping_sub(EPOCH);
    if seconds % STEP == 0 {
        put(out, fold(seconds / STEP) << 1);
    } else {
        put(out, 1);
        put_signed(out, seconds);
    }
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_slice(out, text.as_bytes());
}

pub(in crate::store) fn put_slice(out: &mut Vec<u8>, slice: &[u8]) {
    put(out, u64::try_from(slice.len()).unwrap_or(0));
    out.extend_from_slice(slice);
}

pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0_u32);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift < 64 {
            number |= u64::from(byte & 0x7F) << shift;
        }
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

pub(in crate::store) fn take_bytes<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

pub(in crate::store) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    take(bytes).map(unfold)
}

#[expect(clippy::option_option, reason = "that bytes are missing is something else than that a number is absent")]
pub(in crate::store) fn take_option(bytes: &mut &[u8]) -> Option<Option<i64>> {
    if let Some(rest) = bytes.strip_prefix(&[0x81, 0x80, 0x00]) {
        *bytes = rest;
        return Some(Some(unfold(u64::MAX)));
    }
    let number = take(bytes)?;
    Some(number.checked_sub(1).map(unfold))
}

pub(super) fn take_instant(bytes: &mut &[u8]) -> Option<Instant> {
    let number = take(bytes)?;
    let seconds = if number == 1 { take_signed(bytes)? } else { unfold(number >> 1).wrapping_mul(STEP) };
    Some(Instant::from_seconds(seconds.wrapping_add(EPOCH)))
}

pub(super) fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_slice(bytes)?).ok()
}

pub(in crate::store) fn take_slice<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (slice, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(slice)
}
