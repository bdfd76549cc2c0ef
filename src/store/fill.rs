//! The catalogue made anew from the state, in one transaction: each table in the order of its keys, so that rows are put at its end, then
//! place and indexes, each built once. Two threads gather what can be booked (see [`super::gather`]); one of them then hands it on, row by row,
//! to the other, which writes. A third reads the listings that are needed, makes the index of words of them (see [`super::words`]), which is put
//! in its place last, and hands them on too.
//!
//! Fails where one of the two files cannot be read or written; then the transaction is taken back.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::{Connection, Statement};

use super::area::{self, Cell};
use super::catalogue::Catalogue;
use super::change_log;
use super::database::{Database, STATE};
use super::error::Result;
use super::gather::{Gathered, Needed, Reading, Standing, hand_on, hand_on_listings};
use super::keys::ParentKey;
use super::listing_index;
use super::listing_rows::{Listing, ListingSql};
use super::offer_rows::{Lists, PublicAdultText, WantedKey};
use super::shown::{InstantTexts, Shown, Stands};
use super::state::State;
use super::words::{Finished, Making};
use crate::domain::{Instant, Pair};

const DROP_INDEXES: &str = "DROP INDEX IF EXISTS session_by_listing; DROP INDEX IF EXISTS session_by_identifier; \
    DROP INDEX IF EXISTS slot_by_listing; DROP INDEX IF EXISTS slot_by_identifier;";

const CLEAR: &str =
    "DELETE FROM offer_list; DELETE FROM slot; DELETE FROM session; DELETE FROM listing; DELETE FROM pattern;";

/// Whether nothing is to be deleted. Where nothing is, deleting would write the first page of each table all the same; in a first harvest these
/// are written once more when the tables are filled, and with them the checksum of every frame of the log that lies between.
const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM offer_list) AND NOT EXISTS (SELECT 1 FROM slot) \
    AND NOT EXISTS (SELECT 1 FROM session) AND NOT EXISTS (SELECT 1 FROM listing) AND NOT EXISTS (SELECT 1 FROM pattern) \
    AND NOT EXISTS (SELECT 1 FROM listing_area) AND NOT EXISTS (SELECT 1 FROM listing_words_docsize)";

/// Sessions that are written by one statement.
const ROWS_TOGETHER: usize = 16;
/// Batches that may wait to be written.
const BATCHES_WAITING_MAX: usize = 8;
/// Batches of listings that may: some 70 KB each.
const LISTING_BATCHES_WAITING_MAX: usize = 8;

impl Catalogue {
    /// Makes every row anew from the state. For one transaction. In a first harvest verdicts are made on the way, because those in the
    /// state need not be right yet. Calls `after` when the state is read; what the writer still looks up in it are lists of offers.
    pub(super) fn fill(&self, state: &State, now: Instant, after: &(impl Fn() + Sync)) -> Result<u64> {
        let path = &state.database.path;
        let verdicts = match (state.loading, state.unsettled.are_orphans()) {
            (false, _) => Standing::All,
            (true, true) => Standing::AllButOrphans,
            (true, false) => Standing::None,
        };
        let reading = Reading { judging: state.judging(), now, verdicts };
        let middle = state.next_opportunity / 2;
        // What the state's writer read and wrote last is not what is read now.
        state.database.empty_cache()?;
        let making = &self.database.set("read", Making::of)?;
        let sources = Sources { path, reading, sql: &self.listing_sql, making };
        thread::scope(|scope| {
            let (send, shown) = sync_channel(BATCHES_WAITING_MAX);
            let (send_listings, listings) = sync_channel(LISTING_BATCHES_WAITING_MAX);
            let (give, other_half) = sync_channel(1);
            let (made, index) = sync_channel(1);
            let read = scope.spawn(move || {
                let upper = sources.gather((middle, i64::MAX))?;
                // Who has the other half is gone only when that failed, which is told there.
                let Ok(lower) = other_half.recv() else { return Ok(()) };
                let mut halves: [Gathered; 2] = [lower, upper];
                let [lower, upper] = halves.each_mut().map(|half| std::mem::take(&mut half.needed));
                let listings = scope.spawn(move || sources.hand_on_listings(lower.and(upper), &send_listings));
                sources.hand_on(&halves, &send)?;
                drop(send);
                let finished = listings.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                // Who writes is gone only when that failed, which is told there.
                if made.send(finished).is_ok() {
                    after();
                }
                Ok(())
            });
            let filled = sources.gather((i64::MIN, middle)).and_then(move |lower| {
                let _ = give.send(lower);
                let filled = self.fill_with(state, reading, (&shown, &listings), (making, &index));
                filled.map_err(|source| self.database.error("write", source))
            });
            let read = read.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let rows = filled?;
            read.map(|()| rows)
        })
    }

    fn fill_with(
        &self,
        state: &State,
        reading: Reading<'_>,
        (shown, listings): (&Receiver<Vec<Shown>>, &Receiver<Vec<Listing>>),
        (making, index): (&Making, &Receiver<rusqlite::Result<Finished>>),
    ) -> rusqlite::Result<u64> {
        let catalogue = self.connection();
        change_log::pause(catalogue)?;
        catalogue.execute_batch(DROP_INDEXES)?;
        self.empty()?;
        let (lists, times, wanted, rows) = (Lists::default(), InstantTexts::default(), Vec::new(), 0);
        let mut filling = Filling { catalogue: self, state, reading, lists, times, wanted, rows };
        area::fill(catalogue, filling.write(shown, listings)?)?;
        catalogue.execute_batch(include_str!("schema/catalogue_indexes.sql"))?;
        // Who makes it is gone without a word only when reading failed, which is told there.
        index.recv().map_or(Ok(()), |finished| making.put_in_place(&finished?, catalogue))?;
        let rows = filling.rows;
        change_log::resume(catalogue)?;
        self.copy_datasets(state)?;
        Ok(rows)
    }

    /// Shows nothing. For one transaction.
    pub(super) fn clear(&self) -> rusqlite::Result<()> {
        change_log::pause(self.connection())?;
        self.empty()?;
        change_log::resume(self.connection())
    }

    fn empty(&self) -> rusqlite::Result<()> {
        self.patterns.forget();
        if self.connection().query_row(IS_EMPTY, [], |row| row.get(0))? {
            return Ok(());
        }
        self.connection().execute_batch(CLEAR)?;
        listing_index::clear(self.connection())
    }
}

/// What is read of the state, each time by a connection of its own.
#[derive(Clone, Copy)]
struct Sources<'a> {
    path: &'a Path,
    reading: Reading<'a>,
    sql: &'a ListingSql,
    making: &'a Making,
}

impl Sources<'_> {
    fn read<T>(self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        Database::open_to_read_through(self.path, &STATE)?.set("read", work)
    }

    fn gather(self, keys: (i64, i64)) -> Result<Gathered> {
        self.read(|state| Gathered::read(state, self.reading, keys))
    }

    fn hand_on(self, halves: &[Gathered; 2], send: &SyncSender<Vec<Shown>>) -> Result<()> {
        self.read(|state| hand_on(state, self.reading, halves, send))
    }

    fn hand_on_listings(self, needed: Needed, send: &SyncSender<Vec<Listing>>) -> Result<rusqlite::Result<Finished>> {
        self.read(|state| hand_on_listings(state, self.reading, needed, (self.sql, self.making), send))
    }
}

/// What is known on the way.
struct Filling<'a> {
    catalogue: &'a Catalogue,
    state: &'a State,
    reading: Reading<'a>,
    lists: Lists,
    times: InstantTexts,
    /// What the aggregate offer of each parent says, by its key; read when the first session with offers comes.
    wanted: Vec<Option<WantedKey>>,
    rows: u64,
}

impl Filling<'_> {
    /// Writes what comes, listings between the others, so that who reads them need not wait; gives where they are.
    fn write(
        &mut self,
        shown: &Receiver<Vec<Shown>>,
        listings: &Receiver<Vec<Listing>>,
    ) -> rusqlite::Result<Vec<Cell>> {
        let catalogue = self.catalogue.connection();
        let mut sessions = Sessions::new(catalogue)?;
        let (mut insert, mut cells) = (self.catalogue.listing_sql.insert(catalogue)?, Vec::new());
        for batch in shown {
            batch.into_iter().try_for_each(|shown| self.show(shown, &mut sessions))?;
            listings.try_iter().flatten().try_for_each(|listing| self.list(listing, &mut insert, &mut cells))?;
        }
        listings.iter().flatten().try_for_each(|listing| self.list(listing, &mut insert, &mut cells))?;
        sessions.flush(&mut self.times)?;
        Ok(cells)
    }

    fn list(
        &mut self,
        mut listing: Listing,
        insert: &mut Statement<'_>,
        cells: &mut Vec<Cell>,
    ) -> rusqlite::Result<()> {
        listing.take_offers(self.state.connection(), self.catalogue.connection(), &mut self.lists)?;
        listing.insert(insert)?;
        cells.extend(self.catalogue.listing_sql.looked_for(&listing).1);
        Ok(())
    }

    fn show(&mut self, shown: Shown, sessions: &mut Sessions<'_>) -> rusqlite::Result<()> {
        let Some(speaker) = self.state.book.speaker(shown.link) else { return Ok(()) };
        let list = if shown.has_offers() {
            let wanted = self.wanted(speaker.key)?;
            let (state, catalogue) = (self.state.connection(), self.catalogue.connection());
            shown.list(state, catalogue, (speaker, wanted), &mut self.lists)?
        } else {
            None
        };
        self.catalogue.patterns.show(self.catalogue.connection(), self.reading.judging.shapes, shown.pattern)?;
        self.rows += 1;
        if shown.pair == Pair::Sessions {
            return sessions.add((shown, list), &mut self.times);
        }
        let (catalogue, checkout) = (self.catalogue.connection(), &self.catalogue.checkout);
        shown.write(catalogue, checkout, (speaker, Stands::Nowhere), list, &mut self.times)
    }

    /// What the aggregate offer of a parent says.
    fn wanted(&mut self, parent: ParentKey) -> rusqlite::Result<WantedKey> {
        if self.wanted.is_empty() {
            let sql = "SELECT key, offer_id, price, currency FROM parent ORDER BY key";
            let mut select = self.state.connection().prepare(sql)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let at = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
                self.wanted.resize(at + 1, None);
                if let Some(slot) = self.wanted.last_mut() {
                    *slot = Some(self.lists.wanted(PublicAdultText::read(row, 1)?));
                }
            }
        }
        let known = usize::try_from(parent.0).ok().and_then(|at| *self.wanted.get(at)?);
        Ok(known.unwrap_or_else(|| self.lists.wanted(PublicAdultText::default())))
    }
}

/// Writes sessions, some at a time.
struct Sessions<'a> {
    many: Statement<'a>,
    one: Statement<'a>,
    waiting: Vec<(Shown, Option<i64>)>,
}

impl<'a> Sessions<'a> {
    fn new(catalogue: &'a Connection) -> rusqlite::Result<Self> {
        let row = |first: usize| {
            let marks: Vec<String> = (first..first + Shown::SESSION_VALUES).map(|n| format!("?{n}")).collect();
            format!("({})", marks.join(", "))
        };
        let rows: Vec<String> = (0..ROWS_TOGETHER).map(|at| row(at * Shown::SESSION_VALUES + 1)).collect();
        // OR FAIL: a failure takes back the whole transaction, so that SQLite need not note what one statement would take back.
        Ok(Self {
            many: catalogue.prepare(&format!("INSERT OR FAIL INTO session VALUES {}", rows.join(", ")))?,
            one: catalogue.prepare(&format!("INSERT INTO session VALUES {}", row(1)))?,
            waiting: Vec::with_capacity(ROWS_TOGETHER),
        })
    }

    fn add(&mut self, row: (Shown, Option<i64>), times: &mut InstantTexts) -> rusqlite::Result<()> {
        self.waiting.push(row);
        if self.waiting.len() < ROWS_TOGETHER {
            return Ok(());
        }
        for (at, (shown, list)) in self.waiting.drain(..).enumerate() {
            shown.bind_session(&mut self.many, at * Shown::SESSION_VALUES, list, times)?;
        }
        self.many.raw_execute().map(drop)
    }

    /// Writes those that still wait.
    fn flush(mut self, times: &mut InstantTexts) -> rusqlite::Result<()> {
        for (shown, list) in self.waiting {
            shown.bind_session(&mut self.one, 0, list, times)?;
            self.one.raw_execute()?;
        }
        Ok(())
    }
}
