//! A session that is put off in the very batch in which it would have started: it stays, and is no other for those who follow changes.

use crate::rig::Rig;

/// 2028-03-01T17:59:59Z, a second before the first start.
const NOW: i64 = 1_835_546_399;

const SERIES: &str = r#"{"state": "updated", "id": 1, "modified": 1, "data": {"@type": "SessionSeries", "@id": "ss",
    "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}}"#;

fn session(modified: i64, start: &str) -> String {
    format!(
        r#"{{"state": "updated", "id": 1, "modified": {modified}, "data": {{"@type": "ScheduledSession", "identifier": "a",
            "superEvent": "ss", "startDate": "{start}", "imin:isPotentiallyBookable": true}}}}"#
    )
}

#[test]
fn what_is_put_off_as_it_starts_is_changed_and_not_removed() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    rig.raw(&session(1, "2028-03-01T18:00:00Z"), SERIES);
    let catalogue = rig.catalogue();
    let watch = "CREATE TABLE gone (key); CREATE TRIGGER watch AFTER DELETE ON session BEGIN INSERT INTO gone VALUES (old.key); END";
    catalogue.execute_batch(watch).unwrap();
    rig.now = rig.now.plus_seconds(1);
    rig.raw(&session(2, "2028-03-01T19:00:00Z"), SERIES);
    let number = |sql: &str| catalogue.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM session WHERE starts_at = '2028-03-01T19:00:00Z'"), 1);
    assert_eq!(number("SELECT count(*) FROM gone"), 0);
    rig.set_clock(NOW + 3601);
    assert_eq!((number("SELECT count(*) FROM session"), number("SELECT count(*) FROM gone")), (0, 1));
}
