//! Files of earlier versions: catalogues, which are made anew, and a state of version 4, whose indexes for time go.

use rusqlite::Connection;

use crate::rig::Rig;

const NOW: i64 = 1_825_000_000;

fn series(modified: i64, name: &str, latitude: f64) -> String {
    format!(
        r#"{{"state": "updated", "id": 1, "modified": {modified}, "data": {{"@type": "SessionSeries", "@id": "ss", "name": "{name}",
            "location": {{"geo": {{"latitude": {latitude}, "longitude": -1.5}}}},
            "imin:aggregateOffer": {{"publicAdult": {{"imin:isPotentiallyBookable": true}}}}}}}}"#
    )
}

fn session(modified: i64, bookable: bool) -> String {
    format!(
        r#"{{"state": "updated", "id": 1, "modified": {modified}, "data": {{"@type": "ScheduledSession", "identifier": "a",
            "superEvent": "ss", "startDate": "2028-03-01T18:00:00Z", "imin:isPotentiallyBookable": {bookable}}}}}"#
    )
}

#[test]
fn a_catalogue_of_version_3_goes_on() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    rig.raw(&session(1, true), &series(1, "Yoga", 53.8));
    rig.stop();
    let old = rig.catalogue();
    old.execute_batch(include_str!("../data/schema_3/catalogue_triggers.sql")).unwrap();
    old.pragma_update(None, "user_version", 3).unwrap();
    drop(old);
    rig.restart();
    let number = |rig: &Rig, sql: &str| rig.catalogue().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number(&rig, "PRAGMA user_version"), 6);
    assert_eq!(number(&rig, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"), 0);
    let found = |rig: &Rig| {
        rig.check_whole();
        let words =
            |word: &str| number(rig, &format!("SELECT count(*) FROM listing_words WHERE listing_words MATCH '{word}'"));
        let north = "SELECT count(*) FROM listing_area WHERE min_latitude > 53";
        (words("yoga"), words("pilates"), number(rig, north))
    };
    assert_eq!(found(&rig), (1, 0, 1));
    rig.raw(&session(2, true), &series(2, "Pilates", 53.8));
    assert_eq!(found(&rig), (0, 1, 1), "other words");
    rig.raw(&session(3, true), &series(3, "Pilates", 51.5));
    assert_eq!(found(&rig), (0, 1, 0), "another place");
    rig.raw(&session(4, false), &series(4, "Pilates", 53.8));
    assert_eq!(found(&rig), (0, 0, 0), "nothing that can be booked");
    rig.raw(&session(5, true), &series(5, "Yoga", 53.8));
    assert_eq!(found(&rig), (1, 0, 1));
    let now = rig.now;
    rig.store().rebuild(now).unwrap();
    assert_eq!(found(&rig), (1, 0, 1), "made anew");
}

#[test]
fn a_catalogue_of_version_4_is_made_anew() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    rig.raw(&session(1, true), &series(1, "Yoga", 53.8));
    let before = rig.rows();
    rig.stop();
    let old = rig.catalogue();
    // As it was: without patterns, and the views without them.
    old.execute_batch(
        "DROP VIEW bookable_session; DROP VIEW bookable_slot; DROP VIEW offer; DROP TABLE pattern;
         ALTER TABLE session DROP COLUMN pattern; ALTER TABLE slot DROP COLUMN pattern;
         CREATE VIEW bookable_session AS SELECT session_id, identifier FROM session; PRAGMA user_version = 4",
    )
    .unwrap();
    drop(old);
    rig.restart();
    assert_eq!((rig.rows(), before.len()), (before, 1));
    rig.check_whole();
}

#[test]
fn a_state_of_version_4_goes_on() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    rig.raw(&session(1, true), &series(1, "Yoga", 53.8));
    rig.stop();
    let old = Connection::open(rig.path("state.db")).unwrap();
    let indexes = "SELECT count(*) FROM sqlite_schema WHERE name IN ('opportunity_by_opens', 'opportunity_by_closes')";
    let count = |state: &Connection| state.query_row(indexes, [], |row| row.get::<_, i64>(0)).unwrap();
    old.execute_batch(
        "CREATE INDEX opportunity_by_opens ON opportunity (opens) WHERE opens IS NOT NULL;
         CREATE INDEX opportunity_by_closes ON opportunity (closes) WHERE closes IS NOT NULL;
         PRAGMA user_version = 4",
    )
    .unwrap();
    assert_eq!(count(&old), 2);
    drop(old);
    rig.restart();
    assert_eq!(rig.rows().len(), 1);
    let state = Connection::open(rig.path("state.db")).unwrap();
    let version: i64 = state.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!((version, count(&state)), (6, 0));
    rig.set_clock(1_835_546_400);
    assert_eq!(rig.rows().len(), 0, "what starts is closed without them");
}

/// Until version 5 a row's verdict was made with its parent's flag.
#[test]
fn verdicts_of_a_state_of_version_5_are_made_anew() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    let shut = |modified| series(modified, "Yoga", 53.8).replace("Bookable\": true", "Bookable\": false");
    rig.raw(&session(1, true), &shut(1));
    rig.stop();
    let old = Connection::open(rig.path("state.db")).unwrap();
    let verdict = "SELECT coalesce(reason, 0) FROM opportunity";
    let of = |state: &Connection| state.query_row(verdict, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(of(&old), 0);
    old.execute_batch("UPDATE opportunity SET reason = 10, opens = NULL, closes = NULL; PRAGMA user_version = 5")
        .unwrap();
    rig.restart();
    assert_eq!((of(&old), rig.rows().len()), (0, 0));
    rig.raw(&session(2, true), &series(2, "Yoga", 53.8));
    assert_eq!(rig.rows().len(), 1);
    rig.raw(&session(2, true), &shut(3));
    assert_eq!((of(&old), rig.rows().len()), (0, 0));
    rig.check_whole();
}
