//! `bookable status`: the verdict, the counts, the files, `--json` and `--watch`.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use bookable::sandbox::{Feed, SandboxOptions};
use serde_json::{Value, json};

use crate::rig::{Daemon, Rig, error_line, now, on_terminal, wait_until};

fn first_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap().to_owned()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_first_line_says_whether_it_is_fine_and_what_to_do() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    rig.succeed(&["harvest", "--once"]);
    let told = |code: i32, expected: &str, verdict: &str| {
        let output = rig.run(&["status"]);
        assert_eq!((output.status.code(), first_line(&output).as_str()), (Some(code), expected));
        let output = rig.run(&["status", "--json"]);
        let status = json_of(&output);
        assert_eq!((output.status.code(), &status["verdict"]), (Some(code), &json!(verdict)));
        status
    };
    let fine = told(0, "fine: 1 sessions can be booked now", "fine");
    assert!(fine["notes"][0].as_str().unwrap().starts_with("no harvest is running: stale from "), "{fine}");

    // A fault while all is fresh is a note, and no more.
    rig.sandbox.set_faults("status=503:99@session-series".parse().unwrap());
    assert_eq!(rig.run(&["harvest", "--once"]).status.code(), Some(1));
    let failing = told(0, "fine: 1 sessions can be booked now", "fine");
    assert!(failing["notes"][0].as_str().unwrap().starts_with("session-series cannot be read ("), "{failing}");
    let age = |hours: i64| {
        let state = rusqlite::Connection::open(rig.path("catalogue.state.db")).unwrap();
        let at = now().plus_seconds(-hours * 3600).as_seconds();
        state
            .execute("UPDATE feed SET read_to_end_at = ?1, wait_until = NULL WHERE name = 'session-series'", [at])
            .unwrap();
    };
    age(31);
    let words = "FAULTY: session-series: 503 Service Unavailable; tell the publisher, if it lasts, then start `bookable harvest`";
    told(1, words, "faulty");

    rig.sandbox.set_faults(bookable::sandbox::Faults::default());
    rig.succeed(&["harvest", "--once"]);
    age(31);
    told(1, "STALE: session-series was last read to its end 31 h ago; start `bookable harvest`", "stale");

    rig.succeed(&["harvest", "--once"]);
    told(0, "fine: 1 sessions can be booked now", "fine");
    for file in bookable::store::files_of(&rig.path("catalogue.db")) {
        let _ = std::fs::remove_file(file);
    }
    let broken = told(
        1,
        "FAULTY: there is no catalogue at catalogue.db; run `bookable harvest` first, or name it with --catalogue",
        "faulty",
    );
    assert_eq!(broken["fresh"], json!(true), "the feeds are");
}

#[test]
fn a_wrong_key_is_told_with_what_to_do() {
    let rig = Rig::empty();
    let output = rig.command(&["harvest", "--once"]).env("BOOKABLE_API_KEY", "wrong").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = first_line(&rig.run(&["status"]));
    let feed = if line.contains("session-series") { "session-series" } else { "scheduled-sessions" };
    let rest = "(and 1 more): 403 Forbidden; check the API key, then start `bookable harvest`";
    assert_eq!(line, format!("FAULTY: {feed} {rest}"));
}

#[test]
fn what_opens_soon_is_told_apart_from_what_opens_later() {
    let rig = Rig::empty();
    rig.publish_series("day", &json!({"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": "P1D"}));
    let day = 86_400;
    for (id, starts_in) in
        [("open", day - 60), ("soon", day + 1800), ("too", day + 3500), ("later", day + 3700), ("started", -60)]
    {
        rig.publish_session(id, "day", starts_in);
    }
    rig.publish_session("held", "nowhere", 60);
    rig.succeed(&["harvest", "--once"]);
    let status = json_of(&rig.run(&["status", "--json"]));
    let counts = json!({"bookable": 1, "not_yet_open": 3, "started": 1, "orphan": 1});
    assert_eq!(status["counts"], counts);
    assert_eq!(
        [&status["bookable"], &status["opening_within_hour"], &status["orphans"]],
        [1, 2, 1].map(|n| json!(n)).each_ref()
    );
    let text = rig.succeed(&["status"]);
    for line in ["          1  can be booked now", "          2  open within the next hour"] {
        assert!(text.lines().any(|told| told == line), "{text}");
    }
}

#[test]
fn positions_faults_findings_and_files_are_on_the_screen() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    rig.sandbox.publish(Feed::SessionSeries, "odd", &json!({"@type": "SessionSeries"}));
    let _daemon = rig.daemon();
    rig.wait_for(&["x"]);
    let text = rig.succeed(&["status"]);
    let has = |words: &str| assert!(text.contains(words), "{words}: {text}");
    has("\n  at session-series?afterTimestamp=");
    has("no_series_id         session-series on \"odd\", ");
    has(", a harvest is running, the state was written ");
    has("  catalogue.db\n");
    assert!(text.ends_with("  catalogue.state.db\n"), "{text}");
    let status = json_of(&rig.run(&["status", "--json"]));
    let bytes = |name: &str, part: &str| status["files"][name][part].as_u64().unwrap();
    assert!(bytes("state", "log_bytes") > 0 && bytes("catalogue", "free_bytes") > 0);
    let feed = &status["feeds"][1];
    assert_eq!(feed["feed"], "scheduled-sessions");
    assert_eq!((&feed["health"], &feed["failures"], &feed["items"]), (&json!("fresh"), &json!(0), &json!(1)));
    assert_eq!(feed["last_poll_at"], feed["read_to_end_at"]);
}

/// Every name of a JSON value, with its parents before it; of a list those of its first element.
fn names(value: &Value, before: &str, found: &mut BTreeSet<String>) {
    // These have a publisher's or our codes as names.
    let open = ["counts", "slot_counts"].contains(&before);
    match value {
        Value::Object(fields) if !open => {
            for (name, value) in fields {
                names(value, format!("{before}.{name}").trim_start_matches('.'), found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => names(&items[0], &format!("{before}[]"), found),
        _ => drop(found.insert(before.to_owned())),
    }
}

#[test]
fn the_fields_are_those_that_the_readme_lists() {
    let rig =
        Rig::with(SandboxOptions { sessions: 300, slots: 40, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once", "--slots", "--broker", "sandbox-broker"]);
    let mut found = BTreeSet::new();
    let status = json_of(&rig.run(&["status", "--json"]));
    names(&status, "", &mut found);
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("<!-- status -->").unwrap();
    let (table, _) = table.split_once("<!-- /status -->").unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |")).map(|(cell, _)| cell);
    let listed: BTreeSet<String> =
        cells.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`').to_owned())).collect();
    assert_eq!(found, listed);
}

fn walking() -> Rig {
    let options = SandboxOptions { sessions: 4000, page_size: 100, churn_per_second: 0.0, ..SandboxOptions::default() };
    let rig = Rig::with(options);
    rig.sandbox.set_faults("slow:1000".parse().unwrap());
    rig
}

#[test]
fn a_walk_has_a_rate_and_a_date_that_it_has_come_to() {
    let rig = walking();
    let _daemon = rig.daemon();
    let mut seen = Value::Null;
    wait_until("a rate", || {
        let output = rig.run(&["status", "--json"]);
        let Ok(status) = serde_json::from_slice::<Value>(&output.stdout) else { return false };
        let mut feeds = status["feeds"].as_array().unwrap().iter();
        let Some(feed) = feeds.find(|feed| feed["feed"] == "scheduled-sessions") else { return false };
        seen = feed.clone();
        assert_eq!(output.status.code(), Some(1), "it is not fine yet");
        assert_eq!(status["verdict"], "first_harvest", "{status}");
        seen["items_per_second"].as_f64().is_some_and(|rate| rate > 0.0)
    });
    assert!(seen["come_to"].as_str().unwrap().starts_with("20"), "{seen}");
    assert_eq!(seen["walk_complete"], false);
    assert!(seen["last_poll_at"].is_string() && seen["read_to_end_at"].is_null(), "{seen}");
}

#[test]
fn watching_gives_a_line_each_time() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let _daemon = rig.daemon();
    rig.wait_for(&["x"]);
    let mut command = rig.command(&["status", "--watch", "--json"]);
    let mut watch = Daemon(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let first = next();
    assert_eq!((&first["verdict"], &first["feeds"][1]["items_per_second"]), (&json!("fine"), &Value::Null));
    rig.publish_session("y", "a", 86_400);
    rig.wait_for(&["x", "y"]);
    // A line may have been written before the second session came.
    let second = (0..60).map(|_| next()).find(|line| line["bookable"] == 2).unwrap();
    assert!(second["feeds"][1]["items_per_second"].as_f64().unwrap() > 0.0, "{second}");
    watch.signal("INT");
    assert!(!watch.status().success());
}

#[test]
fn watching_on_a_terminal_shows_a_screen_each_time() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.succeed(&["harvest", "--once"]);
    let shown = on_terminal(&rig.command(&["status", "--watch"]), "\u{1b}[Hfine: ", 2);
    let screens: Vec<&str> = shown.split("\u{1b}[H").skip(1).collect();
    assert_eq!(screens.len(), 2, "{shown}");
    assert_eq!(screens[0].lines().count(), 24, "as many lines as the terminal has, the last of them empty: {shown}");
    let refused = rig.run(&["status", "--watch"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(error_line(&refused).contains("--watch needs a terminal, or --json"));
}
