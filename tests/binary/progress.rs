//! How far a walk is: lines in the log, bars on a terminal.

use bookable::sandbox::SandboxOptions;

use crate::rig::{Rig, error_text, on_terminal};

/// Some seconds' worth of slow pages.
fn slow() -> Rig {
    let options = SandboxOptions { sessions: 400, page_size: 100, churn_per_second: 0.0, ..SandboxOptions::default() };
    let rig = Rig::with(options);
    rig.sandbox.set_faults("slow:4@scheduled-sessions".parse().unwrap());
    rig
}

#[test]
fn a_long_walk_is_told_in_the_log_now_and_then() {
    let rig = slow();
    let output = rig.run(&["harvest", "--once"]);
    let log = error_text(&output);
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(" reading: ")).collect();
    assert_eq!(lines.len(), 1, "at most one in ten seconds: {log}");
    let (_, feed) = lines[0].split_once("scheduled-sessions ").unwrap();
    let (items, feed) = feed.split_once(" items, ").unwrap();
    assert!((100..400).contains(&items.parse().unwrap()), "{log}");
    let (rate, date) = feed.split_once("/s, come to 20").unwrap();
    assert!(rate.parse::<u32>().unwrap() > 0 && date.ends_with(" %)"), "{log}");
    assert!(log.contains(" items in ") && log.contains(" a second"), "the end is told: {log}");

    // The next has nothing to walk, and says nothing of it.
    let log = error_text(&rig.run(&["harvest", "--once"]));
    assert!(!log.contains("reading: ") && !log.contains(" items in "), "{log}");
}

#[test]
fn a_terminal_has_a_bar_for_each_feed() {
    let rig = slow();
    let shown = on_terminal(&rig.command(&["harvest", "--once"]), "", 0);
    for words in ["session-series     ========== 100 %", "scheduled-sessions ", " items ", "/s  20"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("reading: "), "the log does not repeat it: {shown}");
    // The log's lines stand by themselves.
    assert!(
        shown
            .lines()
            .any(|line| line.contains("INFO") && line.trim_end().ends_with("the first harvest is in the catalogue")),
        "{shown}"
    );
}
