//! The figures that the README shows: `cargo bench --bench figures -- [--sessions N] [--runs N] [--place FOLDER] [--now INSTANT]
//! [--only harvest|parts|moments|serve]`.
//!
//! Renders a synthetic world, serves it on loopback, harvests it with the real binary and measures the rest on the files that it left.
//! Prints one line a figure: what, the median, the 99th percentile where that says something, and the bound.
//!
//! `--only serve` prints the origin, and serves until it is ended. For such an origin there are harvests in this process, which leave
//! their files in the folder and print how many sessions can be booked at `--now`: `--only naive --origin ORIGIN --place FOLDER`; `--only
//! kept`, the naive one whose catalogue is right at every page; and `--only counted`, ours with the clock held, for `scripts/instructions`.
//!
//! `--changes pages|flips|starts [--change-log]` makes such changes, with the log or without, for `scripts/cost-of-change-log`.

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a bench fails by panicking and prints")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod harvest;
mod kept;
mod logged;
mod moments;
mod naive;
mod server;
mod world;

use std::path::Path;
use std::time::{Duration, Instant as Moment};

use bookable::clock::Clock;
use bookable::domain::Instant;

use moments::{Moments, ask, reader};
use world::World;

struct Arguments {
    sessions: usize,
    runs: usize,
    place: std::path::PathBuf,
    only: Option<String>,
    now: Instant,
    origin: Option<String>,
    changes: Option<String>,
    change_log: bool,
}

fn arguments() -> Arguments {
    let now = Clock::system().now();
    let mut read = Arguments {
        sessions: 1_000_000,
        runs: 5,
        place: std::env::temp_dir(),
        only: None,
        now,
        origin: None,
        changes: None,
        change_log: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} wants a value"));
        match word.as_str() {
            "--sessions" => read.sessions = value().parse().expect("a number"),
            "--runs" => read.runs = value().parse().expect("a number"),
            "--place" => read.place = value().into(),
            "--only" => read.only = Some(value()),
            "--now" => read.now = Instant::parse(&value()).expect("YYYY-MM-DDTHH:MM:SSZ"),
            "--origin" => read.origin = Some(value()),
            "--changes" => read.changes = Some(value()),
            "--change-log" => read.change_log = true,
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    read
}

/// Prints a figure beside what it must be at most (or, with a negative bound, at least).
fn figure(what: &str, value: f64, unit: &str, bound: f64) {
    let holds = if bound < 0.0 { value >= -bound } else { value <= bound };
    let sign = if bound < 0.0 { ">=" } else { "<=" };
    let mark = if bound == 0.0 {
        ""
    } else if holds {
        "ok"
    } else {
        "MISSED"
    };
    let bound = if bound == 0.0 { String::new() } else { format!("{sign} {}", bound.abs()) };
    println!("{what:<64} {value:>12.3} {unit:<8} {bound:>10} {mark}");
}

fn part(times: &mut [Duration], part: usize) -> f64 {
    times.sort();
    times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let arguments = arguments();
    let now = arguments.now;
    if let Some(origin) = &arguments.origin {
        let rows = match arguments.only.as_deref() {
            Some("naive") => naive::harvest(origin, &arguments.place, now, false),
            Some("kept") => naive::harvest(origin, &arguments.place, now, true),
            Some("counted") => harvest::counted(origin, &arguments.place, now),
            _ => panic!("--origin goes with --only naive, kept or counted"),
        };
        println!("{rows}");
        return;
    }
    let world = World { sessions: arguments.sessions, series: (arguments.sessions / 20).max(20), now };
    println!("{} sessions, {} series, medians of {} runs", world.sessions, world.series, arguments.runs);
    let place = tempfile::tempdir_in(&arguments.place).expect("a folder");
    if let Some(changes) = &arguments.changes {
        let lines = logged::changes(changes, arguments.change_log, world, place.path());
        figure("lines in the change log", lines as f64, "", 0.0);
        return;
    }
    let (origin, bytes) = server::serve(&world, false);
    figure("pages, all together", bytes as f64 / 1e6, "MB", 0.0);
    if arguments.only.as_deref() == Some("serve") {
        println!("{origin}");
        loop {
            std::thread::park();
        }
    }
    if arguments.only.as_deref() == Some("parts") {
        let parts = moments::parts(&world, place.path(), &origin);
        for (what, time) in ["reading pages", "writing the state", "filling the catalogue"].into_iter().zip(parts) {
            figure(what, time.as_secs_f64() * 1000.0, "ms", 0.0);
        }
        return;
    }
    if arguments.only.as_deref() == Some("moments") {
        harvest::harvest(&origin, place.path());
    } else {
        harvests(&world, &origin, place.path(), arguments.runs);
    }
    if arguments.only.as_deref() != Some("harvest") {
        start(&world, &origin, place.path(), arguments.runs);
        moments(world, &origin, place.path());
        questions(place.path());
    }
}

fn harvests(world: &World, origin: &str, place: &Path, runs: usize) {
    let items = (world.sessions + world.series) as f64;
    let (mut plain, mut zipped, mut ratio, mut peak) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut whole = Vec::new();
    let (gzip, _) = server::serve(world, true);
    for _ in 0..runs {
        empty(place);
        let zip = harvest::harvest(&gzip, place);
        empty(place);
        let download = harvest::download(origin, world);
        let run = harvest::harvest(origin, place);
        plain.push(items / run.seen.as_secs_f64() / 1000.0);
        whole.push(items / run.time.as_secs_f64() / 1000.0);
        zipped.push(items / zip.seen.as_secs_f64() / 1000.0);
        ratio.push(run.seen.as_secs_f64() / download.as_secs_f64());
        peak.push(run.peak_bytes as f64 / 1e6);
    }
    let plain = median(plain);
    figure("first harvest, until a reader sees the whole catalogue", plain, "k item/s", -300.0);
    figure("  to the exit of `harvest --once`, logs emptied", median(whole), "k item/s", 0.0);
    figure("the same with gzip", median(zipped), "k item/s", -plain);
    figure("the same, over only downloading the pages", median(ratio), "times", 3.5);
    figure("peak memory of that harvest", median(peak), "MB", 120.0);
}

fn empty(place: &Path) {
    for file in std::fs::read_dir(place).expect("the folder").flatten() {
        std::fs::remove_file(file.path()).expect("deleted");
    }
}

fn start(world: &World, origin: &str, place: &Path, runs: usize) {
    let size = |name: &str| std::fs::metadata(place.join(name)).expect("a file").len() as f64 / 1e6;
    figure("state", size("catalogue.state.db"), "MB", 80.0);
    figure("catalogue", size("catalogue.db"), "MB", 135.0);
    let mut times = Vec::new();
    for _ in 0..runs {
        // The stored wait of the last poll is over.
        let state = rusqlite::Connection::open(place.join("catalogue.state.db")).expect("the state");
        state.execute("UPDATE feed SET wait_until = NULL", []).expect("written");
        drop(state);
        let before = server::requests();
        let began = Moment::now();
        let mut child = harvest::command(origin, place, &["harvest"]).spawn().expect("the binary");
        while server::requests() == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        times.push(began.elapsed());
        std::thread::sleep(Duration::from_secs(2));
        let _ = std::process::Command::new("kill").arg(child.id().to_string()).status();
        let _ = child.wait();
    }
    figure("start with this state, to the first poll", part(&mut times, 50), "ms", 500.0);
    let _ = world;
}

fn moments(world: World, origin: &str, place: &Path) {
    let (opened, mut moments) = moments::timed(|| Moments::open(world, place, origin));
    figure("opening both files and comparing them, in this process", opened.as_secs_f64() * 1000.0, "ms", 0.0);
    figure("sessions that can be booked", moments.rows() as f64, "rows", 0.0);
    let mut ten = moments.pages(10, 500, 1);
    figure("a page of 10 updates, body to both commits", part(&mut ten, 50), "ms", 0.5);
    figure("  its 99th percentile", part(&mut ten, 99), "ms", 2.0);
    let mut many = moments.pages(500, 100, 1000);
    figure("a page of 500 updates while all indexes stand", part(&mut many, 50), "ms", 10.0);
    figure("  its 99th percentile", part(&mut many, 99), "ms", 0.0);
    for (series, words) in [(0, "side by side"), (1, "scattered")] {
        let mut flips = moments.flips(series, 21);
        figure(&format!("a series that flips 200 sessions, {words}"), part(&mut flips, 50), "ms", 3.0);
    }
    let (mut rush, moved) = moments.rush(5);
    figure(&format!("an instant at which {moved} sessions close"), part(&mut rush, 50), "ms", 80.0);
    let mut nothing = moments.nothing(1000);
    figure("a look at which nothing happens (once a second)", part(&mut nothing, 50), "ms", 0.1);
    let mut rebuilds: Vec<Duration> = (0..3).map(|_| moments.rebuild()).collect();
    figure("rebuild of the catalogue from the state", part(&mut rebuilds, 50), "ms", 2000.0);
}

const NEAR: &str = "WITH soonest AS MATERIALIZED (SELECT s.starts_at, s.key FROM listing_area AS a \
    CROSS JOIN session AS s ON s.listing = a.key \
    WHERE a.max_latitude >= 53.71 AND a.min_latitude <= 53.89 AND a.max_longitude >= -1.70 AND a.min_longitude <= -1.40 \
    AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now') \
    AND s.starts_at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+1 day') ORDER BY s.starts_at LIMIT 50) \
    SELECT s.starts_at, s.identifier, l.name, l.place FROM soonest CROSS JOIN session AS s USING (starts_at, key) \
    CROSS JOIN listing AS l ON l.key = s.listing ORDER BY s.starts_at";
const WORDS: &str = "WITH soonest AS MATERIALIZED (SELECT s.starts_at, s.key FROM listing_words AS w \
    CROSS JOIN session AS s ON s.listing = w.rowid \
    WHERE w.listing_words MATCH 'yoga' AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now') \
    ORDER BY s.starts_at LIMIT 50) \
    SELECT s.starts_at, s.identifier, l.name, l.place FROM soonest CROSS JOIN session AS s USING (starts_at, key) \
    CROSS JOIN listing AS l ON l.key = s.listing ORDER BY s.starts_at";
const ACTIVITIES: &str = "SELECT label.value AS activity, sum(n) AS sessions \
    FROM (SELECT activities, count(*) AS n FROM bookable_session GROUP BY activities), json_each(activities) AS label \
    GROUP BY activity ORDER BY sessions DESC";

fn questions(place: &Path) {
    let catalogue = reader(place);
    let mut statement = catalogue.prepare("SELECT identifier FROM session ORDER BY key % 997 LIMIT 1000").expect("SQL");
    let ids: Vec<String> = statement.query_map([], |row| row.get(0)).expect("rows").flatten().collect();
    let many = vec![String::new(); 50];
    let mut one = ask(&catalogue, "SELECT * FROM bookable_session WHERE identifier = ?1", &ids);
    figure("one session by its identifier, from the view", part(&mut one, 50), "ms", 0.05);
    let mut near = ask(&catalogue, NEAR, &many);
    // As README advises.
    catalogue.pragma_update(None, "mmap_size", 1_i64 << 30).expect("a setting");
    for (what, sql, bound) in [
        ("next 24 h within 10 km, soonest 50 (p95)", NEAR, 1.0),
        ("words, soonest 50 (p95)", WORDS, 4.0),
        ("next 50 from the view (p95)", "SELECT * FROM bookable_session ORDER BY starts_at LIMIT 50", 0.0),
    ] {
        figure(what, part(&mut ask(&catalogue, sql, &many), 95), "ms", bound);
    }
    figure("  near a point without mmap_size (p95)", part(&mut near, 95), "ms", 0.0);
    figure(
        "count by activity over the whole view",
        part(&mut ask(&catalogue, ACTIVITIES, &many[..5]), 50),
        "ms",
        150.0,
    );
}
