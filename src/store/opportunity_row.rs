//! A session or slot as a row of the state: written from what the feed says, read back for verdicts.

use rusqlite::{CachedStatement, Connection, Row, params};

use super::keys::{LinkKey, OfferListKey, OpportunityKey};
use super::{own_row, parent_row};
use crate::domain::{
    Aggregate, DateError, EventStatus, FeedDate, Instant, Opportunity, OpportunityTerms, Pair, Reason, Start, Verdict,
    Window,
};

const COLUMNS: [&str; 23] = [
    "pair",
    "item_id",
    "modified",
    "walk",
    "link",
    "reason",
    "opens",
    "closes",
    "potentially_bookable",
    "status",
    "start",
    "start_millis",
    "start_offset",
    "id",
    "identifier",
    "ends",
    "duration_minutes",
    "remaining",
    "maximum",
    "attendance_mode",
    "url",
    "offers",
    "own",
];

/// What identifies a row beside its facts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub(super) key: OpportunityKey,
    pub(super) pair: Pair,
    pub(super) item_id: &'a str,
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) link: Option<LinkKey>,
    pub(super) offers: Option<OfferListKey>,
}

/// The statements that write rows, made once.
#[derive(Debug)]
pub(super) struct WriteSql(String);

impl WriteSql {
    pub(super) fn new() -> Self {
        let marks: Vec<String> = (1..=COLUMNS.len() + 1).map(|n| format!("?{n}")).collect();
        let sets: Vec<String> = COLUMNS.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        Self(format!(
            "INSERT INTO opportunity (key, {}) VALUES ({}) ON CONFLICT (key) DO UPDATE SET {}",
            COLUMNS.join(", "),
            marks.join(", "),
            sets.join(", ")
        ))
    }

    /// Writes a row, in the place of the one with the same key if there is one; `had_own` says whether that one had
    /// something of its own.
    pub(super) fn write(
        &self,
        connection: &Connection,
        stamp: Stamp<'_>,
        facts: &Opportunity<'_>,
        verdict: Verdict,
        had_own: bool,
    ) -> rusqlite::Result<()> {
        let (reason, opens, closes) = verdict_columns(verdict);
        let (start, millis, offset) = start_columns(facts.terms.start);
        let own = own_row::has_own(facts);
        connection.prepare_cached(&self.0)?.execute(params![
            stamp.key,
            stamp.pair.number(),
            stamp.item_id,
            stamp.modified,
            stamp.walk,
            stamp.link,
            reason,
            opens,
            closes,
            facts.terms.potentially_bookable,
            status_number(facts.terms.status),
            start,
            millis,
            offset,
            facts.id.as_deref(),
            facts.identifier.as_deref(),
            facts.ends.map(Instant::as_seconds),
            facts.duration_minutes,
            facts.remaining,
            facts.maximum,
            facts.attendance_mode.map(crate::domain::AttendanceMode::term),
            facts.url.as_deref(),
            stamp.offers,
            own,
        ])?;
        match (own, had_own) {
            (true, _) => own_row::write(connection, stamp.key, facts),
            (false, true) => own_row::remove(connection, stamp.key),
            (false, false) => Ok(()),
        }
    }
}

/// `reason`, `opens`, `closes`.
pub(super) fn verdict_columns(verdict: Verdict) -> (Option<i64>, Option<i64>, Option<i64>) {
    match verdict {
        Verdict::Never(reason) => (Some(reason.number()), None, None),
        Verdict::During(window) => (None, window.opens.map(Instant::as_seconds), Some(window.closes.as_seconds())),
    }
}

/// The verdict that three columns hold; what cannot be one counts as "no start", which shows nothing.
pub(super) fn verdict_from(reason: Option<i64>, opens: Option<i64>, closes: Option<i64>) -> Verdict {
    match (reason.map(Reason::from_number), closes) {
        (None, Some(closes)) => {
            Verdict::During(Window { opens: opens.map(Instant::from_seconds), closes: Instant::from_seconds(closes) })
        }
        (Some(Some(reason)), _) => Verdict::Never(reason),
        (Some(None) | None, _) => Verdict::Never(Reason::NoStartDate),
    }
}

const fn status_number(status: EventStatus) -> i64 {
    match status {
        EventStatus::Scheduled => 0,
        EventStatus::Cancelled => 1,
        EventStatus::Postponed => 2,
    }
}

const fn status_from(number: i64) -> EventStatus {
    match number {
        1 => EventStatus::Cancelled,
        2 => EventStatus::Postponed,
        _ => EventStatus::Scheduled,
    }
}

fn start_columns(start: Start) -> (Option<i64>, u16, i32) {
    match start {
        Start::At(date) => (Some(date.instant().as_seconds()), date.millis(), date.offset_seconds()),
        Start::Missing => (None, 0, 0),
        Start::Bad(DateError::Unreadable) => (None, 0, 1),
        Start::Bad(DateError::WithoutOffset) => (None, 0, 2),
    }
}

fn start_from(start: Option<i64>, millis: u16, offset: i32) -> Start {
    match (start, offset) {
        (Some(seconds), offset) => Start::At(FeedDate::from_parts(Instant::from_seconds(seconds), millis, offset)),
        (None, 1) => Start::Bad(DateError::Unreadable),
        (None, 2) => Start::Bad(DateError::WithoutOffset),
        (None, _) => Start::Missing,
    }
}

/// The columns that [`Judged::read`] reads, in its order, of [`JUDGED_TABLES`].
pub(super) const JUDGED_COLUMNS: &str = "o.key, o.link, o.reason, o.opens, o.closes, o.potentially_bookable, o.status, \
    o.start, o.start_millis, o.start_offset, o.identifier IS NOT NULL, o.own, own.public_adult, own.valid_from, o.pair, o.offers IS NOT NULL";

/// Where they are read from.
pub(super) const JUDGED_TABLES: &str = "opportunity AS o LEFT JOIN own ON o.own AND own.key = o.key";

/// What a verdict is made from, and the one that stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) key: OpportunityKey,
    pub(super) pair: Pair,
    pub(super) link: Option<LinkKey>,
    pub(super) verdict: Verdict,
    pub(super) terms: OpportunityTerms,
    /// Whether its row in the catalogue hangs on its parent in more than the verdict.
    pub(super) own: bool,
}

impl Judged {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let link: Option<LinkKey> = row.get(1)?;
        let own: bool = row.get(11)?;
        let aggregate = if own {
            parent_row::aggregate_from(row.get::<_, Option<i64>>(12)?.unwrap_or(0), row.get_ref(13)?.as_str_or_null()?)
        } else {
            Aggregate::Absent
        };
        Ok(Self {
            key: row.get(0)?,
            pair: Pair::from_number(row.get(14)?).unwrap_or(Pair::Sessions),
            link,
            verdict: verdict_from(row.get(2)?, row.get(3)?, row.get(4)?),
            terms: OpportunityTerms {
                has_identifier: row.get(10)?,
                status: status_from(row.get(6)?),
                potentially_bookable: row.get(5)?,
                start: start_from(row.get(7)?, row.get(8)?, row.get(9)?),
                names_parent: link.is_some(),
                aggregate,
            },
            own: own || row.get(15)?,
        })
    }
}

/// Puts a new verdict into a row.
pub(super) fn update_verdict(
    statement: &mut CachedStatement<'_>,
    key: OpportunityKey,
    verdict: Verdict,
) -> rusqlite::Result<()> {
    let (reason, opens, closes) = verdict_columns(verdict);
    statement.execute(params![key, reason, opens, closes])?;
    Ok(())
}

/// The statement that [`update_verdict`] executes.
pub(super) const UPDATE_VERDICT: &str = "UPDATE opportunity SET reason = ?2, opens = ?3, closes = ?4 WHERE key = ?1";
