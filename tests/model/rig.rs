//! A real store in a folder of its own, fed with pages written as text.

use std::path::PathBuf;

use bookable::domain::{CheckoutBase, Feed, Instant, SlotPath};
use bookable::rpde::Page;
use bookable::store::{Changes, CheckoutUrls, FeedSetup, PageStep, Prepared, Step, Store, StoreSetup, WhenStale};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::histories::Change;
use crate::naive::Row;
use crate::shown;

pub(crate) struct Rig {
    directory: TempDir,
    store: Option<Store>,
    pub(crate) now: Instant,
    broker: bool,
    pub(crate) when_stale: WhenStale,
    pub(crate) log_bytes_max: u64,
}

/// The feeds that the histories change.
const FEEDS: [Feed; 5] =
    [Feed::ScheduledSessions, Feed::SessionSeries, Feed::Slots, Feed::FacilityUses, Feed::BookableSellers];

impl Rig {
    pub(crate) fn new(now: i64) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let mut rig = Self {
            directory,
            store: None,
            now: Instant::from_seconds(now),
            broker: false,
            when_stale: WhenStale::Keep,
            log_bytes_max: StoreSetup::LOG_BYTES_MAX,
        };
        rig.restart();
        rig
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn setup(&self) -> StoreSetup {
        let feed = |feed: Feed| FeedSetup { feed, start_url: format!("https://example.org/{feed}") };
        StoreSetup {
            change_log: None,
            log_bytes_max: self.log_bytes_max,
            state: self.path("state.db"),
            catalogue: self.path("catalogue.db"),
            checkout: CheckoutUrls {
                base: CheckoutBase::parse("checkout.example.org").expect("a base"),
                slot_path: SlotPath::parse("/slot/{identifier}").ok(),
            },
            when_stale: self.when_stale,
            feeds: Some(
                FEEDS.into_iter().filter(|feed| self.broker || *feed != Feed::BookableSellers).map(feed).collect(),
            ),
        }
    }

    /// Ends the program, if it runs, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.store = None;
        let mut store = Store::open(&self.setup(), self.now).expect("a store");
        store.mend(self.now).expect("mended");
        self.store = Some(store);
    }

    /// The same, with a broker or without.
    pub(crate) fn restart_with(&mut self, broker: bool) {
        self.broker = broker;
        self.restart();
    }

    /// The sellers feed is read to its end, if there is one.
    pub(crate) fn end_sellers(&mut self) {
        let step = PageStep { at_end: true, ..page_step(Feed::BookableSellers, 1, &[]) };
        let now = self.now;
        self.store().apply(&[Step::Page(step)], now).expect("applied");
    }

    /// Ends the program.
    pub(crate) fn stop(&mut self) {
        self.store = None;
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("running")
    }

    /// One transaction with these pages; each page's items come by their own feeds.
    pub(crate) fn batch(&mut self, pages: &[Vec<Change>]) {
        self.batch_in_walk(pages, 1, false);
    }

    pub(crate) fn batch_in_walk(&mut self, pages: &[Vec<Change>], walk: i64, at_end: bool) {
        let mut read = Vec::new();
        for page in pages {
            for feed in FEEDS {
                let ours = page.iter().filter(|change| change.feed() == feed);
                let items: Vec<String> = ours.map(Change::json).collect();
                let body = format!(r#"{{"next": "x", "items": [{}]}}"#, items.join(", "));
                read.push((feed, Page::parse(body.into_bytes(), feed).expect("a page")));
            }
        }
        // Every other page is prepared as the walkers do it, without its texts being there any more.
        let preparer = self.store().preparer();
        let prepare = |(at, (feed, page)): (usize, &(Feed, Page))| {
            if (at / FEEDS.len()).is_multiple_of(2) {
                preparer.prepare(*feed, walk, &page.content().changes)
            } else {
                None
            }
        };
        let prepared: Vec<Option<Prepared>> = read.iter().enumerate().map(prepare).collect();
        let steps: Vec<Step<'_>> = read
            .iter()
            .zip(&prepared)
            .map(|((feed, page), prepared)| {
                let read = Changes::Read(&page.content().changes);
                let changes = prepared.as_ref().map_or(read, Changes::Prepared);
                Step::Page(PageStep { at_end, changes, ..page_step(*feed, walk, &[]) })
            })
            .collect();
        let now = self.now;
        self.store().apply(&steps, now).expect("applied");
    }

    pub(crate) fn set_clock(&mut self, now: i64) {
        self.now = Instant::from_seconds(now);
        let now = self.now;
        self.store().pass_time(now).expect("time passes");
    }

    pub(crate) fn finish_loading(&mut self) {
        let now = self.now;
        if self.store().is_loading() {
            self.store().finish_loading(now).expect("loaded");
        }
    }

    pub(crate) fn catalogue(&self) -> Connection {
        Connection::open(self.path("catalogue.db")).expect("the catalogue")
    }

    /// What the catalogue's tables hold, without the view's guard against the real clock.
    pub(crate) fn rows(&self) -> Vec<Row> {
        shown::rows(&self.catalogue())
    }

    /// What must hold of any catalogue.
    pub(crate) fn check_whole(&self) {
        shown::check_whole(&self.catalogue());
    }
}

/// A page of a feed in the middle of it.
fn page_step<'a>(feed: Feed, walk: i64, changes: &'a [bookable::domain::Change<'a>]) -> PageStep<'a> {
    PageStep {
        feed,
        walk,
        changes: Changes::Read(changes),
        notes: Vec::new(),
        next_url: "https://example.org/next",
        at_end: false,
        license: None,
        wait_until: None,
        document: None,
    }
}

impl Rig {
    /// One transaction with one item of each feed, as they are written.
    pub(crate) fn raw(&mut self, session: &str, series: &str) {
        let page =
            |feed, item: &str| Page::parse(format!(r#"{{"items": [{item}]}}"#).into_bytes(), feed).expect("a page");
        let pages = [
            (Feed::SessionSeries, page(Feed::SessionSeries, series)),
            (Feed::ScheduledSessions, page(Feed::ScheduledSessions, session)),
        ];
        let changes: Vec<_> = pages.iter().map(|(feed, page)| (*feed, &page.content().changes)).collect();
        let steps: Vec<_> = changes.iter().map(|(feed, changes)| Step::Page(page_step(*feed, 1, changes))).collect();
        let now = self.now;
        self.store().apply(&steps, now).expect("applied");
    }

    /// Whether any file of the two databases holds these bytes.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let files = ["state.db", "catalogue.db"].map(|name| bookable::store::files_of(&self.path(name)));
        files
            .iter()
            .flatten()
            .filter_map(|file| std::fs::read(file).ok())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}
