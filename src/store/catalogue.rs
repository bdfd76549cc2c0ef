//! The catalogue: following the state row by row, or made anew in one go.
//!
//! Readers see each batch whole or not at all. Everything here can be repeated: showing what is shown already,
//! or hiding what is not there, changes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::change_log;
use super::database::{CATALOGUE, Database};
use super::error::Result;
use super::keys::{LinkKey, OpportunityKey};
use super::listing_rows::{ListingSql, Source, Written};
use super::offer_rows::{DROP_UNUSED, PublicAdultText};
use super::opportunity_row::{TABLES, Way};
use super::settle::Moved;
use super::shown::{CheckoutUrls, SHOWN_COLUMNS, Shown};
use super::state::State;
use crate::domain::{Instant, Reason};

/// Which batch of which state the catalogue shows, and for which instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) state_id: String,
    pub(super) batch: i64,
    pub(super) as_of: Instant,
}

/// Which listings may be others than they should be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Listings<'a> {
    /// Those of these links, because their parents came, changed or went.
    These(&'a BTreeSet<LinkKey>),
    /// Any: nobody knows what the catalogue holds.
    Any,
}

/// The open catalogue.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) database: Database,
    checkout: CheckoutUrls,
    listing_sql: ListingSql,
    /// How long the change log goes back.
    change_log: Option<Duration>,
}

const DROP_INDEXES: &str = "DROP INDEX IF EXISTS session_by_start; DROP INDEX IF EXISTS session_by_listing; \
    DROP INDEX IF EXISTS session_by_identifier; DROP INDEX IF EXISTS slot_by_start; \
    DROP INDEX IF EXISTS slot_by_listing; DROP INDEX IF EXISTS slot_by_identifier; \
    DROP TRIGGER IF EXISTS listing_added; DROP TRIGGER IF EXISTS listing_removed; \
    DROP TRIGGER IF EXISTS listing_reworded; DROP TRIGGER IF EXISTS listing_moved;";

const CLEAR: &str = "DELETE FROM offer_list; DELETE FROM slot; DELETE FROM session; \
    DELETE FROM listing; DELETE FROM listing_area; INSERT INTO listing_words (listing_words) VALUES ('delete-all');";

/// The words are gathered in 8 MB before they are written, and not in FTS5's usual 1 MB: then there is nothing to merge.
const FILL_PLACE_AND_WORDS: &str = "INSERT INTO listing_area SELECT key, latitude, latitude, longitude, longitude \
    FROM listing WHERE latitude IS NOT NULL AND longitude IS NOT NULL ORDER BY latitude, longitude; \
    INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', 8388608); \
    INSERT INTO listing_words (listing_words) VALUES ('rebuild'); \
    INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', 1048576);";

/// For a JSON array of keys. One statement for all of them, because FTS5 writes its index out at the beginning of each.
const DROP_UNUSED_OF: &str = "DELETE FROM listing WHERE key IN (SELECT value FROM json_each(?1)) \
    AND NOT EXISTS (SELECT 1 FROM session WHERE listing = listing.key) \
    AND NOT EXISTS (SELECT 1 FROM slot WHERE listing = listing.key)";

impl Catalogue {
    pub(super) fn open(path: &Path, checkout: CheckoutUrls, change_log: Option<Duration>) -> Result<Self> {
        let database = Database::open(path, &CATALOGUE)?;
        database.set("set up the change log of", |connection| change_log::set_up(connection, change_log))?;
        Ok(Self { database, checkout, listing_sql: ListingSql::new(), change_log })
    }

    fn connection(&self) -> &Connection {
        &self.database.connection
    }

    pub(super) fn origin(&self) -> Result<Option<Origin>> {
        self.database.set("read", |connection| {
            connection
                .query_row("SELECT state_id, batch, as_of FROM origin", [], |row| {
                    let as_of = Instant::from_seconds(row.get(2)?);
                    Ok(Origin { state_id: row.get(0)?, batch: row.get(1)?, as_of })
                })
                .optional()
        })
    }

    pub(super) fn set_origin(&self, state: &State, now: Instant) -> rusqlite::Result<()> {
        let sql =
            "INSERT OR REPLACE INTO origin (id, state_id, batch, as_of, checkout_base) VALUES (1, ?1, ?2, ?3, ?4)";
        let values = params![state.name, state.batch, now.as_seconds(), self.checkout.base.session_url("")];
        self.connection().prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Shows or hides each of these as it stands at `now`, and brings the listings of these links up to date. What counts as closed
    /// is hidden without another look, unless it counts as open too.
    pub(super) fn follow(
        &self,
        state: &State,
        moved: &Moved,
        listings: Listings<'_>,
        now: Instant,
    ) -> rusqlite::Result<()> {
        let mut written = Written { trusted: matches!(listings, Listings::These(_)), ..Written::default() };
        let mut left: BTreeSet<i64> = BTreeSet::new();
        let links = if let Listings::These(links) = listings { Some(links) } else { None };
        for link in links.into_iter().flatten() {
            if self.has_listing(link.0)?
                && let Some(speaker) = state.book.speaker(*link)
            {
                let source = Source { key: link.0, link: *link, speaker, own: None };
                self.write_listing(state, source, &mut written)?;
            }
        }
        let select = format!("SELECT {SHOWN_COLUMNS} FROM {TABLES} WHERE o.key = ?1");
        let mut select = state.connection().prepare_cached(&select)?;
        for key in moved.closed.difference(&moved.open) {
            left.extend(self.hide(*key)?);
        }
        for key in &moved.open {
            let read = |row: &Row<'_>| Shown::read(row, &state.shapes.shapes, now, |judged| judged.verdict);
            match select.query_row([key], read).optional()?.flatten() {
                Some(shown) => {
                    let (before, way) = shown.standing(self.connection())?;
                    if self.show(state, (&shown, way), &mut written)? {
                        left.extend(before.filter(|before| *before != shown.listing_key()));
                    } else {
                        left.extend(self.hide(*key)?);
                    }
                }
                None => left.extend(self.hide(*key)?),
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let left = left.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        self.connection().prepare_cached(DROP_UNUSED_OF)?.execute([format!("[{left}]")]).map(drop)
    }

    /// Writes a row and its listing; not where no parent is there (the state never says so of what is open).
    fn show(&self, state: &State, (shown, way): (&Shown, Way), written: &mut Written) -> rusqlite::Result<bool> {
        let Some(speaker) = state.book.speaker(shown.link) else { return Ok(false) };
        let source = Source { key: shown.listing_key(), link: shown.link, speaker, own: shown.own_listing() };
        if !written.listings.contains_key(&source.key) && !self.ensure_listing(state, source, written)? {
            return Ok(false);
        }
        shown.write(state.connection(), self.connection(), &self.checkout, (speaker, way), written)?;
        Ok(true)
    }

    /// Sees to a listing for a session or slot; one that is there is not looked at where it can be trusted.
    fn ensure_listing(&self, state: &State, source: Source<'_>, written: &mut Written) -> rusqlite::Result<bool> {
        if !written.trusted || source.own.is_some() || !self.has_listing(source.key)? {
            return self.write_listing(state, source, written);
        }
        let Some(public_adult) = PublicAdultText::of_parent(state.connection(), source.speaker.key)? else {
            return Ok(false);
        };
        written.listings.insert(source.key, (written.lists.wanted(&public_adult), public_adult));
        Ok(true)
    }

    fn has_listing(&self, key: i64) -> rusqlite::Result<bool> {
        self.connection().prepare_cached("SELECT 1 FROM listing WHERE key = ?1")?.exists([key])
    }

    fn hide(&self, key: OpportunityKey) -> rusqlite::Result<Option<i64>> {
        let session = "DELETE FROM session WHERE key = ?1 RETURNING listing";
        let listing = self.connection().prepare_cached(session)?.query_row([key], |row| row.get(0)).optional()?;
        if listing.is_some() {
            return Ok(listing);
        }
        let slot = "DELETE FROM slot WHERE key = ?1 RETURNING listing";
        self.connection().prepare_cached(slot)?.query_row([key], |row| row.get(0)).optional()
    }

    fn write_listing(&self, state: &State, source: Source<'_>, written: &mut Written) -> rusqlite::Result<bool> {
        let Written { listings, lists, anew, .. } = written;
        let public_adult = self.listing_sql.write(state.connection(), self.connection(), source, (lists, *anew))?;
        let Some(public_adult) = public_adult else { return Ok(false) };
        listings.insert(source.key, (lists.wanted(&public_adult), public_adult));
        Ok(true)
    }

    /// Makes every row anew from the state, with the indexes built once at the end. For one transaction. Verdicts are made on the way, so
    /// that those in the state need not be right yet; an item whose own facts say that it cannot be booked is passed by.
    pub(super) fn fill(&self, state: &State, now: Instant) -> rusqlite::Result<u64> {
        let catalogue = self.connection();
        change_log::pause(catalogue)?;
        catalogue.execute_batch(DROP_INDEXES)?;
        catalogue.execute_batch(CLEAR)?;
        let select = format!("SELECT {SHOWN_COLUMNS} FROM {TABLES} WHERE coalesce(+o.closes > ?1, 1) ORDER BY o.key");
        let mut written = Written { anew: true, ..Written::default() };
        let mut rows_shown = 0;
        let judging = state.judging();
        let mut statement = state.connection().prepare(&select)?;
        let mut rows = statement.query([now.as_seconds()])?;
        while let Some(row) = rows.next()? {
            let reason = row.get::<_, Option<i64>>(2)?.and_then(Reason::from_number);
            if reason.is_some_and(Reason::is_of_the_item) {
                continue;
            }
            let shown = Shown::read(row, judging.shapes, now, |judged| judging.verdict(judged))?;
            let Some(shown) = shown else { continue };
            rows_shown += u64::from(self.show(state, (&shown, Way::New), &mut written)?);
        }
        catalogue.execute_batch(FILL_PLACE_AND_WORDS)?;
        catalogue.execute_batch(include_str!("schema/catalogue_indexes.sql"))?;
        change_log::resume(catalogue)?;
        self.copy_datasets(state)?;
        Ok(rows_shown)
    }

    /// Shows nothing. For one transaction.
    pub(super) fn clear(&self) -> rusqlite::Result<()> {
        change_log::pause(self.connection())?;
        self.connection().execute_batch(CLEAR)?;
        change_log::resume(self.connection())
    }

    /// Everything that is shown.
    pub(super) fn shown_keys(&self) -> rusqlite::Result<BTreeSet<OpportunityKey>> {
        let mut statement = self.connection().prepare("SELECT key FROM session UNION ALL SELECT key FROM slot")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    }

    /// Drops listings that nothing uses; a whole catalogue has none.
    pub(super) fn drop_unused_listings(&self) -> rusqlite::Result<()> {
        let sql = "DELETE FROM listing WHERE NOT EXISTS (SELECT 1 FROM session WHERE listing = listing.key) \
            AND NOT EXISTS (SELECT 1 FROM slot WHERE listing = listing.key)";
        self.connection().execute(sql, []).map(drop)
    }

    /// Makes the datasets those of the state.
    pub(super) fn copy_datasets(&self, state: &State) -> rusqlite::Result<()> {
        self.connection().execute("DELETE FROM dataset", [])?;
        let mut select = state.connection().prepare("SELECT identifier, name, publisher, url, license FROM dataset")?;
        let mut rows = select.query([])?;
        let sql = "INSERT INTO dataset (identifier, name, publisher, url, license) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = self.connection().prepare_cached(sql)?;
        while let Some(row) = rows.next()? {
            let values: [Option<String>; 5] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
            insert.execute(values)?;
        }
        Ok(())
    }

    /// Takes off the feeds that are harvested no more.
    pub(super) fn keep_feeds(&self, names: &[&str]) -> rusqlite::Result<()> {
        let mut statement = self.connection().prepare("SELECT name FROM feed")?;
        let held = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        for name in held.iter().filter(|name| !names.contains(&name.as_str())) {
            self.connection().execute("DELETE FROM feed WHERE name = ?1", [name])?;
        }
        Ok(())
    }

    /// What `freshness` shows of a feed.
    pub(super) fn set_feed(
        &self,
        name: &str,
        read_to_end_at: Option<Instant>,
        license: Option<&str>,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO feed (name, read_to_end_at, license) VALUES (?1, ?2, ?3) ON CONFLICT (name) \
            DO UPDATE SET read_to_end_at = excluded.read_to_end_at, license = excluded.license";
        let at = read_to_end_at.map(|at| at.to_string());
        self.connection().prepare_cached(sql)?.execute(params![name, at, license])?;
        Ok(())
    }

    /// Drops the words of deleted rows from the index, which FTS5 otherwise keeps for a while, and idle lists of offers.
    pub(super) fn forget_words(&self) -> Result<()> {
        let sql = "INSERT INTO listing_words (listing_words) VALUES ('optimize')";
        self.database.set("tidy the words of", |connection| connection.execute(sql, []).map(drop))?;
        self.database.set("tidy the offers of", |connection| connection.execute(DROP_UNUSED, []).map(drop))?;
        self.database.set("tidy the change log of", |connection| change_log::prune(connection, self.change_log))
    }
}
