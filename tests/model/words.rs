//! The index of words: what batches leave in it is merged between them.

use crate::rig::Rig;

/// 2028-03-01T17:59:59Z.
const NOW: i64 = 1_835_546_399;

const SESSION: &str = r#"{"state": "updated", "id": 1, "modified": 1, "data": {"@type": "ScheduledSession", "identifier": "a",
    "superEvent": "ss", "startDate": "2028-03-02T18:00:00Z", "imin:isPotentiallyBookable": true}}"#;

fn series(modified: usize) -> String {
    format!(
        r#"{{"state": "updated", "id": 1, "modified": {modified}, "data": {{"@type": "SessionSeries", "@id": "ss",
            "name": "name{modified}",
            "imin:aggregateOffer": {{"publicAdult": {{"imin:isPotentiallyBookable": true}}}}}}}}"#
    )
}

#[test]
fn the_words_of_many_batches_come_to_few_segments() {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    let catalogue = rig.catalogue();
    let number = |sql: &str| catalogue.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let segments = || number("SELECT count(DISTINCT segid) FROM listing_words_idx");
    let mut most = 0;
    for modified in 1..=200 {
        rig.raw(SESSION, &series(modified));
        most = most.max(segments());
        rig.store().merge_words().unwrap();
    }
    assert!((5..24).contains(&most), "{most}: eight are merged to one, and eight of those");
    let found = |word: &str| number(&format!("SELECT count(*) FROM listing_words WHERE listing_words MATCH '{word}'"));
    assert_eq!([found("name200"), found("name199")], [1, 0]);
    rig.check_whole();
}
