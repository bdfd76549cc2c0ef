//! A real store in a folder of its own, fed with pages written as text.

use std::path::PathBuf;

use bookable::domain::{CheckoutBase, Feed, Instant};
use bookable::rpde::Page;
use bookable::store::{FeedSetup, PageStep, Step, Store, StoreSetup};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::histories::Change;
use crate::naive::Row;

pub(crate) struct Rig {
    directory: TempDir,
    store: Option<Store>,
    pub(crate) now: Instant,
}

impl Rig {
    pub(crate) fn new(now: i64) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let mut rig = Self { directory, store: None, now: Instant::from_seconds(now) };
        rig.restart();
        rig
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn setup(&self) -> StoreSetup {
        let feed = |feed: Feed| FeedSetup { feed, start_url: format!("https://example.org/{feed}") };
        StoreSetup {
            state: self.path("state.db"),
            catalogue: self.path("catalogue.db"),
            checkout: CheckoutBase::parse("checkout.example.org").expect("a base"),
            feeds: Feed::ALL.into_iter().map(feed).collect(),
        }
    }

    /// Ends the program, if it runs, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.store = None;
        let mut store = Store::open(&self.setup(), self.now).expect("a store");
        store.mend(self.now).expect("mended");
        self.store = Some(store);
    }

    /// Ends the program.
    pub(crate) fn stop(&mut self) {
        self.store = None;
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("running")
    }

    /// One transaction with these pages; each page's sessions and series come by their own feeds.
    pub(crate) fn batch(&mut self, pages: &[Vec<Change>]) {
        self.batch_in_walk(pages, 1, false);
    }

    pub(crate) fn batch_in_walk(&mut self, pages: &[Vec<Change>], walk: i64, at_end: bool) {
        let mut read = Vec::new();
        for page in pages {
            for feed in [Feed::ScheduledSessions, Feed::SessionSeries] {
                let ours = page.iter().filter(|change| change.is_series() == (feed == Feed::SessionSeries));
                let items: Vec<String> = ours.map(Change::json).collect();
                let body = format!(r#"{{"next": "x", "items": [{}]}}"#, items.join(", "));
                read.push((feed, Page::parse(body.into_bytes(), feed).expect("a page")));
            }
        }
        let changes: Vec<_> = read.iter().map(|(feed, page)| (*feed, &page.content().changes)).collect();
        let steps: Vec<Step<'_>> = changes
            .iter()
            .map(|(feed, changes)| {
                Step::Page(PageStep {
                    feed: *feed,
                    walk,
                    changes,
                    notes: Vec::new(),
                    next_url: "https://example.org/next",
                    at_end,
                    license: None,
                    wait_until: None,
                })
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
        let sql = "SELECT s.identifier, s.checkout_url, s.starts_at, s.bookable_from, l.name, l.series_id, \
            s.remaining_capacity FROM session AS s JOIN listing AS l ON l.key = s.listing";
        let connection = self.catalogue();
        let mut statement = connection.prepare(sql).expect("a query");
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Row {
                identifier: row.get(0)?,
                checkout_url: row.get(1)?,
                starts_at: row.get(2)?,
                bookable_from: row.get(3)?,
                name: row.get(4)?,
                series_id: row.get(5)?,
                remaining_capacity: row.get(6)?,
            })
        };
        let mut rows: Vec<Row> = statement.query_map([], read).expect("rows").map(|row| row.expect("a row")).collect();
        rows.sort();
        rows
    }

    /// What must hold of any catalogue: no listing without sessions, place and words in step, sound files.
    pub(crate) fn check_whole(&self) {
        let connection = self.catalogue();
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
        assert_eq!(number("SELECT count(*) FROM listing WHERE key NOT IN (SELECT listing FROM session)"), 0);
        assert_eq!(number("SELECT count(*) FROM session WHERE listing NOT IN (SELECT key FROM listing)"), 0);
        let placed = number("SELECT count(*) FROM listing WHERE latitude IS NOT NULL");
        let areas = "SELECT count(*) FROM listing_area AS a JOIN listing AS l ON l.key = a.key \
            WHERE l.latitude BETWEEN a.min_latitude AND a.max_latitude";
        assert_eq!((number(areas), number("SELECT count(*) FROM listing_area")), (placed, placed));
        let words = "INSERT INTO listing_words (listing_words, rank) VALUES ('integrity-check', 1)";
        connection.execute(words, []).expect("the words are in step");
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
        assert_eq!(sound, "ok");
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
        let step = |(feed, changes)| PageStep {
            feed,
            walk: 1,
            changes,
            notes: Vec::new(),
            next_url: "https://example.org/next",
            at_end: false,
            license: None,
            wait_until: None,
        };
        let steps: Vec<_> = changes.iter().map(|(feed, changes)| Step::Page(step((*feed, *changes)))).collect();
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
