//! A page of a feed: JSON text in, changes and findings out.
//!
//! Fails only where no list of items can be found in the body. One bad item never loses a page: the page is read in one
//! go, and where that fails each item is read by itself. Uses `domain` for the facts; does no I/O.

use std::borrow::Cow;
use std::marker::PhantomData;

use self_cell::self_cell;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;
use thiserror::Error;

use super::datasets;
use super::facility::FacilityData;
use super::finding::{Finding, FindingKind};
use super::loose::{Int, Loose, Obj, Shape, Txt};
use super::seller::SellerData;
use super::series::SeriesData;
use super::session::SessionData;
use super::slot::SlotData;
use crate::domain::{Change, Feed, FeedDate, Item, local_name};

/// The most items that one page may have.
const ITEMS_MAX: usize = 100_000;
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
            let text = text.trim_start_matches('\u{feff}');
            let mut content = match feed {
                Feed::ScheduledSessions => read::<SessionData<'_>>(text, broken)?,
                Feed::SessionSeries => read::<SeriesData<'_>>(text, broken)?,
                Feed::Slots => read::<SlotData<'_>>(text, broken)?,
                Feed::FacilityUses => read::<FacilityData<'_>>(text, broken)?,
                Feed::BookableSellers => read::<SellerData<'_>>(text, broken)?,
                Feed::Datasets => datasets::read(text)?,
            };
            if broken {
                content.findings.push(Finding::on(FindingKind::BrokenUtf8, ""));
            }
            Ok(content)
        })
    }

    /// What could be read of it.
    pub fn content(&self) -> &Content<'_> {
        self.borrow_dependent()
    }
}

/// The `data` of one kind of item.
pub(super) trait Data<'a>: Deserialize<'a> {
    /// The feed whose items have it.
    const FEED: Feed;
    /// The values of `@type` or `type`.
    fn types(&self) -> &[Txt<'a>];
    /// The facts, or the finding that makes the item unusable.
    fn into_item(self, findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind>;
}

#[derive(Deserialize)]
struct Envelope<'a, I> {
    items: Vec<I>,
    #[serde(default, borrow)]
    next: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    license: Loose<Txt<'a>>,
}

#[derive(Deserialize)]
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

impl<'a, D: Data<'a>> Shape<'a> for Facts<'a, D> {
    fn object<A: MapAccess<'a>>(map: A) -> Result<Self, A::Error> {
        let data = D::deserialize(MapAccessDeserializer::new(map))?;
        let named = |term: &str| local_name(term).eq_ignore_ascii_case(D::FEED.type_name());
        let mut types = data.types().iter().filter_map(|term| term.0.as_deref()).peekable();
        let ours = types.peek().is_some().then(|| types.any(named));
        let mut findings = Vec::new();
        let item = data.into_item(&mut findings);
        Ok(Self { ours, item, findings, data: PhantomData })
    }
}

/// Reads a page in one go; where that fails, item by item.
fn read<'a, D: Data<'a>>(text: &'a str, broken: bool) -> Result<Content<'a>, PageError> {
    let mut content = Content::default();
    if !broken && let Ok(envelope) = serde_json::from_str::<Envelope<'a, Loose<Obj<RawItem<'a, Facts<'a, D>>>>>>(text) {
        content.take_envelope(envelope.items.len(), envelope.next, envelope.license)?;
        for Loose(Obj(item)) in envelope.items {
            content.take(item);
        }
        return Ok(content);
    }
    let envelope: Envelope<'a, &'a RawValue> = serde_json::from_str(text).map_err(PageError::NotAPage)?;
    content.take_envelope(envelope.items.len(), envelope.next, envelope.license)?;
    for raw in envelope.items {
        content.take_alone::<D>(raw.get(), broken);
    }
    Ok(content)
}

impl<'a> Content<'a> {
    fn take_envelope(
        &mut self,
        item_count: usize,
        next: Loose<Txt<'a>>,
        license: Loose<Txt<'a>>,
    ) -> Result<(), PageError> {
        if item_count > ITEMS_MAX {
            return Err(PageError::TooManyItems(item_count));
        }
        self.changes.reserve(item_count);
        self.item_count = item_count;
        self.next = next.0.0;
        self.license = license.0.0;
        Ok(())
    }

    /// One item of a page that could not be read in one go. What is broken inside `data` costs only this item.
    fn take_alone<D: Data<'a>>(&mut self, raw: &'a str, broken: bool) {
        let damaged = broken && raw.contains(char::REPLACEMENT_CHARACTER);
        let whole = if damaged { None } else { serde_json::from_str::<RawItem<'a, Facts<'a, D>>>(raw).ok() };
        if whole.is_some() {
            return self.take(whole);
        }
        match serde_json::from_str::<RawItem<'a, Obj<IgnoredAny>>>(raw) {
            Ok(RawItem { id: Loose(Txt(Some(id))), modified: Loose(modified), .. }) if usable_id(&id) => {
                self.findings.push(Finding::on(FindingKind::UnreadableItem, &id));
                self.changes.push(Change { id, modified: modified.0, item: Item::Gone });
            }
            _ => self.findings.push(Finding::on(FindingKind::UnreadableItem, "")),
        }
    }

    fn take<D: Data<'a>>(&mut self, item: Option<RawItem<'a, Facts<'a, D>>>) {
        let Some(item) = item else {
            return self.findings.push(Finding::on(FindingKind::UnreadableItem, ""));
        };
        let Loose(Txt(Some(id))) = item.id else {
            return self.findings.push(Finding::on(FindingKind::NoItemId, ""));
        };
        if !usable_id(&id) {
            return self.findings.push(Finding::on(FindingKind::TextTooLong, &id));
        }
        let modified = item.modified.0.0;
        if modified.is_none() {
            self.findings.push(Finding::on(FindingKind::BadModified, &id));
        }
        let state = item.state.0.0.unwrap_or_default();
        let read = if state.eq_ignore_ascii_case("deleted") {
            Ok(Item::Gone)
        } else if state.eq_ignore_ascii_case("updated") {
            self.take_facts(item.data.0, &id, item.kind.0.0.as_deref())
        } else {
            return self.findings.push(Finding::on(FindingKind::UnknownState, &id));
        };
        let item = read.unwrap_or_else(|finding| {
            self.findings.push(Finding::on(finding, &id));
            Item::Gone
        });
        self.changes.push(Change { id, modified, item });
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
        self.findings.extend(facts.findings.into_iter().map(|finding| Finding::on(finding, id)));
        facts.item
    }
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
