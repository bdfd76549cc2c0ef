//! The catalogue: following the state row by row, or made anew in one go.
//!
//! Readers see each batch whole or not at all. Everything here can be repeated: showing a session that is shown already,
//! or hiding one that is not there, changes nothing.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{CATALOGUE, Database};
use super::error::Result;
use super::keys::{LinkKey, SessionKey};
use super::series_book::SeriesBook;
use super::shown::{ListingSql, SHOWN_COLUMNS, Shown};
use super::state::State;
use crate::domain::{CheckoutBase, Instant};

/// Which batch of which state the catalogue shows, and for which instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) state_id: String,
    pub(super) batch: i64,
    pub(super) as_of: Instant,
}

/// The open catalogue.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) database: Database,
    checkout: CheckoutBase,
    listing_sql: ListingSql,
}

const DROP_INDEXES: &str = "DROP INDEX IF EXISTS session_by_start; DROP INDEX IF EXISTS session_by_listing; \
    DROP INDEX IF EXISTS session_by_identifier; DROP TRIGGER IF EXISTS listing_added; \
    DROP TRIGGER IF EXISTS listing_removed; DROP TRIGGER IF EXISTS listing_reworded; \
    DROP TRIGGER IF EXISTS listing_moved;";

const CLEAR: &str = "DELETE FROM session; DELETE FROM listing; DELETE FROM listing_area; \
    INSERT INTO listing_words (listing_words) VALUES ('delete-all');";

const FILL_PLACE_AND_WORDS: &str = "INSERT INTO listing_area SELECT key, latitude, latitude, longitude, longitude \
    FROM listing WHERE latitude IS NOT NULL AND longitude IS NOT NULL ORDER BY latitude, longitude; \
    INSERT INTO listing_words (listing_words) VALUES ('rebuild');";

impl Catalogue {
    pub(super) fn open(path: &Path, checkout: CheckoutBase) -> Result<Self> {
        let database = Database::open(path, &CATALOGUE)?;
        Ok(Self { database, checkout, listing_sql: ListingSql::new() })
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
        let sql = "INSERT OR REPLACE INTO origin (id, state_id, batch, as_of) VALUES (1, ?1, ?2, ?3)";
        self.connection().prepare_cached(sql)?.execute(params![state.name, state.batch, now.as_seconds()])?;
        Ok(())
    }

    /// Shows or hides each of these sessions as it stands at `now`, and brings the listings of these links up to date.
    pub(super) fn follow(
        &self,
        state: &State,
        sessions: &BTreeSet<SessionKey>,
        links: &BTreeSet<LinkKey>,
        now: Instant,
    ) -> rusqlite::Result<()> {
        let mut written: HashSet<i64> = HashSet::new();
        let mut left: BTreeSet<i64> = BTreeSet::new();
        let select = format!("SELECT {SHOWN_COLUMNS} FROM session WHERE key = ?1");
        let mut select = state.connection().prepare_cached(&select)?;
        for link in links {
            let shown = "SELECT 1 FROM listing WHERE key = ?1";
            if self.connection().prepare_cached(shown)?.exists([link])? {
                self.write_listing(state, *link, None)?;
                written.insert(link.0);
            }
        }
        for key in sessions {
            let shown = select.query_row([key], Shown::read).optional()?.flatten();
            match shown.filter(|shown| shown.is_open(now)) {
                Some(shown) => self.show(state, &shown, &mut written, &mut left)?,
                None => left.extend(self.hide(*key)?),
            }
        }
        for listing in left {
            let sql = "DELETE FROM listing WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM session WHERE listing = ?1)";
            self.connection().prepare_cached(sql)?.execute([listing])?;
        }
        Ok(())
    }

    fn show(
        &self,
        state: &State,
        shown: &Shown,
        written: &mut HashSet<i64>,
        left: &mut BTreeSet<i64>,
    ) -> rusqlite::Result<()> {
        let listing = shown.listing_key();
        let own = shown.has_own_listing().then_some(shown);
        if (own.is_some() || written.insert(listing)) && !self.write_listing(state, shown.link, own)? {
            left.extend(self.hide(shown.key)?);
            return Ok(());
        }
        let sql = "SELECT listing FROM session WHERE key = ?1";
        let before: Option<i64> =
            self.connection().prepare_cached(sql)?.query_row([shown.key], |row| row.get(0)).optional()?;
        left.extend(before.filter(|before| *before != listing));
        shown.write(self.connection(), &self.checkout)
    }

    fn hide(&self, key: SessionKey) -> rusqlite::Result<Option<i64>> {
        let sql = "DELETE FROM session WHERE key = ?1 RETURNING listing";
        self.connection().prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()
    }

    fn write_listing(&self, state: &State, link: LinkKey, own: Option<&Shown>) -> rusqlite::Result<bool> {
        write_listing(&self.listing_sql, state.connection(), &state.book, self.connection(), link, own)
    }

    /// Makes every row anew from the state, with the indexes built once at the end. For one transaction.
    pub(super) fn fill(&self, state: &State, now: Instant) -> rusqlite::Result<u64> {
        let catalogue = self.connection();
        catalogue.execute_batch(DROP_INDEXES)?;
        catalogue.execute_batch(CLEAR)?;
        let select = format!(
            "SELECT {SHOWN_COLUMNS} FROM session WHERE +closes > ?1 AND (opens IS NULL OR +opens <= ?1) ORDER BY key"
        );
        let mut written: HashSet<i64> = HashSet::new();
        let mut rows_shown = 0;
        let mut statement = state.connection().prepare(&select)?;
        let mut rows = statement.query([now.as_seconds()])?;
        while let Some(row) = rows.next()? {
            let Some(shown) = Shown::read(row)? else { continue };
            let own = shown.has_own_listing().then_some(&shown);
            if (own.is_some() || written.insert(shown.listing_key())) && !self.write_listing(state, shown.link, own)? {
                continue;
            }
            shown.write(catalogue, &self.checkout)?;
            rows_shown += 1;
        }
        catalogue.execute_batch(FILL_PLACE_AND_WORDS)?;
        catalogue.execute_batch(include_str!("schema/catalogue_indexes.sql"))?;
        Ok(rows_shown)
    }

    /// Every session that is shown.
    pub(super) fn shown_keys(&self) -> rusqlite::Result<BTreeSet<SessionKey>> {
        let mut statement = self.connection().prepare("SELECT key FROM session")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    }

    /// Drops listings that no session uses; a whole catalogue has none.
    pub(super) fn drop_unused_listings(&self) -> rusqlite::Result<()> {
        let sql = "DELETE FROM listing WHERE NOT EXISTS (SELECT 1 FROM session WHERE listing = listing.key)";
        self.connection().execute(sql, []).map(drop)
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

    /// Drops the words of deleted rows from the index, which FTS5 otherwise keeps for a while.
    pub(super) fn forget_words(&self) -> Result<()> {
        let sql = "INSERT INTO listing_words (listing_words) VALUES ('optimize')";
        self.database.set("tidy the words of", |connection| connection.execute(sql, []).map(drop))
    }
}

fn write_listing(
    sql: &ListingSql,
    state: &Connection,
    book: &SeriesBook,
    catalogue: &Connection,
    link: LinkKey,
    own: Option<&Shown>,
) -> rusqlite::Result<bool> {
    match book.speaker(link) {
        Some(series) => sql.write(state, catalogue, (link, series.key), own),
        None => Ok(false),
    }
}
