//! The catalogue made anew from the state, in one transaction: each table in the order of its keys, so that rows are put at its end, then
//! place, words and indexes, each built once.

use hashbrown::HashSet;
use rusqlite::{Connection, OptionalExtension, Row, Statement};

use super::area;
use super::catalogue::Catalogue;
use super::change_log;
use super::keys::{LinkKey, OpportunityKey, ParentKey};
use super::listing_rows::Source;
use super::offer_rows::{Lists, PublicAdultText, WantedKey};
use super::opportunity_row::{TABLES, Way, facts};
use super::settle::Judging;
use super::shown::{InstantTexts, SHOWN_COLUMNS, SHOWN_COLUMNS_ALONE, Shown};
use super::state::State;
use crate::domain::{Instant, Pair, Reason};

const DROP_INDEXES: &str = "DROP INDEX IF EXISTS session_by_start; DROP INDEX IF EXISTS session_by_listing; \
    DROP INDEX IF EXISTS session_by_identifier; DROP INDEX IF EXISTS slot_by_start; \
    DROP INDEX IF EXISTS slot_by_listing; DROP INDEX IF EXISTS slot_by_identifier;";

const CLEAR: &str = "DELETE FROM offer_list; DELETE FROM slot; DELETE FROM session; DELETE FROM listing; \
    INSERT INTO listing_words (listing_words) VALUES ('delete-all');";

/// The words are gathered in 8 MB before they are written, and not in FTS5's usual 1 MB: then there is nothing to merge.
const FILL_WORDS: &str = "INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', 8388608); \
    INSERT INTO listing_words (listing_words) VALUES ('rebuild'); \
    INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', 1048576);";

/// Sessions that are written by one statement.
const ROWS_TOGETHER: usize = 16;

impl Catalogue {
    /// Makes every row anew from the state. For one transaction. In a first harvest verdicts are made on the way, because those in the
    /// state need not be right yet; an item whose own facts say that it cannot be booked is passed by.
    pub(super) fn fill(&self, state: &State, now: Instant) -> rusqlite::Result<u64> {
        let catalogue = self.connection();
        change_log::pause(catalogue)?;
        catalogue.execute_batch(DROP_INDEXES)?;
        clear(catalogue)?;
        let mut filling = Filling {
            catalogue: self,
            state,
            now,
            judging: state.loading.then(|| state.judging()),
            lists: Lists::default(),
            times: InstantTexts::default(),
            wanted: Vec::new(),
            links: HashSet::new(),
            own: Vec::new(),
            rows: 0,
        };
        filling.sessions()?;
        filling.listings()?;
        area::fill(catalogue)?;
        catalogue.execute_batch(FILL_WORDS)?;
        catalogue.execute_batch(include_str!("schema/catalogue_indexes.sql"))?;
        let rows = filling.rows;
        change_log::resume(catalogue)?;
        self.copy_datasets(state)?;
        Ok(rows)
    }

    /// Shows nothing. For one transaction.
    pub(super) fn clear(&self) -> rusqlite::Result<()> {
        change_log::pause(self.connection())?;
        clear(self.connection())?;
        change_log::resume(self.connection())
    }
}

fn clear(catalogue: &Connection) -> rusqlite::Result<()> {
    catalogue.execute_batch(CLEAR)?;
    area::clear(catalogue)
}

/// What is known on the way.
struct Filling<'a> {
    catalogue: &'a Catalogue,
    state: &'a State,
    now: Instant,
    /// Where the verdicts in the state need not be right.
    judging: Option<Judging<'a>>,
    lists: Lists,
    times: InstantTexts,
    /// What the aggregate offer of each parent says, by its key; read when the first session with offers comes.
    wanted: Vec<Option<WantedKey>>,
    /// Whose listings are used.
    links: HashSet<LinkKey>,
    /// Which sessions have a listing to themselves.
    own: Vec<OpportunityKey>,
    rows: u64,
}

impl Filling<'_> {
    fn sessions(&mut self) -> rusqlite::Result<()> {
        let passes = if self.judging.is_some() {
            "coalesce(+o.closes > ?1, 1)"
        } else {
            "+o.closes > ?1 AND coalesce(+o.opens <= ?1, 1)"
        };
        let select = format!("SELECT {SHOWN_COLUMNS_ALONE} FROM opportunity AS o WHERE {passes} ORDER BY o.key");
        let mut select = self.state.connection().prepare(&select)?;
        let mut rows = select.query([self.now.as_seconds()])?;
        let mut sessions = Sessions::new(self.catalogue.connection())?;
        while let Some(row) = rows.next()? {
            let Some(shown) = self.read(row)? else { continue };
            let Some(speaker) = self.state.book.speaker(shown.link) else { continue };
            let list = if shown.has_offers() {
                let wanted = self.wanted(speaker.key)?;
                let (state, catalogue) = (self.state.connection(), self.catalogue.connection());
                shown.list(state, catalogue, (speaker, wanted), &mut self.lists)?
            } else {
                None
            };
            self.rows += 1;
            if shown.own_listing().is_some() {
                self.own.push(shown.key);
            } else {
                self.links.insert(shown.link);
            }
            if shown.pair == Pair::Sessions {
                sessions.add((shown, list), &mut self.times)?;
            } else {
                let (catalogue, checkout) = (self.catalogue.connection(), &self.catalogue.checkout);
                shown.write(catalogue, checkout, (speaker, Way::New), list, &mut self.times)?;
            }
        }
        sessions.flush(&mut self.times)
    }

    fn read(&self, row: &Row<'_>) -> rusqlite::Result<Option<Shown>> {
        let reason = row.get::<_, Option<i64>>(2)?.and_then(Reason::from_number);
        if reason.is_some_and(Reason::is_of_the_item) {
            return Ok(None);
        }
        if facts(row, 6)?.own() {
            return self.read_one(row.get(0)?);
        }
        Shown::read(row, &self.state.shapes.shapes, self.now, self.judging)
    }

    /// A row with what it says of its own.
    fn read_one(&self, key: OpportunityKey) -> rusqlite::Result<Option<Shown>> {
        let select = format!("SELECT {SHOWN_COLUMNS} FROM {TABLES} WHERE o.key = ?1");
        let read = |row: &Row<'_>| Shown::read(row, &self.state.shapes.shapes, self.now, self.judging);
        Ok(self.state.connection().prepare_cached(&select)?.query_row([key], read).optional()?.flatten())
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

    /// The listings that are used: first those of one session, whose keys are below zero.
    fn listings(&mut self) -> rusqlite::Result<()> {
        let (state, catalogue) = (self.state.connection(), self.catalogue.connection());
        let mut copy = self.catalogue.listing_sql.copy(state, catalogue)?;
        for key in std::mem::take(&mut self.own).into_iter().rev() {
            let Some(shown) = self.read_one(key)? else { continue };
            let Some(speaker) = self.state.book.speaker(shown.link) else { continue };
            let source = Source { key: shown.listing_key(), link: shown.link, speaker, own: shown.own_listing() };
            copy.copy(source, &mut self.lists)?;
        }
        let mut links: Vec<LinkKey> = self.links.drain().collect();
        links.sort_unstable();
        for link in links {
            let Some(speaker) = self.state.book.speaker(link) else { continue };
            copy.copy(Source { key: link.0, link, speaker, own: None }, &mut self.lists)?;
        }
        Ok(())
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
        Ok(Self {
            many: catalogue.prepare(&format!("INSERT INTO session VALUES {}", rows.join(", ")))?,
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
