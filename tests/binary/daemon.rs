//! The daemon: follows edits, opens and closes on time, stops when told, one at a time, read by others meanwhile.

use std::process::Command;

use bookable::sandbox::Feed;
use serde_json::json;

use crate::rig::{Rig, error_line, wait_until};

#[test]
fn edits_are_followed_in_any_order() {
    let rig = Rig::empty();
    let _daemon = rig.daemon();
    rig.publish_session("x", "a", 3600);
    rig.publish_session("y", "b", 3600);
    rig.publish_open_series("a");
    rig.wait_for(&["x"]);
    rig.publish_open_series("b");
    rig.wait_for(&["x", "y"]);
    rig.publish_series("a", &json!({"imin:isPotentiallyBookable": false}));
    rig.wait_for(&["y"]);
    rig.publish_session("x", "b", 3600);
    rig.wait_for(&["x", "y"]);
    rig.sandbox.delete(Feed::SessionSeries, "b");
    rig.wait_for(&[]);
    rig.publish_open_series("b");
    rig.wait_for(&["x", "y"]);
    rig.sandbox.delete(Feed::ScheduledSessions, "y");
    rig.wait_for(&["x"]);
}

#[test]
fn windows_open_and_sessions_start_while_nothing_is_published() {
    let rig = Rig::empty();
    // Opens two hours before the start: that is in a few seconds. The other starts in a few seconds.
    rig.publish_series("soon", &json!({"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "PT2H"}));
    rig.publish_open_series("open");
    rig.publish_session("opens", "soon", 7200 + 6);
    rig.publish_session("starts", "open", 8);
    let _daemon = rig.daemon();
    rig.wait_for(&["starts"]);
    rig.wait_for(&["opens", "starts"]);
    rig.wait_for(&["opens"]);
    let rows = || {
        let connection = rusqlite::Connection::open(rig.path("catalogue.db")).unwrap();
        connection.query_row("SELECT count(*) FROM session", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    wait_until("the started row to be gone from the table, not only from the view", || rows() == 1);
}

#[test]
fn it_stops_on_either_signal_with_exit_code_0() {
    for signal in ["TERM", "INT"] {
        let rig = Rig::empty();
        rig.publish_open_series("a");
        rig.publish_session("x", "a", 3600);
        let mut daemon = rig.daemon();
        rig.wait_for(&["x"]);
        daemon.signal(signal);
        assert_eq!(daemon.exit_code(), Some(0), "{signal}");
        assert_eq!(rig.shown(), ["x"]);
    }
}

#[test]
fn a_second_harvest_says_so_changes_nothing_and_exits_0() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 3600);
    let mut daemon = rig.daemon();
    rig.wait_for(&["x"]);
    let second = rig.run(&["harvest"]);
    assert_eq!(second.status.code(), Some(0));
    assert!(error_line(&second).contains("already running"));
    assert_eq!(rig.run(&["rebuild"]).status.code(), Some(1));
    assert_eq!(rig.run(&["purge", "--yes"]).status.code(), Some(1));
    assert_eq!(rig.shown(), ["x"]);
    daemon.signal("TERM");
    assert_eq!(daemon.exit_code(), Some(0));
}

#[test]
fn a_killed_daemon_is_mended_by_the_next() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 3600);
    let mut daemon = rig.daemon();
    rig.wait_for(&["x"]);
    daemon.0.kill().unwrap();
    daemon.0.wait().unwrap();
    rig.publish_session("y", "a", 3600);
    let _daemon = rig.daemon();
    rig.wait_for(&["x", "y"]);
}

#[test]
fn a_running_daemon_takes_a_resync() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 3600);
    let _daemon = rig.daemon();
    rig.wait_for(&["x"]);
    let is_start = |path: &str| !path.contains('?') && !path.ends_with("/datasets");
    let starts = || rig.sandbox.requests().iter().filter(|request| is_start(&request.path)).count();
    assert_eq!(starts(), 2);
    rig.succeed(&["resync"]);
    wait_until("both feeds to be read from the start again", || starts() == 4);
    assert_eq!(rig.run(&["resync"]).status.code(), Some(1), "a second one within the week is refused");
    rig.succeed(&["resync", "--force"]);
    wait_until("both feeds to be read from the start once more", || starts() == 6);
    rig.wait_for(&["x"]);
}

const READER: &str = r#"
import sqlite3, sys, time
ends = time.time() + 4
reads = 0
while time.time() < ends:
    catalogue = sqlite3.connect("file:catalogue.db?mode=ro", uri=True, timeout=0)
    rows = catalogue.execute("SELECT count(*), count(DISTINCT session_id) FROM bookable_session").fetchone()
    assert rows[0] == rows[1], rows
    catalogue.close()
    reads += 1
print(reads)
"#;

#[test]
fn python_reads_the_view_while_the_daemon_writes() {
    let options = bookable::sandbox::SandboxOptions { sessions: 0, churn_per_second: 0.0, ..Default::default() };
    let rig = Rig::with(options);
    rig.publish_open_series("a");
    rig.publish_session("0", "a", 3600);
    let _daemon = rig.daemon();
    rig.wait_for(&["0"]);
    let mut reader = Command::new("python3")
        .args(["-c", READER])
        .current_dir(rig.path(""))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is needed for this test");
    let mut number = 0;
    while reader.try_wait().unwrap().is_none() {
        number = (number + 1) % 50;
        rig.publish_session(&number.to_string(), "a", 3600);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reads: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    assert!(reads > 10, "{reads}");
}
