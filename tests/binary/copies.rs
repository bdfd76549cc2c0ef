//! The README's recipe for other machines: a snapshot, and `rsync` to put it in place there, while somebody reads.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use bookable::sandbox::SandboxOptions;
use rusqlite::{Connection, OpenFlags};

use crate::rig::{Rig, wait_until};

/// The batch, how many rows there are, and what SQLite says of the file.
fn read(replica: &Connection) -> (i64, i64, String) {
    let sql = "SELECT (SELECT batch FROM origin), (SELECT count(*) FROM bookable_session), \
        (SELECT integrity_check FROM pragma_integrity_check)";
    replica.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "CI is told by the environment, a developer by a line"
)]
fn has_rsync() -> bool {
    let there = Command::new("rsync").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os("CI").is_none(), "rsync is not installed: apt-get install rsync");
    if !there {
        println!("skipped: rsync is not installed (apt-get install rsync)");
    }
    there
}

#[test]
fn a_copy_that_rsync_puts_in_place_is_whole_at_every_moment() {
    if !has_rsync() {
        return;
    }
    let rig = Rig::with(SandboxOptions { sessions: 1000, churn_per_second: 500.0, ..SandboxOptions::default() });
    let _daemon = rig.daemon();
    wait_until("the first rows", || rig.shown().len() > 50);
    for folder in ["copies", "replica"] {
        std::fs::create_dir(rig.path(folder)).unwrap();
    }
    let (copies, replica) = (rig.path("copies/"), rig.path("replica/catalogue.db"));
    let carry = || {
        rig.succeed(&["snapshot", "copies/catalogue.db"]);
        let copied =
            Command::new("rsync").arg("-a").arg(copies.join("catalogue.db")).arg(rig.path("replica/")).status();
        assert!(copied.unwrap().success());
    };
    let open = || Connection::open_with_flags(&replica, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    carry();
    let held_open = open();
    let first = read(&held_open);
    let ended = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                reads.push(read(&open()));
            }
            reads
        });
        for _ in 0..15 {
            let before = read(&open()).0;
            wait_until("a newer copy", || {
                carry();
                read(&open()).0 > before
            });
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads.len() > 15 && reads.iter().all(|(_, rows, sound)| *rows > 50 && sound == "ok"), "{reads:?}");
    assert!(reads.windows(2).all(|pair| pair[0].0 <= pair[1].0), "no reader goes back: {reads:?}");
    let (batch, _, sound) = read(&held_open);
    assert_eq!((batch, sound.as_str()), (first.0, "ok"), "who keeps it open keeps the copy that was there");
    let left: Vec<_> = std::fs::read_dir(rig.path("replica")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["catalogue.db"], "and leaves nothing beside it");
}
