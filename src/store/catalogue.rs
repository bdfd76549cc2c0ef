//! The catalogue: following the state row by row, or made anew in one go.
//!
//! Readers see each batch whole or not at all. Everything here can be repeated: showing what is shown already,
//! or hiding what is not there, changes nothing.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use hashbrown::HashSet;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::change_log;
use super::database::{CATALOGUE, Database};
use super::error::Result;
use super::keys::{LinkKey, OpportunityKey};
use super::listing_index::{self, SEGMENTS_MAX};
use super::listing_rows::{ListingSql, Source, Written};
use super::offer_rows::{self, PublicAdultText, WantedKey};
use super::opportunity_row::TABLES;
use super::patterns::{self, Patterns};
use super::shown::{CheckoutUrls, SHOWN_COLUMNS, Shown, Stands};
use super::state::State;
use super::transitions::Turns;
use crate::domain::{Instant, ParentTerms};

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
    These(&'a BTreeMap<LinkKey, Option<ParentTerms>>),
    /// Any: nobody knows what the catalogue holds.
    Any,
}

/// The open catalogue.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) database: Database,
    pub(super) checkout: CheckoutUrls,
    pub(super) listing_sql: ListingSql,
    pub(super) patterns: Patterns,
    /// How many segments of words batches may have left.
    segments: Cell<usize>,
    /// How long the change log goes back.
    change_log: Option<Duration>,
}

impl Catalogue {
    pub(super) fn open(path: &Path, checkout: CheckoutUrls, change_log: Option<Duration>) -> Result<Self> {
        let database = Database::open(path, &CATALOGUE)?;
        database.set("set up the change log of", |connection| change_log::set_up(connection, change_log))?;
        let (listing_sql, patterns, segments) = (ListingSql::new(), Patterns::default(), Cell::new(SEGMENTS_MAX));
        Ok(Self { database, checkout, listing_sql, patterns, segments, change_log })
    }

    pub(super) fn connection(&self) -> &Connection {
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

    /// Shows or hides each of these as it stands at `now`, and brings the listings of these links up to date. What is gone
    /// is hidden without another look. The listings in `left` are dropped where nothing uses them.
    pub(super) fn follow(
        &self,
        state: &State,
        turns: &Turns,
        listings: Listings<'_>,
        mut left: BTreeSet<i64>,
        now: Instant,
    ) -> rusqlite::Result<()> {
        let mut written = Written { trusted: matches!(listings, Listings::These(_)), ..Written::default() };
        let links = if let Listings::These(links) = listings { Some(links) } else { None };
        for link in links.into_iter().flat_map(BTreeMap::keys) {
            if self.has_listing(link.0)?
                && let Some(speaker) = state.book.speaker(*link)
            {
                let source = Source { key: link.0, link: *link, speaker, own: None };
                self.write_listing(state, source, &mut written)?;
            }
        }
        let select = format!("SELECT {SHOWN_COLUMNS} FROM {TABLES} WHERE o.key = ?1");
        let mut select = state.connection().prepare_cached(&select)?;
        let mut hidden = Vec::new();
        for (key, turn) in turns {
            let read = |row: &Row<'_>| Shown::read(row, state.judging(), now, false);
            let shown = if turn.gone { None } else { select.query_row([key], read).optional()?.flatten() };
            if let Some(shown) = shown {
                let (listing, stands) = shown.standing(self.connection(), turn.before)?;
                if self.show(state, (&shown, stands), &mut written)? {
                    left.extend(listing.filter(|listing| *listing != shown.listing_key()));
                    continue;
                }
            }
            hidden.extend(turn.before.map(|before| (*key, before)));
        }
        self.hide(hidden, &mut left)?;
        if written.trusted {
            listing_index::drop_unused_of(self.connection(), &left, &mut written.rewordings)?;
            if written.rewordings.write(self.connection())? {
                self.segments.set(self.segments.get() + 1);
            }
            return Ok(());
        }
        // Somebody else may have changed a listing, and then nobody knows which words to take out.
        if listing_index::drop_unused(self.connection())? || written.astray {
            listing_index::make_anew(self.connection())?;
        }
        Ok(())
    }

    /// Writes a row and its listing; not where no parent is there (the state never says so of what is open).
    fn show(&self, state: &State, (shown, stands): (&Shown, Stands), written: &mut Written) -> rusqlite::Result<bool> {
        let Some(speaker) = state.book.speaker(shown.link) else { return Ok(false) };
        let source = Source { key: shown.listing_key(), link: shown.link, speaker, own: shown.own_listing() };
        let wanted = match written.listings.get(&source.key) {
            Some(wanted) => Some(*wanted),
            None => self.ensure_listing(state, source, written)?,
        };
        let Some(wanted) = wanted else { return Ok(false) };
        let list = shown.list(state.connection(), self.connection(), (speaker, wanted), &mut written.lists)?;
        self.patterns.show(self.connection(), &state.shapes.shapes, shown.pattern)?;
        shown.write(self.connection(), &self.checkout, (speaker, stands), list, &mut written.times)?;
        Ok(true)
    }

    /// Sees to a listing for a session or slot, and says what its aggregate offer does; one that is there is not looked at where it can be
    /// trusted.
    fn ensure_listing(
        &self,
        state: &State,
        source: Source<'_>,
        written: &mut Written,
    ) -> rusqlite::Result<Option<WantedKey>> {
        if !written.trusted || source.own.is_some() || !self.has_listing(source.key)? {
            return self.write_listing(state, source, written);
        }
        let Some(public_adult) = PublicAdultText::of_parent(state.connection(), source.speaker.key)? else {
            return Ok(None);
        };
        let wanted = written.lists.wanted(public_adult);
        written.listings.insert(source.key, wanted);
        Ok(Some(wanted))
    }

    fn has_listing(&self, key: i64) -> rusqlite::Result<bool> {
        self.connection().prepare_cached("SELECT 1 FROM listing WHERE key = ?1")?.exists([key])
    }

    /// Hides everything that has started at `now` but what is touched, which is looked at as it now is; gives what was hidden. The
    /// listings that they had are added to `left`.
    pub(super) fn hide_started(
        &self,
        touched: &Turns,
        now: Instant,
        left: &mut BTreeSet<i64>,
    ) -> rusqlite::Result<HashSet<OpportunityKey>> {
        let started = touched.iter().filter(|(_, turn)| turn.before.is_some_and(|before| before <= now));
        let kept = format!("[{}]", started.map(|(key, _)| key.0.to_string()).collect::<Vec<String>>().join(","));
        let (mut hidden, now) = (HashSet::new(), now.to_string());
        for table in ["session", "slot"] {
            let started =
                format!("FROM {table} WHERE starts_at <= ?1 AND key NOT IN (SELECT value FROM json_each(?2))");
            // Looked at first: RETURNING would have every row that is to go noted, and looked for again.
            let mut select = self.connection().prepare_cached(&format!("SELECT listing, key {started}"))?;
            let (mut rows, before) = (select.query((&now, &kept))?, hidden.len());
            while let Some(row) = rows.next()? {
                left.insert(row.get(0)?);
                hidden.insert(row.get(1)?);
            }
            if hidden.len() > before {
                self.connection().prepare_cached(&format!("DELETE {started}"))?.execute((&now, &kept))?;
            }
        }
        Ok(hidden)
    }

    /// Hides those of these that are shown: sessions and slots that close at these instants. The listings that they had are added to `left`.
    fn hide(
        &self,
        rows: impl IntoIterator<Item = (OpportunityKey, Instant)>,
        left: &mut BTreeSet<i64>,
    ) -> rusqlite::Result<()> {
        let delete = |table: &str| {
            let sql = format!("DELETE FROM {table} WHERE starts_at = ?1 AND key = ?2 RETURNING listing");
            self.connection().prepare_cached(&sql)
        };
        let (mut session, mut slot) = (delete("session")?, delete("slot")?);
        for (key, closes) in rows {
            let closes = closes.to_string();
            let hide = |delete: &mut CachedStatement<'_>| delete.query_row((&closes, key), |row| row.get(0)).optional();
            // Most are sessions.
            let listing: Option<i64> = match hide(&mut session)? {
                Some(listing) => Some(listing),
                None => hide(&mut slot)?,
            };
            left.extend(listing);
        }
        Ok(())
    }

    fn write_listing(
        &self,
        state: &State,
        source: Source<'_>,
        written: &mut Written,
    ) -> rusqlite::Result<Option<WantedKey>> {
        self.listing_sql.write(state.connection(), self.connection(), source, written)
    }

    /// Hides everything that is shown but what is found by one of these keys at its instant: for when nobody knows what the catalogue holds.
    pub(super) fn hide_strangers(&self, known: &Turns) -> rusqlite::Result<()> {
        for table in ["session", "slot"] {
            let mut select = self.connection().prepare(&format!("SELECT key, starts_at FROM {table}"))?;
            let mut delete =
                self.connection().prepare(&format!("DELETE FROM {table} WHERE starts_at = ?2 AND key = ?1"))?;
            let mut strangers: Vec<(OpportunityKey, String)> = Vec::new();
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let (key, starts_at) = (row.get(0)?, row.get_ref(1)?.as_str()?);
                let closes = known.get(&key).and_then(|turn| turn.before);
                if closes.is_none_or(|closes| closes.to_string() != starts_at) {
                    strangers.push((key, starts_at.to_owned()));
                }
            }
            drop(rows);
            strangers.iter().try_for_each(|(key, starts_at)| delete.execute((key, starts_at)).map(drop))?;
        }
        Ok(())
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

    /// Merges some of what batches have left in the index of words, where that is much.
    pub(super) fn merge_words(&self) -> Result<()> {
        if self.segments.get() >= SEGMENTS_MAX && !self.database.set("tidy the words of", listing_index::merge)? {
            self.segments.set(0);
        }
        Ok(())
    }

    /// Drops the words of deleted rows from the index, which FTS5 otherwise keeps for a while, and idle patterns and lists of offers.
    pub(super) fn forget_words(&self) -> Result<()> {
        let sql = "INSERT INTO listing_words (listing_words) VALUES ('optimize')";
        self.database.set("tidy the words of", |connection| connection.execute(sql, []).map(drop))?;
        for unused in [offer_rows::DROP_UNUSED, patterns::DROP_UNUSED] {
            self.database.set("drop what is not used from", |connection| connection.execute(unused, []).map(drop))?;
        }
        self.patterns.forget();
        self.database.set("tidy the change log of", |connection| change_log::prune(connection, self.change_log))
    }
}
