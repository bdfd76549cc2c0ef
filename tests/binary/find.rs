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
