//! JSON values as real feeds send them: wrong types, nulls, one object where an array was promised.
//!
//! Each is read in two ways to the same value: by serde, and by the quick reader of `json`.
//!
//! A [`Loose`] value never fails for its type: what does not fit becomes the type's default ("not given"). Only JSON
//! that is broken as text fails. Nothing is allocated where the text can be borrowed from the page.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::{SmallVec, smallvec};

use super::json::{Member, Object, Plain, Read, Reader, by_serde};

/// Texts longer than this count as not given: nobody means them, and a peer could fill the disk with them.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// How a type is made from each kind of JSON value; what a type does not mention gives its default.
pub(super) trait Shape<'de>: Default {
    fn text(_text: Cow<'de, str>) -> Self {
        Self::default()
    }
    fn oversized() -> Self {
        Self::default()
    }
    fn integer(_number: i128) -> Self {
        Self::default()
    }
    fn float(_number: f64) -> Self {
        Self::default()
    }
    fn boolean(_value: bool) -> Self {
        Self::default()
    }
    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
    fn array<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
    /// Reads a value that may be anything where it is to be, which holds the default.
    #[inline]
    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        *self = match reader.plain_text() {
            Some(text) if text.len() > TEXT_BYTES_MAX => Self::oversized(),
            Some(text) => Self::text(Cow::Borrowed(text)),
            None => read_any(reader)?,
        };
        Ok(())
    }
}

/// What [`Shape::fill`] reads for a shape without a quick way to read objects and lists.
#[inline]
pub(super) fn read_any<'de, T: Shape<'de>>(reader: &mut Reader<'de>) -> Read<T> {
    Ok(match reader.plain()? {
        Some(Plain::Text(text)) if text.len() > TEXT_BYTES_MAX => T::oversized(),
        Some(Plain::Text(text)) => T::text(text),
        Some(Plain::Whole(number)) => T::integer(number.into()),
        Some(Plain::Decimal(number)) => T::float(number),
        Some(Plain::Flag(value)) => T::boolean(value),
        Some(Plain::Null) => T::default(),
        Some(Plain::OtherNumber(number)) => by_serde::<Loose<T>>(number)?.0,
        None => reader.by_serde::<Loose<T>>()?.0,
    })
}

/// Gives the elements of a list to `element`, one by one, or an object that stands by itself; whether it was one of these, else it is not
/// taken.
#[inline]
pub(super) fn read_elements<'de>(
    reader: &mut Reader<'de>,
    mut element: impl FnMut(&mut Reader<'de>) -> Read<()>,
) -> Read<bool> {
    match reader.peek() {
        Some(b'[') => reader.elements(element).map(|()| true),
        Some(b'{') => element(reader).map(|()| true),
        _ => Ok(false),
    }
}

impl<'de, T: Shape<'de>> Member<'de> for Loose<T> {
    #[inline]
    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        self.0.fill(reader)
    }
}

/// A value read by its [`Shape`].
#[derive(Debug, Default)]
pub(super) struct Loose<T>(pub(super) T);

impl<'de, T: Shape<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData)).map(Self)
    }
}

struct LooseVisitor<T>(PhantomData<T>);

impl<'de, T: Shape<'de>> Visitor<'de> for LooseVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(if text.len() > TEXT_BYTES_MAX { T::oversized() } else { T::text(Cow::Borrowed(text)) })
    }
    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(if text.len() > TEXT_BYTES_MAX { T::oversized() } else { T::text(Cow::Owned(text.to_owned())) })
    }
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::integer(number.into()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::integer(number.into()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::float(number))
    }
    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::boolean(value))
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_none<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::array(seq)
    }
}

/// A text that says something; a number counts as its digits.
#[derive(Debug, Default)]
pub(super) struct Txt<'a>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Shape<'de> for Txt<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        let begins_plainly = text.as_bytes().first().is_some_and(u8::is_ascii_graphic);
        let says_something = begins_plainly || text.chars().any(|letter| !letter.is_whitespace());
        Self(says_something.then_some(text))
    }
    fn integer(number: i128) -> Self {
        Self(Some(Cow::Owned(number.to_string())))
    }
}

/// A text on which a rule turns: absent (or null), a text, or something else.
#[derive(Debug, Default)]
pub(super) enum Said<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Other,
}

impl<'de: 'a, 'a> Shape<'de> for Said<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        Self::Text(text)
    }
    fn oversized() -> Self {
        Self::Other
    }
    fn integer(_number: i128) -> Self {
        Self::Other
    }
    fn float(_number: f64) -> Self {
        Self::Other
    }
    fn boolean(_value: bool) -> Self {
        Self::Other
    }
    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Other)
    }
    fn array<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Other)
    }
}

/// JSON `true` or `false`, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Flag(pub(super) Option<bool>);

impl Shape<'_> for Flag {
    fn boolean(value: bool) -> Self {
        Self(Some(value))
    }
}

/// A finite number, also as a text.
#[derive(Debug, Default)]
pub(super) struct Num(pub(super) Option<f64>);

impl<'de> Shape<'de> for Num {
    fn text(text: Cow<'de, str>) -> Self {
        Self(text.trim().parse().ok().filter(|number: &f64| number.is_finite()))
    }
    #[expect(clippy::cast_precision_loss, reason = "a price or coordinate is far below 2^53")]
    fn integer(number: i128) -> Self {
        Self(Some(number as f64))
    }
    fn float(number: f64) -> Self {
        Self(Some(number))
    }
}

/// A whole number of 64 bits, also as digits in a text or as `8.0`.
#[derive(Debug, Default)]
pub(super) struct Int(pub(super) Option<i64>);

impl<'de> Shape<'de> for Int {
    fn text(text: Cow<'de, str>) -> Self {
        Self(text.trim().parse().ok())
    }
    fn integer(number: i128) -> Self {
        Self(i64::try_from(number).ok())
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, so nothing is cut")]
    fn float(number: f64) -> Self {
        let whole = number.fract() == 0.0 && number.abs() < 9e15;
        Self(whole.then_some(number as i64))
    }
}

/// An object that is read into `T`; anything else counts as not given.
#[derive(Debug)]
pub(super) struct Obj<T>(pub(super) Option<T>);

impl<T> Default for Obj<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de> + Object<'de>> Shape<'de> for Obj<T> {
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| Self(Some(value)))
    }
    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        if reader.peek() == Some(b'{') {
            return self.0.get_or_insert_default().read_into(reader);
        }
        *self = read_any(reader)?;
        Ok(())
    }
}

/// An array of `T`, or one `T` by itself: mostly there is one, for which no memory is asked for.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) SmallVec<[T; 1]>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<'de, T: Shape<'de>> Shape<'de> for Many<T> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(smallvec![T::text(text)])
    }
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::object(map).map(|value| Self(smallvec![value]))
    }
    fn array<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut values = SmallVec::new();
        while let Some(Loose(value)) = seq.next_element::<Loose<T>>()? {
            values.push(value);
        }
        Ok(Self(values))
    }
    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        if !read_elements(reader, |reader| self.fill_next(reader))? {
            *self = read_any(reader)?;
        }
        Ok(())
    }
}

impl<T> Many<T> {
    /// Reads one more.
    #[inline]
    fn fill_next<'de>(&mut self, reader: &mut Reader<'de>) -> Read<()>
    where
        T: Shape<'de>,
    {
        self.0.push(T::default());
        self.0.last_mut().map_or(Ok(()), |value| value.fill(reader))
    }

    /// The first of them.
    pub(super) fn into_first(self) -> Option<T> {
        self.0.into_iter().next()
    }
}
