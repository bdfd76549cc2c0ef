//! Reading the state without writing it: what `status` and `explain` tell, and asking for a resync.

use std::collections::BTreeMap;
use std::path::Path;

use hashbrown::HashSet;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::{Database, STATE};
use super::error::Result;
use super::keys::LinkKey;
use super::opportunity_row::{JUDGED_COLUMNS, Judged, TABLES, facts, verdict_from};
use super::packed::Packed;
use super::parent_row;
use super::sellers::{Asking, Sellers};
use super::shape_book::{Shapes, damaged};
use crate::domain::{Aggregate, Feed, Instant, OpportunityTerms, Pair, ParentTerms, Selling, Standing, Verdict};

/// At most so many are explained that have the same id.
const FOUND_MAX: usize = 10;
/// The licence's fair use: one resync a week.
const RESYNC_SECONDS_MIN: i64 = 7 * 86_400;

/// What opens within this time opens soon.
pub const SOON_SECONDS: i64 = 3600;

/// The state, open to read.
#[derive(Debug)]
pub struct StateReader {
    database: Database,
}

/// A feed as `status` shows it.
#[derive(Clone, Debug)]
pub struct FeedReport {
    /// Its name.
    pub name: String,
    /// Whether bookability hangs on it.
    pub needed: bool,
    /// The page to be asked for next.
    pub next_url: String,
    /// Counts the walks from the start.
    pub walk: i64,
    /// Whether this walk has come to the feed's end.
    pub walk_complete: bool,
    /// When the last page was last read.
    pub read_to_end_at: Option<Instant>,
    /// Not to be asked before this instant.
    pub wait_until: Option<Instant>,
    /// Requests that failed since the last that did not.
    pub failures: u32,
    /// What the last of them met: a stable code.
    pub fault_code: Option<String>,
    /// The same for people.
    pub fault: Option<String>,
    /// Pages read.
    pub pages: i64,
    /// Items read that are there.
    pub updated: i64,
    /// Items read that are gone.
    pub deleted: i64,
    /// When a request was last answered, or met a fault.
    pub polled_at: Option<Instant>,
}

/// Findings of one kind in one feed.
#[derive(Clone, Debug)]
pub struct FindingReport {
    /// The feed's name.
    pub feed: String,
    /// The finding's stable code.
    pub code: String,
    /// How often it was met.
    pub count: i64,
    /// The RPDE id of the last such item.
    pub item: String,
    /// When that was.
    pub seen_at: Instant,
}

type Standings = BTreeMap<Pair, BTreeMap<Standing, i64>>;

/// Everything that `status` tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// The feeds.
    pub feeds: Vec<FeedReport>,
    /// The findings.
    pub findings: Vec<FindingReport>,
    /// How many sessions, and how many slots, stand how.
    pub standings: BTreeMap<Pair, BTreeMap<Standing, i64>>,
    /// How many of those that have not opened yet open within [`SOON_SECONDS`].
    pub opening_soon: BTreeMap<Pair, i64>,
    /// How many series, and how many facility uses, are published.
    pub parents: BTreeMap<Pair, i64>,
    /// How many sellers the broker's feed has; `None` where no broker is set.
    pub sellers: Option<i64>,
    /// How many datasets are known.
    pub datasets: i64,
    /// The datasets that parents name and the attribution catalogue does not have, with how many parents name them.
    pub missing_datasets: Vec<(String, i64)>,
    /// Whether a first harvest goes on.
    pub loading: bool,
    /// When a resync was last asked for.
    pub resync_at: Option<Instant>,
}

impl Report {
    /// How many sessions or slots stand so.
    pub fn standing(&self, pair: Pair, standing: Standing) -> i64 {
        self.standings.get(&pair).and_then(|standings| standings.get(&standing)).copied().unwrap_or(0)
    }

    /// How many sessions or slots are published.
    pub fn published(&self, pair: Pair) -> i64 {
        self.standings.get(&pair).map_or(0, |standings| standings.values().sum())
    }
}

/// One session or slot with what its verdict was made from.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Which of the two it is.
    pub pair: Pair,
    /// `@id`.
    pub session_id: Option<String>,
    /// `identifier`.
    pub identifier: Option<String>,
    /// The RPDE id.
    pub item_id: String,
    /// The RPDE `modified`.
    pub modified: i64,
    /// Its name, or its parent's.
    pub name: Option<String>,
    /// The `@id` that it names as its parent's.
    pub parent_id: Option<String>,
    /// The `@id` of that parent's organizer.
    pub organizer_id: Option<String>,
    /// That organizer's name.
    pub organizer: Option<String>,
    /// `validFromBeforeStartDate` as the feed writes it.
    pub valid_from: Option<String>,
    /// What the rules look at in it.
    pub terms: OpportunityTerms,
    /// What they look at in its parent; `None`: not published.
    pub parent_terms: Option<ParentTerms>,
    /// The verdict that stands in the state.
    pub verdict: Verdict,
}

/// What became of asking for a resync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResyncAnswer {
    /// The feeds will be walked anew.
    Granted,
    /// The last one was asked for less than seven days ago, at this instant.
    TooSoon(Instant),
}

impl StateReader {
    /// Opens the state to read it.
    ///
    /// # Errors
    /// [`super::StoreError`] where it is missing, foreign or newer.
    pub fn open(path: &Path) -> Result<Self> {
        Database::open_to_read(path, &STATE).map(|database| Self { database })
    }

    /// What `status` tells.
    ///
    /// # Errors
    /// [`super::StoreError`] where the state cannot be read.
    pub fn report(&self, now: Instant) -> Result<Report> {
        self.database.set("read", |connection| {
            let (feeds, findings) = (read_feeds(connection)?, read_findings(connection)?);
            let (loading, resync_at): (bool, Option<i64>) =
                connection
                    .query_row("SELECT loading, resync_at FROM state", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
            let asked = asking(connection)? != Asking::Nothing;
            let (standings, opening_soon) = standings(connection, now)?;
            Ok(Report {
                feeds,
                findings,
                standings,
                opening_soon,
                parents: parents(connection)?,
                sellers: if asked { Some(count("SELECT count(*) FROM seller")?) } else { None },
                datasets: count("SELECT count(*) FROM dataset")?,
                missing_datasets: missing_datasets(connection)?,
                loading,
                resync_at: resync_at.map(Instant::from_seconds),
            })
        })
    }

    /// The feeds alone, which takes no time however much is held.
    ///
    /// # Errors
    /// [`super::StoreError`] where the state cannot be read.
    pub fn feeds(&self) -> Result<Vec<FeedReport>> {
        self.database.set("read", read_feeds)
    }

    /// The findings alone.
    ///
    /// # Errors
    /// [`super::StoreError`] where the state cannot be read.
    pub fn findings(&self) -> Result<Vec<FindingReport>> {
        self.database.set("read", read_findings)
    }

    /// The sessions and slots with this `identifier`, `@id` or RPDE id: almost always one, or none.
    ///
    /// # Errors
    /// [`super::StoreError`] where the state cannot be read.
    pub fn explain(&self, id: &str) -> Result<Vec<Explained>> {
        self.database.set("read", |connection| {
            let mut sellers = Sellers::default();
            sellers.asking = asking(connection)?;
            sellers.load(connection)?;
            let shapes = Shapes::load(connection)?;
            let sql = format!("SELECT {JUDGED_COLUMNS}, own.name FROM {TABLES}");
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let packed = facts(row, 5)?;
                let [item_id, at_id, identifier, _] = packed.texts(shapes.of(&packed)?).ok_or_else(damaged)?;
                let is = |text: &Option<String>| text.as_deref() == Some(id);
                let rank = [is(&identifier), is(&at_id), is(&item_id)].iter().position(|is| *is);
                if let Some(rank) = rank {
                    let texts = [item_id, at_id, identifier];
                    found.push((rank, explained(connection, &sellers, row, (&shapes, texts))?));
                }
            }
            found.sort_by_key(|(rank, _)| *rank);
            let found = found.into_iter().take(FOUND_MAX).map(|(_, explained)| explained).collect();
            Ok(found)
        })
    }
}

/// What verdicts say of sellers.
fn asking(connection: &Connection) -> rusqlite::Result<Asking> {
    let number: i64 = connection.query_row("SELECT selling FROM state", [], |row| row.get(0))?;
    let known = [Asking::Nothing, Asking::Unread, Asking::Feed].into_iter().find(|asking| asking.number() == number);
    Ok(known.unwrap_or(Asking::Unread))
}

/// One row with what belongs to it; `texts` are its RPDE id, `@id` and `identifier`.
fn explained(
    connection: &Connection,
    sellers: &Sellers,
    row: &Row<'_>,
    (shapes, texts): (&Shapes, [Option<String>; 3]),
) -> rusqlite::Result<Explained> {
    let judged = Judged::read(row, shapes)?;
    let [item_id, session_id, identifier] = texts;
    let sql = "SELECT public_adult, valid_from, name, organizer_id, organizer FROM whole_parent WHERE link = ?1 \
        ORDER BY modified DESC, item_id DESC LIMIT 1";
    let read = |row: &Row<'_>| {
        let texts: [Option<String>; 4] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        Ok((row.get::<_, i64>(0)?, texts))
    };
    let parent = connection.query_row(sql, [judged.link], read).optional()?;
    let link = "SELECT id FROM link WHERE key = ?1";
    let parent_id = connection.query_row(link, [judged.link], |row| row.get(0)).optional()?;
    let parent_terms = parent.as_ref().map(|(number, [valid_from, _, organizer_id, _])| ParentTerms {
        aggregate: parent_row::aggregate_from(*number, valid_from.as_deref()),
        selling: sellers.selling(organizer_id.as_deref()),
    });
    let [valid_from, name, organizer_id, organizer] = parent.map(|parent| parent.1).unwrap_or_default();
    let own_valid_from: Option<String> = row.get("valid_from")?;
    let own_counts = parent_terms.is_some_and(|terms| terms.aggregate == Aggregate::Absent);
    Ok(Explained {
        pair: judged.pair,
        session_id,
        identifier,
        item_id: item_id.unwrap_or_default(),
        modified: facts(row, 5)?.seen.modified,
        name: row.get::<_, Option<String>>("name")?.or(name),
        parent_id,
        organizer_id,
        organizer,
        valid_from: if own_counts { own_valid_from } else { valid_from },
        terms: judged.terms,
        parent_terms,
        verdict: judged.verdict.under(parent_terms.is_some_and(|terms| terms.is_shut())),
    })
}

/// How many stand how, and how many of them open soon. One pass over all rows, which is quicker than SQL's grouping.
fn standings(connection: &Connection, now: Instant) -> rusqlite::Result<(Standings, BTreeMap<Pair, i64>)> {
    let mut counts: BTreeMap<(Pair, Standing, bool), i64> = BTreeMap::new();
    let (now_seconds, soon) = (now.as_seconds(), now.plus_seconds(SOON_SECONDS).as_seconds());
    let shut = shut_links(connection)?;
    let mut statement = connection.prepare("SELECT facts, reason, opens, closes, link FROM opportunity")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let opens: Option<i64> = row.get(2)?;
        let verdict = verdict_from(row.get(1)?, opens, row.get(3)?);
        let is_shut = row.get::<_, Option<LinkKey>>(4)?.is_some_and(|link| shut.contains(&link));
        let standing = verdict.under(is_shut).at(now);
        let opens_soon = opens.is_some_and(|opens| opens > now_seconds && opens <= soon);
        let pair = Packed::pair(row.get_ref(0)?.as_blob()?).ok_or_else(damaged)?;
        *counts.entry((pair, standing, opens_soon)).or_insert(0) += 1;
    }
    let (mut standings, mut opening_soon) = (Standings::new(), BTreeMap::new());
    for ((pair, standing, opens_soon), count) in counts {
        *standings.entry(pair).or_default().entry(standing).or_insert(0) += count;
        if standing == Standing::NotYetOpen && opens_soon {
            *opening_soon.entry(pair).or_insert(0) += count;
        }
    }
    Ok((standings, opening_soon))
}

/// The links of which a shut parent speaks: the one with the greatest `modified`, on a tie with the greatest id.
fn shut_links(connection: &Connection) -> rusqlite::Result<HashSet<LinkKey>> {
    let mut shut = HashSet::new();
    let sql = "SELECT link, public_adult, valid_from FROM parent ORDER BY modified, item_id";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let aggregate = parent_row::aggregate_from(row.get(1)?, row.get_ref(2)?.as_str_or_null()?);
        let link: LinkKey = row.get(0)?;
        if (ParentTerms { aggregate, selling: Selling::Unrestricted }).is_shut() {
            shut.insert(link);
        } else {
            shut.remove(&link);
        }
    }
    Ok(shut)
}

/// Items, not rows: a facility use counts once, however many courts it has.
fn parents(connection: &Connection) -> rusqlite::Result<BTreeMap<Pair, i64>> {
    let mut statement = connection.prepare("SELECT pair, count(*) FROM parent WHERE id IS NULL GROUP BY pair")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().filter_map(|(pair, count)| Some((Pair::from_number(pair)?, count))).collect())
}

fn missing_datasets(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let sql = "SELECT dataset, count(*) FROM whole_parent WHERE dataset IS NOT NULL AND id IS NULL \
        AND dataset NOT IN (SELECT identifier FROM dataset) GROUP BY dataset ORDER BY 2 DESC, 1 LIMIT 100";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Marks every feed to be walked anew by the next or the running harvest.
///
/// # Errors
/// [`super::StoreError`] where the state is missing or cannot be written.
pub fn request_resync(path: &Path, now: Instant, force: bool) -> Result<ResyncAnswer> {
    let database = Database::open_to_write(path, &STATE)?;
    database.begin()?;
    let last: Option<i64> =
        database.set("read", |connection| connection.query_row("SELECT resync_at FROM state", [], |row| row.get(0)))?;
    if let Some(last) = last.map(Instant::from_seconds)
        && !force
        && now.seconds_since(last) < RESYNC_SECONDS_MIN
    {
        return Ok(ResyncAnswer::TooSoon(last));
    }
    database.set("write", |connection| {
        connection.execute("UPDATE feed SET restart = 1", [])?;
        connection.execute("UPDATE state SET resync_at = ?1", params![now.as_seconds()])
    })?;
    database.commit()?;
    Ok(ResyncAnswer::Granted)
}

fn read_feeds(connection: &Connection) -> rusqlite::Result<Vec<FeedReport>> {
    let sql = "SELECT name, next_url, walk, walk_complete, read_to_end_at, wait_until, failures, fault_text, \
        pages, updated, deleted, key, fault, polled_at FROM feed ORDER BY name";
    connection.prepare(sql)?.query_map([], read_feed)?.collect()
}

fn read_findings(connection: &Connection) -> rusqlite::Result<Vec<FindingReport>> {
    let sql = "SELECT name, code, count, item, seen_at FROM finding JOIN feed ON feed.key = finding.feed \
        ORDER BY count DESC, name, code";
    connection.prepare(sql)?.query_map([], read_finding)?.collect()
}

fn read_feed(row: &Row<'_>) -> rusqlite::Result<FeedReport> {
    Ok(FeedReport {
        name: row.get(0)?,
        next_url: row.get(1)?,
        walk: row.get(2)?,
        walk_complete: row.get(3)?,
        read_to_end_at: row.get::<_, Option<i64>>(4)?.map(Instant::from_seconds),
        wait_until: row.get::<_, Option<i64>>(5)?.map(Instant::from_seconds),
        failures: row.get(6)?,
        fault: row.get(7)?,
        fault_code: row.get(12)?,
        pages: row.get(8)?,
        updated: row.get(9)?,
        deleted: row.get(10)?,
        polled_at: row.get::<_, Option<i64>>(13)?.map(Instant::from_seconds),
        needed: Feed::from_number(row.get(11)?).is_none_or(Feed::is_needed),
    })
}

fn read_finding(row: &Row<'_>) -> rusqlite::Result<FindingReport> {
    Ok(FindingReport {
        feed: row.get(0)?,
        code: row.get(1)?,
        count: row.get(2)?,
        item: row.get(3)?,
        seen_at: Instant::from_seconds(row.get(4)?),
    })
}
