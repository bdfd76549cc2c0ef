//! The README's recipes for other machines: a snapshot, and `rsync` to put it in place there, while somebody reads; Litestream.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use bookable::sandbox::SandboxOptions;
use rusqlite::{Connection, OpenFlags};

use crate::rig::{Daemon, Rig, is_here, wait_until};

/// The batch, how many rows there are, and what SQLite says of the file.
fn read(replica: &Connection) -> (i64, i64, String) {
    let sql = "SELECT (SELECT batch FROM origin), (SELECT count(*) FROM bookable_session), \
        (SELECT integrity_check FROM pragma_integrity_check)";
    replica.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

#[test]
fn a_copy_that_rsync_puts_in_place_is_whole_at_every_moment() {
    if !is_here("rsync") {
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

/// The README's settings for Litestream: what it replicates beside a running harvest can be restored, and in the end is the catalogue.
/// And what the README warns of: it holds the log, which is otherwise emptied when a harvest ends.
#[test]
fn litestream_replicates_beside_a_harvest_and_holds_the_log() {
    if !is_here("litestream") {
        return;
    }
    let rig = Rig::with(SandboxOptions { sessions: 1000, churn_per_second: 500.0, ..SandboxOptions::default() });
    let mut daemon = rig.daemon();
    wait_until("the first rows", || rig.shown().len() > 50);
    let folder = rig.path("");
    let settings = include_str!("../../README.md").split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    let settings = settings.replace("/srv/bookable/", folder.to_str().unwrap());
    std::fs::write(rig.path("litestream.yml"), settings.replace("/mnt/", folder.to_str().unwrap())).unwrap();
    let litestream = |command: &str| {
        let mut litestream = Command::new("litestream");
        litestream.arg(command).arg("-config").arg(rig.path("litestream.yml")).stdout(Stdio::null());
        litestream
    };
    let restored = || {
        let file = tempfile::Builder::new().suffix(".db").make_in(&folder, |path| {
            let mut restore = litestream("restore");
            restore.arg("-o").arg(path).arg(rig.path("catalogue.db")).stderr(Stdio::null());
            if restore.status()?.success() { Ok(()) } else { Err(std::io::Error::other("nothing there yet")) }
        });
        Some(read(&Connection::open(file.ok()?.path()).ok()?))
    };
    let mut replicating = Daemon(litestream("replicate").stderr(Stdio::null()).spawn().unwrap());
    let mut first = 0;
    wait_until("a first copy", || {
        restored().is_some_and(|(batch, ..)| {
            first = batch;
            true
        })
    });
    wait_until("a newer copy, whole", || {
        restored().is_some_and(|(batch, rows, sound)| batch > first && rows > 50 && sound == "ok")
    });
    daemon.signal("TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let log = || std::fs::metadata(rig.path("catalogue.db-wal")).map_or(0, |log| log.len());
    wait_until("a harvest that ends and cannot empty its log", || {
        rig.succeed(&["harvest", "--once"]);
        log() > 0
    });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let expected = read(&Connection::open_with_flags(rig.path("catalogue.db"), flags).unwrap());
    wait_until("the last batch", || restored() == Some(expected.clone()));
    replicating.signal("TERM");
    replicating.status();
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(log(), 0, "without Litestream the log is emptied");
}
