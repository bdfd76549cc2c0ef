//! Fifty readers in three languages while the world changes a thousand times a second: no lock is ever in the way, and every
//! read is one consistent catalogue.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bookable::sandbox::SandboxOptions;
use rusqlite::{Connection, OpenFlags};

use crate::rig::{Rig, error_text, wait_until};

const READS: usize = 40;

/// The batch, and what must be nothing in any consistent catalogue: sessions without listing, listings without sessions.
const QUERY: &str = "SELECT batch, (SELECT count(*) FROM session WHERE listing NOT IN (SELECT key FROM listing)) \
    + (SELECT count(*) FROM listing WHERE key NOT IN (SELECT listing FROM session UNION SELECT listing FROM slot)) \
    + (SELECT count(*) FROM session AS s WHERE offers IS NOT NULL AND NOT EXISTS \
       (SELECT 1 FROM offer_list WHERE list = s.offers)) FROM origin";

const PYTHON: &str = "
import sqlite3, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=0)
for _ in range(int(sys.argv[2])):
    print('%d|%d' % db.execute(sys.argv[3]).fetchone())
";

fn read_in_rust(path: &std::path::Path) -> Vec<(i64, i64)> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    (0..READS).map(|_| connection.query_row(QUERY, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()).collect()
}

fn read(output: &Output) -> Vec<(i64, i64)> {
    assert!(output.status.success() && output.stderr.is_empty(), "{}", error_text(output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pair = |line: &str| line.split_once('|').map(|(one, other)| (one.parse().unwrap(), other.parse().unwrap()));
    text.lines().map(|line| pair(line).unwrap()).collect()
}

#[test]
fn fifty_readers_in_three_languages_see_whole_catalogues_only() {
    let options = SandboxOptions { sessions: 1000, slots: 200, churn_per_second: 1000.0, ..SandboxOptions::default() };
    let rig = Rig::with(options);
    let _daemon = rig.daemon_with(&["--slots"]);
    wait_until("the first rows", || rig.shown().len() > 50);
    let path = rig.path("catalogue.db");
    // One that never closes its connection, nor ever reads again.
    let idle = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let _: i64 = idle.query_row("SELECT count(*) FROM session", [], |row| row.get(0)).unwrap();
    let text = path.to_str().unwrap();
    let mut processes = Vec::new();
    for _ in 0..15 {
        let mut python = Command::new("python3");
        python.args(["-c", PYTHON, text, &READS.to_string(), QUERY]).stdout(Stdio::piped()).stderr(Stdio::piped());
        processes.push(python.spawn().unwrap());
        let mut shell = Command::new("sqlite3");
        shell.args(["-readonly", "-bail", text]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(format!("{QUERY};\n").repeat(READS).as_bytes()).unwrap();
        processes.push(shell);
    }
    let threads: Vec<_> = (0..20)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || read_in_rust(&path))
        })
        .collect();
    let mut readers: Vec<Vec<(i64, i64)>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    readers.extend(processes.into_iter().map(|process| read(&process.wait_with_output().unwrap())));
    assert_eq!(readers.len(), 50);
    for reads in &readers {
        assert_eq!(reads.len(), READS);
        assert!(reads.iter().all(|(_, wrong)| *wrong == 0), "{reads:?}");
        assert!(reads.windows(2).all(|pair| pair[0].0 <= pair[1].0), "no reader goes back: {reads:?}");
    }
    let seen: std::collections::BTreeSet<i64> = readers.iter().flatten().map(|(batch, _)| *batch).collect();
    assert!(seen.len() > 3, "the catalogue changed meanwhile: {seen:?}");
    let log = std::fs::metadata(rig.path("catalogue.db-wal")).unwrap().len();
    assert!(log < 32 << 20, "{log} bytes of log behind an idle reader");
    drop(idle);
}
