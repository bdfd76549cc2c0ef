//! search and export.

use serde_json::{Value, json};

use crate::commands::session;
use crate::rig::{Rig, error_line};

#[test]
fn search_prints_what_the_view_holds() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(&rig, "a", &json!({"name": "Morning Yoga"}));
    session(&rig, "b", &json!({"name": "Evening Spin"}));
    rig.succeed(&["harvest", "--once"]);
    let found: Value = serde_json::from_str(&rig.succeed(&["search", "--words", "yoga"])).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["identifier"], "a");
    assert!(rig.succeed(&["search", "--format", "table"]).contains("Evening Spin"));
    assert_eq!(rig.succeed(&["search", "--format", "ndjson"]).lines().count(), 2);
    assert!(rig.succeed(&["search", "--format", "csv"]).starts_with("session_id,identifier,checkout_url,"));
}

#[test]
fn nothing_found_is_exit_code_1() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(&rig, "a", &json!({"name": "Morning Yoga"}));
    rig.succeed(&["harvest", "--once"]);
    let forms = [("json", "[]\n"), ("ndjson", ""), ("table", ""), ("csv", "session_id,")];
    for (format, expected) in forms {
        let output = rig.run(&["search", "--words", "curling", "--format", format]);
        assert_eq!((output.status.code(), error_line(&output).as_str()), (Some(1), "bookable: nothing found"));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(expected) && text.lines().count() <= 1, "{format}: {text}");
    }
    // The session starts within two hours, and its price, places and whereabouts are not known.
    for found in [&["--until", "+2h"][..], &["--from", "now", "--until", "+2h"]] {
        assert_eq!(rig.succeed(&[&["search", "--format", "ndjson"], found].concat()).lines().count(), 1, "{found:?}");
    }
    for nothing in [&["--until", "+1m"][..], &["--near", "LS6"], &["--max-price", "5"], &["--spaces", "1"]] {
        assert_eq!(rig.run(&[&["search"], nothing].concat()).status.code(), Some(1), "{nothing:?}");
    }
    for (wrong, named) in [("--near", "ZZ99"), ("--from", "someday"), ("--max-price", "cheap"), ("--spaces", "0")] {
        let output = rig.run(&["search", wrong, named]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let talk = String::from_utf8(output.stderr).unwrap();
        assert!(talk.contains(wrong) && talk.contains(named) && output.stdout.is_empty(), "{talk}");
    }
}

/// On a terminal it is a table that fits; on one that is known to show links, with links.
#[test]
fn a_terminal_gets_a_table_that_fits_it() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(
        &rig,
        "a",
        &json!({"name": "Morning Yoga for everybody who likes to breathe deeply in company ".repeat(2)}),
    );
    rig.succeed(&["harvest", "--once"]);
    let url = format!("{}/v1/scheduled-sessions/a", rig.base);
    let shown = |columns: u16, variables: &[(&str, &str)]| {
        let program = env!("CARGO_BIN_EXE_bookable");
        let script = format!("stty cols {columns} rows 24; exec {program} search 2>/dev/null");
        let mut command = std::process::Command::new("script");
        command.args(["-q", "-e", "-c", &script, "/dev/null"]).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(variables.iter().copied()).current_dir(rig.path("")).stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().replace('\r', "")
    };
    for columns in [60, 80, 120] {
        let plain = shown(columns, &[("TERM", "xterm-256color")]);
        assert!(plain.trim_end().ends_with(&format!("\n  1  {url}")) && !plain.contains('\u{1b}'), "{plain}");
        let table = plain.lines().filter(|line| line.contains(['│', '┌', '└']));
        assert!(
            table.clone().count() > 4 && table.clone().all(|line| line.chars().count() <= usize::from(columns)),
            "{plain}"
        );
    }
    let linked = shown(80, &[("TERM", "xterm-kitty")]);
    let link = format!("\u{1b}]8;;{url}\u{1b}\\book\u{1b}]8;;\u{1b}\\");
    assert!(linked.contains(&link) && linked.matches(&url).count() == 1, "{linked}");
}

/// All five forms from the program itself, and each read back by something else than what wrote it.
#[test]
fn export_writes_each_form() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    let place = json!({"name": "Hall, 1", "geo": {"latitude": 53.8, "longitude": -1.55}});
    session(&rig, "a", &json!({"name": "Morning \"Yoga\", gently", "location": place, "remainingAttendeeCapacity": 3}));
    session(&rig, "b", &json!({"name": "Evening Spin"}));
    rig.succeed(&["harvest", "--once"]);

    let csv = rig.succeed(&["export", "--format", "csv"]);
    let names: Vec<String> =
        csv::Reader::from_reader(csv.as_bytes()).records().map(|record| record.unwrap()[3].to_owned()).collect();
    assert_eq!(names, ["Morning \"Yoga\", gently", "Evening Spin"]);
    let near = rig.succeed(&["export", "--format", "ndjson", "--near", "LS1", "--output", "-"]);
    let found: Value = serde_json::from_str(near.trim_end()).unwrap();
    assert_eq!((&found["identifier"], &found["distance_km"]), (&json!("a"), &json!(0.0)));
    let map: Value = serde_json::from_str(&rig.succeed(&["export", "--format", "geojson"])).unwrap();
    assert_eq!(map["features"][0]["geometry"]["coordinates"], json!([-1.55, 53.8]));
    assert_eq!(map["features"][1]["geometry"], Value::Null);
    let calendar = rig.succeed(&["export", "--format", "ical", "--words", "spin"]);
    assert!(calendar.contains("\r\nUID:s/b\r\n") && !calendar.contains("UID:s/a"), "{calendar}");
    let none = rig.succeed(&["export", "--format", "csv", "--spaces", "4"]);
    assert_eq!(none.lines().count(), 1, "an export of nothing is one too: {none}");

    let talk = rig.run(&["export", "--format", "parquet", "--output", "out.parquet"]);
    assert!(talk.stdout.is_empty() && String::from_utf8_lossy(&talk.stderr).contains("2 sessions are in out.parquet"));
    let ask = "SELECT name, remaining_capacity, epoch(starts_at)::BIGINT, typeof(starts_at), typeof(local_start) \
               FROM 'out.parquet' ORDER BY ALL";
    let script = format!("import duckdb, json; print(json.dumps(duckdb.sql({ask:?}).fetchall()))");
    if let Some(answer) = duckdb(&rig, &script) {
        let rows: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(rows[1][0], json!("Morning \"Yoga\", gently"));
        assert_eq!((&rows[1][1], &rows[0][1]), (&json!(3), &Value::Null));
        assert_eq!((&rows[0][3], &rows[0][4]), (&json!("TIMESTAMP WITH TIME ZONE"), &json!("TIMESTAMP")));
        let starts: Vec<i64> = rig.succeed(&["search", "--format", "ndjson"]).lines().map(starts_at).collect();
        assert_eq!([&rows[1][2], &rows[0][2]], [&json!(starts[0]), &json!(starts[1])]);
    }

    let refused = rig.run(&["export", "--format", "csv", "--output", "catalogue.db"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(error_line(&refused).contains("is a SQLite file"), "{}", error_line(&refused));
    assert_eq!(rig.shown(), ["a", "b"]);
    let mut left: Vec<_> = std::fs::read_dir(rig.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name.to_string_lossy().contains("unfinished"));
    assert!(left.is_empty(), "{left:?}");
}

fn starts_at(line: &str) -> i64 {
    let row: Value = serde_json::from_str(line).unwrap();
    bookable::domain::Instant::parse(row["starts_at"].as_str().unwrap()).unwrap().as_seconds()
}

/// What a script with DuckDB prints; nothing where a developer's machine has none.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "what is installed is told by the environment; a skipped test says so"
)]
fn duckdb(rig: &Rig, script: &str) -> Option<String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(std::path::PathBuf::from);
    let home = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = set("BOOKABLE_CACHE").or_else(|| home().map(|home| home.join("bookable")));
    let run = |python: &std::path::Path, script: &str| {
        std::process::Command::new(python).args(["-c", script]).current_dir(rig.path("")).output()
    };
    let own = cache.map(|cache| cache.join("duckdb/bin/python"));
    let python = own
        .into_iter()
        .chain(["python3".into()])
        .find(|python| run(python, "import duckdb").is_ok_and(|output| output.status.success()));
    let Some(python) = python else {
        assert!(std::env::var("CI").is_err(), "python3 has no duckdb; .ci/run installs it");
        eprintln!("skipped: python3 has no duckdb (pip install duckdb)");
        return None;
    };
    let output = run(&python, script).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// A reader that goes away ends an export quietly.
#[test]
fn an_export_into_head_ends_quietly() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(&rig, "a", &json!({"description": "word ".repeat(10_000)}));
    rig.succeed(&["harvest", "--once"]);
    fill(&rig, 3_000);
    for format in ["csv", "ndjson", "ical", "geojson", "parquet"] {
        let script =
            format!("{} export --format {format} | head -c 9; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_bookable"));
        let output =
            std::process::Command::new("bash").args(["-c", &script]).current_dir(rig.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.len() == 9 && output.stderr.is_empty(), "{format}");
    }
}

/// Puts copies of the only session into the catalogue, which stays what it is otherwise.
fn fill(rig: &Rig, copies: u32) {
    let catalogue = rusqlite::Connection::open(rig.path("catalogue.db")).unwrap();
    let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1) \
        INSERT INTO session (key, listing, session_id, identifier, starts_at, local_start, modified) \
        SELECT 1000 + n, listing, session_id || n, identifier || n, starts_at, local_start, modified FROM session, n";
    catalogue.execute(sql, [copies]).unwrap();
}

/// Ten times as many sessions take no more memory, but for what a Parquet row group may hold.
#[test]
fn an_export_takes_no_more_memory_for_more_sessions() {
    let rig = Rig::empty();
    rig.publish_open_series("open");
    session(&rig, "a", &json!({}));
    rig.succeed(&["harvest", "--once"]);
    let script = "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let peak_kib = |format: &str| -> i64 {
        let mut command = std::process::Command::new("python3");
        command.args(["-c", script, env!("CARGO_BIN_EXE_bookable"), "export", "--format", format]);
        let output = command.current_dir(rig.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    let forms = [("csv", 8), ("ndjson", 8), ("ical", 8), ("geojson", 8), ("parquet", 96)];
    let few = forms.map(|(form, _)| peak_kib(form));
    fill(&rig, 30_000);
    for ((form, more_mib), few) in forms.into_iter().zip(few) {
        let many = peak_kib(form);
        assert!(many < few + more_mib * 1024, "{form}: {few} KiB became {many} KiB");
    }
}
