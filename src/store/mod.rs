//! The two SQLite files and the one writer.
//!
//! - The **state** holds the feeds' positions and the facts that verdicts are made from (`schema/state.sql`). A batch's
//!   facts and the feeds' new positions are committed in one transaction.
//! - The **catalogue** holds what can be booked now (`schema/catalogue.sql`). It is derived: it names the batch of the
//!   state that it shows, and at the start it is compared with the state and mended, so that a crash between the two
//!   commits costs nothing.
//!
//! A failure leaves what was committed; the [`Store`] must then be dropped and opened again, because what it holds in
//! memory may be ahead of the file. Uses `domain` only.

mod area;
mod batch;
mod calendar;
mod catalogue;
mod change_log;
mod database;
mod error;
mod feeds;
mod fill;
mod gather;
mod index;
mod keys;
mod listing_index;
mod listing_rows;
mod loading;
mod lock;
mod lookup;
mod new_rows;
mod offer_book;
mod offer_rows;
mod old_rows;
mod opportunity_row;
mod own_row;
mod packed;
mod parent_book;
mod parent_row;
mod parents;
mod patterns;
mod prepared;
pub mod probe;
mod report;
mod row_values;
mod sellers;
mod settle;
mod setup;
mod shape_book;
mod shared_book;
mod shown;
mod snapshot;
mod state;
mod step;
mod transitions;
mod unsettled;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::thread;

pub use database::{checkpoint, files_of, long_log_written_at};
pub use error::{Result, StoreError};
pub use feeds::{Counts, FeedSetup, Note, Position, Version};
pub use lock::{HarvestLock, purge};
pub use lookup::{Bookable, CatalogueReader, Freshness, Kind, OfferRow};
pub use prepared::{Prepared, Preparer, Preparing};
pub use report::{
    Explained, FeedReport, FindingReport, Report, ResyncAnswer, SOON_SECONDS, StateReader, request_resync,
};
pub use setup::{STALE_SECONDS, StoreSetup, WhenStale, check_state_is_there};
pub use shown::CheckoutUrls;
pub use snapshot::{Kept, renew_snapshots, snapshot};
pub use step::{Changes, FaultStep, PageStep, Step};

use catalogue::{Catalogue, Listings};
use database::Database;
use probe::Point;
use sellers::Asking;
use state::{State, Touched};

use crate::domain::{Feed, Instant, Role};

/// The catalogue's schema with its comments, which are its documentation.
pub const CATALOGUE_SCHEMA: &str = database::CATALOGUE.schema;

/// A batch that moves more rows than this is given a larger page cache.
const LARGE_BATCH: usize = 1000;

/// Both files, open for writing.
#[derive(Debug)]
pub struct Store {
    state: State,
    catalogue: Catalogue,
    positions: BTreeMap<Feed, Position>,
    data_version: i64,
    log_bytes_max: u64,
    when_stale: WhenStale,
    /// Whether the catalogue is kept empty, because it would be out of date.
    withheld: bool,
}

impl Store {
    /// Opens both files, making those that are not there.
    ///
    /// # Errors
    /// [`StoreError`] for a file that cannot be opened, is foreign, or comes from a newer version.
    pub fn open(setup: &StoreSetup, now: Instant) -> Result<Self> {
        let state = State::open(&setup.state, now)?;
        let catalogue = Catalogue::open(&setup.catalogue, setup.checkout.clone(), setup.change_log)?;
        let (when_stale, log_bytes_max) = (setup.when_stale, setup.log_bytes_max);
        let mut store = Self {
            state,
            catalogue,
            positions: BTreeMap::new(),
            data_version: -1,
            log_bytes_max,
            when_stale,
            withheld: false,
        };
        store.check_files()?;
        store.set_up_feeds(setup.feeds.as_deref())?;
        store.take_restarts(now)?;
        store.suit_work()?;
        Ok(store)
    }

    /// Makes the feeds those of the settings, and verdicts say of sellers what these now ask for.
    fn set_up_feeds(&mut self, setups: Option<&[FeedSetup]>) -> Result<()> {
        self.state.database.begin()?;
        let positions = self.state.database.set("set up the feeds of", |connection| {
            if let Some(setups) = setups {
                feeds::set_up(connection, setups)?;
            }
            feeds::positions(connection)
        })?;
        self.state.database.commit()?;
        self.positions = positions;
        let asking = self.asking();
        self.state.load(asking)?;
        let wrap = |source| self.state.database.error("set up the feeds of", source);
        if self.state.judged_asking().map_err(wrap)? == asking.number() {
            return Ok(());
        }
        self.state.database.begin()?;
        let asked = self.state.ask_sellers(asking);
        asked.map_err(|source| self.state.database.error("set up the feeds of", source))?;
        self.state.database.commit()
    }

    /// What verdicts are to say of sellers: a broker is set where its feed is harvested.
    fn asking(&self) -> Asking {
        match self.positions.values().find(|position| position.feed.role() == Role::Sellers) {
            None => Asking::Nothing,
            Some(position) if position.read_to_end_at.is_some() => Asking::Feed,
            Some(_) => Asking::Unread,
        }
    }

    /// Closes both files, when the program is about to end: what is in memory goes with it, which is quicker than to give it back.
    pub fn close(self) {
        let Self { state, catalogue, .. } = self;
        drop(catalogue);
        state.close();
    }

    /// Where each feed stands.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    /// What prepares pages for this state, elsewhere.
    pub fn preparer(&self) -> Preparer {
        Preparer::new(self.state.hasher)
    }

    /// Whether a first harvest goes on: the catalogue waits until [`Store::finish_loading`].
    pub fn is_loading(&self) -> bool {
        self.state.loading
    }

    /// Begins new walks where they were asked for (by `resync`, also from another process), where a feed's start was
    /// changed, or where too long a gap makes the copy untrustworthy; whether any began. Cheap when nothing was asked.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read or written.
    pub fn take_restarts(&mut self, now: Instant) -> Result<bool> {
        let version = self
            .state
            .database
            .set("read", |connection| connection.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)))?;
        if version == self.data_version && !self.positions.values().any(|position| position.has_gap(now)) {
            return Ok(false);
        }
        self.data_version = version;
        let (begun, positions) = self.state.database.set("set up the feeds of", |connection| {
            let begun = feeds::begin_walks(connection, now)?;
            Ok((begun, feeds::positions(connection)?))
        })?;
        self.positions = positions;
        Ok(!begun.is_empty())
    }

    /// Commits these steps, in order, and lets the catalogue follow.
    ///
    /// # Errors
    /// As for [`Store::apply_each`].
    pub fn apply(&mut self, steps: &[Step<'_>], now: Instant) -> Result<()> {
        self.apply_each(now, |take| steps.iter().try_for_each(take))
    }

    /// Commits each step that `give` hands over, together and in order, and lets the catalogue follow. A step may be dropped once it
    /// was taken, so that a batch of many pages need not be in memory at once.
    ///
    /// # Errors
    /// [`StoreError`] where either file cannot be written; the store must then be opened anew.
    pub fn apply_each(
        &mut self,
        now: Instant,
        give: impl FnOnce(&mut dyn FnMut(&Step<'_>) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let mut touched = Touched::default();
        self.state.database.begin()?;
        give(&mut |step| {
            let outcome = match step {
                Step::Page(page) => self.apply_page(page, now, &mut touched),
                Step::Fault(fault) => self.apply_fault(fault, now),
            };
            outcome.map_err(|source| self.state.database.error("write", source))
        })?;
        let asking = self.asking();
        let told = asking != self.state.sellers.asking;
        let settled = match (self.state.loading, told) {
            (true, true) => {
                self.state.sellers.asking = asking;
                self.state.unsettled.add_all();
                Ok(())
            }
            (true, false) => Ok(()),
            (false, true) => self.state.settle(&mut touched).and_then(|()| self.state.ask_sellers(asking)),
            (false, false) => self.state.settle(&mut touched),
        };
        settled.map_err(|source| self.state.database.error("write", source))?;
        self.commit_batch()?;
        self.state.bound_calendar().map_err(|source| self.state.database.error("read", source))?;
        match (self.state.loading, told) {
            (true, _) => Ok(()),
            (false, true) => self.rebuild(now).map(drop),
            (false, false) => self.show(&touched, now),
        }
    }

    /// The one way by which the catalogue changes: what was touched as it stands at `now`, and every window that opened or
    /// closed since the instant that the catalogue showed.
    fn show(&mut self, touched: &Touched, now: Instant) -> Result<()> {
        if self.is_stale(now) {
            return self.withhold(now);
        }
        if self.withheld {
            return self.rebuild(now).map(drop);
        }
        let as_of = self.catalogue.origin()?.map_or(now, |origin| origin.as_of);
        let candidates = self.state.candidates(as_of, now);
        let wrap = |source| self.state.database.error("read", source);
        let mut candidates = candidates.map_err(wrap)?;
        // What was touched is looked at in any case, as it now is.
        candidates.retain(|key| !touched.opportunities.contains_key(key));
        let turned = touched.turns(as_of, now);
        self.state.database.reading(|| {
            let follow = || {
                self.catalogue.database.begin()?;
                let write = |source| self.catalogue.database.error("write", source);
                // Most of what passes are starts, of which the catalogue has all that is to be known: it begins with them.
                let mut left = BTreeSet::new();
                let started = self.catalogue.hide_started(&turned, now, &mut left).map_err(write)?;
                let mut others = candidates.clone();
                others.retain(|key| !started.contains(key));
                let mut turns = self.state.transitions(&others, as_of, now).map_err(wrap)?;
                turns.extend(&turned);
                let datasets = if touched.datasets { self.catalogue.copy_datasets(&self.state) } else { Ok(()) };
                let links = Listings::These(&touched.links);
                let followed = datasets.and_then(|()| self.catalogue.follow(&self.state, &turns, links, left, now));
                self.seal(followed, now)
            };
            let is_large = candidates.len() + turned.len() > LARGE_BATCH;
            if is_large { self.catalogue.database.with_large_cache(follow) } else { follow() }
        })?;
        self.state.calendar.forget_before(as_of.min(now));
        Ok(())
    }

    /// Whether the catalogue is to be empty at `now`: a feed was not read to its end for too long. One that has never been
    /// is not out of date, but on its way.
    fn is_stale(&self, now: Instant) -> bool {
        let stale = |position: &Position| {
            position.feed.is_needed() && position.read_to_end_at.is_some_and(|at| now.seconds_since(at) > STALE_SECONDS)
        };
        self.when_stale == WhenStale::Empty && self.positions.values().any(stale)
    }

    /// Empties the catalogue, or leaves it empty.
    fn withhold(&mut self, now: Instant) -> Result<()> {
        self.catalogue.database.begin()?;
        let emptied = if self.withheld { Ok(()) } else { self.catalogue.clear() };
        self.seal(emptied, now)?;
        self.withheld = true;
        Ok(())
    }

    /// The instant from which on the catalogue is to be empty, if that is set and it is not so yet.
    fn stale_from(&self) -> Option<Instant> {
        if self.when_stale == WhenStale::Keep || self.withheld {
            return None;
        }
        let needed = self.positions.values().filter(|position| position.feed.is_needed());
        needed.filter_map(|position| position.read_to_end_at).min().map(|at| at.plus_seconds(STALE_SECONDS + 1))
    }

    fn seal(&self, written: rusqlite::Result<()>, now: Instant) -> Result<()> {
        let sealed = written.and_then(|()| {
            // Attribution is no part of how fresh the catalogue is.
            for position in self.positions.values().filter(|position| position.feed.is_needed()) {
                let license = position.license.as_deref();
                self.catalogue.set_feed(position.feed.name(), position.read_to_end_at, license)?;
            }
            self.catalogue.set_origin(&self.state, now)
        });
        let sealed = sealed.and_then(|()| probe::reach(Point::CatalogueCommit));
        sealed.map_err(|source| self.catalogue.database.error("write", source))?;
        self.catalogue.database.commit()?;
        self.catalogue.database.set("write", |_| probe::reach(Point::CatalogueCommitted))
    }

    /// Lets time pass: opens and closes what opens and closes up to `now`, or what does so no longer when the clock went
    /// back.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn pass_time(&mut self, now: Instant) -> Result<()> {
        if self.state.loading { Ok(()) } else { self.show(&Touched::default(), now) }
    }

    /// The next instant after `now` at which something opens or closes without any feed saying a word. It may be one
    /// at which nothing does: where a window has moved, or where nothing happens for days.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub fn next_transition(&mut self, now: Instant) -> Result<Option<Instant>> {
        if self.state.loading {
            return Ok(None);
        }
        let next = self.state.next_transition(now);
        let next = next.map_err(|source| self.state.database.error("read", source))?;
        Ok(Some(self.stale_from().filter(|from| *from > now).map_or(next, |from| next.min(from))))
    }

    /// The end of a first harvest: this thread fills the catalogue; another, once the state is read for that, builds the state's
    /// indexes and judges once more what may have been judged wrongly, for which readers need not wait. A crash in between repeats it.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn finish_loading(&mut self, now: Instant) -> Result<()> {
        let settled = OnceLock::new();
        let (path, settling) = (&self.state.database.path, self.state.settling());
        let settle = || settle::settle_loaded(path, settling);
        thread::scope(|scope| {
            self.fill(now, || {
                scope.spawn(|| {
                    settled.get_or_init(settle);
                });
            })
        })?;
        let settled = settled.into_inner().unwrap_or_else(settle)?;
        self.state.take_settled(settled);
        self.withheld = self.is_stale(now);
        self.state.database.begin()?;
        self.state.loading = false;
        self.commit_batch()?;
        self.suit_work()?;
        self.pass_time(now)
    }

    /// Suits the connections to what is written next: a first harvest goes through the state in order, what follows changes both files anywhere.
    fn suit_work(&self) -> Result<()> {
        if self.state.loading {
            return self.state.database.suit_loading();
        }
        [&self.state.database, &self.catalogue.database].into_iter().try_for_each(Database::suit_updates)
    }

    /// Makes the catalogue anew from the state, in one transaction; gives the number of sessions in it.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn rebuild(&mut self, now: Instant) -> Result<u64> {
        let rows = self.fill(now, || {})?;
        self.withheld = self.is_stale(now);
        Ok(rows)
    }

    /// Fills the catalogue, or empties it where it would be out of date; calls `after` when the state is read for it, where it is.
    fn fill(&self, now: Instant, after: impl Fn() + Sync) -> Result<u64> {
        self.catalogue.database.with_sort_files(|| {
            self.catalogue.database.begin()?;
            let error = |source| self.catalogue.database.error("write", source);
            let rows = if self.is_stale(now) {
                self.catalogue.clear().map(|()| 0).map_err(error)?
            } else {
                self.catalogue.keep_feeds(&self.feed_names()).map_err(error)?;
                self.state.database.reading(|| self.catalogue.fill(&self.state, now, &after))?
            };
            self.seal(Ok(()), now)?;
            Ok(rows)
        })
    }

    /// Compares the catalogue with the state, row by row, and mends what differs. For the start.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn mend(&mut self, now: Instant) -> Result<()> {
        if self.state.loading {
            return Ok(());
        }
        if self.is_stale(now) {
            return self.withhold(now);
        }
        let origin = self.catalogue.origin()?;
        if origin.is_none_or(|origin| origin.state_id != self.state.name) {
            return self.rebuild(now).map(drop);
        }
        let wrap = |source| self.state.database.error("read", source);
        self.state.database.reading(|| {
            let open = self.state.open_opportunities(now).map_err(wrap)?;
            self.catalogue.database.begin()?;
            let hidden = self.catalogue.hide_strangers(&open);
            let mended = hidden
                .and_then(|()| self.catalogue.follow(&self.state, &open, Listings::Any, BTreeSet::new(), now))
                .and_then(|()| self.catalogue.copy_datasets(&self.state))
                .and_then(|()| self.catalogue.keep_feeds(&self.feed_names()));
            self.seal(mended, now)
        })
    }

    /// Sees whether both files are still where they were opened, and their logs within bounds.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where a file was deleted or replaced, [`StoreError::LogHeld`] where a reader does not let a log be
    /// emptied.
    pub fn check_files(&self) -> Result<()> {
        [&self.state.database, &self.catalogue.database].into_iter().try_for_each(|database| {
            database.check_in_place()?;
            database.bound_log(self.log_bytes_max)
        })
    }

    fn feed_names(&self) -> Vec<&'static str> {
        self.positions.keys().filter(|feed| feed.is_needed()).map(|feed| feed.name()).collect()
    }

    /// Sees to the index of words between two batches, so that none of them has to: a little at a time, and nothing mostly.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn merge_words(&self) -> Result<()> {
        self.catalogue.merge_words()
    }

    /// Empties the write-ahead logs into the files and drops the words of deleted rows, so that nothing deleted stays.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn tidy(&self, words_too: bool) -> Result<()> {
        if words_too {
            self.catalogue.forget_words()?;
        }
        self.state.database.set("tidy", |_| probe::reach(Point::Tidy))?;
        self.state.database.truncate_log()?;
        self.catalogue.database.truncate_log()
    }
}
