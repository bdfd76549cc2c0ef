//! What operators do: odd paths, other time zones, cron's minutes.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bookable::sandbox::SandboxOptions;
use rusqlite::{Connection, OpenFlags};

use crate::rig::{Rig, error_line, error_text, now};

fn rows(path: &Path) -> Vec<(String, String, String)> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT identifier, starts_at, local_start FROM bookable_session ORDER BY identifier";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_machines_time_zone_and_language_change_nothing() {
    let rig = Rig::with(SandboxOptions { sessions: 300, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once"]);
    let expected = rows(&rig.path("catalogue.db"));
    assert!(expected.len() > 30);
    for (number, (zone, language)) in
        [("Pacific/Auckland", "tr_TR.UTF-8"), ("America/St_Johns", "de_DE"), ("Nowhere/None", "C")].iter().enumerate()
    {
        let name = format!("{number}.db");
        let mut command = rig.command(&["harvest", "--once", "--catalogue", &name]);
        command.env("TZ", zone).env("LC_ALL", language).env("LANG", language);
        assert!(command.output().unwrap().status.success(), "{zone}");
        assert_eq!(rows(&rig.path(&name)), expected, "{zone}");
    }
}

#[test]
fn paths_may_hold_anything_that_a_file_system_takes() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    for folder in [&b"a folder with blanks"[..], b"per%20cent?#&", b"not \xff\xfe UTF-8", b"'quoted' \"twice\""] {
        let folder = rig.path("").join(OsStr::from_bytes(folder));
        std::fs::create_dir(&folder).unwrap();
        let catalogue = folder.join(OsStr::from_bytes(b"cata logue \xff.db"));
        let run = |arguments: &[&str]| {
            let output = rig.command(arguments).arg("--catalogue").arg(&catalogue).output().unwrap();
            assert!(output.status.success(), "{folder:?} {arguments:?}: {}", error_text(&output));
        };
        run(&["harvest", "--once"]);
        assert_eq!(rows(&catalogue).len(), 1, "{folder:?}");
        run(&["status"]);
        run(&["rebuild"]);
        run(&["purge", "--yes"]);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{folder:?}");
    }
}

/// Started every minute for a day, as cron would: one process stays, and nobody is bothered.
#[test]
fn a_day_of_crons_minutes_leaves_one_process() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let mut daemon = rig.daemon();
    rig.wait_for(&["x"]);
    let minutes = || {
        for _ in 0..720 {
            let output = rig.command(&["harvest"]).stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "{}", error_text(&output));
            assert!(error_text(&output).contains("a harvest is already running"), "{}", error_text(&output));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(minutes);
        scope.spawn(minutes);
    });
    assert!(daemon.0.try_wait().unwrap().is_none(), "the first goes on");
    rig.publish_session("y", "a", 86_400);
    rig.wait_for(&["x", "y"]);
}

/// A process that is aborted may leave its memory in a file; ours holds the key, and leaves none.
#[test]
fn no_core_file_is_left() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let aborted = |script: &str| {
        let plain = rig.command(&[]);
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_bookable")]).env("PATH", "/usr/bin:/bin");
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(rig.path("")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut daemon = aborted(r#"ulimit -c unlimited; exec "$0" harvest"#);
    rig.wait_for(&["x"]);
    assert!(Command::new("kill").args(["-ABRT", &daemon.id().to_string()]).status().unwrap().success());
    let status = daemon.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    let mut control = aborted("ulimit -c unlimited; kill -ABRT $$");
    let control = control.wait().unwrap();
    let cores = std::fs::read_dir(rig.path(""))
        .unwrap()
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("core"));
    assert_eq!(cores.count(), usize::from(control.core_dumped() && rig.path("core").exists()), "but the shell's own");
}

/// A folder that the harvest may not write in: one line, and nothing is asked of the publisher.
#[test]
fn a_folder_of_somebody_elses_is_told() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    std::fs::create_dir(rig.path("theirs")).unwrap();
    rig.succeed(&["harvest", "--once", "--catalogue", "theirs/catalogue.db"]);
    let allow = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    allow(&rig.path("theirs"), 0o555);
    allow(&rig.path(""), 0o755);
    // Root is let in everywhere, so it becomes somebody else, who can reach this copy.
    let program = rig.path("bookable");
    std::fs::copy(env!("CARGO_BIN_EXE_bookable"), &program).unwrap();
    let script = r#"if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"; fi; exec "$0" "$@""#;
    let run = |arguments: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(&program).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
        let plain = rig.command(&[]);
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.current_dir(rig.path("")).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), error_line(&output))
    };
    let asked = rig.sandbox.requests().len();
    for name in ["theirs/catalogue.db", "theirs/new.db"] {
        let (code, line) = run(&["harvest", "--once", "--catalogue", name]);
        assert!(code == Some(1) && line.contains("theirs/") && line.contains("Permission denied"), "{line}");
    }
    let (code, line) = run(&["harvest", "--once", "--catalogue", "nowhere/catalogue.db"]);
    assert!(code == Some(1) && line.contains("nowhere/") && line.contains("No such file"), "{line}");
    assert_eq!(rig.sandbox.requests().len(), asked, "nothing is asked that could not be kept");
    let (code, line) = run(&["status", "--catalogue", "theirs/catalogue.db"]);
    assert!(code == Some(1) && line.contains("theirs/catalogue.state.db"), "{line}");
    let (code, line) = run(&["search", "--catalogue", "theirs/catalogue.db"]);
    assert!(code == Some(1) && line.contains("theirs/catalogue.db") && line.contains("bookable snapshot"), "{line}");
    allow(&rig.path("theirs"), 0o755);
}

/// Two catalogues cannot be made from one state at the same time.
#[test]
fn two_harvests_on_one_state_are_one() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let _daemon = rig.daemon();
    rig.wait_for(&["x"]);
    let other = rig.run(&["harvest", "--catalogue", "other.db", "--state", "catalogue.state.db"]);
    assert!(other.status.success(), "{}", error_text(&other));
    assert!(error_line(&other).contains("a harvest is already running"), "{}", error_text(&other));
    assert!(!rig.path("other.db").exists());
}

/// Told to stop at whatever moment, it ends well and soon, and the next start goes on.
#[test]
fn it_can_be_stopped_in_every_phase() {
    let options = SandboxOptions { sessions: 3000, page_size: 50, churn_per_second: 0.0, ..SandboxOptions::default() };
    let rig = Rig::with(options);
    for round in 0..40_u64 {
        let mut daemon = rig.daemon();
        for _ in 0..20 {
            rig.sandbox.step();
        }
        // A different moment each time: before the first request, while it loads, fills, waits. Which it is does not matter.
        std::thread::sleep(Duration::from_millis(round * round / 2));
        // An interrupt may be ignored by whoever runs this, which holds until the program has taken it up.
        daemon.signal(if round < 12 || round % 2 == 0 { "TERM" } else { "INT" });
        let code = daemon.status();
        // Before the program has so much as begun, the signal ends it as any other.
        assert!(code.code() == Some(0) || (round < 12 && code.signal().is_some()), "round {round}: {code:?}");
    }
    rig.succeed(&["harvest", "--once"]);
    rig.succeed(&["harvest", "--once", "--catalogue", "other.db"]);
    let soon = now().plus_seconds(60).to_string();
    let later = |name: &str| rows(&rig.path(name)).into_iter().filter(|row| row.1 > soon).collect::<Vec<_>>();
    assert!(!later("other.db").is_empty());
    assert_eq!(later("catalogue.db"), later("other.db"), "nothing is lost");
}
