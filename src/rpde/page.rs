//! A page of a feed: JSON text in, changes and findings out.
//!
//! Fails only where no list of items can be found in the body. One bad item never loses a page: the page is read in one
//! go, and where that fails each item is read by itself. Uses `domain` for the facts; does no I/O.

use std::borrow::Cow;
use std::marker::PhantomData;

use self_cell::self_cell;
use serde::Deserialize;
use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;
use serde_json::value::RawValue;
use thiserror::Error;

use super::datasets;
use super::facility::FacilityData;
use super::finding::{Finding, FindingKind};
use super::json::{Broken, Member, Object, Read, Reader, Seen};
use super::loose::{Int, Loose, Obj, Shape, Txt, read_any};
use super::seller::SellerData;
use super::series::SeriesData;
use super::session::SessionData;
use super::slot::SlotData;
use crate::domain::{Change, Feed, FeedDate, Item, Taker, local_name};

/// The most items that one page may have.
const ITEMS_MAX: usize = 100_000;
/// What an item usually takes at the least, so that memory is asked for once a page.
const ITEM_BYTES_USUAL: usize = 1024;
/// The longest RPDE id, `@id` or identifier that is taken, in bytes.
pub(super) const ID_BYTES_MAX: usize = 2048;

/// What could be read of a page.
#[derive(Debug, Default, PartialEq)]
pub struct Content<'a> {
    /// The changes, in the page's order.
    pub changes: Vec<Change<'a>>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// How many elements `items` has, readable or not.
    pub item_count: usize,
    /// `next`, where it is a text.
    pub next: Option<Cow<'a, str>>,
    /// `license`, where it is a text.
    pub license: Option<Cow<'a, str>>,
}

self_cell!(
    /// A page that owns its body; its content borrows from it.
    pub struct Page {
        owner: String,
        #[covariant]
        dependent: Content,
    }
    impl {Debug}
);

/// Why a page cannot be read at all.
#[derive(Debug, Error)]
pub enum PageError {
    /// Not JSON, or not an object with a list of items.
    #[error("the page is not an RPDE page: {0}")]
    NotAPage(serde_json::Error),
    /// JSON, but neither an object nor a list.
    #[error("the document is not a list of datasets")]
    NotACatalogue,
    /// More items than a page may have.
    #[error("the page has {0} items, more than the {ITEMS_MAX} that are taken")]
    TooManyItems(usize),
}

impl Page {
    /// A page that says nothing new: the document is as it was.
    pub fn unchanged() -> Self {
        Self::new(String::new(), |_| Content::default())
    }

    /// Reads a body as a page of `feed`.
    ///
    /// # Errors
    /// [`PageError`] where no list of items can be found in it.
    pub fn parse(body: Vec<u8>, feed: Feed) -> Result<Self, PageError> {
        let (text, broken) = match String::from_utf8(body) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        Self::try_new(text, |text| {
            let mut changes = Vec::new();
            let content = read(text, broken, feed, &mut changes)?;
            Ok(Content { changes, ..content })
        })
    }

    /// Reads a body as a page of `feed`, and hands its changes on as they are read, so that the memory of one serves for the next. The page
    /// is then without changes, and without the body.
    ///
    /// # Errors
    /// [`PageError`] where no list of items can be found in it; what was handed on then counts for nothing.
    pub fn hand_on(body: &[u8], feed: Feed, taker: &mut impl for<'a> Taker<'a>) -> Result<Self, PageError> {
        // Not by the lossy reading alone, which takes long also where nothing is broken.
        let (text, broken) = match std::str::from_utf8(body) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (String::from_utf8_lossy(body), true),
        };
        let Content { findings, item_count, next, license, .. } = read(&text, broken, feed, taker)?;
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        let (next, license) = (owned(next), owned(license));
        Ok(Self::new(String::new(), |_| Content { changes: Vec::new(), findings, item_count, next, license }))
    }

    /// What could be read of it.
    pub fn content(&self) -> &Content<'_> {
        self.borrow_dependent()
    }
}

/// The `data` of one kind of item.
pub(super) trait Data<'a>: Deserialize<'a> + Object<'a> {
    /// The feed whose items have it.
    const FEED: Feed;
    /// The values of `@type` or `type`.
    fn types(&self) -> &[Txt<'a>];
    /// The facts, or the finding that makes the item unusable.
    fn into_item(self, findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind>;
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    next: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    license: Loose<Txt<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(bound(deserialize = "S: Shape<'de>"))]
struct RawItem<'a, S> {
    #[serde(default, borrow)]
    state: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    kind: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    id: Loose<Txt<'a>>,
    #[serde(default)]
    modified: Loose<Modified>,
    #[serde(default)]
    data: Loose<S>,
}

/// What the `data` of an item says, taken out of it as soon as it is read: what it is read into is large, and is not moved about.
struct Facts<'a, D> {
    /// Whether it says to be of the feed's type; nothing where it does not say.
    ours: Option<bool>,
    /// What of it can be used, or why nothing can.
    item: Result<Item<'a>, FindingKind>,
    findings: Vec<FindingKind>,
    data: PhantomData<D>,
}

impl<D> Default for Facts<'_, D> {
    fn default() -> Self {
        Self { ours: None, item: Err(FindingKind::NoData), findings: Vec::new(), data: PhantomData }
    }
}

impl<'a, D: Data<'a>> From<D> for Facts<'a, D> {
    #[inline]
    fn from(data: D) -> Self {
        let named = |term: &str| local_name(term).eq_ignore_ascii_case(D::FEED.type_name());
        let mut types = data.types().iter().filter_map(|term| term.0.as_deref()).peekable();
        let ours = types.peek().is_some().then(|| types.any(named));
        let mut findings = Vec::new();
        let item = data.into_item(&mut findings);
        Self { ours, item, findings, data: PhantomData }
    }
}

impl<'a, D: Data<'a>> Shape<'a> for Facts<'a, D> {
    fn object<A: MapAccess<'a>>(map: A) -> Result<Self, A::Error> {
        D::deserialize(MapAccessDeserializer::new(map)).map(Self::from)
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        if reader.peek() != Some(b'{') {
            *self = read_any(reader)?;
            return Ok(());
        }
        // Read in place, and not moved about: it is large.
        let mut data = D::default();
        data.read_into(reader)?;
        *self = Self::from(data);
        Ok(())
    }
}

/// For an item whose `data` is not looked at.
#[derive(Default)]
struct Skipped;

impl Shape<'_> for Skipped {}

impl<'a, S: Shape<'a>> Object<'a> for RawItem<'a, S> {
    fn read_into(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        let mut seen = Seen::default();
        reader.members(|reader, name| match name {
            "state" => seen.add(0).and_then(|()| self.state.fill(reader)),
            "kind" => seen.add(1).and_then(|()| self.kind.fill(reader)),
            "id" => seen.add(2).and_then(|()| self.id.fill(reader)),
            "modified" => seen.add(3).and_then(|()| self.modified.fill(reader)),
            "data" => seen.add(4).and_then(|()| self.data.fill(reader)),
            _ => reader.skip(),
        })
    }
}

/// Reads a page, and hands its changes on.
fn read<'a>(text: &'a str, broken: bool, feed: Feed, taker: &mut dyn Taker<'a>) -> Result<Content<'a>, PageError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut content = match feed {
        Feed::ScheduledSessions => read_items::<SessionData<'_>>(text, broken, taker)?,
        Feed::SessionSeries => read_items::<SeriesData<'_>>(text, broken, taker)?,
        Feed::Slots => read_items::<SlotData<'_>>(text, broken, taker)?,
        Feed::FacilityUses => read_items::<FacilityData<'_>>(text, broken, taker)?,
        Feed::BookableSellers => read_items::<SellerData<'_>>(text, broken, taker)?,
        Feed::Datasets => datasets::read(text, taker)?,
    };
    if broken {
        content.findings.push(Finding::on(FindingKind::BrokenUtf8, ""));
    }
    Ok(content)
}

/// Reads a page in one go; where that fails, item by item.
fn read_items<'a, D: Data<'a>>(
    text: &'a str,
    broken: bool,
    taker: &mut dyn Taker<'a>,
) -> Result<Content<'a>, PageError> {
    if !broken && let Ok(content) = read_quickly::<D>(text, taker) {
        return Ok(content);
    }
    read_each::<D>(text, broken, taker)
}

fn read_quickly<'a, D: Data<'a>>(text: &'a str, taker: &mut dyn Taker<'a>) -> Read<Content<'a>> {
    taker.begin((text.len() / ITEM_BYTES_USUAL).min(ITEMS_MAX));
    let mut taking = Taking { content: Content::default(), taker };
    let (mut reader, mut seen) = (Reader::new(text), Seen::default());
    let (mut next, mut license) = (Loose::<Txt<'a>>::default(), Loose::<Txt<'a>>::default());
    let mut has_items = false;
    reader.members(|reader, name| match name {
        "items" if !has_items => {
            has_items = true;
            reader.elements(|reader| taking.take_next::<D>(reader))
        }
        "items" => Err(Broken),
        "next" => seen.add(0).and_then(|()| next.fill(reader)),
        "license" => seen.add(1).and_then(|()| license.fill(reader)),
        _ => reader.skip(),
    })?;
    reader.end()?;
    if !has_items {
        return Err(Broken);
    }
    Ok(Content { next: next.0.0, license: license.0.0, ..taking.content })
}

fn read_each<'a, D: Data<'a>>(
    text: &'a str,
    broken: bool,
    taker: &mut dyn Taker<'a>,
) -> Result<Content<'a>, PageError> {
    let envelope: Envelope<'a> = serde_json::from_str(text).map_err(PageError::NotAPage)?;
    if envelope.items.len() > ITEMS_MAX {
        return Err(PageError::TooManyItems(envelope.items.len()));
    }
    taker.begin(envelope.items.len());
    let content = Content { item_count: envelope.items.len(), ..Content::default() };
    let mut taking = Taking { content, taker };
    for raw in envelope.items {
        taking.take_alone::<D>(raw.get(), broken);
    }
    Ok(Content { next: envelope.next.0.0, license: envelope.license.0.0, ..taking.content })
}

/// A page that is being read, and who takes its changes.
struct Taking<'a, 't> {
    content: Content<'a>,
    taker: &'t mut dyn Taker<'a>,
}

impl<'a> Taking<'a, '_> {
    /// The next element of `items`.
    fn take_next<D: Data<'a>>(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        self.content.item_count += 1;
        if self.content.item_count > ITEMS_MAX {
            return Err(Broken);
        }
        if reader.peek() != Some(b'{') {
            reader.skip()?;
            self.find(FindingKind::UnreadableItem, "");
            return Ok(());
        }
        let mut item = RawItem::<Facts<'a, D>>::default();
        item.read_into(reader)?;
        self.take(item);
        Ok(())
    }

    /// One item of a page that could not be read in one go. What is broken inside `data` costs only this item.
    fn take_alone<D: Data<'a>>(&mut self, raw: &'a str, broken: bool) {
        let damaged = broken && raw.contains(char::REPLACEMENT_CHARACTER);
        let whole = if damaged { None } else { object::<RawItem<'a, Facts<'a, D>>>(raw) };
        if let Some(item) = whole {
            return self.take(item);
        }
        match object::<RawItem<'a, Skipped>>(raw) {
            Some(RawItem { id: Loose(Txt(Some(id))), modified: Loose(modified), .. }) if usable_id(&id) => {
                self.find(FindingKind::UnreadableItem, &id);
                self.taker.take(Change { id, modified: modified.0, item: Item::Gone });
            }
            _ => self.find(FindingKind::UnreadableItem, ""),
        }
    }

    fn take<D: Data<'a>>(&mut self, item: RawItem<'a, Facts<'a, D>>) {
        let Loose(Txt(Some(id))) = item.id else {
            return self.find(FindingKind::NoItemId, "");
        };
        if !usable_id(&id) {
            return self.find(FindingKind::TextTooLong, &id);
        }
        let modified = item.modified.0.0;
        if modified.is_none() {
            self.find(FindingKind::BadModified, &id);
        }
        let state = item.state.0.0.unwrap_or_default();
        let read = if state.eq_ignore_ascii_case("deleted") {
            Ok(Item::Gone)
        } else if state.eq_ignore_ascii_case("updated") {
            self.take_facts(item.data.0, &id, item.kind.0.0.as_deref())
        } else {
            return self.find(FindingKind::UnknownState, &id);
        };
        let item = read.unwrap_or_else(|finding| {
            self.find(finding, &id);
            Item::Gone
        });
        self.taker.take(Change { id, modified, item });
    }

    fn take_facts<D: Data<'a>>(
        &mut self,
        facts: Facts<'a, D>,
        id: &str,
        item_kind: Option<&str>,
    ) -> Result<Item<'a>, FindingKind> {
        // Without a type the feed's own is meant, unless the envelope's kind names one of the other kinds we know.
        let meant =
            || D::FEED == Feed::BookableSellers || !item_kind.is_some_and(|other| names_other_type(other, D::FEED));
        match facts.item {
            Err(FindingKind::NoData) => return Err(FindingKind::NoData),
            _ if !facts.ours.unwrap_or_else(meant) => return Err(FindingKind::OtherType),
            _ => {}
        }
        facts.findings.into_iter().for_each(|finding| self.find(finding, id));
        facts.item
    }

    fn find(&mut self, kind: FindingKind, id: &str) {
        self.content.findings.push(Finding::on(kind, id));
    }
}

/// An object by itself; serde alone would take a list for one as well.
fn object<'a, T: Deserialize<'a> + Object<'a>>(raw: &'a str) -> Option<T> {
    serde_json::from_str::<Loose<Obj<T>>>(raw).ok()?.0.0
}

fn names_other_type(item_kind: &str, feed: Feed) -> bool {
    const KNOWN: [&str; 6] =
        ["ScheduledSession", "SessionSeries", "FacilityUse", "IndividualFacilityUse", "Slot", "EventSeries"];
    KNOWN.contains(&item_kind) && item_kind != feed.type_name()
}

fn usable_id(id: &str) -> bool {
    id.len() <= ID_BYTES_MAX
}

/// `modified` as a 64-bit integer: a number, digits in a text, or a date (as milliseconds since 1970).
#[derive(Debug, Default)]
struct Modified(Option<i64>);

impl<'de> Shape<'de> for Modified {
    fn text(text: Cow<'de, str>) -> Self {
        let date =
            || FeedDate::parse(&text).ok().map(|date| date.instant().as_seconds() * 1000 + i64::from(date.millis()));
        Self(text.trim().parse().ok().or_else(date))
    }
    fn integer(number: i128) -> Self {
        Self(Int::integer(number).0)
    }
    fn float(number: f64) -> Self {
        Self(Int::float(number).0)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod quick_tests;
