//! Snapshots: whole, put in place or refused, and never older than the licence allows. And the log that a reader holds back.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bookable::store::{Kept, StoreError, renew_snapshots, snapshot};
use rusqlite::Connection;

use crate::rig::Rig;
use crate::shown;

const NOW: i64 = 1_825_000_000;
const HOUR: i64 = 3600;

const SERIES: &str = r#"{"state": "updated", "id": 1, "modified": 1, "data": {"@type": "SessionSeries", "@id": "ss", "name": "Yoga",
    "location": {"geo": {"latitude": 53.8, "longitude": -1.5}},
    "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}}"#;

fn session(modified: i64) -> String {
    format!(
        r#"{{"state": "updated", "id": 1, "modified": {modified}, "data": {{"@type": "ScheduledSession", "identifier": "MARKER",
            "superEvent": "ss", "startDate": "2028-03-01T18:00:00Z", "imin:isPotentiallyBookable": true}}}}"#
    )
}

/// A store with one session on show, whose feeds were just read to their end.
fn rig() -> Rig {
    let mut rig = Rig::new(NOW);
    rig.finish_loading();
    rig.raw(&session(1), SERIES);
    rig.batch_in_walk(&[Vec::new()], 1, true);
    assert_eq!(rig.rows().len(), 1);
    rig
}

fn take(rig: &Rig, target: &Path) -> Result<Kept, String> {
    snapshot(&rig.path("catalogue.db"), &rig.path("state.db"), target).map_err(|error| error.to_string())
}

fn open(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

#[test]
fn a_copy_is_one_file_that_reads_the_same() {
    let rig = rig();
    let target = rig.path("").join(OsStr::from_bytes(b"copy \xff?%23.db"));
    // In the middle of a writer's transaction: what is not committed is not in the copy.
    let writer = rig.catalogue();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM session;").unwrap();
    assert_eq!(take(&rig, &target), Ok(Kept::ByTheHarvest));
    writer.execute_batch("ROLLBACK").unwrap();
    let copy = open(&target);
    assert_eq!(shown::rows(&copy), rig.rows());
    shown::check_whole(&copy);
    let text = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!((text("PRAGMA journal_mode"), text("PRAGMA integrity_check")), ("delete".to_owned(), "ok".to_owned()));
    let words = "SELECT count(*) FROM listing_words WHERE listing_words MATCH 'yoga'";
    assert_eq!(copy.query_row(words, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    assert_eq!(take(&rig, &target), Ok(Kept::ByTheHarvest), "a copy replaces an older one");
}

#[test]
fn a_catalogue_without_its_state_can_be_copied_too() {
    let mut rig = rig();
    rig.stop();
    std::fs::remove_file(rig.path("state.db")).unwrap();
    assert_eq!(take(&rig, &rig.path("copy.db")), Ok(Kept::ByNobody));
    assert_eq!(shown::rows(&open(&rig.path("copy.db"))), rig.rows());
}

#[test]
fn dangerous_targets_are_refused_and_left_as_they_are() {
    let rig = rig();
    let refusal = |target: &Path| take(&rig, target).unwrap_err();
    assert!(refusal(&rig.path("catalogue.db")).contains("is the catalogue itself"));
    std::os::unix::fs::symlink(rig.path("catalogue.db"), rig.path("link.db")).unwrap();
    assert!(refusal(&rig.path("link.db")).contains("is the catalogue itself"));
    for name in ["catalogue.db-wal", "state.db", "state.db-wal", ""] {
        let before = std::fs::read(rig.path(name)).ok();
        assert!(refusal(&rig.path(name)).contains("is there and is no catalogue"), "{name}");
        assert_eq!(std::fs::read(rig.path(name)).ok().map(|bytes| bytes.len()), before.map(|bytes| bytes.len()));
    }
    let target = rig.path("copy.db");
    for ending in ["-wal", "-shm", "-journal"] {
        let beside = rig.path(&format!("copy.db{ending}"));
        std::fs::write(&beside, b"").unwrap();
        assert!(refusal(&target).contains("lies beside the target"), "{ending}");
        std::fs::remove_file(beside).unwrap();
    }
    assert!(!target.exists());
    assert!(refusal(&rig.path("no/such.db")).contains("cannot write"));
}

#[test]
fn no_snapshot_outlives_what_was_deleted() {
    let mut rig = rig();
    let copies = [rig.path("copy.db"), rig.path("moved.db"), rig.path("busy.db")];
    for copy in &copies {
        take(&rig, copy).unwrap();
    }
    std::fs::rename(&copies[1], rig.path("elsewhere.db")).unwrap();
    std::fs::write(rig.path("busy.db-wal"), b"").unwrap();
    // A copy that was killed half way.
    std::fs::copy(&copies[0], rig.path("copy.db.unfinished")).unwrap();
    rig.raw(r#"{"state": "deleted", "id": 1, "modified": 2}"#, SERIES);
    let holds = |path: &Path| std::fs::read(path).unwrap().windows(6).any(|window| window == b"MARKER");
    let renew = |rig: &Rig| renew_snapshots(&rig.path("catalogue.db"), &rig.path("state.db"), rig.now).unwrap();
    let failures = |rig: &Rig| renew(rig).iter().map(ToString::to_string).collect::<Vec<_>>();
    rig.set_clock(NOW + 20 * HOUR - 1);
    assert_eq!(failures(&rig), [""; 0]);
    assert!(copies.iter().any(|copy| copy.exists() && holds(copy)), "not yet");
    rig.set_clock(NOW + 20 * HOUR);
    assert_eq!(failures(&rig), [""; 0], "a catalogue that is no fresher makes none that is");
    assert!(holds(&copies[0]));
    rig.batch_in_walk(&[Vec::new()], 1, true);
    let failed = failures(&rig);
    assert!(failed.len() == 1 && failed[0].contains("busy.db-wal"), "{failed:?}");
    assert!(!holds(&copies[0]) && !rig.path("copy.db.unfinished").exists());
    assert!(!copies[1].exists(), "what was moved away is forgotten");
    std::fs::remove_file(rig.path("busy.db-wal")).unwrap();
    assert_eq!(failures(&rig), [""; 0]);
    assert!(!holds(&copies[2]), "tried again");
    assert!(holds(&rig.path("elsewhere.db")), "nobody's business but the one's who moved it");
}

#[test]
fn a_log_that_a_reader_holds_back_is_bounded() {
    let mut rig = rig();
    rig.log_bytes_max = 200_000;
    rig.restart();
    let reader = rig.catalogue();
    reader.execute_batch("BEGIN; SELECT count(*) FROM session").unwrap();
    let mut refused = None;
    for modified in 2..2000 {
        rig.raw(&session(modified), &SERIES.replace("Yoga", &format!("Yoga {modified:0>200}")));
        if let Err(error) = rig.store().check_files() {
            refused = Some(error);
            break;
        }
    }
    let Some(error @ StoreError::LogHeld { bytes, .. }) = refused else { panic!("the log grows and grows") };
    assert!(bytes < 400_000 && error.may_pass(), "{error}");
    assert!(error.to_string().contains("catalogue.db-wal has grown to 0 MiB, because a program keeps"), "{error}");
    reader.execute_batch("COMMIT").unwrap();
    rig.store().check_files().unwrap();
    assert!(std::fs::metadata(rig.path("catalogue.db-wal")).unwrap().len() <= 200_000);
}
