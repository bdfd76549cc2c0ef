//! The change log: a program that follows it holds what the catalogue holds.

use std::collections::BTreeMap;

use bookable::sandbox::Feed;
use rusqlite::Connection;
use serde_json::json;

use crate::commands::session;
use crate::rig::{Rig, error_text, wait_until};

/// A line as README's query gives it: sequence, kind, reason, the row's number, and the identifier that it has now.
type Change = (i64, String, Option<String>, Option<i64>, Option<String>);

/// A program that keeps a copy of the sessions, by the numbers of their rows.
#[derive(Default)]
struct Follower {
    seen: i64,
    copy: BTreeMap<i64, String>,
}

impl Follower {
    /// Takes in what was logged since the last time, and gives it in words, each row's last change once.
    fn follow(&mut self, catalogue: &Connection) -> Vec<String> {
        let readme = include_str!("../../README.md");
        let query = readme.split("```text\n").find(|text| text.starts_with("-- Everything since")).unwrap();
        let query = query.split("```").next().unwrap();
        let mut statement = catalogue.prepare(query).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?, row.get(5)?));
        let changes = statement.query_map([self.seen], read).unwrap();
        let changes: Vec<Change> = changes.map(Result::unwrap).collect();
        let mut words = Vec::new();
        for (sequence, kind, reason, key, identifier) in changes {
            assert!(sequence > self.seen);
            self.seen = sequence;
            let name = match (kind.as_str(), key) {
                ("reset", None) => {
                    self.copy = held(catalogue);
                    None
                }
                ("removed", Some(key)) => self.copy.remove(&key),
                (_, Some(key)) => {
                    self.copy.insert(key, identifier.clone().unwrap());
                    identifier
                }
                other => panic!("{other:?}"),
            };
            words.push([Some(kind), name, reason].into_iter().flatten().collect::<Vec<_>>().join(" "));
        }
        words
    }
}

fn held(catalogue: &Connection) -> BTreeMap<i64, String> {
    let mut statement = catalogue.prepare("SELECT key, identifier FROM session").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_follower_of_the_change_log_holds_what_the_catalogue_holds() {
    let rig = Rig::empty();
    let harvest = |log: &str| {
        let output = rig.command(&["harvest", "--once", "--change-log", log]).output().unwrap();
        assert!(output.status.success(), "{}", error_text(&output));
    };
    rig.publish_open_series("open");
    for id in ["a", "b", "c"] {
        session(&rig, id, &json!({}));
    }
    harvest("7d");
    let catalogue = Connection::open(rig.path("catalogue.db")).unwrap();
    let mut follower = Follower::default();
    assert_eq!(follower.follow(&catalogue), ["reset"], "a first harvest is one line");
    assert_eq!(follower.copy.len(), 3);

    session(&rig, "a", &json!({"remainingAttendeeCapacity": 2}));
    session(&rig, "b", &json!({"imin:isPotentiallyBookable": false}));
    rig.sandbox.delete(Feed::ScheduledSessions, "c");
    session(&rig, "d", &json!({}));
    harvest("7d");
    let mut changes = follower.follow(&catalogue);
    changes.sort();
    assert_eq!(changes, ["added d", "removed b withdrawn", "removed c withdrawn", "updated a"]);
    assert_eq!(follower.copy, held(&catalogue));
    assert_eq!(follower.follow(&catalogue), [""; 0], "and nothing twice");

    rig.publish_series("open", &json!({"imin:isPotentiallyBookable": true, "price": 4}));
    let mut daemon = rig.daemon_with(&["--change-log", "7d"]);
    wait_until("the price of the series", || follower.follow(&catalogue).contains(&"updated d".to_owned()));
    rig.publish_session("soon", "open", 4);
    wait_until("the start of a session", || follower.follow(&catalogue).contains(&"removed soon started".to_owned()));
    daemon.signal("TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    follower.follow(&catalogue);
    assert_eq!(follower.copy, held(&catalogue));

    rig.succeed(&["rebuild", "--change-log", "7d"]);
    assert_eq!(follower.follow(&catalogue), ["reset"]);
    harvest("off");
    let left = "SELECT count(*) FROM sqlite_master WHERE name LIKE '%change%'";
    assert_eq!(catalogue.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(rig.run(&["harvest", "--change-log", "soon"]).status.code(), Some(2));
}
