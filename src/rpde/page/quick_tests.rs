//! The quick reader and `serde_json` beside each other: whatever the first reads, the second reads to the same content.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Values of every kind, plain and odd; some are no JSON.
const VALUES: [&str; 36] = [
    r#""a text""#,
    r#""https://example.org/a/1""#,
    r#""2026-11-03T18:00:00Z""#,
    r#""PT45M""#,
    r#""ScheduledSession""#,
    r#"["SessionSeries", "Slot"]"#,
    r#""""#,
    r#""  ""#,
    r#""\u0063 and \"c\" \\""#,
    r#""\ud800""#,
    r#""\x""#,
    "\"a\u{1}b\"",
    r#""caf\u00e9 ☕""#,
    "0",
    "17",
    "017",
    "-3",
    "-0",
    "4.5",
    "1e3",
    "1e999",
    "123456789012345678",
    "18446744073709551615",
    "123456789012345678901234567890",
    "true",
    "false",
    "null",
    "nul",
    "[]",
    "{}",
    r#"{"@id": "x", "id": "y", "name": "z", "prefLabel": 7, "url": null}"#,
    r#"[{"@id": "x#1", "price": 4.50, "ageRange": {"minValue": 16, "maxValue": "17"}}, 7, null, {"name": "\n", "price": "3"}]"#,
    r#"{"geo": {"latitude": 53.8, "longitude": -1.5}, "address": {"streetAddress": "1 Road", "postalCode": "LS1"}, "name": "Hall"}"#,
    r#"{"publicAdult": {"price": 3, "imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "P2D"}}"#,
    r#"{"name": "Yoga", "organizer": {"name": "O", "@id": "o"}, "activity": [{"prefLabel": "Yoga"}], "image": ["i"], "offers": 1}"#,
    r#"{"a": {"b": [1, 2.5, {"c": "\t"}]}, "a": 1}"#,
];

const NAMES: [&str; 26] = [
    "@type",
    "type",
    "@id",
    "id",
    "identifier",
    "superEvent",
    "facilityUse",
    "startDate",
    "endDate",
    "duration",
    "imin:isPotentiallyBookable",
    "eventStatus",
    "remainingAttendeeCapacity",
    "maximumUses",
    "eventAttendanceMode",
    "url",
    "name",
    "location",
    "offers",
    "imin:aggregateOffer",
    "individualFacilityUse",
    "image",
    "level",
    "ageRange",
    "@context",
    r"na\u006de",
];

fn members(names: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let member = (select(names), select(&VALUES[..]), select(&["", " ", "\n\t"][..]));
    prop::collection::vec(member, 0..most).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value, blank)| format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}"))
            .collect();
        members.join(",")
    })
}

fn item() -> impl Strategy<Value = String> {
    let envelope = members(&["state", "kind", "id", "modified", "data", "more"], 2);
    (envelope, members(&NAMES, 8), any::<bool>(), any::<bool>()).prop_map(|(more, data, first, deleted)| {
        let state = if deleted { "deleted" } else { "updated" };
        let whole = format!(r#""state":"{state}","kind":"k","id":"i{}","modified":12,"data":{{{data}}}"#, data.len());
        match (more.is_empty(), first) {
            (true, _) => format!("{{{whole}}}"),
            (false, true) => format!("{{{more},{whole}}}"),
            (false, false) => format!("{{{whole},{more}}}"),
        }
    })
}

/// A page; sometimes with one of its bytes gone, or one too many.
fn a_page() -> impl Strategy<Value = String> {
    let items = prop::collection::vec(prop_oneof![9 => item(), 1 => select(&VALUES[..]).prop_map(str::to_owned)], 0..4);
    let slip = prop::option::weighted(
        0.2,
        (any::<prop::sample::Index>(), select(&["", "\"", "}", "]", ",", "\u{2}", "é"][..])),
    );
    (items, members(&["next", "license", "items", "other"], 2), slip).prop_map(|(items, more, slip)| {
        let comma = if more.is_empty() { "" } else { "," };
        let page = format!(r#"{{"next":"/n","items":[{}]{comma}{more}}}"#, items.join(","));
        let Some((index, piece)) = slip else { return page };
        let mut letters: Vec<String> = page.chars().map(String::from).collect();
        let at = index.index(letters.len());
        piece.clone_into(&mut letters[at]);
        letters.concat()
    })
}

fn quickly<'a, D: Data<'a>>(page: &'a str) -> Read<Content<'a>> {
    let mut changes = Vec::new();
    let content = read_quickly::<D>(page, &mut changes)?;
    Ok(Content { changes, ..content })
}

fn compare<'a, D: Data<'a>>(page: &'a str) -> Result<(), TestCaseError> {
    if let Ok(quick) = quickly::<D>(page) {
        let mut changes = Vec::new();
        match read_each::<D>(page, false, &mut changes) {
            Ok(slow) => prop_assert_eq!(quick, Content { changes, ..slow }),
            Err(error) => prop_assert!(false, "only the quick reader reads it: {error}"),
        }
    }
    Ok(())
}

/// Changes as they are shown, because their texts are gone when the page is.
#[derive(Debug, Default, PartialEq)]
struct Shown(Vec<String>);

impl Taker<'_> for Shown {
    fn begin(&mut self, _changes: usize) {
        self.0.clear();
    }
    fn take(&mut self, change: Change<'_>) {
        self.0.push(format!("{change:?}"));
    }
}

/// What is handed on is what a page holds, and the rest of the page is the same.
fn compare_handed_on(body: &[u8], feed: Feed) -> Result<(), TestCaseError> {
    let mut shown = Shown::default();
    let (handed, held) = (Page::hand_on(body, feed, &mut shown), Page::parse(body.to_vec(), feed));
    prop_assert_eq!(handed.is_ok(), held.is_ok());
    if let (Ok(handed), Ok(held)) = (handed, held) {
        let changes: Vec<String> = held.content().changes.iter().map(|change| format!("{change:?}")).collect();
        prop_assert_eq!(shown.0, changes);
        let rest = |page: &Page| {
            let Content { findings, item_count, next, license, .. } = page.content();
            format!("{findings:?} {item_count} {next:?} {license:?}")
        };
        prop_assert_eq!(rest(&handed), rest(&held));
        prop_assert_eq!(&handed.content().changes, &[]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn both_ways_read_the_same(page in a_page()) {
        compare::<SessionData<'_>>(&page)?;
        compare::<SeriesData<'_>>(&page)?;
        compare::<SlotData<'_>>(&page)?;
        compare::<FacilityData<'_>>(&page)?;
        compare::<SellerData<'_>>(&page)?;
    }

    #[test]
    fn numbers_are_read_as_serde_reads_them(number in "-?[0-9]{1,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{1,2})?", blank in "[ .]?") {
        let page = format!(r#"{{"items": [{{"id": {number}, "modified": {number}{blank}, "state": "updated", "data":
            {{"maximumAttendeeCapacity": {number}, "other": {number}{blank}, "offers": {{"price": {number}}}}}}}]}}"#);
        compare::<SessionData<'_>>(&page)?;
    }

    #[test]
    fn what_is_handed_on_is_what_a_page_holds(page in a_page(), at: prop::sample::Index, byte in prop::option::weighted(0.3, any::<u8>())) {
        let mut body = page.into_bytes();
        let at = at.index(body.len());
        body[at] = byte.unwrap_or(body[at]);
        for feed in Feed::ALL {
            compare_handed_on(&body, feed)?;
        }
    }
}

#[test]
fn what_publishers_send_is_read_quickly() {
    let values = VALUES.iter().filter(|value| serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok());
    for value in values.filter(|value| !value.contains("ud800")) {
        for name in NAMES {
            let page = format!(
                r#"{{ "next": "/n", "license": "l", "items": [ {{"state": "updated", "id": 7, "modified": "8", "data": {{"{name}": {value}}}}} ] }}"#
            );
            let Ok(content) = quickly::<SessionData<'_>>(&page) else {
                // The value is beyond a number, and the member one that is looked at.
                assert_eq!(*value, "1e999", "{page}");
                continue;
            };
            assert_eq!((content.changes.len(), content.next.as_deref()), (1, Some("/n")), "{page}");
        }
    }
}

#[test]
fn what_is_nested_without_end_is_left_to_serde() {
    let deep = "[".repeat(5_000_000);
    let page = format!(r#"{{"items": [{{"id": "a", "data": {{"@context": {deep}"#);
    assert!(quickly::<SessionData<'_>>(&page).is_err());
    for levels in [10, 90] {
        let (open, close) = ("{\"a\":[".repeat(levels / 2), "]}".repeat(levels / 2));
        let page =
            format!(r#"{{"items": [{{"id": "a", "state": "deleted", "data": {{"@context": {open}{close}}}}}]}}"#);
        assert!(quickly::<SessionData<'_>>(&page).is_ok(), "{levels} levels");
    }
}
