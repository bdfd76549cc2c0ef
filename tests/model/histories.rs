//! Random histories of synthetic items over few ids, so that everything collides.

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

/// `identifier` as JSON, and the text it means.
const IDENTIFIERS: [(&str, Option<&str>); 7] = [
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
}

#[derive(Clone, Debug)]
pub(crate) struct SeriesItem {
    pub(crate) link: u8,
    pub(crate) public_adult: bool,
    pub(crate) flag: &'static str,
    pub(crate) window: usize,
    pub(crate) name: u8,
    on_event: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Session(SessionItem),
    Series(SeriesItem),
    DeletedSession,
    DeletedSeries,
}

/// One item of a feed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: u8,
    pub(crate) modified: i64,
    modified_as_text: bool,
    pub(crate) kind: Kind,
}

impl SessionItem {
    pub(crate) fn identifier(&self) -> Option<String> {
        IDENTIFIERS[self.identifier].1.map(str::to_owned)
    }

    pub(crate) fn start(&self) -> Option<DateTime<FixedOffset>> {
        STARTS[self.start].1.map(|text| DateTime::parse_from_rfc3339(text).expect("a date"))
    }

    fn json(&self, id: u8) -> String {
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
            r#"{{"@type": "ScheduledSession", "@id": "https://example.org/session/{id}", "identifier": {}, "superEvent": {link},
                "startDate": {}, "imin:isPotentiallyBookable": {}, "eventStatus": "{status}", "name": {name},
                "remainingAttendeeCapacity": {remaining}}}"#,
            IDENTIFIERS[self.identifier].0, STARTS[self.start].0, self.flag
        )
    }
}

impl SeriesItem {
    fn json(&self) -> String {
        let offer = if self.public_adult {
            format!(
                r#"{{"publicAdult": {{"price": 5, "imin:isPotentiallyBookable": {}, "validFromBeforeStartDate": {}}}}}"#,
                self.flag, WINDOWS[self.window].0
            )
        } else {
            r#"{"publicJunior": {"imin:isPotentiallyBookable": true}}"#.to_owned()
        };
        let (own, event) = if self.on_event { ("null", offer.as_str()) } else { (offer.as_str(), "null") };
        format!(
            r#"{{"type": "SessionSeries", "id": "https://example.org/series/{}", "imin:aggregateOffer": {own}, "name": "not shown",
                "superEvent": {{"type": "EventSeries", "name": "Series {}", "imin:aggregateOffer": {event}}},
                "location": {{"geo": {{"latitude": 5{}.5, "longitude": -1.5}}}}}}"#,
            self.link,
            self.name,
            self.name % 4
        )
    }
}

impl Change {
    pub(crate) fn is_series(&self) -> bool {
        matches!(self.kind, Kind::Series(_) | Kind::DeletedSeries)
    }

    pub(crate) fn json(&self) -> String {
        let id = rpde_id(self.id);
        let modified = if self.modified_as_text { format!("\"{}\"", self.modified) } else { self.modified.to_string() };
        let (state, data) = match &self.kind {
            Kind::Session(session) => ("updated", format!(r#", "data": {}"#, session.json(self.id))),
            Kind::Series(series) => ("updated", format!(r#", "data": {}"#, series.json())),
            Kind::DeletedSession | Kind::DeletedSeries => ("deleted", String::new()),
        };
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
        good_or_any(4, IDENTIFIERS.len()),
        link,
        0_u8..3,
        name,
        remaining,
    )
        .prop_map(|(flag, cancelled, start, identifier, link, link_form, name, remaining)| SessionItem {
            flag,
            cancelled,
            start,
            identifier,
            link,
            link_form,
            name,
            remaining,
        })
}

fn series() -> impl Strategy<Value = SeriesItem> {
    let window = prop_oneof![5 => 0..7_usize, 1 => 0..WINDOWS.len()];
    (0_u8..4, prop::bool::weighted(0.9), select(&FLAGS[..]), window, 0_u8..20, any::<bool>()).prop_map(
        |(link, public_adult, flag, window, name, on_event)| SeriesItem {
            link,
            public_adult,
            flag,
            window,
            name,
            on_event,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let kind = prop_oneof![
        6 => session().prop_map(Kind::Session),
        4 => series().prop_map(Kind::Series),
        2 => Just(Kind::DeletedSession),
        1 => Just(Kind::DeletedSeries),
    ];
    (0_u8..8, 1_i64..30, any::<bool>(), kind).prop_map(|(id, modified, modified_as_text, kind)| {
        let id = if matches!(kind, Kind::Series(_) | Kind::DeletedSeries) { id % 6 } else { id };
        Change { id, modified, modified_as_text, kind }
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
    /// The program ends and starts again.
    Restart,
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
        8 => prop::collection::vec(page, 1..4).prop_map(Event::Batch),
        4 => instant().prop_map(Event::Clock),
        1 => Just(Event::FinishLoading),
        1 => Just(Event::Restart),
    ];
    prop::collection::vec(event, 1..25)
}
