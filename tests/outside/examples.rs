//! The programs of `data/examples`, and those in README: what each prints is what the view says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::{Connection, OpenFlags};

use crate::rig::{BOOKABLE, Group, ROOT, block, cache, demo, is_here, succeeds, text};

const JAR: &str = "/usr/share/java/sqlite-jdbc.jar";
const GO_DRIVER: &str = "/usr/share/gocode/src/github.com/mattn/go-sqlite3";
const PAGES: usize = 3;
const ROWS_A_PAGE: usize = 5;

fn example(name: &str) -> String {
    format!("{ROOT}/data/examples/{name}")
}

fn command(program: impl Into<PathBuf>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program.into());
    command.args(arguments);
    command
}

/// What the view says, in the order and form in which the examples print it. Keys of the sessions make the order whole.
fn expected(catalogue: &Path, rows: usize) -> Vec<String> {
    let connection = Connection::open_with_flags(catalogue, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT v.local_start, coalesce(v.name, ''), coalesce(v.place, ''), v.checkout_url,
            coalesce(v.attribution_name, v.dataset, 'source not named') || ' ' || coalesce(v.attribution_url, '')
              || ' ' || coalesce(v.license, '')
        FROM bookable_session AS v JOIN session AS s ON s.identifier = v.identifier AND s.starts_at = v.starts_at
        ORDER BY v.starts_at, s.key LIMIT ?1";
    let mut statement = connection.prepare(sql).unwrap();
    let line = |row: &rusqlite::Row<'_>| {
        let columns: Result<Vec<String>, _> = (0..5).map(|column| row.get(column)).collect();
        Ok(columns?.join("\t"))
    };
    statement.query_map([i64::try_from(rows).unwrap()], line).unwrap().map(Result::unwrap).collect()
}

/// Runs the program for one page, for three, and until something changes.
fn prints_what_the_view_says(program: &dyn Fn() -> Command) {
    let folder = demo();
    let catalogue = folder.path().join("catalogue.db");
    let pages = expected(&catalogue, PAGES * ROWS_A_PAGE);
    assert_eq!(pages.len(), PAGES * ROWS_A_PAGE);
    let lines = |arguments: &[&str]| -> Vec<String> {
        let output = program().arg(&catalogue).args(arguments).output().unwrap();
        text(&output).lines().map(str::to_owned).collect()
    };
    assert_eq!(lines(&[]), pages[..ROWS_A_PAGE]);
    assert_eq!(lines(&["3"]), pages);

    let mut watching = Group::start(program().arg(&catalogue).args(["1", "watch"]).stdout(Stdio::piped()));
    let mut printed = watching.lines();
    let before: Vec<String> = printed.by_ref().take_while(|line| line != "waiting").collect();
    assert_eq!(before, pages[..ROWS_A_PAGE]);
    let writer = Connection::open(&catalogue).unwrap();
    writer
        .execute("DELETE FROM session WHERE key = (SELECT key FROM session ORDER BY starts_at, key LIMIT 1)", [])
        .unwrap();
    let after: Vec<String> = printed.collect();
    assert!(watching.0.wait().unwrap().success());
    assert_eq!(after[0], "changed");
    assert_eq!(after[1..], pages[1..=ROWS_A_PAGE]);
}

#[test]
fn in_python() {
    prints_what_the_view_says(&|| command("python3", &[&example("next_sessions.py")]));
}

#[test]
fn in_ruby() {
    if is_here("ruby with the gem sqlite3", succeeds("ruby", &["-rsqlite3", "-e", ""])) {
        prints_what_the_view_says(&|| command("ruby", &[&example("next_sessions.rb")]));
    }
}

#[test]
fn in_php() {
    if is_here("php with sqlite3", succeeds("php", &["-r", "new SQLite3(':memory:');"])) {
        prints_what_the_view_says(&|| command("php", &[&example("next_sessions.php")]));
    }
}

#[test]
fn in_java() {
    if is_here("a JDK with sqlite-jdbc", succeeds("javac", &["-version"]) && Path::new(JAR).exists()) {
        prints_what_the_view_says(&|| command("java", &["-cp", JAR, &example("NextSessions.java")]));
    }
}

#[test]
fn in_go() {
    if !is_here("go with go-sqlite3", succeeds("go", &["version"]) && Path::new(GO_DRIVER).exists()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("next_sessions");
    let mut build = command("go", &["build", "-o", program.to_str().unwrap(), &example("next_sessions.go")]);
    build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOCACHE", folder.path().join("cache"));
    text(&build.output().unwrap());
    prints_what_the_view_says(&|| Command::new(&program));
}

#[test]
fn in_rust() {
    let program = Path::new(BOOKABLE).with_file_name("examples").join("next_sessions");
    if is_here("the example next_sessions (cargo build --examples)", program.exists()) {
        prints_what_the_view_says(&|| Command::new(&program));
    }
}

/// A Node that has `node:sqlite`: that of the machine, or the one that `.ci/run` installs.
fn node() -> Option<PathBuf> {
    let candidates = [PathBuf::from("node"), cache().join("node/node_modules/node-runtime/bin/node")];
    let found = candidates.into_iter().find(|node| succeeds(node, &["-e", "require('node:sqlite')"]));
    is_here("Node 22.5 or later", found.is_some()).then(|| found.unwrap())
}

#[test]
fn in_node() {
    let Some(node) = node() else { return };
    prints_what_the_view_says(&|| command(&node, &["--no-warnings", &example("next_sessions.js")]));
}

#[test]
fn in_node_with_better_sqlite3() {
    let Some(node) = node() else { return };
    let modules = cache().join("node/node_modules");
    if is_here("better-sqlite3", modules.join("better-sqlite3").exists()) {
        prints_what_the_view_says(&|| {
            let mut command = command(&node, &[&example("next_sessions.js")]);
            command.env("NODE_PATH", &modules).env("BETTER_SQLITE3", "1");
            command
        });
    }
}

/// The programs that stand in README itself.
#[test]
fn those_of_the_readme() {
    let folder = demo();
    let connection =
        Connection::open_with_flags(folder.path().join("catalogue.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT group_concat(line, char(10)) || char(10) FROM (SELECT local_start || ' ' || name || ' ' || checkout_url AS line
        FROM bookable_session ORDER BY starts_at LIMIT 10)";
    let expected: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let python = block("python", "sqlite3");
    let output = command("python3", &["-c", python]).current_dir(folder.path()).output().unwrap();
    assert_eq!(text(&output), expected);
    if let Some(node) = node() {
        let js = block("js", "node:sqlite");
        let output = command(node, &["--no-warnings", "-e", js]).current_dir(folder.path()).output().unwrap();
        assert_eq!(text(&output), expected);
    }
}
