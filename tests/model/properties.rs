//! What holds for every history.

use bookable::domain::Feed;
use bookable::store::WhenStale;
use proptest::prelude::*;

use crate::histories::{Event, changes, history};
use crate::naive::World;
use crate::rig::Rig;

/// 2028-02-25T00:00:00Z: some windows are open, some are not.
const NOW: i64 = 1_835_049_600;

/// As many cases as `PROPTEST_CASES` says, else 96.
#[expect(clippy::disallowed_methods, reason = "a test may be told to look longer")]
pub(crate) fn config() -> ProptestConfig {
    let default = ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases: 96, ..default } }
}

fn first_walk(world: &mut World, changes: &[crate::histories::Change]) {
    for change in changes {
        world.take(change, NOW);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn step_by_step_equals_the_final_items(events in history()) {
        let (mut rig, mut world) = (Rig::new(NOW), World::default());
        let mut loaded = false;
        for event in &events {
            match event {
                Event::Batch(pages) => {
                    pages.iter().flatten().for_each(|change| world.take(change, rig.now.as_seconds()));
                    rig.batch(pages);
                }
                Event::Clock(now) => rig.set_clock(*now),
                Event::FinishLoading => {
                    rig.finish_loading();
                    loaded = true;
                }
                Event::Restart { broker } => {
                    // Polled to the last: a gap, which begins a new walk, has tests of its own.
                    if world.sellers_read == Some(true) {
                        rig.end_sellers();
                    }
                    rig.restart_with(*broker);
                    world.start(rig.now.as_seconds(), *broker);
                }
                Event::SellersEnd => {
                    rig.end_sellers();
                    world.sellers_read = world.sellers_read.map(|_| true);
                }
            }
            if loaded {
                prop_assert_eq!(rig.rows(), world.bookable(rig.now.as_seconds()));
            }
        }
        rig.finish_loading();
        prop_assert_eq!(rig.rows(), world.bookable(rig.now.as_seconds()));
        rig.check_whole();
    }

    #[test]
    fn any_split_and_any_repeat_give_the_same_catalogue(changes in changes(), size in 1_usize..9, early: bool) {
        let (mut whole, mut split) = (Rig::new(NOW), Rig::new(NOW));
        if early {
            split.finish_loading();
        }
        whole.batch(std::slice::from_ref(&changes));
        whole.finish_loading();
        for page in changes.chunks(size) {
            split.batch(&[page.to_vec()]);
            split.batch(&[page.to_vec()]);
        }
        split.finish_loading();
        prop_assert_eq!(whole.rows(), split.rows());
    }

    #[test]
    fn rebuild_and_mend_change_nothing_in_a_right_catalogue(changes in changes()) {
        let mut rig = Rig::new(NOW);
        rig.finish_loading();
        rig.batch(&[changes]);
        let (before, now) = (rig.rows(), rig.now);
        rig.store().mend(now).unwrap();
        prop_assert_eq!(&rig.rows(), &before);
        rig.store().rebuild(now).unwrap();
        prop_assert_eq!(&rig.rows(), &before);
        rig.check_whole();
    }

    #[test]
    fn a_tampered_or_deleted_catalogue_is_mended_at_the_start(changes in changes(), harm in 0_usize..4) {
        let mut rig = Rig::new(NOW);
        rig.finish_loading();
        rig.batch(&[changes]);
        let before = rig.rows();
        rig.stop();
        let sql = [
            "DELETE FROM session WHERE key % 2 = 0; DELETE FROM slot WHERE key % 2 = 1; DELETE FROM offer_list",
            "UPDATE pattern SET id_before = 'x', url_after = 'x'; UPDATE session SET checkout_name = 'elsewhere'; UPDATE origin SET checkout_base = 'https://elsewhere.example/'; UPDATE listing SET name = 'x'",
            "INSERT OR IGNORE INTO session SELECT key + 1000, listing, pattern, session_id, identifier, checkout_name, starts_at, \
             ends_at, local_start, duration_minutes, bookable_from, remaining_capacity, maximum_capacity, attendance_mode, \
             url, modified, offers FROM session",
        ];
        match sql.get(harm) {
            Some(sql) => rig.catalogue().execute_batch(sql).unwrap(),
            None => bookable::store::files_of(&rig.path("catalogue.db")).iter().for_each(|file| {
                let _ = std::fs::remove_file(file);
            }),
        }
        rig.restart();
        prop_assert_eq!(rig.rows(), before);
        rig.check_whole();
    }

    #[test]
    fn a_crash_between_the_two_commits_costs_nothing(first in changes(), second in changes()) {
        let mut rig = Rig::new(NOW);
        rig.finish_loading();
        rig.batch(std::slice::from_ref(&first));
        rig.store().tidy(false).unwrap();
        let old = std::fs::read(rig.path("catalogue.db")).unwrap();
        rig.batch(std::slice::from_ref(&second));
        let after = rig.rows();
        rig.stop();
        for file in bookable::store::files_of(&rig.path("catalogue.db")) {
            let _ = std::fs::remove_file(file);
        }
        std::fs::write(rig.path("catalogue.db"), old).unwrap();
        rig.restart();
        prop_assert_eq!(rig.rows(), after);
    }

    #[test]
    fn a_new_walk_removes_what_it_did_not_see_and_only_at_its_end(first in changes(), second in changes()) {
        let mut rig = Rig::new(NOW);
        rig.finish_loading();
        rig.batch(std::slice::from_ref(&first));
        bookable::store::request_resync(&rig.path("state.db"), rig.now, false).unwrap();
        let now = rig.now;
        prop_assert!(rig.store().take_restarts(now).unwrap());
        let before = rig.rows();
        let first_again = first.clone();
        rig.batch_in_walk(&[first], 1, true);
        prop_assert_eq!(rig.rows(), before, "pages of the old walk are passed by, and nothing goes before the end");
        rig.batch_in_walk(&[second.clone(), Vec::new()], 2, true);
        let mut world = World::default();
        first_walk(&mut world, &first_again);
        for change in &second {
            world.take_in_walk(change, 2, NOW);
        }
        for feed in Feed::ALL {
            world.sweep(feed, 2);
        }
        prop_assert_eq!(rig.rows(), world.bookable(NOW));
        rig.check_whole();
    }
}

/// Also in a daemon that runs on: what matters is when the feed was last read to its end.
#[test]
fn a_feed_that_was_not_read_to_its_end_for_too_long_is_walked_anew() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    rig.batch_in_walk(&[Vec::new()], 1, true);
    let walks = |rig: &mut Rig| rig.store().positions().map(|at| (at.feed, at.walk)).collect::<Vec<_>>();
    let before = walks(&mut rig);
    rig.set_clock(NOW + 2 * 86_400);
    let now = rig.now;
    assert!(!rig.store().take_restarts(now).unwrap(), "two days are not too long for any feed");
    rig.set_clock(NOW + 2 * 86_400 + 1);
    let now = rig.now;
    assert!(rig.store().take_restarts(now).unwrap());
    let slots_only = before.iter().map(|(feed, walk)| (*feed, walk + i64::from(*feed == Feed::Slots)));
    assert_eq!(walks(&mut rig), slots_only.collect::<Vec<_>>());
    rig.set_clock(NOW + 7 * 86_400 + 1);
    let now = rig.now;
    assert!(rig.store().take_restarts(now).unwrap());
    assert!(walks(&mut rig).iter().all(|(_, walk)| *walk == 2));
    assert!(!rig.store().take_restarts(now).unwrap(), "once");
}

/// With `when_stale = "empty"` nothing is on show from 24 hours after a feed was last read to its end, until it is again.
#[test]
fn a_catalogue_that_would_be_out_of_date_is_empty_if_so_set() {
    let rows = |when_stale, later: i64| {
        let mut rig = Rig::new(NOW);
        rig.when_stale = when_stale;
        rig.restart();
        rig.finish_loading();
        rig.raw(
            r#"{"state": "updated", "id": "s", "modified": 1, "data": {"@type": "ScheduledSession", "identifier": "s",
                "superEvent": "ss", "startDate": "2028-03-31T18:00:00Z", "imin:isPotentiallyBookable": true}}"#,
            r#"{"state": "updated", "id": "ss", "modified": 1, "data": {"@type": "SessionSeries", "@id": "ss",
                "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}}"#,
        );
        rig.batch_in_walk(&[Vec::new()], 1, true);
        let now = rig.now;
        let due = rig.store().next_transition(now).unwrap().unwrap();
        rig.set_clock(NOW + later);
        let then = rig.rows().len();
        rig.restart();
        assert_eq!(rig.rows().len(), then, "also after a start");
        rig.batch_in_walk(&[Vec::new()], 1, true);
        (then, rig.rows().len(), due.as_seconds() - NOW == 86_401)
    };
    assert_eq!(rows(WhenStale::Empty, 86_400), (1, 1, true));
    assert_eq!(rows(WhenStale::Empty, 86_401), (0, 1, true));
    assert_eq!(rows(WhenStale::Keep, 86_401), (1, 1, false));
}

#[test]
fn a_deleted_item_leaves_no_bytes() {
    // Its texts stand in full, or a pattern makes them of its number.
    let whole = r#""@id": "https://example.org/MARKER-at-id", "identifier": "MARKER-identifier", "url": "https://example.org/MARKER-url""#;
    let made = r#""@id": "https://example.org/MARKER-session/7", "identifier": "7", "url": "https://example.org/7?MARKER-url""#;
    leaves_no_bytes("MARKER-item", whole);
    leaves_no_bytes("MARKER-item/7", made);
}

fn leaves_no_bytes(id: &str, texts: &str) {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    let data = format!(
        r#"{{"@type": "ScheduledSession", {texts}, "superEvent": "https://example.org/MARKER-series", "name": "MARKER-name",
        "startDate": "2028-03-01T18:00:00Z", "imin:isPotentiallyBookable": true}}"#
    );
    let series = r#"{"@type": "SessionSeries", "@id": "https://example.org/MARKER-series", "description": "MARKER-words",
        "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}"#;
    let item = |state: &str, data: &str| format!(r#"{{"state": "{state}", "id": "{id}", "modified": 1{data}}}"#);
    rig.raw(&item("updated", &format!(r#", "data": {data}"#)), &item("updated", &format!(r#", "data": {series}"#)));
    assert_eq!(rig.rows().len(), 1);
    rig.store().tidy(true).expect("a tidy store");
    assert!(rig.holds("MARKER"), "the test can fail");
    rig.raw(&item("deleted", ""), &item("deleted", ""));
    assert_eq!(rig.rows().len(), 0);
    rig.store().tidy(true).expect("a tidy store");
    assert!(!rig.holds("MARKER") && !rig.holds("marker"));
}

/// A pattern that `tidy` takes away while nothing has it is there again with the next row that does.
#[test]
fn a_pattern_comes_and_goes_with_its_rows() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    let series = r#"{"state": "updated", "id": 1, "modified": 1, "data": {"@type": "SessionSeries", "@id": "ss",
        "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}}"#;
    let patterns =
        |rig: &Rig| -> i64 { rig.catalogue().query_row("SELECT count(*) FROM pattern", [], |row| row.get(0)).unwrap() };
    for (modified, bookable) in [(1, true), (2, false), (3, true)] {
        let session = format!(
            r#"{{"state": "updated", "id": "7", "modified": {modified}, "data": {{"@type": "ScheduledSession", "identifier": "7",
                "@id": "https://example.org/session/7", "url": "https://example.org/7", "superEvent": "ss",
                "startDate": "2028-03-01T18:00:00Z", "imin:isPotentiallyBookable": {bookable}}}}}"#
        );
        rig.raw(&session, series);
        rig.store().tidy(true).unwrap();
        let ids: Vec<_> = rig.rows().into_iter().map(|row| (row.id, row.url)).collect();
        let shown = ("https://example.org/session/7", "https://example.org/7");
        let expected = if bookable { vec![(Some(shown.0.to_owned()), Some(shown.1.to_owned()))] } else { vec![] };
        assert_eq!((ids, patterns(&rig)), (expected, i64::from(bookable)));
        rig.check_whole();
    }
}
