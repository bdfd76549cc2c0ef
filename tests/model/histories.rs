//! Random histories of synthetic items over few ids, so that everything collides.

use bookable::domain::Feed;
use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive::rpde_id;

/// `startDate` as JSON; where it is an instant, the same in RFC 3339.
pub(crate) const STARTS: [(&str, Option<&str>); 12] = [
    (r#""2028-03-01T18:00:00Z""#, Some("2028-03-01T18:00:00Z")),
    (r#""2028-03-01T18:00Z""#, Some("2028-03-01T18:00:00Z")),
    (r#""2028-02-29T10:00:00+01:00""#, Some("2028-02-29T10:00:00+01:00")),
    (r#""2028-03-31T00:30:00+01:00""#, Some("2028-03-31T00:30:00+01:00")),
    (r#""2028-03-31T23:30:00-05:00""#, Some("2028-03-31T23:30:00-05:00")),
    (r#""2028-03-26T01:30:00Z""#, Some("2028-03-26T01:30:00Z")),
    (r#""2028-03-02T09:15:00.500Z""#, Some("2028-03-02T09:15:00.500Z")),
    (r#""2028-03-01T18:00:00""#, None),
    (r#""2028-02-30T18:00:00Z""#, None),
    (r#""soon""#, None),
    ("null", None),
    ("20280301", None),
];

/// What `validFromBeforeStartDate` means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WindowSpec {
    None,
    Bad,
    Seconds(i64),
    Months(u32),
}

/// `validFromBeforeStartDate` as JSON, and what it means.
pub(crate) const WINDOWS: [(&str, WindowSpec); 11] = [
    (r#""P7D""#, WindowSpec::Seconds(7 * 86_400)),
    (r#""P1W""#, WindowSpec::Seconds(7 * 86_400)),
    (r#""PT48H""#, WindowSpec::Seconds(48 * 3600)),
    (r#""PT90M""#, WindowSpec::Seconds(90 * 60)),
    (r#""P1M""#, WindowSpec::Months(1)),
    (r#""P1Y""#, WindowSpec::Months(12)),
    ("null", WindowSpec::None),
    (r#""1 week""#, WindowSpec::Bad),
    (r#""""#, WindowSpec::Bad),
    ("7", WindowSpec::Bad),
    (r#""P0D""#, WindowSpec::Bad),
];

/// `identifier` as JSON, and the text it means; NUMBER stands for the item's own.
const IDENTIFIERS: [(&str, Option<&str>); 8] = [
    (r#""NUMBER""#, Some("NUMBER")),
    (r#""plain""#, Some("plain")),
    (r#""a b/c%2F+'\"""#, Some("a b/c%2F+'\"")),
    (r#""\ud83d\ude00 é""#, Some("😀 é")),
    ("123456789012345678901", Some("123456789012345678901")),
    (r#""""#, None),
    ("null", None),
    ("1.5", None),
];

const FLAGS: [&str; 6] = ["true", "true", "true", "false", "null", r#""true""#];

#[derive(Clone, Debug)]
pub(crate) struct SessionItem {
    pub(crate) flag: &'static str,
    pub(crate) cancelled: bool,
    start: usize,
    identifier: usize,
    pub(crate) link: Option<u8>,
    link_form: u8,
    pub(crate) name: Option<&'static str>,
    pub(crate) remaining: Option<i64>,
    pub(crate) offers: bool,
}

/// An aggregate offer; without a public adult one it has a junior one.
#[derive(Clone, Debug)]
pub(crate) struct OfferItem {
    pub(crate) public_adult: bool,
    pub(crate) flag: &'static str,
    pub(crate) window: usize,
    pub(crate) price: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct SeriesItem {
    pub(crate) link: u8,
    pub(crate) offer: OfferItem,
    pub(crate) name: u8,
    pub(crate) organizer: Option<u8>,
    on_event: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct SlotItem {
    pub(crate) flag: &'static str,
    start: usize,
    identifier: usize,
    /// A facility use, and one of its courts; 0 is the facility use itself.
    pub(crate) link: Option<(u8, u8)>,
    pub(crate) remaining: Option<i64>,
    pub(crate) offer: Option<OfferItem>,
    pub(crate) offers: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct FacilityItem {
    pub(crate) link: u8,
    pub(crate) courts: u8,
    pub(crate) offer: Option<OfferItem>,
    pub(crate) name: u8,
    pub(crate) provider: Option<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Session(SessionItem),
    Series(SeriesItem),
    Slot(SlotItem),
    Facility(FacilityItem),
    /// The organizer with this number.
    Seller(u8),
    Deleted(Feed),
}

/// One item of a feed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: u8,
    pub(crate) modified: i64,
    pub(crate) modified_as_text: bool,
    pub(crate) kind: Kind,
}

impl SessionItem {
    pub(crate) fn identifier(&self, id: u8) -> Option<String> {
        IDENTIFIERS[self.identifier].1.map(|text| with_number(text, id))
    }

    pub(crate) fn start(&self) -> Option<DateTime<FixedOffset>> {
        STARTS[self.start].1.map(|text| DateTime::parse_from_rfc3339(text).expect("a date"))
    }

    fn json(&self, id: u8) -> String {
        let (at_id, offers) = (at_id("session", id), own_offers_json("session", id, self.offers));
        let link = |key: u8| format!("https://example.org/series/{key}");
        let link = match (self.link, self.link_form) {
            (None, _) => "null".to_owned(),
            (Some(key), 0) => format!("\"{}\"", link(key)),
            (Some(key), 1) => format!(r#"{{"@id": "{}", "name": "embedded"}}"#, link(key)),
            (Some(key), _) => format!(r#"{{"type": "SessionSeries", "id": "{}"}}"#, link(key)),
        };
        let status =
            if self.cancelled { "https://schema.org/EventCancelled" } else { "https://schema.org/EventScheduled" };
        let name = self.name.map_or("null".to_owned(), |name| format!("\"{name}\""));
        let remaining = self.remaining.map_or("null".to_owned(), |number| number.to_string());
        format!(
            r#"{{"@type": "ScheduledSession", "@id": "{at_id}", "identifier": {}, "superEvent": {link},
                "startDate": {}, "imin:isPotentiallyBookable": {}, "eventStatus": "{status}", "name": {name},
                "remainingAttendeeCapacity": {remaining}, "offers": {offers}, "url": {}}}"#,
            with_number(IDENTIFIERS[self.identifier].0, id),
            STARTS[self.start].0,
            self.flag,
            url("session", id).map_or("null".to_owned(), |url| format!("\"{url}\""))
        )
    }
}

impl OfferItem {
    fn json(&self) -> String {
        if self.public_adult {
            format!(
                r#"{{"publicAdult": {{"price": {}, "imin:isPotentiallyBookable": {}, "validFromBeforeStartDate": {}}}}}"#,
                self.price, self.flag, WINDOWS[self.window].0
            )
        } else {
            r#"{"publicJunior": {"imin:isPotentiallyBookable": true}}"#.to_owned()
        }
    }
}

fn organizer_json(organizer: Option<u8>) -> String {
    organizer.map_or("null".to_owned(), |number| format!(r#"{{"@id": "organizer {number}", "name": "Centre"}}"#))
}

/// The offers of a series or facility use with this name.
pub(crate) fn offers_of(name: u8) -> Vec<String> {
    (0..name % 3).map(|number| format!("offer {name}-{number}")).collect()
}

fn with_number(text: &str, id: u8) -> String {
    text.replace("NUMBER", &id.to_string())
}

/// The `@id` of a session or slot.
pub(crate) fn at_id(noun: &str, id: u8) -> String {
    format!("https://example.org/{noun}/{id}")
}

/// The `url` of a session or slot: some have none, and not all have one that is made of their number.
pub(crate) fn url(noun: &str, id: u8) -> Option<String> {
    match id % 4 {
        0 => None,
        1 => Some(format!("https://example.org/book-a-{noun}")),
        _ => Some(format!("https://example.org/book?{noun}={id}&step=1")),
    }
}

/// The offer of its own that a session or slot may have: its `@id` begins with its owner's.
pub(crate) fn own_offer(noun: &str, id: u8) -> String {
    format!("{}#offer", at_id(noun, id))
}

fn own_offers_json(noun: &str, id: u8, any: bool) -> String {
    if any { format!(r#"[{{"@id": "{}"}}]"#, own_offer(noun, id)) } else { "[]".to_owned() }
}

fn offers_json(name: u8) -> String {
    let offers: Vec<String> = offers_of(name).iter().map(|id| format!(r#"{{"@id": "{id}", "price": 5}}"#)).collect();
    format!("[{}]", offers.join(", "))
}

impl SeriesItem {
    fn json(&self) -> String {
        let offer = self.offer.json();
        let (own, event) = if self.on_event { ("null", offer.as_str()) } else { (offer.as_str(), "null") };
        format!(
            r#"{{"type": "SessionSeries", "id": "https://example.org/series/{}", "imin:aggregateOffer": {own}, "name": "not shown",
                "superEvent": {{"type": "EventSeries", "name": "Series {}", "imin:aggregateOffer": {event}}}, "offers": {},
                "organizer": {}, "location": {{"geo": {{"latitude": 5{}.5, "longitude": -1.5}}}}}}"#,
            self.link,
            self.name,
            offers_json(self.name),
            organizer_json(self.organizer),
            self.name % 4
        )
    }
}

impl Change {
    /// The same session or slot with other places left, as most changes of a feed are.
    fn again(&self) -> Option<Self> {
        let mut kind = self.kind.clone();
        let (Kind::Session(SessionItem { remaining, .. }) | Kind::Slot(SlotItem { remaining, .. })) = &mut kind else {
            return None;
        };
        *remaining = Some(remaining.map_or(3, |number| number + 1));
        Some(Self { modified: self.modified + 1, kind, ..*self })
    }
}

impl SlotItem {
    pub(crate) fn identifier(&self, id: u8) -> Option<String> {
        IDENTIFIERS[self.identifier].1.map(|text| with_number(text, id))
    }

    pub(crate) fn start(&self) -> Option<DateTime<FixedOffset>> {
        STARTS[self.start].1.map(|text| DateTime::parse_from_rfc3339(text).expect("a date"))
    }

    fn json(&self, id: u8) -> String {
        let link =
            self.link.map_or("null".to_owned(), |(facility, court)| format!("\"{}\"", court_id(facility, court)));
        let remaining = self.remaining.map_or("null".to_owned(), |number| number.to_string());
        let offer = self.offer.as_ref().map_or("null".to_owned(), OfferItem::json);
        let (at_id, offers) = (at_id("slot", id), own_offers_json("slot", id, self.offers));
        format!(
            r#"{{"@type": "Slot", "@id": "{at_id}", "identifier": {}, "facilityUse": {link},
                "startDate": {}, "imin:isPotentiallyBookable": {}, "remainingUses": {remaining},
                "imin:aggregateOffer": {offer}, "offers": {offers}, "url": {}}}"#,
            with_number(IDENTIFIERS[self.identifier].0, id),
            STARTS[self.start].0,
            self.flag,
            url("slot", id).map_or("null".to_owned(), |url| format!("\"{url}\""))
        )
    }
}

/// The `@id` of a court; court 0 is the facility use itself.
pub(crate) fn court_id(facility: u8, court: u8) -> String {
    let id = format!("https://example.org/facility/{facility}");
    if court == 0 { id } else { format!("{id}#court-{court}") }
}

impl FacilityItem {
    fn json(&self) -> String {
        let court = |court: u8| format!(r#"{{"@id": "{}", "name": "Court {court}"}}"#, court_id(self.link, court));
        let courts: Vec<String> = (1..=self.courts).map(court).collect();
        let offer =
            self.offer.as_ref().map_or(String::new(), |offer| format!(r#""imin:aggregateOffer": {},"#, offer.json()));
        format!(
            r#"{{"@type": "FacilityUse", "@id": "{}", {offer} "name": "Facility {}", "offers": {}, "provider": {},
                "individualFacilityUse": [{}]}}"#,
            court_id(self.link, 0),
            self.name,
            offers_json(self.name),
            organizer_json(self.provider),
            courts.join(", ")
        )
    }
}

impl Change {
    pub(crate) fn feed(&self) -> Feed {
        match self.kind {
            Kind::Session(_) => Feed::ScheduledSessions,
            Kind::Series(_) => Feed::SessionSeries,
            Kind::Slot(_) => Feed::Slots,
            Kind::Facility(_) => Feed::FacilityUses,
            Kind::Seller(_) => Feed::BookableSellers,
            Kind::Deleted(feed) => feed,
        }
    }

    pub(crate) fn json(&self) -> String {
        let id = rpde_id(self.id);
        let modified = if self.modified_as_text { format!("\"{}\"", self.modified) } else { self.modified.to_string() };
        let data = match &self.kind {
            Kind::Session(session) => session.json(self.id),
            Kind::Series(series) => series.json(),
            Kind::Slot(slot) => slot.json(self.id),
            Kind::Facility(facility) => facility.json(),
            Kind::Seller(number) => format!(r#"{{"@type": "Organization", "@id": "organizer {number}"}}"#),
            Kind::Deleted(_) => String::new(),
        };
        let (state, data) =
            if data.is_empty() { ("deleted", data) } else { ("updated", format!(r#", "data": {data}"#)) };
        format!(r#"{{"state": "{state}", "kind": "x", "id": "{id}", "modified": {modified}{data}}}"#)
    }
}

fn session() -> impl Strategy<Value = SessionItem> {
    let link = prop_oneof![9 => (0_u8..4).prop_map(Some), 1 => Just(None)];
    let name = select(vec![None, None, Some("own name")]);
    let remaining = prop_oneof![Just(None), (0_i64..3).prop_map(Some)];
    let good_or_any = |good: usize, all: usize| prop_oneof![4 => 0..good, 1 => 0..all];
    (
        select(&FLAGS[..]),
        prop::bool::weighted(0.1),
        good_or_any(7, STARTS.len()),
        good_or_any(5, IDENTIFIERS.len()),
        link,
        0_u8..3,
        name,
        remaining,
        prop::bool::weighted(0.2),
    )
        .prop_map(|(flag, cancelled, start, identifier, link, link_form, name, remaining, offers)| SessionItem {
            flag,
            cancelled,
            start,
            identifier,
            link,
            link_form,
            name,
            remaining,
            offers,
        })
}

fn offer() -> impl Strategy<Value = OfferItem> {
    let window = prop_oneof![5 => 0..7_usize, 1 => 0..WINDOWS.len()];
    (prop::bool::weighted(0.9), select(&FLAGS[..]), window, 0_u8..9)
        .prop_map(|(public_adult, flag, window, price)| OfferItem { public_adult, flag, window, price })
}

fn organizer() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![1 => Just(None), 9 => (0_u8..2).prop_map(Some)]
}

fn series() -> impl Strategy<Value = SeriesItem> {
    (0_u8..4, offer(), 0_u8..20, organizer(), any::<bool>())
        .prop_map(|(link, offer, name, organizer, on_event)| SeriesItem { link, offer, name, organizer, on_event })
}

fn slot() -> impl Strategy<Value = SlotItem> {
    let link = prop_oneof![9 => (0_u8..3, 0_u8..3).prop_map(Some), 1 => Just(None)];
    let remaining = prop_oneof![Just(None), (0_i64..3).prop_map(Some)];
    let (start, identifier) = (prop_oneof![4 => 0..7_usize, 1 => 0..STARTS.len()], 0..IDENTIFIERS.len());
    (select(&FLAGS[..]), start, identifier, link, remaining, prop::option::of(offer()), any::<bool>()).prop_map(
        |(flag, start, identifier, link, remaining, offer, offers)| SlotItem {
            flag,
            start,
            identifier,
            link,
            remaining,
            offer,
            offers,
        },
    )
}

fn facility() -> impl Strategy<Value = FacilityItem> {
    (0_u8..3, 0_u8..3, prop::option::of(offer()), 0_u8..20, organizer())
        .prop_map(|(link, courts, offer, name, provider)| FacilityItem { link, courts, offer, name, provider })
}

const DELETED: [Feed; 5] =
    [Feed::ScheduledSessions, Feed::SessionSeries, Feed::Slots, Feed::FacilityUses, Feed::BookableSellers];

fn change() -> impl Strategy<Value = Change> {
    let kind = prop_oneof![
        6 => session().prop_map(Kind::Session),
        4 => series().prop_map(Kind::Series),
        5 => slot().prop_map(Kind::Slot),
        3 => facility().prop_map(Kind::Facility),
        3 => (0_u8..2).prop_map(Kind::Seller),
        4 => select(&DELETED[..]).prop_map(Kind::Deleted),
    ];
    (0_u8..8, 1_i64..30, any::<bool>(), kind).prop_map(|(id, modified, modified_as_text, kind)| {
        let change = Change { id, modified, modified_as_text, kind };
        let ids = match change.feed() {
            Feed::ScheduledSessions | Feed::Slots => 8,
            Feed::SessionSeries => 6,
            _ => 4,
        };
        Change { id: id % ids, ..change }
    })
}

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Pages of items, committed together.
    Batch(Vec<Vec<Change>>),
    /// The clock goes to this instant.
    Clock(i64),
    /// The first harvest is taken to be complete.
    FinishLoading,
    /// The program ends and starts again, with a broker or without.
    Restart { broker: bool },
    /// The sellers feed is read to its end.
    SellersEnd,
}

/// An instant around which windows open and close: 2028-01-15 to 2028-04-04.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        1_831_593_600_i64..1_838_500_000,
        select(vec![1_835_546_400, 1_835_546_399, 1_834_941_600, 1_834_941_599])
    ]
}

pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..40)
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Event>> {
    let page = prop::collection::vec(change(), 0..6);
    let event = prop_oneof![
        8 => prop::collection::vec(page, 1..4).prop_map(|pages| vec![Event::Batch(pages)]),
        4 => prop::collection::vec(change(), 1..6).prop_map(|page| {
            let again = page.iter().filter_map(Change::again).collect();
            vec![Event::Batch(vec![page]), Event::Batch(vec![again])]
        }),
        4 => instant().prop_map(|at| vec![Event::Clock(at)]),
        1 => Just(vec![Event::FinishLoading]),
        1 => prop::bool::weighted(0.7).prop_map(|broker| vec![Event::Restart { broker }]),
        2 => Just(vec![Event::SellersEnd]),
    ];
    (any::<bool>(), any::<bool>(), prop::collection::vec(event, 1..25)).prop_map(|(broker, loaded, events)| {
        let mut events = events.concat();
        // Half of all histories begin with a broker whose sellers are known, and half past the first harvest.
        if broker {
            events.splice(0..0, [Event::Restart { broker }, Event::SellersEnd]);
        }
        if loaded {
            events.insert(0, Event::FinishLoading);
        }
        events
    })
}
