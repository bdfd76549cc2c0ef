//! README's shell commands, run in bash as they stand there, against the sandbox. Only ports and the program's place are others, the
//! sandbox is smaller and changes nothing by itself, and `sleep` sleeps twice as long. (Its queries are run by `tests/binary/commands.rs`.)

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use chrono::{DateTime, Datelike, Days, Duration, Utc, Weekday};
use chrono_tz::{Europe::London, Tz};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::rig::{
    BOOKABLE, Group, README, ROOT, block, blocks, demo, free_port, is_here, succeeds, text, wait_for_port, wait_until,
    write_program,
};

/// What every block of README begins with after its backticks, words that only it has, the file and the function that run it.
const BLOCKS: [(&str, &str, &str, &str); 32] = [
    ("sh", "cargo run --release -- demo", "outside/readme.rs", "try_it"),
    // What runs these tests.
    ("sh", "scripts/check", "outside/readme.rs", "every_block_is_run_by_a_test"),
    ("sh", "cargo install --path .", "outside/readme.rs", "use_it"),
    ("sh", "bookable search --near", "outside/readme.rs", "find"),
    ("sh", "| my-program", "outside/readme.rs", "export"),
    ("crontab", "--check", "outside/readme.rs", "from_cron"),
    ("toml", "api_key_file", "outside/readme.rs", "settings"),
    ("text", "GRANT USAGE", "postgres/rows.rs", RUN_BY_POSTGRES),
    ("text", "websearch_to_tsquery", "postgres/rows.rs", RUN_BY_POSTGRES),
    ("crontab", "rsync", "outside/readme.rs", "copies_by_cron"),
    ("yaml", "replica", "binary/copies.rs", "litestream_replicates_beside_a_harvest_and_holds_the_log"),
    ("python", "sqlite3", "outside/examples.rs", "those_of_the_readme"),
    ("js", "node:sqlite", "outside/examples.rs", "those_of_the_readme"),
    ("rust,ignore", "rusqlite", "outside/readme.rs", "in_rust"),
    ("text", "-- Everything since", "binary/changes.rs", "a_follower_of_the_change_log_holds_what_the_catalogue_holds"),
    ("sh", "--words yoga", "outside/readme.rs", "for_the_analyst"),
    ("duckdb", "ATTACH", "outside/tools.rs", "duckdb_answers_as_sqlite_does"),
    ("duckdb", "bookable.csv", "outside/tools.rs", "duckdb_answers_as_sqlite_does"),
    ("sql", "-- 1. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 2. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 3. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 4. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 5. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 6. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 7. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 8. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 9. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sql", "-- 10. ", "binary/commands.rs", RUN_BY_SQLITE),
    ("sh", "--dry-run", "outside/readme.rs", "try_it_all"),
    ("sh", "bookable sandbox --webhook-url", "outside/readme.rs", "try_it_all"),
    ("sh", "bookable harvest --once", "outside/readme.rs", "try_it_all"),
    ("sh", "curl -s -X DELETE", "outside/readme.rs", "try_it_all"),
];
const RUN_BY_POSTGRES: &str = "the_servers_own_clock_guards_and_places_and_words_are_found_by_index";
const RUN_BY_SQLITE: &str = "every_query_of_the_readme_runs";

/// Commands in sentences that run until they are stopped, and so are run elsewhere: `tests/tools`, `binary/disk`, here.
const RUN_ON: [&str; 4] = ["bookable demo --serve", "bookable harvest --anew", "bookable sandbox", "bookable serve"];

#[test]
fn every_block_is_run_by_a_test() {
    let fences: Vec<&str> = README.lines().filter_map(|line| line.trim_start().strip_prefix("```")).collect();
    assert!(fences.iter().skip(1).step_by(2).all(|closing| closing.is_empty()), "{fences:?}");
    let languages: BTreeSet<&str> = fences.into_iter().step_by(2).collect();
    let mut found = 0;
    for language in languages {
        for block in blocks(language) {
            let runners: Vec<_> =
                BLOCKS.iter().filter(|(known, words, ..)| *known == language && block.contains(words)).collect();
            let [(_, _, file, function)] = runners[..] else {
                panic!("name the one test that runs this block of README.md in BLOCKS:\n{block}\n{runners:?}")
            };
            let source = std::fs::read_to_string(Path::new(ROOT).join("tests").join(file)).unwrap();
            assert!(source.contains(&format!("fn {function}(")), "{file} has no {function}");
            found += 1;
        }
    }
    assert_eq!(found, BLOCKS.len());
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
    text(&terminal.run(block("sh", "--words yoga")));
    let count = terminal.one("SELECT CAST(count(*) AS TEXT) FROM bookable_session");
    let lines = text(&terminal.run("sqlite3 -csv :memory: \".import bookable.csv c\" \"SELECT count(*) FROM c\""));
    assert_eq!(lines.trim(), count);
    let copied = text(&terminal.run("sqlite3 -readonly today.db \"SELECT count(*) FROM bookable_session\""));
    assert_eq!(copied.trim(), count);
}

fn in_london() -> DateTime<Tz> {
    let now = bookable::clock::Clock::system().now();
    DateTime::from_timestamp(now.as_seconds(), 0).unwrap().with_timezone(&London)
}

/// Makes one session of a demo the one that README's `search` asks for; gives its identifier and the day for which that holds.
fn make_findable(terminal: &Terminal) -> (String, i32) {
    let now = in_london();
    let day = now.date_naive();
    let evening = |time| day.and_hms_opt(time, 0, 0).unwrap().and_local_timezone(London).unwrap();
    // Between tonight and the end of Sunday: tomorrow's evening, on a Sunday this one or what is left of it.
    let start = if day.weekday() == Weekday::Sun {
        let end = day.and_hms_opt(23, 59, 59).unwrap().and_local_timezone(London).unwrap();
        evening(20).max(now + Duration::minutes(1)).min(end)
    } else {
        evening(20) + Days::new(1)
    };
    let path = terminal.folder.path().join("catalogue.db");
    let catalogue = Connection::open(path).unwrap();
    let sql = "SELECT key, listing, identifier FROM session ORDER BY key LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (key, listing, identifier): (i64, i64, String) = catalogue.query_row(sql, [], read).unwrap();
    let starts_at = start.with_timezone(&Utc).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    catalogue
        .execute("UPDATE session SET starts_at = ?2, remaining_capacity = 2 WHERE key = ?1", (key, starts_at))
        .unwrap();
    let place =
        "UPDATE listing SET price = 5, activities = '[\"Yoga\"]', latitude = 53.83, longitude = -1.58 WHERE key = ?1";
    catalogue.execute(place, [listing]).unwrap();
    // Place and words do not follow by themselves.
    catalogue
        .execute("INSERT OR REPLACE INTO listing_area VALUES (?1, 53.83, 53.83, -1.58, -1.58)", [listing])
        .unwrap();
    catalogue.execute("INSERT INTO listing_words (listing_words) VALUES ('rebuild')", []).unwrap();
    (identifier, day.num_days_from_ce())
}

#[test]
fn find() {
    let terminal = Terminal::new(demo());
    let mut tries = 0;
    loop {
        let (identifier, day) = make_findable(&terminal);
        let output = terminal.run(block("sh", "bookable search --near"));
        // Midnight may pass meanwhile.
        if day == in_london().num_days_from_ce() {
            assert!(text(&output).contains(&format!("\"identifier\": \"{identifier}\"")), "{identifier}: {output:?}");
            return;
        }
        tries += 1;
        assert!(tries < 2);
    }
}

#[test]
fn export() {
    let terminal = Terminal::new(demo());
    make_findable(&terminal);
    let programs = terminal.folder.path().join("programs");
    write_program(&programs, "my-program", "cat > until-sunday.ndjson");
    text(&terminal.run(block("sh", "| my-program")));
    let read = |name: &str| std::fs::read(terminal.folder.path().join(name)).unwrap();
    assert!(read("today.parquet").starts_with(b"PAR1"));
    assert!(String::from_utf8(read("yoga.ics")).unwrap().contains("BEGIN:VEVENT"));
    assert!(String::from_utf8(read("until-sunday.ndjson")).unwrap().lines().all(|line| line.starts_with('{')));
}

/// The wrapper as the table calls it: one line where no harvest runs, none while one does.
#[test]
fn from_cron() {
    let terminal = Terminal::new(demo());
    let programs = terminal.folder.path().join("programs");
    write_program(&programs, "bookable-cron", &format!(r#"exec {ROOT}/data/cron/bookable-cron "$@""#));
    let folder = terminal.folder.path().to_str().unwrap();
    let lines: Vec<String> =
        block("crontab", "--check").lines().map(|line| line.replace("/srv/bookable", folder)).collect();
    let [every_minute, check] = &lines[..] else { panic!("{lines:?}") };
    let command = |line: &str| line.splitn(6, ' ').nth(5).unwrap().to_owned();
    assert!(text(&terminal.run(&command(check))).contains("no harvest is running"));
    let mut sandbox = Group::start(&mut terminal.bash("bookable sandbox &> sandbox.log"));
    wait_for_port(terminal.sandbox);
    let address = format!("http://127.0.0.1:{}", terminal.sandbox);
    let settings = format!(
        "firehose_url = \"{address}/firehose/standard/\"\ncheckout_base_url = \"{address}\"\ncatalogue = \"of-cron.db\"\n"
    );
    std::fs::write(terminal.folder.path().join("bookable.toml"), settings).unwrap();
    let mut harvest = terminal.bash(&command(every_minute));
    let mut harvest = Group::start(harvest.env("BOOKABLE_API_KEY", "sandbox-key").stdout(Stdio::piped()));
    wait_until("a check that says nothing", || text(&terminal.run(&command(check))).is_empty());
    // A second one beside it, as a minute later: without a word, without harm.
    let mut second = terminal.bash(&command(every_minute));
    assert_eq!(text(&second.env("BOOKABLE_API_KEY", "sandbox-key").output().unwrap()), "");
    harvest.signal("TERM");
    assert_eq!(harvest.lines().count(), 0);
    sandbox.signal("TERM");
    sandbox.0.wait().unwrap();
}

#[test]
fn settings() {
    let terminal = Terminal::new(tempfile::tempdir().unwrap());
    let key = terminal.folder.path().join("api-key");
    text(&terminal.run("umask 077; echo made-up > api-key"));
    let settings = block("toml", "api_key_file").replace("/srv/bookable/api-key", key.to_str().unwrap());
    std::fs::write(terminal.folder.path().join("bookable.toml"), settings).unwrap();
    let said = text(&terminal.run("bookable config")).split_whitespace().collect::<Vec<_>>().join(" ");
    for set in ["checkout_base_url = \"checkout.example.org\" # file", &format!("api_key_file = {key:?} # file")] {
        assert!(said.contains(set), "{said}");
    }
}

/// The other machine is another folder here.
#[test]
fn copies_by_cron() {
    if !is_here("rsync", succeeds("rsync", &["--version"])) {
        return;
    }
    let terminal = Terminal::new(demo());
    let folder = terminal.folder.path().to_str().unwrap();
    let line = block("crontab", "rsync").replace("app1.example.org:/srv/bookable/", "replica/");
    let command = line.replace("/srv/bookable", folder).splitn(6, ' ').nth(5).unwrap().to_owned();
    text(&terminal.run(&format!("mkdir copies replica; {command}")));
    let count = terminal.one("SELECT CAST(count(*) AS TEXT) FROM bookable_session");
    let there = text(&terminal.run("sqlite3 -readonly replica/catalogue.db 'SELECT count(*) FROM bookable_session'"));
    assert_eq!(there.trim(), count);
}

/// The lines of Rust are compiled here, and run by this program in a folder that has a catalogue.
#[test]
fn in_rust() {
    let without_blanks = |text: &str| text.split_whitespace().collect::<String>();
    let here = without_blanks(include_str!("readme.rs"));
    for statement in block("rust,ignore", "rusqlite").split_inclusive(';') {
        assert!(
            here.contains(&without_blanks(statement)),
            "README has other lines of Rust than this test: {statement}"
        );
    }
    let folder = demo();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "readme::the_lines_of_rust", "--nocapture"]).current_dir(folder.path());
    assert!(text(&command.output().unwrap()).contains("\n10 rows\n"));
}

#[test]
fn the_lines_of_rust() -> rusqlite::Result<()> {
    if !Path::new("catalogue.db").exists() {
        return Ok(());
    }
    let catalogue = Connection::open_with_flags("catalogue.db", OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut soonest = catalogue
        .prepare("SELECT name, local_start, checkout_url FROM bookable_session ORDER BY starts_at LIMIT 10")?;
    println!("\n{} rows", soonest.query_map([], |row| row.get::<_, String>(2))?.count());
    Ok(())
}

/// Commands that stand in README's sentences, each by itself on a demo's catalogue.
#[test]
fn those_in_sentences() {
    let terminal = Terminal::new(demo());
    let quoted = README.split('`').filter(|text| text.starts_with("bookable ") && !text.contains('\n'));
    let all: BTreeSet<&str> = quoted.filter(|text| !text.contains(['[', '<', '…'])).collect();
    assert!(RUN_ON.iter().all(|command| all.contains(command)), "{all:?}");
    // In the order of the alphabet, but what deletes comes last.
    let (last, first): (Vec<&str>, Vec<&str>) =
        all.iter().filter(|command| !RUN_ON.contains(command)).partition(|command| command.contains("purge"));
    assert!(first.len() >= 8 && last.len() == 1, "{first:?} {last:?}");
    for command in first.into_iter().chain(last) {
        let output = terminal.run(&format!("export BOOKABLE_CHECKOUT_BASE_URL=checkout.example.org; {command}"));
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
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
    // Of a session whose public adult offer can be told: the block's first line names none.
    let told = "FROM offer WHERE type = 'ScheduledSession' AND public_adult LIMIT 1";
    let [identifier, offer] = ["identifier", "id"].map(|column| terminal.one(&format!("SELECT {column} {told}")));
    let with_details =
        block("sh", "--dry-run").replace("OFFER_ID", &quoted(&offer)).replace("IDENTIFIER", &quoted(&identifier));
    let said = text(&terminal.run(&format!("{exported}\n{with_details}")));
    assert!(said.contains(&page) && said.contains("orderedItem") && said.contains(&offer), "{said}");

    let said = text(&terminal.run(&format!("{exported}\n{}", block("sh", "curl -s -X DELETE"))));
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
