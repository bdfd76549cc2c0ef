//! Whole harvests by the real binary, and what only downloading the same pages takes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use bookable::clock::Clock;
use bookable::domain::{Feed, Instant};
use bookable::engine::{self, Mode, Progress, Setup};
use bookable::rpde::{ApiKey, Client, FeedUrl, Fetched, Limits, RetryTimes};
use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use crate::moments;
use crate::world::{PAGE_ITEMS, World};

/// One harvest, from its start: how long it took to its exit, and how much memory it had at most.
pub(crate) struct Harvest {
    pub(crate) time: Duration,
    /// How long until a reader saw the catalogue, which comes whole.
    pub(crate) seen: Duration,
    pub(crate) peak_bytes: u64,
}

/// The binary with the settings that reach the server.
pub(crate) fn command(origin: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookable"));
    command.args(arguments).env_clear().current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).envs([
        ("BOOKABLE_FIREHOSE_URL", origin),
        ("BOOKABLE_CHECKOUT_BASE_URL", "https://checkout.example.org"),
        ("BOOKABLE_API_KEY", "synthetic"),
    ]);
    command
}

/// `bookable harvest --once`.
pub(crate) fn harvest(origin: &str, directory: &Path) -> Harvest {
    let began = Moment::now();
    let mut child = command(origin, directory, &["harvest", "--once"]).spawn().expect("the binary");
    let status = format!("/proc/{}/status", child.id());
    let (mut peak_bytes, mut reader, mut seen) = (0, None, None);
    let code = loop {
        if seen.is_none() {
            reader = reader.or_else(|| open(directory));
            seen = reader.as_ref().filter(|reader| is_filled(reader)).map(|_| began.elapsed());
        }
        // The high-water mark only grows, so the last look is as good as all.
        peak_bytes = peak(&status).unwrap_or(0).max(peak_bytes);
        if let Some(code) = child.try_wait().expect("its end") {
            break code;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(code.success(), "the harvest ended with {code}");
    let time = began.elapsed();
    // Of a small world the end may come before the next look.
    let seen = seen.or_else(|| open(directory).filter(is_filled).map(|_| time)).expect("a catalogue with sessions");
    Harvest { time, seen, peak_bytes }
}

/// The catalogue as an app opens it, once it is there.
fn open(directory: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    Connection::open_with_flags(directory.join("catalogue.db"), flags).ok()
}

/// A first harvest's catalogue comes in one transaction.
fn is_filled(reader: &Connection) -> bool {
    reader.query_row("SELECT EXISTS (SELECT 1 FROM session)", [], |row| row.get(0)).unwrap_or(false)
}

fn peak(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Downloads every page of both feeds with the client that the harvest uses, one feed beside the other.
pub(crate) fn download(origin: &str, world: &World) -> Duration {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let key = ApiKey::new("synthetic").expect("a key");
    let client = Client::new(key, Limits::default(), Clock::system());
    // Not part of what is measured: it is not downloading.
    client.set_up(&FeedUrl::parse(origin).expect("a URL")).expect("a client");
    let began = Moment::now();
    runtime.block_on(async {
        let feeds = [("session-series", world.series), ("scheduled-sessions", world.sessions)];
        let walks = feeds.map(|(feed, items)| {
            let (client, origin) = (client.clone(), origin.to_owned());
            tokio::spawn(async move {
                for page in 0..=items.div_ceil(PAGE_ITEMS) {
                    let url = FeedUrl::parse(&format!("{origin}/{feed}?page={page}")).expect("a URL");
                    assert!(
                        matches!(client.fetch(&url, None).await, Ok(Fetched::Page { .. })),
                        "page {page} of {feed}"
                    );
                }
            })
        });
        for walk in walks {
            walk.await.expect("all pages");
        }
    });
    began.elapsed()
}

/// A first harvest in this process with the clock held and one thread for the network, so that each run does the same; how many sessions
/// can be booked.
pub(crate) fn counted(origin: &str, directory: &Path, now: Instant) -> i64 {
    let mut store = moments::setup(directory, origin);
    if let Some(feeds) = &mut store.feeds {
        feeds.retain(|feed| feed.feed != Feed::Datasets);
    }
    let setup = Setup {
        store,
        key: ApiKey::new("synthetic").expect("a key"),
        poll_interval: Duration::from_secs(8),
        limits: Limits::default(),
        retry_times: RetryTimes::default(),
        clock: Clock::held(now),
        mode: Mode::Once,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let harvest = engine::harvest(setup, CancellationToken::new(), Arc::new(Progress::default()));
    let unfinished = runtime.block_on(harvest).expect("a harvest");
    assert!(unfinished.is_empty(), "not walked to the end: {unfinished:?}");
    moments::sessions(directory)
}
