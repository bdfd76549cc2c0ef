//! The disk: full, files deleted under the harvest, damaged, lost.

use std::process::{Command, Stdio};

use bookable::sandbox::{Feed, SandboxOptions};
use serde_json::json;

use crate::rig::{Daemon, Rig, error_line, error_text, now, wait_until};

fn publish_large(rig: &Rig, id: &str) {
    let data = json!({"@type": "ScheduledSession", "@id": format!("s/{id}"), "identifier": id, "superEvent": "ss/a",
        "name": "x".repeat(20_000), "startDate": now().plus_seconds(86_400).to_string(),
        "imin:isPotentiallyBookable": true});
    rig.sandbox.publish(Feed::ScheduledSessions, id, &data);
}

/// No file may grow beyond a limit, which to SQLite is a disk without room. When there is room again, the harvest goes on by
/// itself, and nothing is missing.
#[test]
fn a_full_disk_pauses_and_recovers() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("0", "a", 86_400);
    let log = std::fs::File::create(rig.path("log")).unwrap();
    let plain = rig.command(&["harvest"]);
    let mut command = Command::new("sh");
    // The signal that comes with the limit is ignored, so that writing fails as it does on a full disk.
    let script = r#"trap '' XFSZ; exec prlimit --fsize=400000: "$0" harvest"#;
    command.args(["-c", script, env!("CARGO_BIN_EXE_bookable")]).env_clear().env("PATH", "/usr/bin:/bin");
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(plain.get_current_dir().unwrap()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let daemon = Daemon(command.spawn().unwrap());
    rig.wait_for(&["0"]);
    for number in 1..=60 {
        publish_large(&rig, &number.to_string());
    }
    let said = || std::fs::read_to_string(rig.path("log")).unwrap();
    wait_until("the pause", || said().contains("nothing is lost; trying again in"));
    assert!(rig.shown().contains(&"0".to_owned()), "what is on show stays so meanwhile");
    let id = daemon.0.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited:"]).status().unwrap().success());
    wait_until("all of them", || rig.shown().len() == 61);
    assert!(said().contains("the files can be written again"), "{}", said());
    let starts = |request: &bookable::sandbox::RequestSeen| request.path.ends_with("/scheduled-sessions");
    assert_eq!(rig.sandbox.requests().into_iter().filter(starts).count(), 1, "no feed was started over");
}

#[test]
fn a_catalogue_that_is_deleted_under_the_harvest_comes_back() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let _daemon = rig.daemon();
    rig.wait_for(&["x"]);
    for file in bookable::store::files_of(&rig.path("catalogue.db")) {
        let _ = std::fs::remove_file(file);
    }
    rig.publish_session("y", "a", 86_400);
    rig.wait_for(&["x", "y"]);
}

#[test]
fn a_lost_state_needs_the_operators_word() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let mut daemon = rig.daemon();
    rig.wait_for(&["x"]);
    for file in bookable::store::files_of(&rig.path("catalogue.state.db")) {
        let _ = std::fs::remove_file(file);
    }
    assert_eq!(daemon.exit_code(), Some(1), "the daemon does not write on into nothing");
    let before = rig.sandbox.requests().len();
    let refused = rig.run(&["harvest", "--once"]);
    assert_eq!(refused.status.code(), Some(1));
    let line = error_line(&refused);
    assert!(line.contains("catalogue.state.db is missing") && line.contains("harvest --anew"), "{line}");
    assert_eq!(
        (rig.sandbox.requests().len(), rig.shown()),
        (before, vec!["x".to_owned()]),
        "nothing was asked or hidden"
    );
    rig.succeed(&["harvest", "--once", "--anew"]);
    assert_eq!(rig.shown(), ["x"]);
    rig.succeed(&["harvest", "--once"]);
}

/// Overwrites a page in the middle of a file.
fn damage(rig: &Rig, name: &str) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(rig.path(name)).unwrap();
    for page in 1..file.metadata().unwrap().len() / 4096 {
        file.write_all_at(&[0xA5; 4096], page * 4096).unwrap();
    }
}

#[test]
fn damaged_files_are_told_with_what_to_do() {
    let rig = Rig::with(SandboxOptions { sessions: 200, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once"]);
    let shown = rig.shown();
    damage(&rig, "catalogue.db");
    let line = error_line(&rig.run(&["harvest", "--once"]));
    assert!(line.contains("catalogue.db") && line.contains("delete it with its -wal and -shm"), "{line}");
    for file in bookable::store::files_of(&rig.path("catalogue.db")) {
        let _ = std::fs::remove_file(file);
    }
    rig.succeed(&["rebuild"]);
    assert_eq!(rig.shown(), shown);
    damage(&rig, "catalogue.state.db");
    let before = rig.sandbox.requests().len();
    let line = error_line(&rig.run(&["harvest", "--once"]));
    assert!(line.contains("catalogue.state.db") && line.contains("run `bookable harvest --anew`"), "{line}");
    assert_eq!(rig.sandbox.requests().len(), before, "a damaged state is no reason to read everything again");
    std::fs::rename(rig.path("catalogue.state.db"), rig.path("damaged.db")).unwrap();
    assert_eq!(rig.run(&["harvest", "--once"]).status.code(), Some(1));
    rig.succeed(&["harvest", "--once", "--anew"]);
    assert_eq!(rig.shown(), shown);
}

#[test]
fn a_cut_catalogue_and_foreign_files_are_told() {
    let rig = Rig::with(SandboxOptions { sessions: 100, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once"]);
    let file = std::fs::OpenOptions::new().write(true).open(rig.path("catalogue.db")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let output = rig.run(&["harvest", "--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("it is damaged"), "{}", error_text(&output));
    std::fs::write(rig.path("text.db"), "no database, but long enough to be taken for the header of one ".repeat(9))
        .unwrap();
    let output = rig.run(&["harvest", "--once", "--catalogue", "text.db", "--state", "new.db"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("text.db"), "{}", error_text(&output));
}
