//! The binary killed at named points and at any moment: nothing is lost, nothing is read twice from the start, and the
//! files are sound.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use bookable::sandbox::SandboxOptions;
use bookable::store::probe::Point;
use rusqlite::Connection;

use crate::rig::{Rig, error_text};

const WORLD: SandboxOptions = SandboxOptions {
    seed: 7,
    sessions: 260,
    slots: 40,
    start: None,
    churn_per_second: 0.0,
    page_size: 60,
    api_key: String::new(),
    relative_next: false,
    gzip: false,
    faults: bookable::sandbox::Faults::NONE,
    webhook: None,
};

fn world() -> SandboxOptions {
    SandboxOptions { api_key: "sandbox-key".to_owned(), ..WORLD }
}

const HARVEST: [&str; 3] = ["harvest", "--once", "--slots"];

fn check_sound(rig: &Rig) {
    for name in ["catalogue.db", "catalogue.state.db"] {
        if !rig.path(name).exists() {
            continue;
        }
        let connection = Connection::open(rig.path(name)).unwrap();
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{name}");
    }
}

/// The feeds whose position is no longer their start.
fn under_way(rig: &Rig) -> Vec<String> {
    let Ok(connection) = Connection::open(rig.path("catalogue.state.db")) else { return Vec::new() };
    let sql = "SELECT start_url FROM feed WHERE next_url <> start_url";
    let Ok(mut statement) = connection.prepare(sql) else { return Vec::new() };
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn everything(rig: &Rig) -> Vec<String> {
    let connection = Connection::open(rig.path("catalogue.db")).unwrap();
    let sql = "SELECT identifier || name || checkout_url FROM bookable_session \
        UNION ALL SELECT identifier || name || coalesce(court, '') FROM bookable_slot ORDER BY 1";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn killed_at_every_named_point_it_goes_on_where_it_was() {
    let whole = Rig::with(world());
    whole.succeed(&HARVEST);
    let expected: Vec<String> = everything(&whole).iter().map(|row| row.replace(&whole.base, "")).collect();
    let mut killed = 0;
    for point in Point::ALL.into_iter().filter(|point| *point != Point::Purge) {
        for nth in [1, 2, 3, 4, 5, 7, 9, 20, 40, 80, 160] {
            let rig = Rig::with(world());
            let at = format!("{}:{nth}", point.name());
            let output = rig.command(&HARVEST).env("BOOKABLE_CRASH_AT", &at).output().unwrap();
            killed += usize::from(output.status.signal() == Some(9));
            assert!(output.status.success() || output.status.signal() == Some(9), "{at}: {}", error_text(&output));
            check_sound(&rig);
            let (before, under_way) = (rig.sandbox.requests().len(), under_way(&rig));
            rig.succeed(&HARVEST);
            let shown: Vec<String> = everything(&rig).iter().map(|row| row.replace(&rig.base, "")).collect();
            assert_eq!(shown, expected, "{at}");
            for request in rig.sandbox.requests().split_off(before) {
                let again = under_way.iter().any(|start| start.ends_with(&request.path));
                assert!(!again, "{at}: {} was started over", request.path);
            }
            check_sound(&rig);
        }
    }
    assert!(killed >= 30, "only {killed} runs were killed: the points are not reached");
}

/// As often as it is killed, at whatever moment, under a world that changes.
#[test]
fn killed_at_any_moment_it_follows_all_the_same() {
    let rig = Rig::with(world());
    for round in 0..160_u64 {
        let mut daemon = rig.daemon_with(&["--slots"]);
        for _ in 0..20 {
            rig.sandbox.step();
        }
        // A different moment each time; which it is does not matter to the outcome.
        std::thread::sleep(Duration::from_millis(round * 13 % 170));
        daemon.0.kill().unwrap();
        daemon.0.wait().unwrap();
    }
    check_sound(&rig);
    rig.succeed(&HARVEST);
    let followed = everything(&rig);
    // Two ways to the same answer: what another harvest reads from the start.
    let state = ["--state", "other.state.db", "--catalogue", "other.db"];
    rig.succeed(&[&HARVEST[..], &state].concat());
    std::fs::rename(rig.path("other.db"), rig.path("catalogue.db")).unwrap();
    for file in ["catalogue.db-wal", "catalogue.db-shm"] {
        let _ = std::fs::remove_file(rig.path(file));
    }
    assert_eq!(followed, everything(&rig));
}

#[test]
fn a_purge_that_is_killed_can_be_repeated() {
    let rig = Rig::with(world());
    for nth in 1..=4 {
        rig.succeed(&[&HARVEST[..], &["--anew"]].concat());
        let at = format!("purge:{nth}");
        let output = rig.command(&["purge", "--yes"]).env("BOOKABLE_CRASH_AT", &at).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{}", error_text(&output));
        rig.succeed(&["purge", "--yes"]);
        let left: Vec<_> = std::fs::read_dir(rig.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
