//! A session's or slot's facts in few bytes: a state holds millions of them.
//!
//! Numbers are of variable length (seven bits a byte, lowest first), and what is absent or follows from something else is a
//! bit. The four texts that tell an item from others (RPDE id, `@id`, `identifier`, `url`) mostly differ from those of its
//! neighbours in one word: the row has this *token*, and how the texts are made of it is a [`Shape`], kept once for all
//! (`shape_book`).
//!
//! Reading fails with `None` where bytes are missing; only this program writes them.

use super::keys::{OfferListKey, ShapeKey};
use crate::domain::{AttendanceMode, DateError, EventStatus, FeedDate, Instant, Opportunity, Start};

/// The four texts of a row, in the order in which a shape has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    pub(super) item_id: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) identifier: Option<&'a str>,
    pub(super) url: Option<&'a str>,
}

/// How one of the texts is made.
#[derive(Clone, Debug, Hash, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Part {
    /// The feed does not give it.
    #[serde(rename = "absent")]
    Absent,
    /// The row has it, whole.
    #[serde(rename = "whole")]
    Whole,
    /// The token with this before and this after it.
    #[serde(rename = "around")]
    Around(String, String),
}

/// How the four texts are made of a token.
#[derive(Clone, Debug, Hash, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Shape(pub(super) [Part; 4]);

impl Shape {
    /// Whether the row has an `identifier`.
    pub(super) fn has_identifier(&self) -> bool {
        self.0[2] != Part::Absent
    }
}

const DELIMITERS: [char; 9] = ['/', ':', '#', '=', '?', '&', '|', ' ', '.'];

/// Where the last `token` begins in a text. It is short and mostly the text's end, so nothing is prepared to look for it.
fn last_place(text: &str, token: &str) -> Option<usize> {
    let (bytes, wanted) = (text.as_bytes(), token.as_bytes());
    if bytes.ends_with(wanted) {
        return Some(bytes.len() - wanted.len());
    }
    bytes.windows(wanted.len().max(1)).rposition(|window| window == wanted)
}

/// What stands before and after the `length` bytes from `at` on.
fn around(text: &str, at: usize, length: usize) -> Option<(&str, &str)> {
    Some((text.get(..at)?, text.get(at + length..)?))
}

impl<'a> Texts<'a> {
    fn all(&self) -> [Option<&'a str>; 4] {
        [Some(self.item_id), self.id, self.identifier, self.url]
    }

    /// The last word of the item's id.
    pub(super) fn token(&self) -> &'a str {
        let last = self.item_id.rsplit(DELIMITERS).next().unwrap_or_default();
        if last.is_empty() { self.item_id } else { last }
    }

    /// How each text is made, with borrowed pieces: `None` absent, `Err` whole, else what stands before and after the token.
    pub(super) fn pieces(&self) -> [Option<Result<(&'a str, &'a str), &'a str>>; 4] {
        let token = self.token();
        self.all().map(|text| {
            text.map(|text| {
                let (before, after) =
                    last_place(text, token).and_then(|at| around(text, at, token.len())).ok_or(text)?;
                let stands_alone = (before.is_empty() || before.ends_with(DELIMITERS))
                    && (after.is_empty() || after.starts_with(DELIMITERS));
                if stands_alone { Ok((before, after)) } else { Err(text) }
            })
        })
    }

    /// The shape that these pieces have.
    pub(super) fn shape(&self) -> Shape {
        Shape(self.pieces().map(|piece| match piece {
            None => Part::Absent,
            Some(Err(_)) => Part::Whole,
            Some(Ok((before, after))) => Part::Around(before.to_owned(), after.to_owned()),
        }))
    }

    /// The shape of a row that has its texts whole, for when there are shapes enough.
    pub(super) fn whole_shape(&self) -> Shape {
        Shape(self.all().map(|text| if text.is_some() { Part::Whole } else { Part::Absent }))
    }
}

/// What is packed beside the texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Numbers {
    pub(super) potentially_bookable: bool,
    pub(super) status: EventStatus,
    pub(super) start: Start,
    pub(super) ends: Option<Instant>,
    pub(super) duration_minutes: Option<i64>,
    pub(super) remaining: Option<i64>,
    pub(super) maximum: Option<i64>,
    pub(super) attendance_mode: Option<AttendanceMode>,
    pub(super) offers: Option<OfferListKey>,
    /// Whether the table `own` has a row for it.
    pub(super) own: bool,
}

impl Numbers {
    pub(super) fn of(facts: &Opportunity<'_>, offers: Option<OfferListKey>, own: bool) -> Self {
        Self {
            potentially_bookable: facts.terms.potentially_bookable,
            status: facts.terms.status,
            start: facts.terms.start,
            ends: facts.ends,
            duration_minutes: facts.duration_minutes,
            remaining: facts.remaining,
            maximum: facts.maximum,
            attendance_mode: facts.attendance_mode,
            offers,
            own,
        }
    }
}

/// Instants are counted from 2024-01-01T00:00:00Z, in steps of five minutes where that goes.
const EPOCH: i64 = 1_704_067_200;
const STEP: i64 = 300;

const HAS_OFFERS: u8 = 1;
const HAS_OWN: u8 = 2;
const BOOKABLE: u8 = 4;
/// The start has milliseconds or an offset.
const ODD_START: u8 = 8;
/// `duration_minutes` is the time from start to end.
const DURATION_FITS: u8 = 16;
const HAS_DURATION: u8 = 32;
const HAS_ENDS: u8 = 64;

fn put(out: &mut Vec<u8>, mut number: u64) {
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
fn fold(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unfold(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, fold(number));
}

fn put_option(out: &mut Vec<u8>, number: Option<i64>) {
    // 0 is absent; what would not fit then is written as two numbers.
    match number.map(fold) {
        None => put(out, 0),
        Some(u64::MAX) => out.extend([0x81, 0x80, 0x00]),
        Some(number) => put(out, number + 1),
    }
}

fn put_instant(out: &mut Vec<u8>, instant: Instant) {
    let seconds = instant.as_seconds().wrapping_sub(EPOCH);
    if seconds % STEP == 0 {
        put(out, fold(seconds / STEP) << 1);
    } else {
        put(out, 1);
        put_signed(out, seconds);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, u64::try_from(text.len()).unwrap_or(0));
    out.extend(text.as_bytes());
}

/// Packs a row.
pub(super) fn pack(numbers: &Numbers, shape: (ShapeKey, &Shape), texts: &Texts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    let start = if let Start::At(date) = numbers.start { Some(date) } else { None };
    let seconds = start.zip(numbers.ends).map(|(start, ends)| ends.seconds_since(start.instant()));
    let fits = numbers.duration_minutes.is_some() && seconds.map(|seconds| seconds / 60) == numbers.duration_minutes;
    let odd = start.is_some_and(|start| start.millis() != 0 || start.offset_seconds() != 0);
    let flags = [
        (numbers.offers.is_some(), HAS_OFFERS),
        (numbers.own, HAS_OWN),
        (numbers.potentially_bookable, BOOKABLE),
        (odd, ODD_START),
        (fits, DURATION_FITS),
        (numbers.duration_minutes.is_some() && !fits, HAS_DURATION),
        (numbers.ends.is_some(), HAS_ENDS),
    ];
    out.push(flags.iter().filter(|flag| flag.0).map(|flag| flag.1).sum());
    out.push(
        start_number(numbers.start) | status_number(numbers.status) << 2 | mode_number(numbers.attendance_mode) << 4,
    );
    if let Some(offers) = numbers.offers {
        put_signed(&mut out, offers.0);
    }
    put(&mut out, shape.0.0.cast_unsigned());
    put_text(&mut out, texts.token());
    for (part, text) in shape.1.0.iter().zip(texts.all()) {
        if *part == Part::Whole {
            put_text(&mut out, text.unwrap_or_default());
        }
    }
    if let Some(start) = start {
        put_instant(&mut out, start.instant());
        if odd {
            put(&mut out, u64::from(start.millis()));
            put_signed(&mut out, i64::from(start.offset_seconds()));
        }
    }
    match (numbers.ends, seconds) {
        (Some(_), Some(seconds)) if seconds % STEP == 0 => put(&mut out, fold(seconds / STEP) << 1),
        (Some(ends), _) => {
            put(&mut out, 1);
            put_signed(&mut out, ends.as_seconds());
        }
        (None, _) => {}
    }
    if numbers.duration_minutes.is_some() && !fits {
        put_signed(&mut out, numbers.duration_minutes.unwrap_or_default());
    }
    put_option(&mut out, numbers.remaining);
    put_option(&mut out, numbers.maximum);
    out
}

const fn start_number(start: Start) -> u8 {
    match start {
        Start::Missing => 0,
        Start::Bad(DateError::Unreadable) => 1,
        Start::Bad(DateError::WithoutOffset) => 2,
        Start::At(_) => 3,
    }
}

const fn status_number(status: EventStatus) -> u8 {
    match status {
        EventStatus::Scheduled => 0,
        EventStatus::Cancelled => 1,
        EventStatus::Postponed => 2,
    }
}

const fn mode_number(mode: Option<AttendanceMode>) -> u8 {
    match mode {
        None => 0,
        Some(AttendanceMode::Offline) => 1,
        Some(AttendanceMode::Online) => 2,
        Some(AttendanceMode::Mixed) => 3,
    }
}

/// A packed row, read as far as its texts' pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    flags: u8,
    kinds: u8,
    pub(super) offers: Option<OfferListKey>,
    pub(super) shape: ShapeKey,
    token: &'a str,
    rest: &'a [u8],
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
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

fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    take(bytes).map(unfold)
}

#[expect(clippy::option_option, reason = "that bytes are missing is something else than that a number is absent")]
fn take_option(bytes: &mut &[u8]) -> Option<Option<i64>> {
    if let Some(rest) = bytes.strip_prefix(&[0x81, 0x80, 0x00]) {
        *bytes = rest;
        return Some(Some(unfold(u64::MAX)));
    }
    let number = take(bytes)?;
    Some(number.checked_sub(1).map(unfold))
}

fn take_instant(bytes: &mut &[u8]) -> Option<Instant> {
    let number = take(bytes)?;
    let seconds = if number == 1 { take_signed(bytes)? } else { unfold(number >> 1).wrapping_mul(STEP) };
    Some(Instant::from_seconds(seconds.wrapping_add(EPOCH)))
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

impl<'a> Packed<'a> {
    /// Reads the beginning of a row.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&[flags, kinds], mut rest) = bytes.split_first_chunk::<2>()?;
        let offers = if flags & HAS_OFFERS == 0 { None } else { Some(OfferListKey(take_signed(&mut rest)?)) };
        let shape = ShapeKey(take(&mut rest)?.cast_signed());
        Some(Self { flags, kinds, offers, shape, token: take_text(&mut rest)?, rest })
    }

    /// Whether the table `own` has a row for it.
    pub(super) fn own(&self) -> bool {
        self.flags & HAS_OWN != 0
    }

    /// The texts, whole: RPDE id, `@id`, `identifier`, `url`.
    pub(super) fn texts(&self, shape: &Shape) -> Option<[Option<String>; 4]> {
        let mut rest = self.rest;
        let mut texts = [const { None }; 4];
        for (text, part) in texts.iter_mut().zip(&shape.0) {
            *text = match part {
                Part::Absent => None,
                Part::Whole => Some(take_text(&mut rest)?.to_owned()),
                Part::Around(before, after) => Some([before, self.token, after].concat()),
            };
        }
        Some(texts)
    }

    /// The RPDE id, put into `text`.
    pub(super) fn item_id(&self, shape: &Shape, text: &mut String) -> Option<()> {
        text.clear();
        match shape.0.first()? {
            Part::Absent => {}
            Part::Whole => text.push_str(take_text(&mut { self.rest })?),
            Part::Around(before, after) => {
                for piece in [before, self.token, after] {
                    text.push_str(piece);
                }
            }
        }
        Some(())
    }

    /// What is packed beside the texts.
    pub(super) fn numbers(&self, shape: &Shape) -> Option<Numbers> {
        let mut rest = self.rest;
        for _ in shape.0.iter().filter(|part| **part == Part::Whole) {
            take_text(&mut rest)?;
        }
        let has = |flag| self.flags & flag != 0;
        let start = match self.kinds & 3 {
            3 => {
                let instant = take_instant(&mut rest)?;
                let odd = if has(ODD_START) { (take(&mut rest)?, take_signed(&mut rest)?) } else { (0, 0) };
                Start::At(FeedDate::from_parts(instant, u16::try_from(odd.0).ok()?, i32::try_from(odd.1).ok()?))
            }
            2 => Start::Bad(DateError::WithoutOffset),
            1 => Start::Bad(DateError::Unreadable),
            _ => Start::Missing,
        };
        let begins = if let Start::At(date) = start { Some(date.instant()) } else { None };
        let ends = match (has(HAS_ENDS), begins) {
            (false, _) => None,
            (true, begins) => Some(match take(&mut rest)? {
                1 => Instant::from_seconds(take_signed(&mut rest)?),
                steps => begins?.plus_seconds(unfold(steps >> 1).wrapping_mul(STEP)),
            }),
        };
        let duration_minutes = match (has(DURATION_FITS), has(HAS_DURATION)) {
            (true, _) => Some(ends?.seconds_since(begins?) / 60),
            (false, true) => Some(take_signed(&mut rest)?),
            (false, false) => None,
        };
        Some(Numbers {
            potentially_bookable: has(BOOKABLE),
            status: [EventStatus::Scheduled, EventStatus::Cancelled, EventStatus::Postponed]
                .get(usize::from(self.kinds >> 2 & 3))
                .copied()?,
            start,
            ends,
            duration_minutes,
            remaining: take_option(&mut rest)?,
            maximum: take_option(&mut rest)?,
            attendance_mode: match self.kinds >> 4 & 3 {
                1 => Some(AttendanceMode::Offline),
                2 => Some(AttendanceMode::Online),
                3 => Some(AttendanceMode::Mixed),
                _ => None,
            },
            offers: self.offers,
            own: self.own(),
        })
    }
}

#[cfg(test)]
mod tests;
