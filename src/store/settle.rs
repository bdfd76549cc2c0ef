//! Verdicts in the state: judged anew when something that they depend on changes, and found by the instants at which they
//! turn.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::database::{Database, STATE};
use super::error::Result;
use super::keys::{LinkKey, OpportunityKey};
use super::opportunity_row::{self, JUDGED_COLUMNS, Judged, TABLES};
use super::parent_book::ParentBook;
use super::sellers::{Asking, Sellers};
use super::shape_book::Shapes;
use super::state::{State, Touched, pair_of};
use crate::domain::{Change, Instant, Item, Pair, ParentTerms, Reason, Verdict, judge};

/// What verdicts are made from beside a row: it is in memory, and can be looked at from another thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judging<'a> {
    pub(super) book: &'a ParentBook,
    pub(super) sellers: &'a Sellers,
    pub(super) shapes: &'a Shapes,
}

impl Judging<'_> {
    /// What the rules look at in the parent that goes by this link; nothing where none is published.
    pub(super) fn parent_terms(&self, link: Option<LinkKey>) -> Option<ParentTerms> {
        let speaker = self.book.speaker(link?)?;
        let selling = self.sellers.selling(speaker.organizer.as_deref());
        Some(ParentTerms { aggregate: speaker.aggregate, selling })
    }

    /// The verdict on a row as its parent is now.
    pub(super) fn verdict(&self, judged: &Judged) -> Verdict {
        judge(&judged.terms, self.parent_terms(judged.link).as_ref())
    }

    /// Judges every row; gives the `@id`s that sessions and slots name, by their number. A reason that lies in a row itself stands,
    /// whatever its parent says.
    fn judge_all(&self, connection: &Connection) -> rusqlite::Result<Named> {
        let (mut changed, mut named) = (Vec::new(), Named::default());
        let sql = format!("SELECT {JUDGED_COLUMNS} FROM {TABLES}");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            named.add(row.get(1)?);
            let reason = row.get::<_, Option<i64>>(2)?.and_then(Reason::from_number);
            if reason.is_some_and(Reason::is_of_the_item) {
                continue;
            }
            let judged = Judged::read(row, self.shapes)?;
            let verdict = self.verdict(&judged);
            if verdict != judged.verdict {
                changed.push((judged.key, verdict));
            }
        }
        write_verdicts(connection, &changed)?;
        Ok(named)
    }
}

fn write_verdicts(connection: &Connection, changed: &[(OpportunityKey, Verdict)]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(opportunity_row::UPDATE_VERDICT)?;
    changed.iter().try_for_each(|(key, verdict)| opportunity_row::update_verdict(&mut update, *key, *verdict))
}

/// An `@id` that nobody names any more.
#[derive(Debug)]
pub(super) struct IdleLink {
    pair: Pair,
    id: String,
}

/// The end of a first harvest for the state at `path`, on a connection of its own, so that the catalogue can be filled meanwhile: judges
/// every row once more, deletes the `@id`s that nobody names (they are given back), and builds the indexes.
pub(super) fn settle_loaded(path: &Path, judging: Judging<'_>) -> Result<Vec<IdleLink>> {
    let database = Database::open_to_write(path, &STATE)?;
    database.with_sort_files(|| {
        database.begin()?;
        let idle = database.set("write", |connection| {
            let named = judging.judge_all(connection)?;
            connection.execute("UPDATE state SET selling = ?1", [judging.sellers.asking.number()])?;
            let idle = delete_idle_links(connection, &named)?;
            connection.execute_batch(include_str!("schema/state_indexes.sql"))?;
            Ok(idle)
        })?;
        database.commit()?;
        Ok(idle)
    })
}

fn delete_idle_links(connection: &Connection, named: &Named) -> rusqlite::Result<Vec<IdleLink>> {
    let sql = "SELECT key, pair, id FROM link WHERE key NOT IN (SELECT link FROM parent)";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut idle = Vec::new();
    while let Some(row) = rows.next()? {
        let key: LinkKey = row.get(0)?;
        if !named.has(key) {
            idle.push((key, IdleLink { pair: pair_of(row, 1)?, id: row.get(2)? }));
        }
    }
    let mut delete = connection.prepare("DELETE FROM link WHERE key = ?1")?;
    let delete = |(key, link): (LinkKey, IdleLink)| delete.execute([key]).map(|_| link);
    idle.into_iter().map(delete).collect()
}

/// What the time that passed has moved.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Sessions and slots that can be booked now.
    pub(super) open: BTreeSet<OpportunityKey>,
    /// Sessions and slots that cannot.
    pub(super) closed: BTreeSet<OpportunityKey>,
}

/// The `@id`s that sessions and slots name, by their number.
#[derive(Debug, Default)]
struct Named(Vec<bool>);

impl Named {
    fn place(link: LinkKey) -> usize {
        usize::try_from(link.0).unwrap_or(0)
    }

    fn add(&mut self, link: Option<LinkKey>) {
        let Some(at) = link.map(Self::place) else { return };
        if at >= self.0.len() {
            self.0.resize(at + 1, false);
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = true;
        }
    }

    fn has(&self, link: LinkKey) -> bool {
        self.0.get(Self::place(link)).copied().unwrap_or(false)
    }
}

impl State {
    /// Judges anew everything that links to a touched `@id`, and forgets the `@id`s that nobody names any more.
    pub(super) fn settle(&mut self, touched: &mut Touched) -> rusqlite::Result<()> {
        for link in &touched.links {
            let terms = self.judging().parent_terms(Some(*link));
            let sql = format!("SELECT {JUDGED_COLUMNS} FROM {TABLES} WHERE o.link = ?1");
            let mut changed = Vec::new();
            let mut statement = self.connection().prepare_cached(&sql)?;
            let mut rows = statement.query([link])?;
            while let Some(row) = rows.next()? {
                let judged = Judged::read(row, &self.shapes.shapes)?;
                let verdict = judge(&judged.terms, terms.as_ref());
                if verdict != judged.verdict {
                    changed.push((judged.key, verdict));
                } else if judged.own {
                    touched.opportunities.insert(judged.key);
                }
            }
            drop(rows);
            drop(statement);
            write_verdicts(self.connection(), &changed)?;
            touched.opportunities.extend(changed.into_iter().map(|(key, _)| key));
        }
        self.forget_links(std::mem::take(&mut touched.loose_links))
    }

    /// Judges everything anew, because what verdicts ask of sellers has changed.
    pub(super) fn ask_sellers(&mut self, asking: Asking) -> rusqlite::Result<()> {
        self.sellers.asking = asking;
        self.judging().judge_all(self.connection())?;
        self.connection().execute("UPDATE state SET selling = ?1", [asking.number()]).map(drop)
    }

    /// What the verdicts in the state say of sellers.
    pub(super) fn judged_asking(&self) -> rusqlite::Result<i64> {
        self.connection().query_row("SELECT selling FROM state", [], |row| row.get(0))
    }

    /// Forgets each of these `@id`s that neither a parent nor a session or slot names.
    fn forget_links(&mut self, links: BTreeSet<LinkKey>) -> rusqlite::Result<()> {
        for link in links {
            let sql = "DELETE FROM link WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM opportunity WHERE link = ?1) \
                AND NOT EXISTS (SELECT 1 FROM parent WHERE link = ?1) RETURNING pair, id";
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            let gone = self.connection().prepare_cached(sql)?.query_row([link], read).optional()?;
            if let Some((pair, id)) = gone {
                let pair = Pair::from_number(pair).unwrap_or(Pair::Sessions);
                self.book.forget_link(self.hasher.hash_link(pair, &id));
            }
        }
        Ok(())
    }

    /// What verdicts are made from beside a row.
    pub(super) fn judging(&self) -> Judging<'_> {
        Judging { book: &self.book, sellers: &self.sellers, shapes: &self.shapes.shapes }
    }

    /// Forgets `@id`s that are in the file no more.
    pub(super) fn forget_idle(&mut self, idle: Vec<IdleLink>) {
        for link in idle {
            self.book.forget_link(self.hasher.hash_link(link.pair, &link.id));
        }
    }

    /// Makes the datasets those of the document, and no others; whether that changed anything.
    pub(super) fn put_datasets(&self, changes: &[Change<'_>]) -> rusqlite::Result<bool> {
        let keep = "INSERT INTO dataset (identifier, name, publisher, url, license) VALUES (?1, ?2, ?3, ?4, ?5) \
            ON CONFLICT (identifier) DO UPDATE SET name = excluded.name, publisher = excluded.publisher, \
            url = excluded.url, license = excluded.license WHERE (name, publisher, url, license) \
            IS NOT (excluded.name, excluded.publisher, excluded.url, excluded.license)";
        let mut changed = 0;
        let mut statement = self.connection().prepare_cached(keep)?;
        let mut given = BTreeSet::new();
        for change in changes {
            if let Item::Dataset(set) = &change.item {
                given.insert(&*set.identifier);
                let values = rusqlite::params![set.identifier, set.name, set.publisher, set.url, set.license];
                changed += statement.execute(values)?;
            }
        }
        let mut statement = self.connection().prepare_cached("SELECT identifier FROM dataset")?;
        let held = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        for gone in held.iter().filter(|identifier| !given.contains(identifier.as_str())) {
            changed += self.connection().execute("DELETE FROM dataset WHERE identifier = ?1", [gone])?;
        }
        Ok(changed > 0)
    }

    /// The sessions and slots whose window opens or closes between two instants, whichever is the earlier: those whose window holds
    /// the second of them, and those whose window does not.
    pub(super) fn transitions(&self, from: Instant, to: Instant) -> rusqlite::Result<Moved> {
        let (low, high) = (from.min(to).as_seconds(), from.max(to).as_seconds());
        let sql = "SELECT key, coalesce(opens <= ?3, 1) AND closes > ?3 FROM opportunity WHERE opens > ?1 AND opens <= ?2 \
            UNION ALL SELECT key, iif(closes > ?3, coalesce(opens <= ?3, 1), 0) FROM opportunity WHERE closes > ?1 AND closes <= ?2";
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut rows = statement.query([low, high, to.as_seconds()])?;
        let mut moved = Moved::default();
        while let Some(row) = rows.next()? {
            let side = if row.get(1)? { &mut moved.open } else { &mut moved.closed };
            side.insert(row.get(0)?);
        }
        Ok(moved)
    }

    /// The sessions and slots that can be booked at `now`.
    pub(super) fn open_opportunities(&self, now: Instant) -> rusqlite::Result<BTreeSet<OpportunityKey>> {
        let sql = "SELECT key FROM opportunity WHERE +closes > ?1 AND (opens IS NULL OR +opens <= ?1)";
        let mut statement = self.connection().prepare(sql)?;
        let rows = statement.query_map([now.as_seconds()], |row| row.get(0))?;
        rows.collect()
    }

    /// The next instant after `now` at which a window opens or closes.
    pub(super) fn next_transition(&self, now: Instant) -> rusqlite::Result<Option<Instant>> {
        let sql = "SELECT min(at) FROM (SELECT min(opens) AS at FROM opportunity WHERE opens > ?1 \
            UNION ALL SELECT min(closes) FROM opportunity WHERE closes > ?1)";
        let mut statement = self.connection().prepare_cached(sql)?;
        let at: Option<i64> = statement.query_row([now.as_seconds()], |row| row.get(0))?;
        Ok(at.map(Instant::from_seconds))
    }
}
