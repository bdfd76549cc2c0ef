//! A session's or slot's facts in few bytes: a state holds millions of them.
//!
//! Numbers are of variable length (seven bits a byte, lowest first), and what is absent or follows from something else is a
//! bit. The four texts that tell an item from others (RPDE id, `@id`, `identifier`, `url`) mostly differ from those of its
//! neighbours in one word: the row has this *token* (a number where it is digits), and how the texts are made of it is a
//! [`Shape`], kept once for all (`shape_book`).
//!
//! Reading fails with `None` where bytes are missing; only this program writes them.

pub(super) mod bytes;
mod head;
mod token;

use bytes::{
    STEP, fold, put, put_instant, put_option, put_signed, put_text, take, take_instant, take_option, take_signed,
    take_text, unfold,
};
use head::{Head, pair_of, put_seen};
pub(super) use head::{Keys, Seen, put_keys, repack};
use token::Token;

use crate::domain::{AttendanceMode, DateError, EventStatus, FeedDate, Instant, Opportunity, Pair, Start};

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

/// A part as it stands in a text: `None` absent, `Err` whole, else what stands before and after the token.
pub(super) type Piece<'a> = Option<Result<(&'a str, &'a str), &'a str>>;

/// How the four texts are made of a token.
#[derive(Clone, Debug, Hash, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Shape(pub(super) [Part; 4]);

impl Shape {
    /// Whether the row has an `identifier`.
    pub(super) fn has_identifier(&self) -> bool {
        self.0[2] != Part::Absent
    }

    /// What stands before and after the `identifier` in `@id` and in `url`; nothing for one that is not made so, and for none where the
    /// `identifier` is not the token.
    pub(super) fn around_identifier(&self) -> [Option<(&str, &str)>; 2] {
        let [_, id, identifier, url] = &self.0;
        let is_token = matches!(identifier, Part::Around(before, after) if before.is_empty() && after.is_empty());
        [id, url].map(|part| match part {
            Part::Around(before, after) if is_token => Some((before.as_str(), after.as_str())),
            _ => None,
        })
    }
}

/// What words of a text are told apart by.
const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'/' | b':' | b'#' | b'=' | b'?' | b'&' | b'|' | b' ' | b'.')
}

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
        let delimiter = self.item_id.bytes().rposition(is_delimiter);
        let last = self.item_id.get(delimiter.map_or(0, |at| at + 1)..).unwrap_or_default();
        if last.is_empty() { self.item_id } else { last }
    }

    /// How each text is made.
    pub(super) fn pieces(&self) -> [Piece<'a>; 4] {
        let token = self.token();
        self.all().map(|text| {
            text.map(|text| {
                let (before, after) =
                    last_place(text, token).and_then(|at| around(text, at, token.len())).ok_or(text)?;
                let stands_alone = before.bytes().next_back().is_none_or(is_delimiter)
                    && after.bytes().next().is_none_or(is_delimiter);
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
    /// Whether the table `own` has a row for it.
    pub(super) own: bool,
}

impl Numbers {
    /// When it starts, where that is known.
    fn begins(&self) -> Option<FeedDate> {
        if let Start::At(date) = self.start { Some(date) } else { None }
    }

    /// A start with milliseconds or an offset.
    fn odd_start(&self) -> Option<FeedDate> {
        self.begins().filter(|start| start.millis() != 0 || start.offset_seconds() != 0)
    }

    /// From start to end.
    fn seconds(&self) -> Option<i64> {
        self.begins().zip(self.ends).map(|(start, ends)| ends.seconds_since(start.instant()))
    }

    /// Whether `duration_minutes` is the time from start to end.
    fn duration_fits(&self) -> bool {
        self.duration_minutes.is_some() && self.seconds().map(|seconds| seconds / 60) == self.duration_minutes
    }

    pub(super) fn of(facts: &Opportunity<'_>, own: bool) -> Self {
        Self {
            potentially_bookable: facts.terms.potentially_bookable,
            status: facts.terms.status,
            start: facts.terms.start,
            ends: facts.ends,
            duration_minutes: facts.duration_minutes,
            remaining: facts.remaining,
            maximum: facts.maximum,
            attendance_mode: facts.attendance_mode,
            own,
        }
    }
}

const HAS_OFFERS: u8 = 1;
const HAS_OWN: u8 = 2;
const BOOKABLE: u8 = 4;
/// The start has milliseconds or an offset.
const ODD_START: u8 = 8;
/// `duration_minutes` is the time from start to end.
const DURATION_FITS: u8 = 16;
const HAS_DURATION: u8 = 32;
const HAS_ENDS: u8 = 64;
/// Packs a row, after what is in `out`.
pub(super) fn pack(out: &mut Vec<u8>, seen: Seen, numbers: &Numbers, (keys, shape): (Keys, &Shape), texts: &Texts<'_>) {
    pack_front(out, seen, numbers, keys.offers.is_some());
    put_keys(out, keys);
    let given = shape.0.iter().zip(texts.all());
    let whole = given.filter(|(part, _)| **part == Part::Whole).map(|(_, text)| text.unwrap_or_default());
    pack_back(out, numbers, texts.token(), whole);
}

/// Packs what comes before a row's keys.
pub(super) fn pack_front(out: &mut Vec<u8>, seen: Seen, numbers: &Numbers, has_offers: bool) {
    let flags = [
        (has_offers, HAS_OFFERS),
        (numbers.own, HAS_OWN),
        (numbers.potentially_bookable, BOOKABLE),
        (numbers.odd_start().is_some(), ODD_START),
        (numbers.duration_fits(), DURATION_FITS),
        (numbers.duration_minutes.is_some() && !numbers.duration_fits(), HAS_DURATION),
        (numbers.ends.is_some(), HAS_ENDS),
    ];
    let flags = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).sum();
    let kinds =
        start_number(numbers.start) | status_number(numbers.status) << 2 | mode_number(numbers.attendance_mode) << 4;
    put_seen(out, flags, kinds, seen);
}

/// Packs what comes after a row's keys: its token, the texts that it has whole, and its numbers.
pub(super) fn pack_back<'a>(
    out: &mut Vec<u8>,
    numbers: &Numbers,
    token: &str,
    whole: impl IntoIterator<Item = &'a str>,
) {
    Token::of(token).put(out);
    whole.into_iter().for_each(|text| put_text(out, text));
    if let Some(start) = numbers.begins() {
        put_instant(out, start.instant());
    }
    if let Some(start) = numbers.odd_start() {
        put(out, u64::from(start.millis()));
        put_signed(out, i64::from(start.offset_seconds()));
    }
    match (numbers.ends, numbers.seconds()) {
        (Some(_), Some(seconds)) if seconds % STEP == 0 => put(out, fold(seconds / STEP) << 1),
        (Some(ends), _) => {
            put(out, 1);
            put_signed(out, ends.as_seconds());
        }
        (None, _) => {}
    }
    if let Some(minutes) = numbers.duration_minutes.filter(|_| !numbers.duration_fits()) {
        put_signed(out, minutes);
    }
    put_option(out, numbers.remaining);
    put_option(out, numbers.maximum);
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

/// Most tokens are not longer.
const TOKEN_BYTES: usize = 36;

/// A packed row, read as far as its texts' pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    flags: u8,
    kinds: u8,
    pub(super) seen: Seen,
    pub(super) keys: Keys,
    token: Token<'a>,
    rest: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Reads the beginning of a row.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let Head { flags, kinds, seen, keys, token } = Head::take(&mut rest)?;
        Some(Self { flags, kinds, seen, keys, token, rest })
    }

    /// Which feed's item a row is, without reading more of it.
    pub(super) fn pair(bytes: &[u8]) -> Option<Pair> {
        bytes.get(1).map(|kinds| pair_of(*kinds))
    }

    /// Whether the table `own` has a row for a row, without reading more of it.
    pub(super) fn has_own(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|flags| flags & HAS_OWN != 0)
    }

    /// Whether the table `own` has a row for it.
    pub(super) fn own(&self) -> bool {
        self.flags & HAS_OWN != 0
    }

    /// The texts, whole: RPDE id, `@id`, `identifier`, `url`.
    pub(super) fn texts(&self, shape: &Shape) -> Option<[Option<String>; 4]> {
        self.texts_wanted(shape, [true; 4])
    }

    /// Those of the four texts that are wanted.
    pub(super) fn texts_wanted(&self, shape: &Shape, wanted: [bool; 4]) -> Option<[Option<String>; 4]> {
        let mut rest = self.rest;
        let mut texts = [const { None }; 4];
        for ((text, part), wanted) in texts.iter_mut().zip(&shape.0).zip(wanted) {
            *text = match part {
                Part::Absent => None,
                Part::Whole => Some(take_text(&mut rest)?).filter(|_| wanted).map(str::to_owned),
                Part::Around(before, after) => wanted.then(|| {
                    let mut text = String::with_capacity(before.len() + TOKEN_BYTES + after.len());
                    self.around(before, after, &mut text);
                    text
                }),
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
            Part::Around(before, after) => self.around(before, after, text),
        }
        Some(())
    }

    fn around(&self, before: &str, after: &str, text: &mut String) {
        text.push_str(before);
        self.token.push_to(text);
        text.push_str(after);
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
            own: self.own(),
        })
    }
}

#[cfg(test)]
mod tests;
