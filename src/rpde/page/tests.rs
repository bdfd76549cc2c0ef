//! Every item here is synthetic; the shapes are those that real feeds have.

use super::*;
use crate::domain::{
    Aggregate, AggregateOffer, Coordinates, EventStatus, Offer, Opening, Opportunity, Place, PublicAdult, Start,
};

fn page(feed: Feed, body: &str) -> Page {
    Page::parse(body.as_bytes().to_vec(), feed).unwrap()
}

/// A page with these elements of `items`.
fn items(feed: Feed, items: &str) -> Page {
    page(
        feed,
        &format!(r#"{{"next": "https://f.example/s?a=1", "items": [{items}], "license": "https://l.example/"}}"#),
    )
}

fn session_of(data: &str) -> Opportunity<'static> {
    let item =
        format!(r#"{{"state": "updated", "kind": "ScheduledSession", "id": "1", "modified": 1, "data": {data}}}"#);
    let page = items(Feed::ScheduledSessions, &item);
    match &page.content().changes[0].item {
        Item::Opportunity(session) => into_static(session),
        other => panic!("not a session: {other:?} {:?}", page.content().findings),
    }
}

fn own(text: Option<&str>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.to_owned()))
}

fn into_static(session: &Opportunity<'_>) -> Opportunity<'static> {
    Opportunity {
        id: own(session.id.as_deref()),
        identifier: own(session.identifier.as_deref()),
        parent_id: own(session.parent_id.as_deref()),
        url: own(session.url.as_deref()),
        name: own(session.name.as_deref()),
        place: session.place.as_ref().map(|place| Place {
            name: own(place.name.as_deref()),
            address: own(place.address.as_deref()),
            postcode: own(place.postcode.as_deref()),
            coordinates: place.coordinates,
        }),
        offer: AggregateOffer {
            valid_from: own(session.offer.valid_from.as_deref()),
            id: own(session.offer.id.as_deref()),
            currency: own(session.offer.currency.as_deref()),
            ..session.offer
        },
        offers: session.offers.iter().map(offer_into_static).collect(),
        ..*session
    }
}

fn offer_into_static(offer: &Offer<'_>) -> Offer<'static> {
    let (id, name) = (own(offer.id.as_deref()), own(offer.name.as_deref()));
    Offer { id, name, currency: own(offer.currency.as_deref()), ..*offer }
}

fn findings(page: &Page) -> Vec<&'static str> {
    page.content().findings.iter().map(|finding| finding.kind.code()).collect()
}

#[test]
fn a_whole_page_is_read() {
    let page = items(
        Feed::ScheduledSessions,
        r#"{"state": "updated", "kind": "ScheduledSession", "id": "a", "modified": 5, "data": {"@type": "ScheduledSession"}},
           {"state": "deleted", "kind": "ScheduledSession", "id": 7, "modified": "6"}"#,
    );
    let content = page.content();
    assert_eq!(content.next.as_deref(), Some("https://f.example/s?a=1"));
    assert_eq!(content.license.as_deref(), Some("https://l.example/"));
    assert_eq!(content.item_count, 2);
    assert_eq!((&*content.changes[1].id, content.changes[1].modified), ("7", Some(6)));
    assert_eq!(content.changes[1].item, Item::Gone);
    assert_eq!(content.findings, []);
}

#[test]
fn one_bad_item_never_loses_a_page() {
    let good =
        r#"{"state": "updated", "kind": "x", "id": "good", "modified": 1, "data": {"@type": "ScheduledSession"}}"#;
    let table = [
        ("null", "null", "unreadable_item"),
        ("a number", "17", "unreadable_item"),
        ("a list", "[]", "unreadable_item"),
        ("no id", r#"{"state": "updated", "modified": 1, "data": {}}"#, "no_item_id"),
        ("id of another kind", r#"{"state": "updated", "id": {}, "modified": 1, "data": {}}"#, "no_item_id"),
        ("no data", r#"{"state": "updated", "id": "x", "modified": 1}"#, "no_data"),
        ("data of another kind", r#"{"state": "updated", "id": "x", "modified": 1, "data": "{}"}"#, "no_data"),
        ("another state", r#"{"state": "renewed", "id": "x", "modified": 1, "data": {}}"#, "unknown_state"),
        ("another type", r#"{"state": "updated", "id": "x", "modified": 1, "data": {"@type": "Slot"}}"#, "other_type"),
        ("another kind", r#"{"state": "updated", "kind": "Slot", "id": "x", "modified": 1, "data": {}}"#, "other_type"),
        (
            "a lone surrogate",
            r#"{"state": "updated", "id": "x", "modified": 1, "data": {"name": "\ud800"}}"#,
            "unreadable_item",
        ),
        (
            "a number beyond all",
            r#"{"state": "updated", "id": "x", "modified": 1, "data": {"url": 1e999}}"#,
            "unreadable_item",
        ),
        (
            "the same key twice",
            r#"{"state": "updated", "id": "x", "modified": 1, "data": {"url": "a", "url": "b"}}"#,
            "unreadable_item",
        ),
    ];
    for (words, bad, code) in table {
        let page = items(Feed::ScheduledSessions, &format!("{bad}, {good}"));
        assert_eq!(findings(&page), [code], "{words}");
        let last = page.content().changes.last().unwrap();
        assert_eq!(&*last.id, "good", "{words}");
        assert!(matches!(last.item, Item::Opportunity(_)), "{words}");
    }
}

#[test]
fn what_cannot_be_used_takes_the_place_of_what_was_held() {
    let page = items(
        Feed::ScheduledSessions,
        r#"{"state": "updated", "id": "x", "modified": 9, "data": {"name": "\ud800"}},
           {"state": "UPDATED", "id": "y", "modified": 9}"#,
    );
    let changes: Vec<_> = page.content().changes.iter().map(|change| (&*change.id, &change.item)).collect();
    assert_eq!(changes, [("x", &Item::Gone), ("y", &Item::Gone)]);
}

#[test]
fn a_page_that_is_none_is_refused() {
    for body in ["", "<html>", "[]", "{}", r#"{"items": {}}"#, r#"{"items": [}"#, r#"{"items": [{"id": 1}"#] {
        assert!(Page::parse(body.as_bytes().to_vec(), Feed::SessionSeries).is_err(), "{body}");
    }
    let marked = page(Feed::SessionSeries, "\u{feff}{\"items\": []}");
    assert_eq!((marked.content().item_count, marked.content().next.as_deref()), (0, None));
}

#[test]
fn broken_utf8_costs_only_the_item_it_is_in() {
    let good = r#"{"state": "updated", "id": "good", "modified": 1, "data": {"@type": "ScheduledSession"}}"#;
    let mut body = br#"{"items": [{"state": "updated", "id": "x", "modified": 1, "data": {"identifier": ""#.to_vec();
    body.extend(b"\xff\"}}, ");
    body.extend(good.as_bytes());
    body.extend(b"]}");
    let page = Page::parse(body, Feed::ScheduledSessions).unwrap();
    assert_eq!(findings(&page), ["unreadable_item", "broken_utf8"]);
    assert_eq!(page.content().changes.len(), 2);
}

#[test]
fn modified_is_compared_as_64_bits_however_it_is_written() {
    let table = [
        ("637884288000000000", Some(637_884_288_000_000_000)),
        (r#""9223372036854775807""#, Some(i64::MAX)),
        ("1.5e12", Some(1_500_000_000_000)),
        (r#""2026-11-23T18:00:00.250Z""#, Some(1_795_456_800_250)),
        ("9223372036854775808", None),
        ("1.5", None),
        ("null", None),
        (r#""soon""#, None),
    ];
    for (text, expected) in table {
        let page = items(Feed::ScheduledSessions, &format!(r#"{{"state": "deleted", "id": "x", "modified": {text}}}"#));
        assert_eq!(page.content().changes[0].modified, expected, "{text}");
        assert_eq!(findings(&page).is_empty(), expected.is_some(), "{text}");
    }
}

#[test]
fn a_session_is_read_in_all_its_spellings() {
    let session = session_of(
        r#"{"id": "https://e.example/s/1", "type": "ScheduledSession", "identifier": 20261123, "superEvent": {"@id": "https://e.example/ss/1"},
            "startDate": "2026-12-01T18:00Z", "duration": "PT45M", "imin:isPotentiallyBookable": true, "eventStatus": "https://schema.org/EventScheduled",
            "remainingAttendeeCapacity": "3", "maximumAttendeeCapacity": 12.0, "eventAttendanceMode": "https://schema.org/MixedEventAttendanceMode",
            "location": {"name": "Hall", "geo": {"latitude": "53.8", "longitude": -1.55}, "address": "1 Made-up Street"}, "name": ""}"#,
    );
    assert_eq!(session.id.as_deref(), Some("https://e.example/s/1"));
    assert_eq!(session.identifier.as_deref(), Some("20261123"));
    assert_eq!(session.parent_id.as_deref(), Some("https://e.example/ss/1"));
    assert_eq!((session.remaining, session.maximum), (Some(3), Some(12)));
    assert_eq!(session.duration_minutes, Some(45));
    assert_eq!(session.ends.map(|at| at.to_string()).as_deref(), Some("2026-12-01T18:45:00Z"));
    assert_eq!(session.name, None);
    let place = session.place.unwrap();
    assert_eq!(place.address.as_deref(), Some("1 Made-up Street"));
    assert_eq!(place.coordinates, Some(Coordinates { latitude: 53.8, longitude: -1.55 }));
}

#[test]
fn a_flag_counts_only_when_it_is_json_true() {
    for (flag, expected) in
        [("true", true), ("false", false), (r#""true""#, false), ("1", false), ("null", false), ("[true]", false)]
    {
        let session = session_of(&format!(r#"{{"imin:isPotentiallyBookable": {flag}}}"#));
        assert_eq!(session.terms.potentially_bookable, expected, "{flag}");
    }
}

#[test]
fn identifiers_keep_every_digit_and_character() {
    let table = [
        (r#""https://e.example/a b%2F+\u0027\ud83d\ude00""#, Some("https://e.example/a b%2F+'😀")),
        ("123456789012345678901234567890", Some("123456789012345678901234567890")),
        ("-7", Some("-7")),
        (r#"" ""#, Some(" ")),
        (r#""""#, None),
        ("null", None),
        ("1.0", None),
        ("1e5", None),
        ("true", None),
        (r#"{"@type": "PropertyValue", "value": "x"}"#, None),
    ];
    for (json, expected) in table {
        let session = session_of(&format!(r#"{{"identifier": {json}}}"#));
        assert_eq!(session.identifier.as_deref(), expected, "{json}");
        assert_eq!(session.terms.has_identifier, expected.is_some(), "{json}");
    }
}

#[test]
fn starts_and_statuses() {
    let start = |json: &str| session_of(&format!(r#"{{"startDate": {json}}}"#)).terms.start;
    assert_eq!(start("null"), Start::Missing);
    assert!(matches!(start("20261201"), Start::Bad(_)));
    assert!(matches!(start(r#""""#), Start::Bad(_)));
    assert!(matches!(start(r#""2026-12-01T18:00:00+01:00""#), Start::At(_)));
    assert_eq!(
        session_of(r#"{"eventStatus": "https://schema.org/EventCancelled"}"#).terms.status,
        EventStatus::Cancelled
    );
}

#[test]
fn a_series_takes_its_display_from_the_event_series() {
    let page = items(
        Feed::SessionSeries,
        r#"{"state": "updated", "kind": "SessionSeries", "id": 3, "modified": 1, "data": {"@type": ["SessionSeries"], "@id": "ss/1",
            "name": "Mon 18:00", "level": ["Beginner"],
            "superEvent": {"@type": "EventSeries", "name": "Yoga", "activity": {"prefLabel": "Yoga"}, "organizer": {"@id": "o/1", "name": "Centre"},
              "ageRange": {"minValue": 16}, "genderRestriction": "https://openactive.io/FemaleOnly", "image": [{"url": "https://i.example/1.jpg"}],
              "imin:aggregateOffer": {"publicAdult": {"lowPrice": "4.50", "highPrice": 6, "priceCurrency": "GBP",
                "imin:isPotentiallyBookable": true, "imin:membershipRequired": false, "validFromBeforeStartDate": "P7D"}}},
            "imin:dataSource": {"identifier": "set-1"}, "imin:presentAsSlots": false,
            "location": {"geo": {"latitude": -1.55, "longitude": 53.8}, "address": {"streetAddress": "1 Made-up Street", "addressLocality": "Leeds", "postalCode": "LS1"}}}}"#,
    );
    assert_eq!(findings(&page), ["bad_coordinates"]);
    let Item::Parent(series) = &page.content().changes[0].item else { panic!("not a series") };
    assert_eq!(series.name.as_deref(), Some("Yoga"));
    assert_eq!(series.activities, ["Yoga"]);
    assert_eq!(series.levels, ["Beginner"]);
    assert_eq!((series.offer.price, series.offer.currency.as_deref()), (Some(4.5), Some("GBP")));
    assert_eq!((series.min_age, series.max_age), (Some(16), None));
    assert_eq!(series.dataset.as_deref(), Some("set-1"));
    let place = series.place.as_ref().unwrap();
    assert_eq!(place.address.as_deref(), Some("1 Made-up Street, Leeds"));
    assert_eq!((place.postcode.as_deref(), place.coordinates), (Some("LS1"), None));
    let offer = series.offer.terms.public_adult().unwrap();
    assert!(offer.potentially_bookable && matches!(offer.opening, Opening::Before(_)));
}

#[test]
fn windows_and_offers_that_are_not_what_they_should_be() {
    let offer = |json: &str| {
        let item = format!(
            r#"{{"state": "updated", "id": 3, "modified": 1, "data": {{"@id": "ss/1", "imin:aggregateOffer": {json}}}}}"#
        );
        let page = items(Feed::SessionSeries, &item);
        match &page.content().changes[0].item {
            Item::Parent(series) => series.offer.terms.public_adult().map(|offer| offer.opening),
            _ => panic!("not a series"),
        }
    };
    assert_eq!(offer("{}"), None);
    assert_eq!(offer("null"), None);
    assert_eq!(offer(r#"{"publicAdult": []}"#), None);
    assert_eq!(offer(r#"{"publicAdult": {"validFromBeforeStartDate": null}}"#), Some(Opening::Always));
    assert_eq!(offer(r#"{"publicAdult": {"validFromBeforeStartDate": 7}}"#), Some(Opening::Unreadable));
    assert_eq!(offer(r#"{"publicAdult": {"validFromBeforeStartDate": ""}}"#), Some(Opening::Unreadable));
    assert_eq!(offer(r#"{"publicAdult": {"validFromBeforeStartDate": ["P7D"]}}"#), Some(Opening::Unreadable));
}

#[test]
fn a_series_without_an_id_cannot_be_linked_to() {
    let page = items(
        Feed::SessionSeries,
        r#"{"state": "updated", "id": 3, "modified": 1, "data": {"@type": "SessionSeries"}}"#,
    );
    assert_eq!(findings(&page), ["no_series_id"]);
    assert_eq!(page.content().changes[0].item, Item::Gone);
}

#[test]
fn offers_are_read_one_by_one_and_what_is_none_is_passed_by() {
    let session = session_of(
        r#"{"offers": [{"@type": "Offer", "@id": "o/1", "name": "Adult", "price": "5.50", "priceCurrency": "GBP",
            "ageRange": {"minValue": 16}}, null, "x", {}, {"id": 7, "price": 3, "ageRestriction": {"maxValue": 15}}]}"#,
    );
    let [adult, junior] = &session.offers[..] else { panic!("{:?}", session.offers) };
    assert_eq!((adult.id.as_deref(), adult.name.as_deref(), adult.price), (Some("o/1"), Some("Adult"), Some(5.5)));
    assert_eq!((adult.currency.as_deref(), adult.min_age, adult.max_age), (Some("GBP"), Some(16), None));
    assert_eq!((junior.id.as_deref(), junior.price, junior.max_age), (Some("7"), Some(3.0), Some(15)));
}

#[test]
fn a_facility_use_has_courts_and_a_slot_links_to_one_of_them() {
    let page_of_facility = items(
        Feed::FacilityUses,
        r#"{"state": "updated", "kind": "FacilityUse", "id": "f", "modified": 1, "data": {"@type": "FacilityUse", "@id": "fu/1",
            "name": "Badminton", "facilityType": [{"prefLabel": "Badminton Court"}], "provider": {"@id": "o/1", "name": "Centre"},
            "individualFacilityUse": [{"@id": "fu/1/c1", "name": "Court 1"}, {"name": "no id"}, {"id": "fu/1/c2"}, {"@id": "fu/1"}]}}"#,
    );
    let Item::Parent(facility) = &page_of_facility.content().changes[0].item else { panic!("not a facility use") };
    let courts: Vec<_> = facility.courts.iter().map(|court| (&*court.id, court.name.as_deref())).collect();
    assert_eq!(courts, [("fu/1/c1", Some("Court 1")), ("fu/1/c2", None)]);
    assert_eq!((facility.organizer_id.as_deref(), facility.organizer.as_deref()), (Some("o/1"), Some("Centre")));
    assert_eq!((facility.activities.len(), facility.offer.terms), (1, Aggregate::Absent));
    let page_of_slot = items(
        Feed::Slots,
        r#"{"state": "updated", "kind": "Slot", "id": "s", "modified": 1, "data": {"@type": "Slot", "@id": "sl/1", "identifier": 5,
            "facilityUse": {"@id": "fu/1/c1"}, "startDate": "2026-12-01T18:00:00Z", "duration": "PT1H", "remainingUses": 1,
            "maximumUses": "2", "imin:isPotentiallyBookable": true,
            "imin:aggregateOffer": {"publicAdult": {"@id": "o/2", "price": 9, "imin:isPotentiallyBookable": true}}}}"#,
    );
    let Item::Opportunity(slot) = &page_of_slot.content().changes[0].item else { panic!("not a slot") };
    assert_eq!((slot.parent_id.as_deref(), slot.identifier.as_deref()), (Some("fu/1/c1"), Some("5")));
    assert_eq!((slot.remaining, slot.maximum, slot.duration_minutes), (Some(1), Some(2), Some(60)));
    let offer = PublicAdult { potentially_bookable: true, opening: Opening::Always };
    assert_eq!((slot.terms.aggregate, slot.offer.price), (Aggregate::PublicAdult(offer), Some(9.0)));
    assert_eq!(findings(&page_of_facility).len() + findings(&page_of_slot).len(), 0);
}

#[test]
fn a_seller_is_taken_whatever_its_type_and_not_without_an_id() {
    let page = items(
        Feed::BookableSellers,
        r#"{"state": "updated", "kind": "Seller", "id": 1, "modified": 1, "data": {"@type": "Person", "@id": "o/1", "name": "A"}},
           {"state": "updated", "id": 2, "modified": 1, "data": {"name": "B"}}"#,
    );
    let Item::Seller(seller) = &page.content().changes[0].item else { panic!("not a seller") };
    assert_eq!((&*seller.id, seller.name.as_deref()), ("o/1", Some("A")));
    assert_eq!((&page.content().changes[1].item, findings(&page)), (&Item::Gone, vec!["no_seller_id"]));
}
