//! Whatever a publisher sends, reading it ends, does not panic, and says only what it may: properties over any bytes.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use bookable::domain::{CheckoutBase, Feed, FeedDate, Item, Period, SlotPath};
use bookable::rpde::{FeedUrl, Page};
use proptest::prelude::*;
use url::Url;

/// JSON that looks like a page, with values of any kind in the places that are read.
fn page() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| format!("{value:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("JSON")),
        prop::sample::select(vec![
            r#""2026-12-01T18:00:00Z""#,
            r#""P7D""#,
            r#""updated""#,
            r#""deleted""#,
            "1e999",
            "-0"
        ])
        .prop_map(str::to_owned),
    ];
    let names = prop::sample::select(vec![
        "state",
        "id",
        "@id",
        "modified",
        "data",
        "identifier",
        "superEvent",
        "facilityUse",
        "startDate",
        "endDate",
        "duration",
        "offers",
        "location",
        "geo",
        "latitude",
        "address",
        "imin:aggregateOffer",
        "publicAdult",
        "organizer",
        "provider",
        "activity",
        "image",
        "individualFacilityUse",
        "imin:dataSource",
        "validFromBeforeStartDate",
        "imin:isPotentiallyBookable",
        "ageRange",
        "minValue",
        "dataset",
        "@type",
        "price",
        "name",
    ]);
    let value = leaf.prop_recursive(5, 40, 6, move |inner| {
        let member = (names.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\": {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|values| format!("[{}]", values.join(", "))),
            prop::collection::vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(", "))),
        ]
    });
    prop::collection::vec(value, 0..6).prop_map(|items| format!(r#"{{"items": [{}], "next": "x"}}"#, items.join(", ")))
}

fn check(body: &[u8]) {
    for feed in Feed::ALL {
        if let Ok(page) = Page::parse(body.to_vec(), feed) {
            for change in &page.content().changes {
                assert!(change.id.len() <= 2048);
                if let Item::Opportunity(facts) = &change.item {
                    assert!(facts.identifier.as_ref().is_none_or(|text| !text.is_empty() && text.len() <= 2048));
                    assert_eq!(facts.terms.has_identifier, facts.identifier.is_some());
                }
            }
        }
    }
}

/// As many cases as `PROPTEST_CASES` says, else 400.
#[expect(clippy::disallowed_methods, reason = "a test may be told to look longer")]
fn config() -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases: 400, ..default } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_a_page_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn any_values_in_any_places_are_read_or_passed_by(page in page(), cut in 0_usize..2000, broken in any::<u8>()) {
        check(page.as_bytes());
        let mut bytes = page.into_bytes();
        let at = cut % bytes.len();
        bytes[at] = broken;
        check(&bytes);
        bytes.truncate(at);
        check(&bytes);
    }

    #[test]
    fn any_text_is_a_date_or_none(text in "[0-9TZ:+. -]{0,40}|.{0,40}") {
        if let Ok(date) = FeedDate::parse(&text) {
            prop_assert!(date.millis() < 1000);
            prop_assert!(FeedDate::parse(&date.instant().to_string()).is_ok_and(|again| again.instant() == date.instant()));
            if let Some(period) = Period::parse("P1Y2M3DT4H") {
                prop_assert!(period.before(date) <= date.instant());
            }
        }
    }

    #[test]
    fn any_text_is_a_duration_or_none(text in "P?[0-9YMWDTHS.,+-]{0,30}|.{0,30}", seconds in 0_i64..4_000_000_000) {
        if let Some(period) = Period::parse(&text) {
            let start = format!("{}", bookable::domain::Instant::from_seconds(seconds));
            let start = FeedDate::parse(&start).expect("a date");
            prop_assert!(period.before(start) <= start.instant(), "{text}");
        }
    }

    #[test]
    fn an_identifier_stays_one_segment_of_its_checkout_url(identifier in any::<String>()) {
        let base = CheckoutBase::parse("https://checkout.example.org/a").expect("a base");
        let path = SlotPath::parse("/v1/slots/{identifier}/book").expect("a path");
        for (text, segments, at) in [(base.session_url(&identifier), 4, 3), (base.slot_url(&path, &identifier), 5, 3)] {
            let url = Url::parse(&text).expect("a URL");
            prop_assert_eq!(url.host_str(), Some("checkout.example.org"));
            prop_assert!(url.query().is_none() && url.fragment().is_none());
            // A URL parser takes the segments `.` and `..` away, however they are written.
            if !matches!(identifier.as_str(), "." | "..") {
                let found: Vec<&str> = url.path_segments().expect("segments").collect();
                prop_assert_eq!(found.len(), segments, "{}", text);
                let decoded = percent_encoding::percent_decode_str(found[at]).decode_utf8().expect("UTF-8");
                prop_assert_eq!(decoded.as_ref(), identifier.as_str());
            }
        }
    }

    #[test]
    fn no_next_leaves_the_origin(next in "(https?:)?[/\\\\]{0,3}[a-z0-9.@:%\\-\\[\\]]{0,20}[/?#].{0,20}|.{0,40}") {
        let page = FeedUrl::parse("https://feeds.example.org:8443/f/sessions?a=1").expect("a URL");
        if let Ok(url) = page.join_next(&next) {
            prop_assert_eq!(url.origin_text(), page.origin_text());
            prop_assert!(FeedUrl::parse(url.original()).is_ok_and(|again| again == url), "{next}");
        }
    }
}
