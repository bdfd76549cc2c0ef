//! The state: opening it, taking in what the feeds say, and judging sessions anew when something they depend on changes.
//!
//! Everything here happens inside a transaction that the [`super::Store`] opens. What changed is gathered in [`Touched`],
//! so that the catalogue can follow.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Database, STATE};
use super::error::Result;
use super::index::{ItemHash, ItemHasher, SessionIndex, Tombstone};
use super::keys::{LinkKey, SeriesKey, SessionKey};
use super::series_book::{SeriesBook, SeriesEntry};
use super::series_row;
use super::session_row::{self, JUDGED_COLUMNS, Judged};
use crate::domain::{Change, Feed, Instant, Item, Series, Session, judge};

/// How long a tombstone is kept: RPDE asks publishers to keep deletions for seven days.
const TOMBSTONE_SECONDS: i64 = 8 * 86_400;

/// What a batch changed, for the catalogue to follow.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Sessions whose row came, changed or went, or whose verdict did.
    pub(super) sessions: BTreeSet<SessionKey>,
    /// `@id`s whose series came, changed or went.
    pub(super) links: BTreeSet<LinkKey>,
    /// `@id`s that perhaps nobody names any more.
    loose_links: BTreeSet<LinkKey>,
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
    sessions: SessionIndex,
    tombstones: HashMap<ItemHash, Tombstone>,
    pub(super) book: SeriesBook,
    next_session: i64,
    next_series: i64,
    next_link: i64,
}

impl State {
    /// Opens the state, making it where there is none, and reads into memory what finds items again.
    pub(super) fn open(path: &Path, now: Instant) -> Result<Self> {
        let database = Database::open(path, &STATE)?;
        let (name, hash_key, batch, loading) = database.set("set up", |connection| {
            connection.execute(
                "INSERT OR IGNORE INTO state (id, state_id, hash_key, batch, loading) \
                 VALUES (1, lower(hex(randomblob(16))), randomblob(16), 0, 1)",
                [],
            )?;
            connection
                .execute("DELETE FROM tombstone WHERE at < ?1", [now.plus_seconds(-TOMBSTONE_SECONDS).as_seconds()])?;
            connection.query_row("SELECT state_id, hash_key, batch, loading FROM state", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        })?;
        let mut state = Self {
            database,
            name,
            batch,
            loading,
            hasher: ItemHasher::new(hash_key),
            sessions: SessionIndex::default(),
            tombstones: HashMap::new(),
            book: SeriesBook::default(),
            next_session: 1,
            next_series: 1,
            next_link: 1,
        };
        state.load().map_err(|source| state.database.error("read", source))?;
        Ok(state)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.database.connection
    }

    fn load(&mut self) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        let rows: i64 = connection.query_row("SELECT coalesce(max(key), 0) FROM session", [], |row| row.get(0))?;
        self.sessions.reserve(usize::try_from(rows).unwrap_or(0));
        let mut statement = connection.prepare("SELECT key, item_id FROM session")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: SessionKey = row.get(0)?;
            let item_id = row.get_ref(1)?.as_str()?;
            self.sessions.insert(self.hasher.hash(Feed::ScheduledSessions, item_id), key);
            self.next_session = self.next_session.max(key.0 + 1);
        }
        let mut statement = connection.prepare("SELECT key, id FROM series_link")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: LinkKey = row.get(0)?;
            self.book.learn_link(row.get_ref(1)?.as_str()?, key);
            self.next_link = self.next_link.max(key.0 + 1);
        }
        let mut statement = connection
            .prepare("SELECT key, item_id, modified, walk, link, potentially_bookable, valid_from FROM series")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: SeriesKey = row.get(0)?;
            let valid_from: Option<String> = row.get(6)?;
            let terms = series_row::terms_from(row.get(5)?, valid_from.as_deref());
            let entry = SeriesEntry { key, modified: row.get(2)?, walk: row.get(3)?, link: row.get(4)?, terms };
            self.book.put(row.get_ref(1)?.as_str()?, entry);
            self.next_series = self.next_series.max(key.0 + 1);
        }
        let mut statement = connection.prepare("SELECT hash, modified, walk FROM tombstone")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let tombstone = Tombstone { modified: row.get(1)?, walk: row.get(2)? };
            self.tombstones.insert(ItemHash::from_bytes(row.get(0)?), tombstone);
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
            Held::Session { modified, walk, .. } | Held::Series { modified, walk } => Some((*modified, *walk)),
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
        match &change.item {
            Item::Session(session) => self.put_session(&change.id, hash, (modified, walk), &held, session, touched),
            Item::Series(series) => self.put_series(&change.id, (modified, walk), series, touched),
            Item::Gone => {
                self.remove(&change.id, hash, &held, touched)?;
                self.bury(hash, Tombstone { modified, walk }, now)
            }
        }
    }

    fn held(&self, feed: Feed, item_id: &str, hash: ItemHash) -> rusqlite::Result<Held> {
        if feed == Feed::SessionSeries {
            let entry = self.book.item(item_id);
            return Ok(entry.map_or(Held::Nothing, |entry| Held::Series { modified: entry.modified, walk: entry.walk }));
        }
        for key in self.sessions.candidates(hash) {
            let mut statement =
                self.connection().prepare_cached("SELECT item_id, modified, walk, link FROM session WHERE key = ?1")?;
            let mut rows = statement.query([key])?;
            if let Some(row) = rows.next()?
                && row.get_ref(0)?.as_str()? == item_id
            {
                return Ok(Held::Session { key, modified: row.get(1)?, walk: row.get(2)?, link: row.get(3)? });
            }
        }
        Ok(Held::Nothing)
    }

    fn put_session(
        &mut self,
        item_id: &str,
        hash: ItemHash,
        (modified, walk): (i64, i64),
        held: &Held,
        session: &Session<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let link = session.series_id.as_deref().map(|id| self.intern_link(id)).transpose()?;
        let verdict = judge(&session.terms, self.book.terms(link).as_ref());
        let key = if let Held::Session { key, link: before, .. } = *held {
            touched.loose_links.extend(before.filter(|before| Some(*before) != link));
            key
        } else {
            let key = SessionKey(self.next_session);
            self.next_session += 1;
            self.sessions.insert(hash, key);
            key
        };
        session_row::write(
            self.connection(),
            session_row::Stamp { key, item_id, modified, walk, link },
            session,
            verdict,
        )?;
        touched.sessions.insert(key);
        Ok(())
    }

    fn put_series(
        &mut self,
        item_id: &str,
        (modified, walk): (i64, i64),
        series: &Series<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let link = self.intern_link(&series.id)?;
        let key = self.book.item(item_id).map_or_else(|| SeriesKey(self.next_series), |entry| entry.key);
        self.next_series = self.next_series.max(key.0 + 1);
        series_row::write(self.connection(), series_row::Stamp { key, item_id, modified, walk, link }, series)?;
        let before = self.book.put(item_id, SeriesEntry { key, modified, walk, link, terms: series.terms });
        touched.loose_links.extend(before.filter(|before| *before != link));
        touched.links.extend(before);
        touched.links.insert(link);
        Ok(())
    }

    fn remove(&mut self, item_id: &str, hash: ItemHash, held: &Held, touched: &mut Touched) -> rusqlite::Result<()> {
        match *held {
            Held::Session { key, link, .. } => {
                self.connection().prepare_cached("DELETE FROM session WHERE key = ?1")?.execute([key])?;
                self.sessions.remove(hash, key);
                touched.sessions.insert(key);
                touched.loose_links.extend(link);
            }
            Held::Series { .. } => {
                if let Some(entry) = self.book.item(item_id) {
                    self.connection().prepare_cached("DELETE FROM series WHERE key = ?1")?.execute([entry.key])?;
                }
                let link = self.book.remove(item_id);
                touched.links.extend(link);
                touched.loose_links.extend(link);
            }
            Held::Nothing => {}
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

    fn intern_link(&mut self, id: &str) -> rusqlite::Result<LinkKey> {
        if let Some(key) = self.book.link(id) {
            return Ok(key);
        }
        let key = LinkKey(self.next_link);
        self.connection()
            .prepare_cached("INSERT INTO series_link (key, id) VALUES (?1, ?2)")?
            .execute(params![key, id])?;
        self.next_link += 1;
        self.book.learn_link(id, key);
        Ok(key)
    }

    /// Removes what this feed no longer shows: everything that its complete walk has not seen.
    pub(super) fn sweep(&mut self, feed: Feed, walk: i64, touched: &mut Touched) -> rusqlite::Result<usize> {
        let unseen: Vec<Box<str>> = match feed {
            Feed::SessionSeries => self.book.unseen(walk),
            Feed::ScheduledSessions => {
                let mut statement = self.connection().prepare("SELECT item_id FROM session WHERE walk <> ?1")?;
                let rows = statement.query_map([walk], |row| row.get::<_, Box<str>>(0))?;
                rows.collect::<rusqlite::Result<_>>()?
            }
        };
        for item_id in &unseen {
            let hash = self.hasher.hash(feed, item_id);
            let held = self.held(feed, item_id, hash)?;
            self.remove(item_id, hash, &held, touched)?;
        }
        Ok(unseen.len())
    }

    /// Judges anew every session that links to a touched `@id`, and forgets the `@id`s that nobody names any more.
    pub(super) fn settle(&mut self, touched: &mut Touched) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        for link in &touched.links {
            let terms = self.book.terms(Some(*link));
            let sql = format!("SELECT {JUDGED_COLUMNS} FROM session WHERE link = ?1");
            let mut changed = Vec::new();
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([link])?;
            while let Some(row) = rows.next()? {
                let judged = Judged::read(row)?;
                let verdict = judge(&judged.terms, terms.as_ref());
                if verdict != judged.verdict {
                    changed.push((judged.key, verdict));
                } else if judged.own_listing {
                    touched.sessions.insert(judged.key);
                }
            }
            drop(rows);
            let mut update = connection.prepare_cached(session_row::UPDATE_VERDICT)?;
            for (key, verdict) in changed {
                session_row::update_verdict(&mut update, key, verdict)?;
                touched.sessions.insert(key);
            }
        }
        self.forget_links(std::mem::take(&mut touched.loose_links))
    }

    fn forget_links(&mut self, links: BTreeSet<LinkKey>) -> rusqlite::Result<()> {
        for link in links {
            let connection = &self.database.connection;
            let sql = "DELETE FROM series_link WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM session WHERE link = ?1) \
                AND NOT EXISTS (SELECT 1 FROM series WHERE link = ?1) RETURNING id";
            let gone: Option<String> =
                connection.prepare_cached(sql)?.query_row([link], |row| row.get(0)).optional()?;
            if let Some(id) = gone {
                self.book.forget_link(&id);
            }
        }
        Ok(())
    }

    /// The end of a first harvest: builds the indexes, judges every session once more, and forgets idle `@id`s.
    pub(super) fn finish_loading(&mut self) -> rusqlite::Result<()> {
        self.connection().execute_batch(include_str!("schema/state_indexes.sql"))?;
        let mut changed = Vec::new();
        {
            let sql = format!("SELECT {JUDGED_COLUMNS} FROM session");
            let mut statement = self.connection().prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let judged = Judged::read(row)?;
                let verdict = judge(&judged.terms, self.book.terms(judged.link).as_ref());
                if verdict != judged.verdict {
                    changed.push((judged.key, verdict));
                }
            }
        }
        let mut update = self.connection().prepare_cached(session_row::UPDATE_VERDICT)?;
        for (key, verdict) in changed {
            session_row::update_verdict(&mut update, key, verdict)?;
        }
        drop(update);
        let idle = "SELECT key FROM series_link WHERE key NOT IN (SELECT link FROM series) \
            AND NOT EXISTS (SELECT 1 FROM session WHERE link = series_link.key)";
        let links = {
            let mut statement = self.connection().prepare(idle)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<BTreeSet<LinkKey>>>()?
        };
        self.forget_links(links)
    }

    /// The sessions whose window opens or closes between two instants, whichever is the earlier.
    pub(super) fn transitions(&self, from: Instant, to: Instant) -> rusqlite::Result<Vec<SessionKey>> {
        let (low, high) = (from.min(to).as_seconds(), from.max(to).as_seconds());
        let sql = "SELECT key FROM session WHERE opens > ?1 AND opens <= ?2 \
            UNION SELECT key FROM session WHERE closes > ?1 AND closes <= ?2";
        let mut statement = self.connection().prepare_cached(sql)?;
        let rows = statement.query_map([low, high], |row| row.get(0))?;
        rows.collect()
    }

    /// The sessions that can be booked at `now`.
    pub(super) fn open_sessions(&self, now: Instant) -> rusqlite::Result<BTreeSet<SessionKey>> {
        let sql = "SELECT key FROM session WHERE +closes > ?1 AND (opens IS NULL OR +opens <= ?1)";
        let mut statement = self.connection().prepare(sql)?;
        let rows = statement.query_map([now.as_seconds()], |row| row.get(0))?;
        rows.collect()
    }

    /// The next instant after `now` at which a window opens or closes.
    pub(super) fn next_transition(&self, now: Instant) -> rusqlite::Result<Option<Instant>> {
        let sql = "SELECT min(at) FROM (SELECT min(opens) AS at FROM session WHERE opens > ?1 \
            UNION ALL SELECT min(closes) FROM session WHERE closes > ?1)";
        let mut statement = self.connection().prepare_cached(sql)?;
        let at: Option<i64> = statement.query_row([now.as_seconds()], |row| row.get(0))?;
        Ok(at.map(Instant::from_seconds))
    }
}

/// What the state holds of an item.
#[derive(Debug)]
enum Held {
    Nothing,
    Session { key: SessionKey, modified: i64, walk: i64, link: Option<LinkKey> },
    Series { modified: i64, walk: i64 },
}
