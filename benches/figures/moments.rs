//! What one moment costs, in this process, on the files that a harvest left: a page of updates, a series that flips, an instant at which
//! thousands open, a minute in which nothing happens; opening, rebuilding, asking.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as Moment};

use bookable::domain::{CheckoutBase, Feed, Instant};
use bookable::rpde::Page;
use bookable::store::{
    Changes, CheckoutUrls, FeedSetup, PageStep, Step, Store, StoreSetup, WhenStale, checkpoint, long_log_written_at,
};
use rusqlite::{Connection, OpenFlags};

use crate::world::{LARGE, World};

pub(crate) struct Moments<'a> {
    pub(crate) world: World,
    pub(crate) directory: &'a Path,
    pub(crate) origin: &'a str,
    store: Store,
    /// Ends before the files go.
    _checkpoints: Checkpoints,
}

/// Moves the logs into the files beside the writer, as the daemon does, until it is dropped.
struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    fn start(setup: &StoreSetup) -> Self {
        let (stop, stopped) = channel::<()>();
        let paths = [setup.state.clone(), setup.catalogue.clone()];
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                for path in paths.iter().filter(|path| long_log_written_at(path).is_some()) {
                    checkpoint(path).expect("a checkpoint");
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the checkpoints");
        }
    }
}

pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Moment::now();
    let done = work();
    (began.elapsed(), done)
}

/// What the settings of the harvest come to.
pub(crate) fn setup(directory: &Path, origin: &str) -> StoreSetup {
    let feed = |feed: Feed| FeedSetup { feed, start_url: format!("{origin}/{feed}") };
    StoreSetup {
        state: directory.join("catalogue.state.db"),
        catalogue: directory.join("catalogue.db"),
        checkout: CheckoutUrls {
            base: CheckoutBase::parse("https://checkout.example.org").expect("a base"),
            slot_path: None,
        },
        when_stale: WhenStale::Keep,
        change_log: crate::logged::KEPT.get().copied(),
        log_bytes_max: StoreSetup::LOG_BYTES_MAX,
        feeds: Some([Feed::SessionSeries, Feed::ScheduledSessions, Feed::Datasets].map(feed).to_vec()),
    }
}

impl<'a> Moments<'a> {
    pub(crate) fn open(world: World, directory: &'a Path, origin: &'a str) -> Self {
        let setup = setup(directory, origin);
        let mut store = Store::open(&setup, world.now).expect("the files");
        store.mend(world.now).expect("a whole catalogue");
        Self { world, directory, origin, store, _checkpoints: Checkpoints::start(&setup) }
    }

    /// Body in hand → both commits.
    fn take(&mut self, feed: Feed, items: &[String], now: Instant) -> Duration {
        let body = format!(r#"{{"next":"{}/{feed}?page=x","items":[{}]}}"#, self.origin, items.join(",")).into_bytes();
        let (time, ()) = timed(|| {
            let page = Page::parse(body, feed).expect("a page");
            let step = page_step(feed, &page);
            self.store.apply(&[Step::Page(step)], now).expect("both commits");
        });
        // As the daemon does between two batches.
        self.store.merge_words().expect("words");
        time
    }

    /// Pages of so many sessions that changed, here and there.
    pub(crate) fn pages(&mut self, items: usize, times: usize, version: usize) -> Vec<Duration> {
        let world = self.world;
        let page = |time: usize| {
            let one = |at: usize| {
                let mut out = String::new();
                world.session((time * 7919 + at * 104_729 + LARGE) % world.sessions, version + time, &mut out);
                out
            };
            (0..items).map(one).collect::<Vec<_>>()
        };
        (0..times).map(|time| self.take(Feed::ScheduledSessions, &page(time), world.now)).collect()
    }

    /// A series that closes and opens again: number 0 has its sessions side by side, number 1 has them scattered.
    pub(crate) fn flips(&mut self, series: usize, times: usize) -> Vec<Duration> {
        let flip = |version: usize| {
            let mut out = String::new();
            self.world.one_series(series, version, &mut out);
            out
        };
        let items: Vec<String> = (1..=times).map(flip).collect();
        items.into_iter().map(|item| self.take(Feed::SessionSeries, &[item], self.world.now)).collect()
    }

    /// The clock goes to just before thousands of sessions start, and on; and back again.
    pub(crate) fn rush(&mut self, times: usize) -> (Vec<Duration>, i64) {
        let rush = self.world.rush();
        let mut moved = 0;
        let mut run = || {
            self.store.pass_time(rush.plus_seconds(-1)).expect("time");
            let before = self.rows();
            // Minutes lie between two such moments: the log is in the file by then.
            thread::sleep(Duration::from_millis(500));
            let (time, ()) = timed(|| self.store.pass_time(rush).expect("time"));
            moved = before - self.rows();
            time
        };
        let times = (0..times).map(|_| run()).collect();
        self.store.pass_time(self.world.now).expect("time");
        (times, moved)
    }

    /// What the writer looks at once a second.
    pub(crate) fn nothing(&mut self, times: usize) -> Vec<Duration> {
        let now = self.world.now;
        let mut run = |_| {
            timed(|| {
                self.store.check_files().expect("files");
                self.store.take_restarts(now).expect("feeds");
                self.store.merge_words().expect("words");
                self.store.next_transition(now).expect("time")
            })
            .0
        };
        (0..times).map(&mut run).collect()
    }

    pub(crate) fn rebuild(&mut self) -> Duration {
        timed(|| self.store.rebuild(self.world.now).expect("a catalogue")).0
    }

    pub(crate) fn rows(&self) -> i64 {
        sessions(self.directory)
    }
}

/// The parts of a first harvest without the network, one after the other: reading pages, writing the state, filling the catalogue.
pub(crate) fn parts(world: &World, directory: &Path, origin: &str) -> [Duration; 3] {
    let bodies = world.pages(origin);
    let mut store = Store::open(&setup(directory, origin), world.now).expect("the files");
    let (mut read, mut written) = (Duration::ZERO, Duration::ZERO);
    for (feed, bodies) in [Feed::SessionSeries, Feed::ScheduledSessions].into_iter().zip(bodies) {
        for ten in bodies.chunks(10) {
            let (time, pages) =
                timed(|| ten.iter().map(|body| Page::parse(body.clone(), feed).expect("a page")).collect::<Vec<_>>());
            read += time;
            let steps: Vec<_> = pages.iter().map(|page| Step::Page(page_step(feed, page))).collect();
            written += timed(|| store.apply(&steps, world.now).expect("a commit")).0;
        }
    }
    let (filled, ()) = timed(|| store.finish_loading(world.now).expect("a catalogue"));
    [read, written, filled]
}

fn page_step(feed: Feed, page: &Page) -> PageStep<'_> {
    PageStep {
        feed,
        walk: 1,
        changes: Changes::Read(&page.content().changes),
        notes: Vec::new(),
        next_url: "http://127.0.0.1/x",
        at_end: false,
        license: None,
        wait_until: None,
        document: None,
    }
}

/// How many sessions are in the catalogue.
pub(crate) fn sessions(directory: &Path) -> i64 {
    reader(directory).query_row("SELECT count(*) FROM session", [], |row| row.get(0)).expect("a count")
}

pub(crate) fn reader(directory: &Path) -> Connection {
    Connection::open_with_flags(directory.join("catalogue.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the catalogue")
}

/// Asks a question as often as there are values for `?1`, all rows read.
pub(crate) fn ask(connection: &Connection, sql: &str, values: &[String]) -> Vec<Duration> {
    let mut statement = connection.prepare(sql).expect("SQL");
    let mut run = |value: &String| {
        timed(|| {
            let mut rows =
                if statement.parameter_count() == 0 { statement.query([]) } else { statement.query([value]) }
                    .expect("an answer");
            let mut count = 0;
            while rows.next().expect("a row").is_some() {
                count += 1;
            }
            count
        })
        .0
    };
    values.iter().map(&mut run).collect()
}
