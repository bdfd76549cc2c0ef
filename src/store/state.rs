//! The state: opening it, and taking in what the feeds say.
//!
//! Everything here happens inside a transaction that the [`super::Store`] opens. What changed is gathered in [`Touched`],
//! so that verdicts (see `settle`) and the catalogue can follow.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use rusqlite::{Connection, Row, params};

use super::database::{Database, STATE};
use super::error::Result;
use super::index::{ItemHash, ItemHasher, ItemIndex, Tombstone};
use super::keys::{LinkKey, OfferListKey, OpportunityKey, ParentKey, ShapeKey};
use super::offer_book::{Given, OfferBook};
use super::opportunity_row::{self, Way, facts, verdict_from};
use super::packed::{Numbers, Texts};
use super::parent_book::{ParentBook, ParentEntry};
use super::sellers::{Asking, Sellers};
use super::shape_book::{ShapeBook, damaged};
use super::{old_rows, own_row, parent_row};
use crate::domain::{Change, Feed, Instant, Item, Opportunity, Pair, Parent, Role, Seller, Verdict, judge};

/// How long a tombstone is kept: RPDE asks publishers to keep deletions for seven days.
const TOMBSTONE_SECONDS: i64 = 8 * 86_400;

/// What a batch changed, for the catalogue to follow.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Sessions and slots whose row came, changed or went, or whose verdict did.
    pub(super) opportunities: BTreeSet<OpportunityKey>,
    /// `@id`s whose parent came, changed or went.
    pub(super) links: BTreeSet<LinkKey>,
    /// `@id`s that perhaps nobody names any more.
    pub(super) loose_links: BTreeSet<LinkKey>,
    /// Whether the datasets are others than before.
    pub(super) datasets: bool,
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
    hasher: ItemHasher,
    opportunities: ItemIndex,
    tombstones: HashMap<ItemHash, Tombstone>,
    pub(super) book: ParentBook,
    pub(super) sellers: Sellers,
    offers: OfferBook,
    pub(super) shapes: ShapeBook,
    next_opportunity: i64,
    next_parent: i64,
    next_link: i64,
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
        old_rows::pack_all(&database, &ItemHasher::new(hash_key))?;
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
            shapes: ShapeBook::default(),
            next_opportunity: 1,
            next_parent: 1,
            next_link: 1,
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.database.connection
    }

    /// Reads into memory what finds items again; what verdicts ask of sellers must be known.
    pub(super) fn load(&mut self, asking: Asking) -> rusqlite::Result<()> {
        self.sellers.asking = asking;
        self.sellers.load(&self.database.connection)?;
        self.offers.load(&self.database.connection, &self.hasher)?;
        self.shapes.load(&self.database.connection, &self.hasher)?;
        self.load_opportunities()?;
        self.load_parents()?;
        let mut statement = self.database.connection.prepare("SELECT hash, modified, walk FROM tombstone")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let tombstone = Tombstone { modified: row.get(1)?, walk: row.get(2)? };
            self.tombstones.insert(ItemHash::from_bytes(row.get(0)?), tombstone);
        }
        Ok(())
    }

    fn load_opportunities(&mut self) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        let rows: i64 = connection.query_row("SELECT coalesce(max(key), 0) FROM opportunity", [], |row| row.get(0))?;
        self.opportunities.reserve(usize::try_from(rows).unwrap_or(0));
        let mut statement = connection.prepare("SELECT key, pair, facts FROM opportunity")?;
        let mut rows = statement.query([])?;
        let mut item_id = String::new();
        while let Some(row) = rows.next()? {
            let key: OpportunityKey = row.get(0)?;
            let feed =
                if row.get::<_, i64>(1)? == Pair::Slots.number() { Feed::Slots } else { Feed::ScheduledSessions };
            let packed = facts(row, 2)?;
            packed.item_id(self.shapes.shapes.of(&packed)?, &mut item_id).ok_or_else(damaged)?;
            self.opportunities.insert(self.hasher.hash(feed, &item_id), key);
            self.offers.count(packed.offers);
            self.shapes.count(packed.shape);
            self.next_opportunity = self.next_opportunity.max(key.0 + 1);
        }
        self.shapes.drop_idle(connection)
    }

    fn load_parents(&mut self) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        let mut statement = connection.prepare("SELECT key, pair, id FROM link")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: LinkKey = row.get(0)?;
            let pair = pair_of(row, 1)?;
            self.book.learn_link(pair, row.get_ref(2)?.as_str()?, key);
            self.next_link = self.next_link.max(key.0 + 1);
        }
        let sql = "SELECT key, pair, item_id, modified, walk, link, public_adult, valid_from, organizer_id, \
            offers FROM parent ORDER BY key";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: ParentKey = row.get(0)?;
            let organizer = row.get_ref(8)?.as_str_or_null()?.filter(|_| self.sellers.asking != Asking::Nothing);
            let entry = ParentEntry {
                modified: row.get(3)?,
                walk: row.get(4)?,
                aggregate: parent_row::aggregate_from(row.get(6)?, row.get_ref(7)?.as_str_or_null()?),
                organizer: organizer.map(|id| self.book.intern_organizer(id)),
                offers: row.get(9)?,
                rows: vec![(row.get(5)?, key)],
            };
            self.offers.count(entry.offers);
            self.book.load(pair_of(row, 1)?, row.get_ref(2)?.as_str()?, entry);
            self.next_parent = self.next_parent.max(key.0 + 1);
        }
        Ok(())
    }

    /// Takes in one change. The newest `modified` wins, on a tie the later read; an item that this walk has not seen yet
    /// is taken whatever its number, so that a publisher who counts anew is followed.
    pub(super) fn apply(
        &mut self,
        feed: Feed,
        walk: i64,
        change: &Change<'_>,
        now: Instant,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let hash = self.hasher.hash(feed, &change.id);
        let held = self.held(feed, &change.id, hash)?;
        let known = match &held {
            Held::Opportunity { modified, walk, .. } | Held::Other { modified, walk } => Some((*modified, *walk)),
            Held::Nothing => self.tombstones.get(&hash).map(|tombstone| (tombstone.modified, tombstone.walk)),
        };
        let modified = match (change.modified, known) {
            (Some(modified), Some((known, seen_in))) if seen_in == walk && modified < known => return Ok(()),
            (Some(modified), _) => modified,
            (None, Some((known, _))) => known,
            (None, None) => 0,
        };
        if !matches!(change.item, Item::Gone)
            && matches!(held, Held::Nothing)
            && self.tombstones.remove(&hash).is_some()
        {
            self.connection().prepare_cached("DELETE FROM tombstone WHERE hash = ?1")?.execute([hash.bytes()])?;
        }
        let stamp = (modified, walk);
        match (feed.role(), &change.item) {
            (Role::Children(pair), Item::Opportunity(facts)) => {
                self.put_opportunity(pair, (&change.id, hash), stamp, &held, facts, touched)
            }
            (Role::Parents(pair), Item::Parent(facts)) => self.put_parent(pair, &change.id, stamp, facts, touched),
            (Role::Sellers, Item::Seller(seller)) => self.put_seller(&change.id, stamp, seller, touched),
            (_, Item::Gone) => {
                self.remove(feed, &change.id, hash, &held, touched)?;
                self.bury(hash, Tombstone { modified, walk }, now)
            }
            // What is read from one feed is never of another's kind; datasets are taken as a whole.
            _ => Ok(()),
        }
    }

    fn held(&self, feed: Feed, item_id: &str, hash: ItemHash) -> rusqlite::Result<Held> {
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
        let mut text = String::new();
        for key in self.opportunities.candidates(hash) {
            let sql = "SELECT modified, walk, link, facts, reason, opens, closes FROM opportunity WHERE key = ?1";
            let mut statement = self.connection().prepare_cached(sql)?;
            let mut rows = statement.query([key])?;
            let Some(row) = rows.next()? else { continue };
            let packed = facts(row, 3)?;
            packed.item_id(self.shapes.shapes.of(&packed)?, &mut text).ok_or_else(damaged)?;
            if text == item_id {
                let (modified, walk, link) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (shape, own, offers) = (packed.shape, packed.own(), packed.offers);
                let verdict = verdict_from(row.get(4)?, row.get(5)?, row.get(6)?);
                return Ok(Held::Opportunity { key, modified, walk, link, offers, shape, own, verdict });
            }
        }
        Ok(Held::Nothing)
    }

    fn put_opportunity(
        &mut self,
        pair: Pair,
        (item_id, hash): (&str, ItemHash),
        (modified, walk): (i64, i64),
        held: &Held,
        facts: &Opportunity<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let link = facts.parent_id.as_deref().map(|id| self.intern_link(pair, id)).transpose()?;
        let verdict = judge(&facts.terms, self.judging().parent_terms(link).as_ref());
        let given = Given { offers: &facts.offers, owner: facts.id.as_deref() };
        let offers = self.offers.take(&self.database.connection, &self.hasher, given)?;
        let texts = Texts {
            item_id,
            id: facts.id.as_deref(),
            identifier: facts.identifier.as_deref(),
            url: facts.url.as_deref(),
        };
        let shape = self.shapes.take(&self.database.connection, &self.hasher, &texts)?;
        let held_row = if let Held::Opportunity { key, link: before, own, offers, shape, verdict: stood, .. } = *held {
            touched.loose_links.extend(before.filter(|before| Some(*before) != link));
            self.offers.release(&self.database.connection, offers)?;
            self.shapes.release(&self.database.connection, shape)?;
            let way = if (before, stood) == (link, verdict) { Way::InPlace } else { Way::Over };
            (key, own, way)
        } else {
            let key = OpportunityKey(self.next_opportunity);
            self.next_opportunity += 1;
            self.opportunities.insert(hash, key);
            (key, false, Way::New)
        };
        let (key, had_own, way) = held_row;
        let own = own_row::has_own(facts);
        let stamp = opportunity_row::Stamp { key, pair, modified, walk, link };
        let shape = (shape, self.shapes.shapes.get(shape)?);
        let numbers = Numbers::of(facts, offers, own);
        opportunity_row::write(&self.database.connection, (stamp, way), verdict, &numbers, shape, &texts)?;
        match (own, had_own) {
            (true, _) => own_row::write(&self.database.connection, key, facts)?,
            (false, true) => own_row::remove(&self.database.connection, key)?,
            (false, false) => {}
        }
        // The catalogue of a first harvest is filled as a whole.
        if !self.loading {
            touched.opportunities.insert(key);
        }
        Ok(())
    }

    fn put_parent(
        &mut self,
        pair: Pair,
        item_id: &str,
        (modified, walk): (i64, i64),
        facts: &Parent<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let given = Given { offers: &facts.offers, owner: Some(&facts.id) };
        let before_offers = self.book.item(pair, item_id).and_then(|entry| entry.offers);
        let before = self.book.remove(pair, item_id);
        let mut offers = None;
        let mut rows = Vec::with_capacity(facts.courts.len() + 1);
        let own = std::iter::once((&facts.id, None));
        let courts = facts.courts.iter().map(|court| (&court.id, Some((&*facts.id, court.name.as_deref()))));
        for (id, court) in own.chain(courts) {
            let link = self.intern_link(pair, id)?;
            // A row keeps its key, because the catalogue's listings stand on it.
            let key = before.iter().find(|row| row.0 == link).map_or(ParentKey(self.next_parent), |row| row.1);
            self.next_parent = self.next_parent.max(key.0 + 1);
            offers = self.offers.take(&self.database.connection, &self.hasher, given)?;
            let stamp = parent_row::Stamp { key, pair, item_id, modified, walk, link, court, offers };
            parent_row::write(&self.database.connection, stamp, facts)?;
            rows.push((link, key));
        }
        for (link, key) in before {
            self.offers.release(&self.database.connection, before_offers)?;
            if !rows.contains(&(link, key)) {
                self.connection().prepare_cached("DELETE FROM parent WHERE key = ?1")?.execute([key])?;
                touched.loose_links.insert(link);
            }
            touched.links.insert(link);
        }
        touched.links.extend(rows.iter().map(|row| row.0));
        let organizer = facts.organizer_id.as_deref().filter(|_| self.sellers.asking != Asking::Nothing);
        let organizer: Option<Arc<str>> = organizer.map(|id| self.book.intern_organizer(id));
        let aggregate = facts.offer.terms;
        self.book.put(pair, item_id, ParentEntry { modified, walk, aggregate, organizer, offers, rows });
        Ok(())
    }

    fn put_seller(
        &mut self,
        item_id: &str,
        stamp: (i64, i64),
        seller: &Seller<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        for id in self.sellers.put(&self.database.connection, item_id, stamp, seller)? {
            touched.links.extend(self.book.links_of_organizer(&id));
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
            (_, Held::Opportunity { key, link, own, offers, shape, .. }) => {
                self.offers.release(&self.database.connection, *offers)?;
                self.shapes.release(&self.database.connection, *shape)?;
                self.connection().prepare_cached("DELETE FROM opportunity WHERE key = ?1")?.execute([key])?;
                if *own {
                    own_row::remove(self.connection(), *key)?;
                }
                self.opportunities.remove(hash, *key);
                touched.opportunities.insert(*key);
                touched.loose_links.extend(*link);
            }
            (Role::Parents(pair), Held::Other { .. }) => {
                let offers = self.book.item(pair, item_id).and_then(|entry| entry.offers);
                for (link, key) in self.book.remove(pair, item_id) {
                    self.offers.release(&self.database.connection, offers)?;
                    self.connection().prepare_cached("DELETE FROM parent WHERE key = ?1")?.execute([key])?;
                    touched.links.insert(link);
                    touched.loose_links.insert(link);
                }
            }
            (Role::Sellers, Held::Other { .. }) => {
                if let Some(id) = self.sellers.remove(&self.database.connection, item_id)? {
                    touched.links.extend(self.book.links_of_organizer(&id));
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

    fn intern_link(&mut self, pair: Pair, id: &str) -> rusqlite::Result<LinkKey> {
        if let Some(key) = self.book.link(pair, id) {
            return Ok(key);
        }
        let key = LinkKey(self.next_link);
        self.connection().prepare_cached("INSERT INTO link (key, pair, id) VALUES (?1, ?2, ?3)")?.execute(params![
            key,
            pair.number(),
            id
        ])?;
        self.next_link += 1;
        self.book.learn_link(pair, id, key);
        Ok(key)
    }

    /// Removes what this feed no longer shows: everything that its complete walk has not seen.
    pub(super) fn sweep(&mut self, feed: Feed, walk: i64, touched: &mut Touched) -> rusqlite::Result<usize> {
        let unseen: Vec<Box<str>> = match feed.role() {
            Role::Parents(pair) => self.book.unseen(pair, walk),
            Role::Sellers => self.sellers.unseen(walk),
            Role::Datasets => Vec::new(),
            Role::Children(pair) => {
                let sql = "SELECT facts FROM opportunity WHERE pair = ?1 AND walk <> ?2";
                let mut statement = self.connection().prepare(sql)?;
                let mut rows = statement.query([pair.number(), walk])?;
                let (mut unseen, mut item_id) = (Vec::new(), String::new());
                while let Some(row) = rows.next()? {
                    let packed = facts(row, 0)?;
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
