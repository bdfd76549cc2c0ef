//! What is packed is read again, whatever it is.

use proptest::prelude::*;

use super::*;
use crate::store::keys::{OfferListKey, ShapeKey};

fn instants() -> impl Strategy<Value = Instant> {
    prop_oneof![-4_000_000_000_i64..9_000_000_000, (5_600_000_i64..6_200_000).prop_map(|steps| steps * 300)]
        .prop_map(Instant::from_seconds)
}

fn starts() -> impl Strategy<Value = Start> {
    let date = (instants(), prop_oneof![Just(0_u16), 0_u16..1000], prop_oneof![Just(0), -86_000_i32..86_000]);
    prop_oneof![
        Just(Start::Missing),
        Just(Start::Bad(DateError::Unreadable)),
        Just(Start::Bad(DateError::WithoutOffset)),
        date.prop_map(|(instant, millis, offset)| Start::At(FeedDate::from_parts(instant, millis, offset))),
    ]
}

fn options() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        Just(None),
        (0_i64..40).prop_map(Some),
        any::<i64>().prop_map(Some),
        Just(Some(i64::MIN)),
        Just(Some(i64::MAX))
    ]
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let ends = prop_oneof![Just(None), instants().prop_map(Some),];
    let mode = prop::sample::select(vec![
        None,
        Some(AttendanceMode::Offline),
        Some(AttendanceMode::Online),
        Some(AttendanceMode::Mixed),
    ]);
    let status = prop::sample::select(vec![EventStatus::Scheduled, EventStatus::Cancelled, EventStatus::Postponed]);
    let minutes = prop_oneof![Just(None), Just(Some(60)), (0_i64..10_000).prop_map(Some)];
    (any::<[bool; 3]>(), status, starts(), ends, minutes, options(), options(), mode).prop_map(
        |([potentially_bookable, own, fits], status, start, ends, minutes, remaining, maximum, attendance_mode)| {
            let begins = if let Start::At(date) = start { Some(date.instant()) } else { None };
            let ends = if fits {
                begins.zip(minutes).map(|(begins, minutes)| begins.plus_seconds(minutes * 60))
            } else {
                ends
            };
            Numbers {
                potentially_bookable,
                status,
                start,
                ends,
                duration_minutes: minutes,
                remaining,
                maximum,
                attendance_mode,
                own,
            }
        },
    )
}

fn seen() -> impl Strategy<Value = Seen> {
    let modified =
        prop_oneof![1_599_999_999_998_i64..1_600_000_000_002, 1_790_000_000_000_i64..1_800_000_000_000, any::<i64>()];
    let walk = prop_oneof![Just(1_i64), 2_i64..300, any::<i64>()];
    let pair = prop::sample::select(Pair::ALL.to_vec());
    (pair, modified, walk).prop_map(|(pair, modified, walk)| Seen { pair, modified, walk })
}

fn keys() -> impl Strategy<Value = Keys> {
    let offers = prop::option::of(any::<i64>().prop_map(OfferListKey));
    (offers, 1_i64..1_000_000).prop_map(|(offers, shape)| Keys { offers, shape: ShapeKey(shape) })
}

fn texts() -> impl Strategy<Value = [Option<String>; 4]> {
    let text = "(https://a.example/|x:)?(sessions/)?(0|7|042|[1-9][0-9]{16,19}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-F-]{36}|abc|ü|)(/book|#x|)?";
    (text, prop::option::of(text), prop::option::of(text), prop::option::of(text))
        .prop_map(|(item_id, id, identifier, url)| [Some(item_id), id, identifier, url])
}

fn borrowed(texts: &[Option<String>; 4]) -> Texts<'_> {
    let [item_id, id, identifier, url] = texts;
    let (id, identifier, url) = (id.as_deref(), identifier.as_deref(), url.as_deref());
    Texts { item_id: item_id.as_deref().unwrap_or_default(), id, identifier, url }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_packed_is_read_again(seen in seen(), numbers in numbers(), given in texts(), keys in keys(), whole: bool) {
        let texts = borrowed(&given);
        let shape = if whole { texts.whole_shape() } else { texts.shape() };
        let mut bytes = Vec::new();
        pack(&mut bytes, seen, &numbers, (keys, &shape), &texts);
        let packed = Packed::read(&bytes).expect("a row");
        prop_assert_eq!((packed.keys, packed.own()), (keys, numbers.own));
        prop_assert_eq!((packed.seen, Packed::pair(&bytes)), (seen, Some(seen.pair)));
        prop_assert_eq!(packed.texts(&shape), Some(given.clone()));
        let mut item_id = "before".to_owned();
        packed.item_id(&shape, &mut item_id).expect("an id");
        prop_assert_eq!(Some(&item_id), given[0].as_ref());
        prop_assert_eq!(packed.numbers(&shape), Some(numbers));
        let json = serde_json::to_string(&shape).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Shape>(&json).expect("a shape"), shape);
    }

    #[test]
    fn any_bytes_are_a_row_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60), given in texts()) {
        if let Some(packed) = Packed::read(&bytes) {
            let shape = borrowed(&given).shape();
            let _ = (packed.texts(&shape), packed.numbers(&shape), packed.item_id(&shape, &mut String::new()));
        }
    }
}

#[test]
fn the_usual_row_is_short() {
    let texts = Texts {
        item_id: "11575967",
        id: Some("https://opendata.leisure.example/OpenActive/api/scheduled-sessions/11575967"),
        identifier: Some("11575967"),
        url: Some("https://bookings.leisure.example/book?id=11575967&lang=en"),
    };
    let start = Start::parse("2026-12-01T18:00:00Z");
    let numbers = Numbers {
        potentially_bookable: true,
        status: EventStatus::Scheduled,
        start,
        ends: Instant::parse("2026-12-01T19:00:00Z"),
        duration_minutes: Some(60),
        remaining: Some(5),
        maximum: Some(20),
        attendance_mode: None,
        own: false,
    };
    let seen = Seen { pair: Pair::Sessions, modified: 1_790_000_000_000, walk: 1 };
    let mut bytes = Vec::new();
    let keys = Keys { offers: Some(OfferListKey(100)), shape: ShapeKey(40) };
    pack(&mut bytes, seen, &numbers, (keys, &texts.shape()), &texts);
    assert!(bytes.len() <= 19, "{} bytes", bytes.len());
}
