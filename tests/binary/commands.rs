//! explain, snapshot, rebuild, purge, demo.

use bookable::sandbox::Feed;
use serde_json::{Value, json};

use crate::rig::{Rig, error_line, now};

pub(crate) fn session(rig: &Rig, id: &str, change: &Value) {
    let start = now().plus_seconds(3600).to_string();
    let mut data = json!({"@type": "ScheduledSession", "@id": format!("s/{id}"), "identifier": id, "superEvent": "ss/open",
        "startDate": start, "imin:isPotentiallyBookable": true});
    for (key, value) in change.as_object().unwrap() {
        data[key] = value.clone();
    }
    rig.sandbox.publish(Feed::ScheduledSessions, id, &data);
}

#[test]
fn explain_knows_every_reason() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    rig.publish_series("unflagged", &json!({"imin:isPotentiallyBookable": 1}));
    rig.publish_series("bad", &json!({"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "1 week"}));
    rig.publish_series("empty", &json!({"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "PT0S"}));
    rig.publish_series("late", &json!({"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "PT1M"}));
    rig.publish_series("none", &Value::Null);
    let table = [
        ("bookable", json!({})),
        ("no_identifier", json!({"identifier": null})),
        ("cancelled", json!({"eventStatus": "https://schema.org/EventCancelled"})),
        ("postponed", json!({"eventStatus": "https://schema.org/EventPostponed"})),
        ("session_not_bookable", json!({"imin:isPotentiallyBookable": "true"})),
        ("no_start_date", json!({"startDate": null})),
        ("bad_start_date", json!({"startDate": "2999-01-01T10:00:00"})),
        ("no_series_link", json!({"superEvent": null})),
        ("orphan", json!({"superEvent": "ss/nowhere"})),
        ("no_public_adult", json!({"superEvent": "ss/none"})),
        ("series_not_bookable", json!({"superEvent": "ss/unflagged"})),
        ("bad_window", json!({"superEvent": "ss/bad"})),
        ("empty_window", json!({"superEvent": "ss/empty"})),
        ("not_yet_open", json!({"superEvent": "ss/late"})),
        ("started", json!({"startDate": "2001-01-01T10:00:00Z"})),
    ];
    for (code, change) in &table {
        session(&rig, code, change);
    }
    rig.succeed(&["harvest", "--once"]);
    for (code, _) in &table {
        let answer = rig.succeed(&["explain", &format!("s/{code}"), "--json"]);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["verdict"], *code);
        assert_eq!(answer["bookable"], *code == "bookable");
        assert!(rig.succeed(&["explain", code]).starts_with(&format!("{code}: ")), "{code}");
    }
    assert_eq!(rig.shown(), ["bookable"]);
    assert_eq!(rig.run(&["explain", "nobody"]).status.code(), Some(1));
}

#[test]
fn snapshot_rebuild_and_purge() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(&rig, "a", &json!({}));
    rig.succeed(&["harvest", "--once"]);

    rig.succeed(&["snapshot", "copy.db"]);
    let copy = rusqlite::Connection::open(rig.path("copy.db")).unwrap();
    let mode: String = copy.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    let rows: i64 = copy.query_row("SELECT count(*) FROM bookable_session", [], |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), rows), ("delete", 1));
    drop(copy);
    std::fs::write(rig.path("copy.db-wal"), "a reader's log").unwrap();
    let refused = rig.run(&["snapshot", "copy.db"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(error_line(&refused).contains("copy.db-wal"));
    std::fs::remove_file(rig.path("copy.db-wal")).unwrap();
    assert_eq!(rig.run(&["snapshot", "catalogue.db"]).status.code(), Some(1), "not onto itself");

    for file in bookable::store::files_of(&rig.path("catalogue.db")) {
        let _ = std::fs::remove_file(file);
    }
    let asked = rig.sandbox.requests().len();
    rig.succeed(&["rebuild"]);
    assert_eq!(rig.shown(), ["a"]);
    assert_eq!(rig.sandbox.requests().len(), asked, "without the network");

    rig.succeed(&["purge", "--yes"]);
    let left: Vec<_> = std::fs::read_dir(rig.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(rig.run(&["status"]).status.code(), Some(1));
}

/// What was deleted while no harvest ran, or just before one was killed, is gone from everywhere with the next.
#[test]
fn what_was_deleted_is_gone_from_files_logs_and_snapshots() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(&rig, "KEPT", &json!({}));
    session(&rig, "MARKER", &json!({}));
    let mut daemon = rig.daemon();
    rig.wait_for(&["KEPT", "MARKER"]);
    rig.succeed(&["snapshot", "copy.db"]);
    rig.sandbox.delete(Feed::ScheduledSessions, "MARKER");
    rig.wait_for(&["KEPT"]);
    // The position names the last item, so there is another after it.
    session(&rig, "LATER", &json!({}));
    rig.wait_for(&["KEPT", "LATER"]);
    daemon.0.kill().unwrap();
    daemon.0.wait().unwrap();
    let holding = |text: &str| -> Vec<String> {
        let files = std::fs::read_dir(rig.path("")).unwrap().map(|file| file.unwrap().path());
        let holds = |path: &std::path::PathBuf| {
            std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
        };
        files.filter(holds).map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert!(holding("MARKER").len() >= 2, "in the copy, and in the log of the one that was killed");
    // A day later, as far as the copy is concerned.
    let state = rusqlite::Connection::open(rig.path("catalogue.state.db")).unwrap();
    assert_eq!(state.execute("UPDATE snapshot SET fresh_at = fresh_at - 86400", []).unwrap(), 1);
    drop(state);
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(holding("MARKER"), [""; 0]);
    assert!(holding("KEPT").contains(&"copy.db".to_owned()));
}

#[test]
fn the_demo_ends_by_itself_and_leaves_a_catalogue() {
    let rig = Rig::empty();
    let output = rig.bare(&["demo", "--sessions", "500"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("sessions can be booked now") && text.contains("/v1/scheduled-sessions/"), "{text}");
    assert!(rig.path("demo/catalogue.db").exists());
}

#[test]
fn every_query_of_the_readme_runs() {
    let rig = Rig::empty();
    rig.bare(&["demo", "--sessions", "500"]).output().unwrap();
    let catalogue = rusqlite::Connection::open(rig.path("demo/catalogue.db")).unwrap();
    let readme = include_str!("../../README.md");
    let queries: Vec<&str> = readme.split("```sql\n").skip(1).filter_map(|text| text.split("```").next()).collect();
    assert_eq!(queries.len(), 10);
    for query in queries {
        let mut statement = catalogue.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut rows = statement.query([]).unwrap();
        while rows.next().unwrap_or_else(|error| panic!("{query}: {error}")).is_some() {}
    }
}

/// The licence: what is held is never out of date by more than 24 hours.
#[test]
fn status_says_when_a_feed_is_older_than_a_day() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.succeed(&["harvest", "--once"]);
    let read_at = |ago: i64| {
        let state = rusqlite::Connection::open(rig.path("catalogue.state.db")).unwrap();
        let at = crate::rig::now().plus_seconds(-ago).as_seconds();
        state.execute("UPDATE feed SET read_to_end_at = ?1 WHERE name = 'session-series'", [at]).unwrap();
        rig.run(&["status"])
    };
    let fresh = read_at(86_000);
    assert!(fresh.status.success(), "{}", crate::rig::error_text(&fresh));
    let stale = read_at(86_500);
    assert_eq!(stale.status.code(), Some(1));
    let text = String::from_utf8_lossy(&stale.stdout).into_owned();
    assert!(text.starts_with("STALE: session-series was last read to its end 24 h ago; "), "{text}");
}

/// What `schema` prints is what a catalogue is made of, comments and all.
#[test]
fn the_schema_is_that_of_a_catalogue() {
    let rig = Rig::empty();
    rig.succeed(&["harvest", "--once"]);
    let schema = rig.succeed(&["schema"]);
    assert!(
        schema.contains("CREATE VIEW bookable_session AS") && schema.contains("-- the window closes at this instant")
    );
    let parts = |connection: &rusqlite::Connection| -> Vec<(String, Option<String>)> {
        let sql = "SELECT name, sql FROM sqlite_schema ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let printed = rusqlite::Connection::open_in_memory().unwrap();
    printed.execute_batch(&schema).unwrap();
    let made = rusqlite::Connection::open(rig.path("catalogue.db")).unwrap();
    assert_eq!(parts(&printed), parts(&made));
}
