//! Reading the state without writing it: what `status` and `explain` tell, and asking for a resync.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Database, STATE};
use super::error::Result;
use super::series_row;
use super::session_row::{JUDGED_COLUMNS, Judged, verdict_from};
use crate::domain::{Instant, SeriesTerms, SessionTerms, Standing, Verdict};

/// The licence's fair use: one resync a week.
const RESYNC_SECONDS_MIN: i64 = 7 * 86_400;

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
    /// What the last of them met, for people.
    pub fault: Option<String>,
    /// Pages read.
    pub pages: i64,
    /// Items read that are there.
    pub updated: i64,
    /// Items read that are gone.
    pub deleted: i64,
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

/// Everything that `status` tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// The feeds.
    pub feeds: Vec<FeedReport>,
    /// The findings.
    pub findings: Vec<FindingReport>,
    /// How many sessions stand how.
    pub standings: BTreeMap<Standing, i64>,
    /// How many sessions are published.
    pub sessions: i64,
    /// How many series are published.
    pub series: i64,
    /// Whether a first harvest goes on.
    pub loading: bool,
    /// When a resync was last asked for.
    pub resync_at: Option<Instant>,
}

/// One session with what its verdict was made from.
#[derive(Clone, Debug)]
pub struct Explained {
    /// `@id`.
    pub session_id: Option<String>,
    /// `identifier`.
    pub identifier: Option<String>,
    /// The RPDE id.
    pub item_id: String,
    /// The RPDE `modified`.
    pub modified: i64,
    /// Its name, or its series'.
    pub name: Option<String>,
    /// The `@id` of the series that it names.
    pub series_id: Option<String>,
    /// `validFromBeforeStartDate` as the feed writes it.
    pub valid_from: Option<String>,
    /// What the rules look at in it.
    pub terms: SessionTerms,
    /// What they look at in its series; `None`: not published.
    pub series_terms: Option<SeriesTerms>,
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
            let feeds = "SELECT name, next_url, walk, walk_complete, read_to_end_at, wait_until, failures, fault_text, \
                pages, updated, deleted FROM feed ORDER BY name";
            let feeds = connection.prepare(feeds)?.query_map([], read_feed)?.collect::<rusqlite::Result<_>>()?;
            let findings = "SELECT name, code, count, item, seen_at FROM finding JOIN feed ON feed.key = finding.feed \
                ORDER BY count DESC, name, code";
            let findings =
                connection.prepare(findings)?.query_map([], read_finding)?.collect::<rusqlite::Result<_>>()?;
            let mut standings = BTreeMap::new();
            let groups = "SELECT reason, closes > ?1 AND coalesce(opens > ?1, 0), closes <= ?1, count(*) \
                FROM session GROUP BY 1, 2, 3";
            let mut statement = connection.prepare(groups)?;
            let mut rows = statement.query([now.as_seconds()])?;
            while let Some(row) = rows.next()? {
                let (early, late): (Option<bool>, Option<bool>) = (row.get(1)?, row.get(2)?);
                let standing = match (row.get::<_, Option<i64>>(0)?, early, late) {
                    (None, Some(true), _) => Standing::NotYetOpen,
                    (None, _, Some(true)) => Standing::Started,
                    (None, _, Some(false)) => Standing::Bookable,
                    (reason, _, _) => verdict_from(reason, None, None).at(now),
                };
                *standings.entry(standing).or_insert(0) += row.get::<_, i64>(3)?;
            }
            let series = connection.query_row("SELECT count(*) FROM series", [], |row| row.get(0))?;
            let (loading, resync_at): (bool, Option<i64>) =
                connection
                    .query_row("SELECT loading, resync_at FROM state", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let sessions = standings.values().sum();
            let resync_at = resync_at.map(Instant::from_seconds);
            Ok(Report { feeds, findings, standings, sessions, series, loading, resync_at })
        })
    }

    /// The sessions with this `identifier`, `@id` or RPDE id: almost always one, or none.
    ///
    /// # Errors
    /// [`super::StoreError`] where the state cannot be read.
    pub fn explain(&self, id: &str) -> Result<Vec<Explained>> {
        self.database.set("read", |connection| {
            let sql = format!(
                "SELECT {JUDGED_COLUMNS}, item_id, modified, id, identifier, name FROM session \
                 WHERE identifier = ?1 OR id = ?1 OR item_id = ?1 ORDER BY identifier = ?1 DESC, id = ?1 DESC LIMIT 10"
            );
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([id])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let judged = Judged::read(row)?;
                let series = "SELECT potentially_bookable, valid_from, name FROM series WHERE link = ?1 \
                    ORDER BY modified DESC, item_id DESC LIMIT 1";
                let series: Option<(Option<bool>, Option<String>, Option<String>)> = connection
                    .query_row(series, [judged.link], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()?;
                let link = "SELECT id FROM series_link WHERE key = ?1";
                let series_id = connection.query_row(link, [judged.link], |row| row.get(0)).optional()?;
                let own_name: Option<String> = row.get(16)?;
                found.push(Explained {
                    session_id: row.get(14)?,
                    identifier: row.get(15)?,
                    item_id: row.get(12)?,
                    modified: row.get(13)?,
                    name: own_name.or_else(|| series.as_ref().and_then(|series| series.2.clone())),
                    series_id,
                    valid_from: series.as_ref().and_then(|series| series.1.clone()),
                    terms: judged.terms,
                    series_terms: series.as_ref().map(|(flag, from, _)| series_row::terms_from(*flag, from.as_deref())),
                    verdict: judged.verdict,
                });
            }
            Ok(found)
        })
    }
}

/// Marks every feed to be walked anew by the next or the running harvest.
///
/// # Errors
/// [`super::StoreError`] where the state is missing or cannot be written.
pub fn request_resync(path: &Path, now: Instant, force: bool) -> Result<ResyncAnswer> {
    drop(StateReader::open(path)?);
    let database = Database::open(path, &STATE)?;
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
        pages: row.get(8)?,
        updated: row.get(9)?,
        deleted: row.get(10)?,
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
