//! Verdicts in the state: judged anew when something that they depend on changes.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, Statement, ToSql};

use super::calendar::{Calendar, Span};
use super::database::{Database, STATE};
use super::error::Result;
use super::keys::{LinkKey, OpportunityKey};
use super::opportunity_row::{self, JUDGED_COLUMNS, Judged, TABLES, verdict_from};
use super::parent_book::ParentBook;
use super::sellers::{Asking, Sellers};
use super::shape_book::Shapes;
use super::state::{State, Touched, pair_of};
use super::unsettled::Unsettled;
use crate::domain::{Change, Item, OpportunityTerms, Pair, ParentTerms, Reason, Verdict, judge};

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

    /// Whether the parent that goes by this link is shut.
    pub(super) fn is_shut(&self, link: Option<LinkKey>) -> bool {
        is_shut(self.parent_terms(link))
    }

    /// The verdict on a row as the state keeps it: as its parent is now, but as if that were not shut.
    pub(super) fn verdict(&self, terms: &OpportunityTerms, link: Option<LinkKey>) -> Verdict {
        judge(terms, self.parent_terms(link).map(ParentTerms::opened).as_ref())
    }

    /// What a row's verdict comes to.
    pub(super) fn shown(&self, verdict: Verdict, link: Option<LinkKey>) -> Verdict {
        verdict.under(self.is_shut(link))
    }

    /// Judges every row; gives the instants at which windows now turn that did not. Some rows at a time, so that what is changed need
    /// not be in memory as a whole.
    fn judge_all(self, connection: &Connection, span: Span) -> rusqlite::Result<Calendar> {
        let mut anew = Anew::new(self, connection, span);
        let sql =
            format!("SELECT {JUDGED_COLUMNS} FROM {TABLES} WHERE o.key > ?1 ORDER BY o.key LIMIT {ROWS_TOGETHER}");
        let mut statement = connection.prepare(&sql)?;
        let (mut last, mut read) = (i64::MIN, ROWS_TOGETHER);
        while read == ROWS_TOGETHER {
            read = 0;
            let mut rows = statement.query([last])?;
            while let Some(row) = rows.next()? {
                (last, read) = (row.get(0)?, read + 1);
                anew.judge(row)?;
            }
            drop(rows);
            anew.write()?;
        }
        Ok(anew.calendar)
    }

    /// Judges what a first harvest may have judged wrongly, with the indexes.
    fn judge_unsettled(self, connection: &Connection, span: Span, unsettled: &Unsettled) -> rusqlite::Result<Calendar> {
        let mut anew = Anew::new(self, connection, span);
        let select = |what: &str| format!("SELECT {JUDGED_COLUMNS} FROM {TABLES} WHERE {what} = ?1");
        let by_key = connection.prepare(&select("o.key"))?;
        let by_link = connection.prepare(&select("o.link"))?;
        anew.judge_each(by_key, unsettled.orphans())?;
        anew.judge_each(by_link, unsettled.links())?;
        anew.write()?;
        Ok(anew.calendar)
    }
}

fn is_shut(terms: Option<ParentTerms>) -> bool {
    terms.is_some_and(|terms| terms.is_shut())
}

/// So many rows are read before the verdicts among them that have changed are written.
const ROWS_TOGETHER: usize = 32_768;

/// Judging rows once more.
struct Anew<'a> {
    judging: Judging<'a>,
    connection: &'a Connection,
    changed: Vec<(OpportunityKey, Verdict)>,
    /// The instants of the windows that were written.
    calendar: Calendar,
}

impl<'a> Anew<'a> {
    fn new(judging: Judging<'a>, connection: &'a Connection, span: Span) -> Self {
        Self { judging, connection, changed: Vec::new(), calendar: Calendar::new(span) }
    }

    /// A reason that lies in a row itself stands, whatever its parent says.
    fn judge(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let reason = row.get::<_, Option<i64>>(2)?.and_then(Reason::from_number);
        if reason.is_some_and(Reason::is_of_the_item) {
            return Ok(());
        }
        let judged = Judged::read(row, self.judging.shapes)?;
        let verdict = self.judging.verdict(&judged.terms, judged.link);
        if verdict != judged.verdict {
            self.changed.push((judged.key, verdict));
        }
        Ok(())
    }

    /// The rows that a statement finds by each of these.
    fn judge_each(&mut self, mut by: Statement<'_>, all: impl Iterator<Item = impl ToSql>) -> rusqlite::Result<()> {
        for one in all {
            let mut rows = by.query([one])?;
            while let Some(row) = rows.next()? {
                self.judge(row)?;
            }
            drop(rows);
            if self.changed.len() >= ROWS_TOGETHER {
                self.write()?;
            }
        }
        Ok(())
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        write_verdicts(self.connection, &self.changed)?;
        self.changed.drain(..).for_each(|(key, verdict)| self.calendar.note(key, verdict));
        Ok(())
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

/// What the end of a first harvest has to know of the state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling<'a> {
    judging: Judging<'a>,
    /// What is to be judged once more; nothing where that is everything.
    unsettled: Option<&'a Unsettled>,
    span: Span,
}

/// What it found.
#[derive(Debug)]
pub(super) struct Settled {
    idle: Vec<IdleLink>,
    calendar: Calendar,
}

/// The end of a first harvest for the state at `path`, on a connection of its own, so that the catalogue can be filled meanwhile: builds the
/// indexes, judges once more what may be wrong, and deletes the `@id`s that nobody names.
pub(super) fn settle_loaded(path: &Path, settling: Settling<'_>) -> Result<Settled> {
    let Settling { judging, unsettled, span } = settling;
    let database = Database::open_to_write(path, &STATE)?;
    database.with_sort_files(|| {
        database.begin()?;
        let settled = database.set("write", |connection| {
            connection.execute_batch(include_str!("schema/state_indexes.sql"))?;
            let calendar = match unsettled {
                Some(unsettled) => judging.judge_unsettled(connection, span, unsettled)?,
                None => judging.judge_all(connection, span)?,
            };
            connection.execute("UPDATE state SET selling = ?1", [judging.sellers.asking.number()])?;
            Ok(Settled { idle: delete_idle_links(connection)?, calendar })
        })?;
        database.commit()?;
        Ok(settled)
    })
}

fn delete_idle_links(connection: &Connection) -> rusqlite::Result<Vec<IdleLink>> {
    let sql = "DELETE FROM link WHERE key NOT IN (SELECT link FROM parent) \
        AND NOT EXISTS (SELECT 1 FROM opportunity AS o WHERE o.link = link.key) RETURNING pair, id";
    let mut statement = connection.prepare(sql)?;
    let idle = statement.query_map([], |row| Ok(IdleLink { pair: pair_of(row, 0)?, id: row.get(1)? }))?;
    idle.collect()
}

impl State {
    /// Judges anew everything that links to a touched `@id`, and forgets the `@id`s that nobody names any more.
    pub(super) fn settle(&mut self, touched: &mut Touched) -> rusqlite::Result<()> {
        let links = std::mem::take(&mut touched.links);
        for (link, before) in &links {
            let after = self.judging().parent_terms(Some(*link));
            if before.map(ParentTerms::opened) == after.map(ParentTerms::opened) && is_shut(*before) != is_shut(after) {
                self.turn_link(*link, is_shut(after), touched)?;
            } else {
                self.settle_link(*link, is_shut(*before), touched)?;
            }
        }
        touched.links = links;
        self.forget_links(std::mem::take(&mut touched.loose_links))
    }

    /// Where a parent is shut or opened, and nothing else: no verdict is another, and all windows count otherwise.
    fn turn_link(&self, link: LinkKey, is_shut: bool, touched: &mut Touched) -> rusqlite::Result<()> {
        let sql = "SELECT key, reason, opens, closes FROM opportunity WHERE link = ?1 AND closes IS NOT NULL";
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut rows = statement.query([link])?;
        while let Some(row) = rows.next()? {
            let verdict = Some(verdict_from(row.get(1)?, row.get(2)?, row.get(3)?));
            touched.opportunity(row.get(0)?, verdict.filter(|_| is_shut), verdict.filter(|_| !is_shut));
        }
        Ok(())
    }

    /// Judges anew what links to an `@id`.
    fn settle_link(&mut self, link: LinkKey, was_shut: bool, touched: &mut Touched) -> rusqlite::Result<()> {
        let is_shut = self.judging().is_shut(Some(link));
        let sql = format!("SELECT {JUDGED_COLUMNS} FROM {TABLES} WHERE o.link = ?1");
        let mut changed = Vec::new();
        let mut statement = self.connection().prepare_cached(&sql)?;
        let mut rows = statement.query([link])?;
        while let Some(row) = rows.next()? {
            let judged = Judged::read(row, &self.shapes.shapes)?;
            let verdict = self.judging().verdict(&judged.terms, judged.link);
            if verdict != judged.verdict {
                changed.push((judged.key, verdict));
            }
            if verdict != judged.verdict || judged.own || is_shut != was_shut {
                let (stood, stands) = (Some(judged.verdict), Some(verdict));
                touched.opportunity(judged.key, stood.filter(|_| !was_shut), stands.filter(|_| !is_shut));
            }
        }
        drop(rows);
        drop(statement);
        write_verdicts(self.connection(), &changed)?;
        for (key, verdict) in changed {
            self.calendar.note(key, verdict);
        }
        Ok(())
    }

    /// Judges everything anew, because what verdicts ask of sellers has changed.
    pub(super) fn ask_sellers(&mut self, asking: Asking) -> rusqlite::Result<()> {
        self.sellers.asking = asking;
        let anew = self.judging().judge_all(self.connection(), self.calendar.span())?;
        self.calendar.absorb(anew);
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

    /// For the end of a first harvest.
    pub(super) fn settling(&self) -> Settling<'_> {
        let is_much = self.unsettled.is_much(self.rows(), usize::try_from(self.next_link).unwrap_or(usize::MAX));
        let unsettled = Some(&self.unsettled).filter(|_| !is_much);
        Settling { judging: self.judging(), unsettled, span: self.calendar.span() }
    }

    /// Follows what that has changed in the file.
    pub(super) fn take_settled(&mut self, Settled { idle, calendar }: Settled) {
        for link in idle {
            self.book.forget_link(self.hasher.hash_link(link.pair, &link.id));
        }
        self.calendar.absorb(calendar);
        self.unsettled = Unsettled::default();
    }

    /// While nothing is judged anew: takes note that a seller comes, changes or goes.
    pub(super) fn doubt_sellers(&mut self) {
        if self.loading && self.sellers.asking == Asking::Feed {
            self.unsettled.add_all();
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
}
