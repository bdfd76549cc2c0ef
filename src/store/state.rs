//! The state: opening it, what it holds of an item, and what it forgets; [`arriving`] takes in what the feeds say.
//!
//! Everything here happens inside a transaction that the [`super::Store`] opens. What changed is gathered in [`Touched`],
//! so that verdicts (see `settle`) and the catalogue can follow.

mod arriving;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hashbrown::HashMap;
use rusqlite::{Connection, Row, params};

use super::calendar::Calendar;
use super::database::{Database, STATE};
use super::error::Result;
use super::index::{ItemHash, ItemHasher, ItemIndex, Tombstone};
use super::keys::{LinkKey, OfferListKey, OpportunityKey, ShapeKey};
use super::new_rows::NewRows;
use super::offer_book::OfferBook;
use super::opportunity_row::{facts, verdict_from};
use super::packed::{Keys, Packed, Seen};
use super::parent_book::ParentBook;
use super::sellers::{Asking, Sellers};
use super::shape_book::{ShapeBook, damaged};
use super::shared_book::SharedBook;
use super::transitions::{Turns, Windows};
use super::unsettled::Unsettled;
use super::{loading, old_rows, own_row, transitions};
use crate::domain::{Feed, Instant, Pair, ParentTerms, Role, Seller, Verdict};

/// How long a tombstone is kept: RPDE asks publishers to keep deletions for seven days.
const TOMBSTONE_SECONDS: i64 = 8 * 86_400;

/// What a batch changed, for the catalogue to follow.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Sessions and slots whose row came, changed or went, or whose verdict did.
    pub(super) opportunities: BTreeMap<OpportunityKey, Windows>,
    /// `@id`s whose parent came, changed or went, and what the rules looked at in it before.
    pub(super) links: BTreeMap<LinkKey, Option<ParentTerms>>,
    /// `@id`s that perhaps nobody names any more.
    pub(super) loose_links: BTreeSet<LinkKey>,
    /// Whether the datasets are others than before.
    pub(super) datasets: bool,
}

impl Touched {
    /// Takes note of a session or slot on which a verdict stood and now another does, if it is there. Of those that stood the first
    /// counts, because the catalogue shows what was before the batch; of the others the last.
    pub(super) fn opportunity(&mut self, key: OpportunityKey, stood: Option<Verdict>, stands: Option<Verdict>) {
        let [before, after] = [stood, stands].map(|verdict| verdict.and_then(Verdict::window));
        self.opportunities.entry(key).or_insert(Windows { before, after }).after = after;
    }

    /// What that comes to for a catalogue that shows one instant and is to show another.
    pub(super) fn turns(&self, from: Instant, to: Instant) -> Turns {
        self.opportunities.iter().map(|(key, windows)| (*key, windows.turn(from, to))).collect()
    }
}

/// The open state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) database: Database,
    /// The random name that the catalogue carries too.
    pub(super) name: String,
    /// The number of the last committed batch.
    pub(super) batch: i64,
    /// Whether a first harvest goes on: no indexes yet, and the catalogue waits.
    pub(super) loading: bool,
    pub(super) hasher: ItemHasher,
    opportunities: ItemIndex,
    tombstones: HashMap<ItemHash, Tombstone>,
    pub(super) book: ParentBook,
    pub(super) sellers: Sellers,
    pub(super) offers: OfferBook,
    pub(super) shared: SharedBook,
    pub(super) shapes: ShapeBook,
    new_rows: NewRows,
    pub(super) calendar: Calendar,
    pub(super) unsettled: Unsettled,
    /// The row that is being written in the place of another.
    packed: Vec<u8>,
    pub(super) next_opportunity: i64,
    pub(super) next_parent: i64,
    pub(super) next_link: i64,
}

/// What the state holds of an item.
#[derive(Debug)]
enum Held {
    Nothing,
    Opportunity {
        key: OpportunityKey,
        modified: i64,
        walk: i64,
        link: Option<LinkKey>,
        offers: Option<OfferListKey>,
        shape: ShapeKey,
        own: bool,
        verdict: Verdict,
    },
    Other {
        modified: i64,
        walk: i64,
    },
}

impl State {
    /// Opens the state, making it where there is none. Nothing is in memory before [`State::load`].
    pub(super) fn open(path: &Path, now: Instant) -> Result<Self> {
        let database = Database::open(path, &STATE)?;
        let (name, hash_key, batch, loading) = database.set("set up", |connection| {
            connection.execute(
                "INSERT OR IGNORE INTO state (id, state_id, hash_key, batch, loading, selling) \
                 VALUES (1, lower(hex(randomblob(16))), randomblob(16), 0, 1, 0)",
                [],
            )?;
            connection
                .execute("DELETE FROM tombstone WHERE at < ?1", [now.plus_seconds(-TOMBSTONE_SECONDS).as_seconds()])?;
            connection.query_row("SELECT state_id, hash_key, batch, loading FROM state", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        })?;
        old_rows::carry_over(&database, &ItemHasher::new(hash_key))?;
        Ok(Self {
            database,
            name,
            batch,
            loading,
            hasher: ItemHasher::new(hash_key),
            opportunities: ItemIndex::default(),
            tombstones: HashMap::new(),
            book: ParentBook::default(),
            sellers: Sellers::default(),
            offers: OfferBook::default(),
            shared: SharedBook::default(),
            shapes: ShapeBook::default(),
            new_rows: NewRows::default(),
            calendar: Calendar::new(transitions::span_around(now, now)),
            unsettled: Unsettled::default(),
            packed: Vec::new(),
            next_opportunity: 1,
            next_parent: 1,
            next_link: 1,
        })
    }

    /// See [`super::Store::close`].
    pub(super) fn close(self) {
        let Self { database, book, opportunities, .. } = self;
        drop(database);
        std::mem::forget((book, opportunities));
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.database.connection
    }

    /// Reads into memory what finds items again; what verdicts ask of sellers must be known. Outside of a transaction.
    pub(super) fn load(&mut self, asking: Asking) -> Result<()> {
        let wrap = |source| self.database.error("read", source);
        self.sellers.asking = asking;
        self.sellers.load(&self.database.connection).map_err(wrap)?;
        self.offers.load(&self.database.connection, &self.hasher).map_err(wrap)?;
        self.shapes.load(&self.database.connection, &self.hasher).map_err(wrap)?;
        let span = self.calendar.span();
        let loaded = loading::load(&self.database.path, &self.hasher, &self.shapes.shapes, span)?;
        self.opportunities = loaded.index;
        self.calendar = loaded.calendar;
        if self.loading && self.rows() > 0 {
            self.unsettled.add_all();
        }
        self.next_opportunity = loaded.last_key + 1;
        loaded.offers.into_iter().for_each(|(list, rows)| self.offers.count(Some(list), rows));
        loaded.shapes.into_iter().for_each(|(shape, rows)| self.shapes.count(shape, rows));
        let finished = self.shapes.drop_idle(&self.database.connection).and_then(|()| self.load_parents());
        finished.and_then(|()| self.load_tombstones()).map_err(|source| self.database.error("read", source))
    }

    /// How many sessions and slots there are.
    pub(super) fn rows(&self) -> usize {
        self.opportunities.len()
    }

    fn load_tombstones(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.database.connection.prepare("SELECT hash, modified, walk FROM tombstone")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let tombstone = Tombstone { modified: row.get(1)?, walk: row.get(2)? };
            self.tombstones.insert(ItemHash::from_bytes(row.get(0)?), tombstone);
        }
        Ok(())
    }

    fn held(&mut self, feed: Feed, item_id: &str, hash: ItemHash) -> rusqlite::Result<Held> {
        match feed.role() {
            Role::Parents(pair) => {
                let entry = self.book.item(pair, item_id);
                return Ok(
                    entry.map_or(Held::Nothing, |entry| Held::Other { modified: entry.modified, walk: entry.walk })
                );
            }
            Role::Sellers => {
                let entry = self.sellers.item(item_id);
                return Ok(
                    entry.map_or(Held::Nothing, |entry| Held::Other { modified: entry.modified, walk: entry.walk })
                );
            }
            Role::Datasets => return Ok(Held::Nothing),
            Role::Children(_) => {}
        }
        if self.opportunities.candidates(hash).any(|key| self.new_rows.has(key)) {
            self.write_new_rows()?;
        }
        let mut text = String::new();
        for key in self.opportunities.candidates(hash) {
            let sql = "SELECT link, facts, reason, opens, closes FROM opportunity WHERE key = ?1";
            let mut statement = self.connection().prepare_cached(sql)?;
            let mut rows = statement.query([key])?;
            let Some(row) = rows.next()? else { continue };
            let packed = facts(row, 1)?;
            packed.item_id(self.shapes.shapes.of(&packed)?, &mut text).ok_or_else(damaged)?;
            if text == item_id {
                let Packed { seen: Seen { modified, walk, .. }, keys: Keys { offers, shape }, .. } = packed;
                let (own, link) = (packed.own(), row.get(0)?);
                let verdict = verdict_from(row.get(2)?, row.get(3)?, row.get(4)?);
                return Ok(Held::Opportunity { key, modified, walk, link, offers, shape, own, verdict });
            }
        }
        Ok(Held::Nothing)
    }

    /// Writes the rows that still wait for it: before anything looks for them.
    pub(super) fn write_new_rows(&mut self) -> rusqlite::Result<()> {
        self.new_rows.write(&self.database.connection)
    }

    fn put_seller(
        &mut self,
        item_id: &str,
        stamp: (i64, i64),
        seller: &Seller<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        self.doubt_sellers();
        for id in self.sellers.put(&self.database.connection, item_id, stamp, seller)? {
            self.touch_organizer(&id, touched);
        }
        Ok(())
    }

    fn remove(
        &mut self,
        feed: Feed,
        item_id: &str,
        hash: ItemHash,
        held: &Held,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        match (feed.role(), held) {
            (_, Held::Opportunity { key, link, own, offers, shape, verdict, .. }) => {
                self.offers.release(&self.database.connection, *offers)?;
                self.shapes.release(&self.database.connection, *shape)?;
                self.connection().prepare_cached("DELETE FROM opportunity WHERE key = ?1")?.execute([key])?;
                if *own {
                    own_row::remove(self.connection(), *key)?;
                }
                self.opportunities.remove(hash, *key);
                touched.opportunity(*key, Some(*verdict), None);
                touched.loose_links.extend(*link);
            }
            (Role::Parents(pair), Held::Other { .. }) => {
                self.remove_parent(pair, item_id, touched)?;
            }
            (Role::Sellers, Held::Other { .. }) => {
                self.doubt_sellers();
                if let Some(id) = self.sellers.remove(&self.database.connection, item_id)? {
                    self.touch_organizer(&id, touched);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn bury(&mut self, hash: ItemHash, tombstone: Tombstone, now: Instant) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO tombstone (hash, modified, walk, at) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.connection().prepare_cached(sql)?;
        statement.execute(params![hash.bytes(), tombstone.modified, tombstone.walk, now.as_seconds()])?;
        drop(statement);
        self.tombstones.insert(hash, tombstone);
        Ok(())
    }

    /// The number of an `@id` with this hash; a new one is written.
    pub(super) fn intern_link(&mut self, pair: Pair, hash: ItemHash, id: &str) -> rusqlite::Result<LinkKey> {
        if let Some(key) = self.book.link(hash) {
            return Ok(key);
        }
        let key = LinkKey(self.next_link);
        self.connection().prepare_cached("INSERT INTO link (key, pair, id) VALUES (?1, ?2, ?3)")?.execute(params![
            key,
            pair.number(),
            id
        ])?;
        self.next_link += 1;
        self.book.learn_link(hash, key);
        Ok(key)
    }

    /// Removes what this feed no longer shows: everything that its complete walk has not seen.
    pub(super) fn sweep(&mut self, feed: Feed, walk: i64, touched: &mut Touched) -> rusqlite::Result<usize> {
        let unseen: Vec<Box<str>> = match feed.role() {
            Role::Parents(pair) => self.book.unseen(pair, walk),
            Role::Sellers => self.sellers.unseen(walk),
            Role::Datasets => Vec::new(),
            Role::Children(pair) => {
                let mut statement = self.connection().prepare("SELECT facts FROM opportunity")?;
                let mut rows = statement.query([])?;
                let (mut unseen, mut item_id) = (Vec::new(), String::new());
                while let Some(row) = rows.next()? {
                    let packed = facts(row, 0)?;
                    if packed.seen.pair != pair || packed.seen.walk == walk {
                        continue;
                    }
                    packed.item_id(self.shapes.shapes.of(&packed)?, &mut item_id).ok_or_else(damaged)?;
                    unseen.push(Box::from(item_id.as_str()));
                }
                unseen
            }
        };
        for item_id in &unseen {
            let hash = self.hasher.hash(feed, item_id);
            let held = self.held(feed, item_id, hash)?;
            self.remove(feed, item_id, hash, &held, touched)?;
        }
        Ok(unseen.len())
    }
}

/// The pair that a column names.
pub(super) fn pair_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Pair> {
    let number: i64 = row.get(column)?;
    Ok(Pair::from_number(number).unwrap_or(Pair::Sessions))
}
