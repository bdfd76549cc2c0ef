//! README's shell commands, run in bash as they stand there, against the sandbox. Only ports and the program's place are others, the
//! sandbox is smaller and changes nothing by itself, and `sleep` sleeps twice as long. (Its queries are run by `tests/binary/commands.rs`.)

use std::path::Path;
use std::process::{Command, Output, Stdio};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::rig::{
    BOOKABLE, Group, README, ROOT, block, blocks, demo, free_port, is_here, succeeds, text, wait_for_port, wait_until,
    write_program,
};

/// What stands in each block of shell commands, and so which test runs it.
const SHELL_BLOCKS: [&str; 8] = [
    "cargo run --release -- demo",
    "scripts/check",
    "cargo install --path .",
    "bookable export --near",
    "--dry-run",
    "bookable sandbox --webhook-url",
    "bookable harvest --once",
    "curl -X DELETE",
];

#[test]
fn every_block_of_shell_commands_is_run_by_a_test() {
    let found = blocks("sh");
    for block in &found {
        let known = SHELL_BLOCKS.iter().any(|words| block.contains(words));
        assert!(known, "no test here runs this block of README.md; write one and name it in SHELL_BLOCKS:\n{block}");
    }
    assert_eq!(found.len(), SHELL_BLOCKS.len());
    assert!(!README.contains("```bash") && !README.contains("```console"), "blocks of shell commands begin with sh");
    assert!(Path::new(ROOT).join("scripts/check").exists());
}

/// A folder, two ports, and programs under the names that README uses.
struct Terminal {
    folder: TempDir,
    sandbox: u16,
    serve: u16,
}

impl Terminal {
    fn new(folder: TempDir) -> Self {
        let terminal = Self { folder, sandbox: free_port(), serve: free_port() };
        let programs = terminal.folder.path().join("programs");
        let bookable = format!(
            r#"case $1 in
                sandbox) exec {BOOKABLE} "$@" --listen 127.0.0.1:{} --sessions 600 --churn 0 ;;
                serve) exec {BOOKABLE} "$@" --listen 127.0.0.1:{} ;;
                demo) exec {BOOKABLE} "$@" --sessions 500 ;;
                *) exec {BOOKABLE} "$@" ;;
            esac"#,
            terminal.sandbox, terminal.serve
        );
        write_program(&programs, "bookable", &bookable);
        // `cargo run --release -- …` runs what was built; `cargo install …` has nothing to do.
        write_program(&programs, "cargo", r#"if [ "$1" = run ]; then shift 3; exec bookable "$@"; fi"#);
        write_program(&programs, "sleep", r#"exec /bin/sleep "$(($1 * 2))""#);
        terminal
    }

    /// bash with these commands, in the folder, with nothing of this environment.
    fn bash(&self, commands: &str) -> Command {
        let commands =
            commands.replace(":8017", &format!(":{}", self.sandbox)).replace(":8018", &format!(":{}", self.serve));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.folder.path().join("programs").display());
        let mut command = Command::new("bash");
        command.args(["-e", "-u", "-o", "pipefail", "-c", &commands]).current_dir(self.folder.path());
        command.env_clear().env("PATH", path).env("HOME", self.folder.path());
        command
    }

    fn run(&self, commands: &str) -> Output {
        self.bash(commands).stdin(Stdio::null()).output().unwrap()
    }

    fn catalogue(&self) -> Connection {
        let path = self.folder.path().join("catalogue.db");
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    fn one(&self, sql: &str) -> String {
        self.catalogue().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

#[test]
fn try_it() {
    let terminal = Terminal::new(tempfile::tempdir().unwrap());
    text(&terminal.run(block("sh", "cargo run --release -- demo")));
    assert!(terminal.folder.path().join("demo/catalogue.db").exists());
}

#[test]
fn use_it() {
    let terminal = Terminal::new(tempfile::tempdir().unwrap());
    let _sandbox = Group::start(&mut terminal.bash("bookable sandbox --key ... &> sandbox.log"));
    wait_for_port(terminal.sandbox);
    let mut harvest = terminal.bash(block("sh", "cargo install --path ."));
    harvest.env("BOOKABLE_FIREHOSE_URL", format!("http://127.0.0.1:{}/firehose/standard/", terminal.sandbox));
    let mut harvest = Group::start(harvest.stderr(Stdio::null()));
    let path = terminal.folder.path().join("catalogue.db");
    let shown = || {
        let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        reader.query_row("SELECT checkout_url FROM bookable_session LIMIT 1", [], |row| row.get::<_, String>(0)).ok()
    };
    wait_until("the first session", || shown().is_some());
    assert!(shown().unwrap().starts_with("https://checkout.example.org/v1/scheduled-sessions/"));
    harvest.signal("TERM");
    harvest.0.wait().unwrap();
}

#[test]
fn for_the_analyst() {
    let terminal = Terminal::new(demo());
    text(&terminal.run(block("sh", "bookable export --near")));
    let count = terminal.one("SELECT CAST(count(*) AS TEXT) FROM bookable_session");
    let lines = text(&terminal.run("sqlite3 -csv :memory: \".import bookable.csv c\" \"SELECT count(*) FROM c\""));
    assert_eq!(lines.trim(), count);
    let copied = text(&terminal.run("sqlite3 -readonly today.db \"SELECT count(*) FROM bookable_session\""));
    assert_eq!(copied.trim(), count);
}

/// Both terminals of "Try it all", one block after the other.
#[test]
fn try_it_all() {
    if !is_here("curl", succeeds("curl", &["--version"])) {
        return;
    }
    let terminal = Terminal::new(tempfile::tempdir().unwrap());
    let mut first_terminal = terminal.bash(block("sh", "bookable sandbox --webhook-url"));
    let _first_terminal = Group::start(first_terminal.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for_port(terminal.sandbox);

    let second_terminal = block("sh", "bookable harvest --once");
    let said = text(&terminal.run(second_terminal));
    let page = format!("http://127.0.0.1:{}/", terminal.sandbox);
    assert!(said.lines().filter(|line| line.matches('|').count() == 4).count() >= 5, "slots: {said}");
    assert!(said.lines().any(|line| line.starts_with(&page)), "the checkout's page: {said}");
    assert!(said.lines().last().is_some_and(|line| line.contains("sandbox-order-1")), "the booking: {said}");

    // The same terminal, so with what was exported in it.
    let exported: Vec<&str> = second_terminal.lines().filter(|line| line.starts_with("export ")).collect();
    let exported = exported.join("\n");
    let identifier = terminal.one("SELECT identifier FROM offer WHERE type = 'ScheduledSession' LIMIT 1");
    let offer = terminal.one("SELECT id FROM offer WHERE type = 'ScheduledSession' LIMIT 1");
    let with_details =
        block("sh", "--dry-run").replace("OFFER_ID", &quoted(&offer)).replace("IDENTIFIER", &quoted(&identifier));
    let said = text(&terminal.run(&format!("{exported}\n{with_details}")));
    assert!(said.contains(&page) && said.contains("orderedItem") && said.contains(&offer), "{said}");

    let said = text(&terminal.run(&format!("{exported}\n{}", block("sh", "curl -X DELETE"))));
    let counts: Vec<u32> = said.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(matches!(counts[..], [before, 0, after] if before > 0 && after == before), "{said}");
}

/// As one word of bash.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Those of README's queries that ask for nothing in particular have an answer on any catalogue.
#[test]
fn the_queries_for_figures_give_rows() {
    let terminal = Terminal::new(demo());
    let catalogue = terminal.catalogue();
    for number in [5, 7, 8, 10] {
        let query = block("sql", &format!("-- {number}. "));
        let mut statement = catalogue.prepare(query).unwrap();
        assert!(statement.exists([]).unwrap(), "{query}");
    }
}
