//! A quick reader of JSON text, for pages as nearly all publishers send them.
//!
//! It finds its way through the text and reads what is plain by itself: texts without escapes, whole numbers of up to 18 digits, the
//! members of the objects that we know. The rest (escapes, other numbers, objects that come rarely) it gives to `serde_json` piece by
//! piece. So what it reads, `serde_json` reads to the same values; and where it is [`Broken`], for whatever reason, the page is read
//! again by `serde_json`, whose word counts. Nothing is copied that can be borrowed.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use wide::u8x16;

/// What is nested deeper is left to `serde_json`, which has a limit too.
const DEPTH_MAX: u8 = 100;
/// Whole numbers of so many digits fit into 64 bits, whatever the digits.
const DIGITS_MAX: usize = 18;
/// The powers of ten by which a decimal number is divided. With as many digits in all, both are exact in 64 bits of floating point, so the
/// quotient is rounded once: it is the nearest there is, as `serde_json` has it.
const POWERS_OF_TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The text is not JSON, or not what this reader takes.
#[derive(Debug)]
pub(super) struct Broken;

/// What reading gives.
pub(super) type Read<T> = Result<T, Broken>;

/// An object that is read member by member.
pub(super) trait Object<'a>: Default {
    /// Reads it where it is to be, which holds the default; the next thing is `{`.
    fn read_into(&mut self, reader: &mut Reader<'a>) -> Read<()>;

    /// Reads it, the next thing being `{`.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Read<Self> {
        let mut object = Self::default();
        object.read_into(reader).map(|()| object)
    }
}

/// A member of an [`Object`].
pub(super) trait Member<'a> {
    /// Reads its value where it is to be, which holds the default.
    fn fill(&mut self, reader: &mut Reader<'a>) -> Read<()>;
}

/// A value as it is written; nothing where it is not given.
#[derive(Debug, Default)]
pub(super) struct Raw<'a>(pub(super) Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw.get())))
    }
}

impl<'de: 'a, 'a> Member<'de> for Raw<'a> {
    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        self.0 = Some(reader.raw()?);
        Ok(())
    }
}

/// Which members of an object have come: one that comes twice is an error, as it is for serde.
#[derive(Debug, Default)]
pub(super) struct Seen(u32);

impl Seen {
    /// Notes the member of this number.
    pub(super) fn add(&mut self, number: u32) -> Read<()> {
        let bit = 1_u32.checked_shl(number).ok_or(Broken)?;
        if self.0 & bit != 0 {
            return Err(Broken);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// Defines a struct whose fields are the members of a JSON object, for serde and for the quick reader alike. A member that is not given
/// has its default; others are passed over.
macro_rules! object {
    ($(#[$meta:meta])* $vis:vis struct $name:ident<'a> { $($member:literal => $field_vis:vis $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Default, serde::Deserialize)]
        #[serde(bound(deserialize = "'de: 'a"))]
        $vis struct $name<'a> {
            $(#[serde(default, rename = $member)] $field_vis $field: $type,)*
        }
        $crate::rpde::json::object!(@read ['de: 'a, 'a] [<'a>] $name { $($member => $field,)* });
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($member:literal => $field_vis:vis $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Default, serde::Deserialize)]
        $vis struct $name {
            $(#[serde(default, rename = $member)] $field_vis $field: $type,)*
        }
        $crate::rpde::json::object!(@read ['de] [] $name { $($member => $field,)* });
    };
    (@read [$($lives:tt)*] [$($life:tt)*] $name:ident { $($member:literal => $field:ident,)* }) => {
        impl<$($lives)*> $crate::rpde::json::Object<'de> for $name $($life)* {
            fn read_into(&mut self, reader: &mut $crate::rpde::json::Reader<'de>) -> $crate::rpde::json::Read<()> {
                #[expect(non_camel_case_types, reason = "they number the fields")]
                enum Field { $($field),* }
                let mut seen = $crate::rpde::json::Seen::default();
                reader.members(|reader, name| match name {
                    $($member => {
                        seen.add(Field::$field as u32)?;
                        $crate::rpde::json::Member::fill(&mut self.$field, reader)
                    })*
                    _ => reader.skip(),
                })
            }
        }
    };
}
pub(super) use object;

/// A value that is neither object nor list.
pub(super) enum Plain<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
    Decimal(f64),
    Flag(bool),
    Null,
    /// A number as it is written, which `serde_json` must read.
    OtherNumber(&'a str),
}

/// A text of JSON, and how far it is read.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many more levels may be opened.
    depth: u8,
}

/// A text: as it is, or with escapes and its quotes.
enum Quoted<'a> {
    Plain(&'a str),
    Escaped(&'a str),
}

/// Where the next quote, backslash or control character is, from here on; at the end there is none.
#[inline]
fn end_of_plain(bytes: &[u8], from: usize) -> usize {
    let [quote, backslash, control] = [b'"', b'\\', 0x1F].map(u8x16::splat);
    let mut at = from;
    while let Some(sixteen) = bytes.get(at..at + 16).and_then(<[u8]>::first_chunk::<16>) {
        let sixteen = u8x16::new(*sixteen);
        let special = sixteen.simd_eq(quote) | sixteen.simd_eq(backslash) | sixteen.min(control).simd_eq(sixteen);
        let special = special.to_bitmask();
        if special != 0 {
            return at + special.trailing_zeros() as usize;
        }
        at += 16;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)).unwrap_or(rest.len())
}

impl<'a> Reader<'a> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: DEPTH_MAX }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not a blank. It is not taken.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Takes this byte if it is the next.
    #[inline]
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    #[inline]
    fn must_take(&mut self, byte: u8) -> Read<()> {
        if self.takes(byte) { Ok(()) } else { Err(Broken) }
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(&mut self) -> Read<()> {
        if self.peek().is_none() { Ok(()) } else { Err(Broken) }
    }

    fn since(&self, begin: usize) -> Read<&'a str> {
        self.text.get(begin..self.at).ok_or(Broken)
    }

    /// A text, the next thing being its quote.
    #[inline]
    fn quoted(&mut self) -> Read<Quoted<'a>> {
        let begin = self.at + 1;
        let end = end_of_plain(self.text.as_bytes(), begin);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return self.text.get(begin..end).map(Quoted::Plain).ok_or(Broken);
        }
        self.escaped(end)
    }

    /// A text, its first escape being at `end`.
    fn escaped(&mut self, end: usize) -> Read<Quoted<'a>> {
        let (begin, mut end) = (self.at, end);
        loop {
            match self.text.as_bytes().get(end) {
                Some(b'"') => break,
                Some(b'\\') => end = end_of_plain(self.text.as_bytes(), end + 2),
                _ => return Err(Broken),
            }
        }
        self.at = end + 1;
        self.since(begin).map(Quoted::Escaped)
    }

    /// A number, the next thing being its first byte.
    #[inline]
    fn number(&mut self) -> Read<Plain<'a>> {
        let begin = self.at;
        let (whole, digits) = self.digits(0);
        let is_whole =
            (1..=DIGITS_MAX).contains(&digits) && (digits == 1 || self.text.as_bytes().get(begin) != Some(&b'0'));
        if is_whole && !self.is_within_number() {
            return Ok(Plain::Whole(whole));
        }
        if is_whole && self.byte() == Some(b'.') {
            self.at += 1;
            let (all, decimals) = self.digits(whole);
            let power = POWERS_OF_TEN.get(decimals).filter(|_| decimals > 0 && digits + decimals < POWERS_OF_TEN.len());
            if let Some(power) = power.filter(|_| !self.is_within_number()) {
                #[expect(clippy::cast_precision_loss, reason = "fifteen digits are less than 2^53")]
                return Ok(Plain::Decimal(all as f64 / power));
            }
        }
        while self.is_within_number() {
            self.at += 1;
        }
        self.since(begin).map(Plain::OtherNumber)
    }

    /// Takes digits; the number that they go on to, which is nothing worth where they are too many, and how many they are.
    #[inline]
    fn digits(&mut self, before: u64) -> (u64, usize) {
        let (begin, mut number) = (self.at, before);
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        (number, self.at - begin)
    }

    /// Whether the next byte is one that a number is made of.
    #[inline]
    fn is_within_number(&self) -> bool {
        matches!(self.byte(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
    }

    fn word(&mut self, word: &str) -> Read<()> {
        let rest = self.text.as_bytes().get(self.at..).ok_or(Broken)?;
        self.at += word.len();
        if rest.starts_with(word.as_bytes()) { Ok(()) } else { Err(Broken) }
    }

    /// A value, if it is neither object nor list: these are not taken.
    #[inline]
    pub(super) fn plain(&mut self) -> Read<Option<Plain<'a>>> {
        let value = match self.peek() {
            Some(b'"') => match self.quoted()? {
                Quoted::Plain(text) => Plain::Text(Cow::Borrowed(text)),
                Quoted::Escaped(text) => Plain::Text(Cow::Owned(by_serde(text)?)),
            },
            Some(b't') => self.word("true").map(|()| Plain::Flag(true))?,
            Some(b'f') => self.word("false").map(|()| Plain::Flag(false))?,
            Some(b'n') => self.word("null").map(|()| Plain::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// A text without escapes; anything else is not taken.
    #[inline]
    pub(super) fn plain_text(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let begin = self.at + 1;
        let end = end_of_plain(self.text.as_bytes(), begin);
        let text = self.text.get(begin..end).filter(|_| self.text.as_bytes().get(end) == Some(&b'"'));
        self.at = if text.is_some() { end + 1 } else { self.at };
        text
    }

    /// Gives the members of an object to `member`, one by one, their values not yet taken.
    #[inline]
    pub(super) fn members(&mut self, mut member: impl FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        self.begin(b'{')?;
        let mut more = !self.takes(b'}');
        while more {
            if self.peek() != Some(b'"') {
                return Err(Broken);
            }
            let name = match self.quoted()? {
                Quoted::Plain(name) => Cow::Borrowed(name),
                Quoted::Escaped(name) => Cow::Owned(by_serde::<String>(name)?),
            };
            self.must_take(b':')?;
            member(self, &name)?;
            more = self.takes(b',') || self.must_take(b'}').map(|()| false)?;
        }
        self.depth += 1;
        Ok(())
    }

    /// Gives the elements of a list to `element`, one by one, not yet taken.
    #[inline]
    pub(super) fn elements(&mut self, mut element: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.begin(b'[')?;
        let mut more = !self.takes(b']');
        while more {
            element(self)?;
            more = self.takes(b',') || self.must_take(b']').map(|()| false)?;
        }
        self.depth += 1;
        Ok(())
    }

    fn begin(&mut self, bracket: u8) -> Read<()> {
        self.must_take(bracket)?;
        self.depth = self.depth.checked_sub(1).ok_or(Broken)?;
        Ok(())
    }

    /// Passes over a value, whatever it is.
    pub(super) fn skip(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'"') => match self.quoted()? {
                Quoted::Plain(_) => Ok(()),
                Quoted::Escaped(text) => by_serde::<IgnoredAny>(text).map(drop),
            },
            Some(b'{') => self.members(|reader, _| reader.skip()),
            Some(b'[') => self.elements(Self::skip),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                Plain::OtherNumber(number) => by_serde::<IgnoredAny>(number).map(drop),
                _ => Ok(()),
            },
            _ => Err(Broken),
        }
    }

    /// Passes over a value, and gives it as it is written.
    fn raw(&mut self) -> Read<&'a str> {
        self.peek();
        let begin = self.at;
        self.skip()?;
        self.since(begin)
    }

    /// A value, read by `serde_json`.
    pub(super) fn by_serde<T: Deserialize<'a>>(&mut self) -> Read<T> {
        by_serde(self.raw()?)
    }
}

pub(super) fn by_serde<'a, T: Deserialize<'a>>(text: &'a str) -> Read<T> {
    serde_json::from_str(text).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte, wherever it stands among those that are looked at together, and behind them.
    #[test]
    fn plain_text_ends_at_the_first_byte_that_ends_it() {
        for byte in 0..=u8::MAX {
            let ends = matches!(byte, b'"' | b'\\' | ..0x20);
            for length in 1..50 {
                for (at, from) in (0..length).flat_map(|at| [(at, 0), (at, at / 2), (at, at)]) {
                    let mut bytes = vec![b' '; length];
                    bytes[at] = byte;
                    assert_eq!(end_of_plain(&bytes, from), if ends { at } else { length }, "{byte} {at} {length}");
                    bytes[length - 1] = b'"';
                    let first = if ends { at } else { length - 1 };
                    assert_eq!(end_of_plain(&bytes, from), first, "{byte} {at} {length}, and a quote");
                }
            }
        }
    }
}
