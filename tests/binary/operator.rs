//! What operators do: odd paths, other time zones, cron's minutes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use bookable::sandbox::SandboxOptions;
use rusqlite::{Connection, OpenFlags};

use crate::rig::{Rig, error_text};

fn rows(path: &std::path::Path) -> Vec<(String, String, String)> {
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
