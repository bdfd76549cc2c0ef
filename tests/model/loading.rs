//! A first harvest judges as it reads and mends at its end what it could not know: the same must come of it as of a harvest that judges
//! everything anew at every step.

use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::Connection;

use crate::histories::{Event, history};
use crate::naive::World;
use crate::properties::config;
use crate::rig::Rig;

/// 2028-02-25T00:00:00Z.
const NOW: i64 = 1_835_049_600;

/// Eighty series of five sessions each that cannot be booked, so that what a history touches is a small part of all.
fn others() -> (String, String) {
    let session = |number: i64| {
        format!(
            r#"{{"state": "updated", "id": "other-{number}", "modified": 1, "data": {{"@type": "ScheduledSession",
                "@id": "other-{number}", "identifier": "other-{number}", "superEvent": "other-series-{}",
                "startDate": "2028-03-01T18:00:00Z", "imin:isPotentiallyBookable": true}}}}"#,
            number % 80
        )
    };
    let series = |number: i64| {
        format!(
            r#"{{"state": "updated", "id": "other-{number}", "modified": 1, "data": {{"@type": "SessionSeries",
                "@id": "other-series-{number}", "imin:aggregateOffer": {{"publicAdult": {{"imin:isPotentiallyBookable": false}}}}}}}}"#
        )
    };
    let join = |items: Vec<String>| items.join(", ");
    (join((0..400).map(session).collect()), join((0..80).map(series).collect()))
}

/// Rows of the state as texts.
fn of_state(rig: &Rig, sql: &str) -> Vec<[Option<String>; 4]> {
    let state = Connection::open(rig.path("state.db")).expect("the state");
    let mut statement = state.prepare(sql).expect("a query");
    let read = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    statement.query_map([], read).expect("rows").map(|row| row.expect("a row")).collect()
}

/// Every verdict.
fn verdicts(rig: &Rig) -> Vec<[Option<String>; 4]> {
    let text = "CAST(key AS TEXT), CAST(reason AS TEXT), CAST(opens AS TEXT), CAST(closes AS TEXT)";
    of_state(rig, &format!("SELECT {text} FROM opportunity ORDER BY key"))
}

/// Every `@id` of a parent.
fn links(rig: &Rig) -> Vec<[Option<String>; 4]> {
    of_state(rig, "SELECT CAST(pair AS TEXT), id, NULL, NULL FROM link ORDER BY 1, 2")
}

fn happen(rig: &mut Rig, event: &Event, sellers_read: Option<bool>) {
    match event {
        Event::Batch(pages) => rig.batch(pages),
        Event::Clock(now) => rig.set_clock(*now),
        Event::FinishLoading => {}
        Event::Restart { broker } => {
            if sellers_read == Some(true) {
                rig.end_sellers();
            }
            rig.restart_with(*broker);
        }
        Event::SellersEnd => rig.end_sellers(),
    }
}

fn follow(world: &mut World, event: &Event, now: i64) {
    match event {
        Event::Batch(pages) => pages.iter().flatten().for_each(|change| world.take(change, now)),
        Event::Restart { broker } => world.start(now, *broker),
        Event::SellersEnd => world.sellers_read = world.sellers_read.map(|_| true),
        Event::Clock(_) | Event::FinishLoading => {}
    }
}

/// What happens before the first session comes: nothing, or a broker is set, or its feed is read to its end and the program starts anew.
const BEFORE: [&[Event]; 3] = [
    &[],
    &[Event::Restart { broker: true }],
    &[Event::Restart { broker: true }, Event::SellersEnd, Event::Restart { broker: true }],
];

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_first_harvest_ends_as_one_that_judges_at_every_step(
        events in history(),
        before in select(&BEFORE[..]),
        (restarts, jumps) in (prop::bool::weighted(0.3), any::<bool>()),
        steps in prop::collection::vec(1_i64..20 * 86_400, 1..4),
        instants in prop::collection::vec(1_831_593_600_i64..1_838_500_000, 1..4),
    ) {
        let (mut loading, mut settled, mut world) = (Rig::new(NOW), Rig::new(NOW), World::default());
        settled.finish_loading();
        for event in before {
            happen(&mut loading, event, world.sellers_read);
            happen(&mut settled, event, world.sellers_read);
            follow(&mut world, event, NOW);
        }
        let (sessions, series) = others();
        loading.raw(&sessions, &series);
        settled.raw(&sessions, &series);
        let happens = |event: &&Event| match event {
            Event::Restart { .. } => restarts,
            Event::Clock(_) => jumps,
            _ => true,
        };
        for event in events.iter().filter(happens) {
            happen(&mut loading, event, world.sellers_read);
            happen(&mut settled, event, world.sellers_read);
            follow(&mut world, event, loading.now.as_seconds());
        }
        loading.finish_loading();
        prop_assert_eq!(verdicts(&loading), verdicts(&settled));
        prop_assert_eq!(links(&loading), links(&settled));
        prop_assert_eq!(loading.rows(), world.bookable(loading.now.as_seconds()));
        // What was judged at the end turns in its time, too.
        let steps = steps.into_iter().scan(loading.now.as_seconds(), |now, step| {
            *now += step;
            Some(*now)
        });
        for now in steps.chain(instants) {
            loading.set_clock(now);
            prop_assert_eq!(loading.rows(), world.bookable(now));
        }
        loading.check_whole();
    }
}
