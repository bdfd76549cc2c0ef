//! Whatever a publisher sends, reading it ends, does not panic, and says only what it may: properties over any bytes.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

mod properties;

use proptest::prelude::*;

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
        properties::page(&bytes);
    }

    #[test]
    fn any_values_in_any_places_are_read_or_passed_by(page in page(), cut in 0_usize..2000, broken in any::<u8>()) {
        properties::page(page.as_bytes());
        let mut bytes = page.into_bytes();
        let at = cut % bytes.len();
        bytes[at] = broken;
        properties::page(&bytes);
        bytes.truncate(at);
        properties::page(&bytes);
    }

    #[test]
    fn any_text_is_a_date_or_none(text in "[0-9TZ:+. -]{0,40}|.{0,40}") {
        properties::date(&text);
    }

    #[test]
    fn any_text_is_a_duration_or_none(text in "P?[0-9YMWDTHS.,+-]{0,30}|.{0,30}", seconds in any::<i64>()) {
        properties::duration(&text, seconds);
    }

    #[test]
    fn an_identifier_stays_one_segment_of_its_checkout_url(identifier in any::<String>()) {
        properties::checkout_url(&identifier);
    }

    #[test]
    fn no_next_leaves_the_origin(next in "(https?:)?[/\\\\]{0,3}[a-z0-9.@:%\\-\\[\\]]{0,20}[/?#].{0,20}|.{0,40}") {
        properties::next(&next);
    }
}

/// What the fuzzer found worth keeping is looked at by every run of the tests.
#[test]
fn the_fuzzers_corpus_holds() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut seen = 0;
    for target in ["page", "date", "duration", "url"] {
        for file in std::fs::read_dir(corpus.join(target)).expect("a corpus") {
            let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
            properties::any(target, &bytes);
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen} files");
}
