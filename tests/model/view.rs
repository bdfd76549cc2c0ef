//! The view against the rules: what the SQL shows at the real now equals what `domain` says of the same items at that now.

use std::collections::BTreeSet;

use bookable::clock::Clock;
use bookable::domain::{Feed, Instant, Item, ParentTerms, Selling, Standing, judge};
use bookable::rpde::Page;

use crate::rig::Rig;

const SERIES: &str = r#"{"state": "updated", "id": "s", "modified": 1, "data": {"@type": "SessionSeries", "@id": "ss",
    "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "P2D"}}}}"#;

fn session(number: i64, start: Instant) -> String {
    format!(
        r#"{{"state": "updated", "id": "{number}", "modified": 1, "data": {{"@type": "ScheduledSession", "identifier": "{number}",
            "superEvent": "ss", "startDate": "{start}", "imin:isPotentiallyBookable": {}}}}}"#,
        number % 5 != 0
    )
}

#[test]
fn the_view_shows_what_the_rules_say() {
    let now = Clock::system().now();
    let mut rig = Rig::new(now.as_seconds());
    rig.finish_loading();
    // Every 7 hours from four days ago to six days ahead; never within minutes of an edge, so that a slow run changes nothing.
    let starts = |number: i64| now.plus_seconds((number * 7 - 96) * 3600 + 1800);
    let items: Vec<String> = (0..34).map(|number| session(number, starts(number))).collect();
    rig.raw(&items.join(", "), SERIES);

    let page =
        |feed, items: &str| Page::parse(format!(r#"{{"items": [{items}]}}"#).into_bytes(), feed).expect("a page");
    let (sessions, series) = (page(Feed::ScheduledSessions, &items.join(", ")), page(Feed::SessionSeries, SERIES));
    let Item::Parent(series) = &series.content().changes[0].item else { panic!("a series") };
    let terms = ParentTerms { aggregate: series.offer.terms, selling: Selling::Unrestricted };
    let bookable = sessions.content().changes.iter().filter_map(|change| match &change.item {
        Item::Opportunity(session) => {
            let standing = judge(&session.terms, Some(&terms)).at(now);
            (standing == Standing::Bookable).then(|| change.id.to_string())
        }
        _ => None,
    });
    let expected: BTreeSet<String> = bookable.collect();
    assert!(expected.len() > 3, "{expected:?}");
    assert_eq!(shown(&rig), expected);
}

#[test]
fn a_stopped_daemon_leaves_no_started_session_on_show() {
    let now = Clock::system().now();
    let mut rig = Rig::new(now.plus_seconds(-3 * 86_400).as_seconds());
    rig.finish_loading();
    rig.raw(&[session(1, now.plus_seconds(-90_000)), session(2, now.plus_seconds(-100))].join(", "), SERIES);
    assert_eq!(rig.rows().len(), 1, "two days ago the first of them was open");
    assert_eq!(shown(&rig), BTreeSet::new());
}

fn shown(rig: &Rig) -> BTreeSet<String> {
    let connection = rig.catalogue();
    let mut statement = connection.prepare("SELECT identifier FROM bookable_session").expect("the view");
    statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a row")).collect()
}
