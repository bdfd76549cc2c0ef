//! A session as a row of the state: written from what the feed says, read back for verdicts and for the catalogue.

use rusqlite::{CachedStatement, Connection, Row, params};

use super::keys::{LinkKey, SessionKey};
use crate::domain::{DateError, EventStatus, FeedDate, Instant, Reason, Session, SessionTerms, Start, Verdict, Window};

/// The columns that [`write()`] sets, in its order.
const INSERT: &str = "INSERT INTO session (key, item_id, modified, walk, link, reason, opens, closes, \
    potentially_bookable, status, start, start_millis, start_offset, id, identifier, ends, duration_minutes, \
    remaining_capacity, maximum_capacity, attendance_mode, url, name, place, address, postcode, latitude, longitude, \
    own_place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
    ?22, ?23, ?24, ?25, ?26, ?27, ?28) \
    ON CONFLICT (key) DO UPDATE SET item_id = excluded.item_id, modified = excluded.modified, walk = excluded.walk, \
    link = excluded.link, reason = excluded.reason, opens = excluded.opens, closes = excluded.closes, \
    potentially_bookable = excluded.potentially_bookable, status = excluded.status, start = excluded.start, \
    start_millis = excluded.start_millis, start_offset = excluded.start_offset, id = excluded.id, \
    identifier = excluded.identifier, ends = excluded.ends, duration_minutes = excluded.duration_minutes, \
    remaining_capacity = excluded.remaining_capacity, maximum_capacity = excluded.maximum_capacity, \
    attendance_mode = excluded.attendance_mode, url = excluded.url, name = excluded.name, place = excluded.place, \
    address = excluded.address, postcode = excluded.postcode, latitude = excluded.latitude, \
    longitude = excluded.longitude, own_place = excluded.own_place";

/// What identifies a row beside its facts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub(super) key: SessionKey,
    pub(super) item_id: &'a str,
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) link: Option<LinkKey>,
}

/// Writes a session's row, in the place of the one with the same key if there is one.
pub(super) fn write(
    connection: &Connection,
    stamp: Stamp<'_>,
    session: &Session<'_>,
    verdict: Verdict,
) -> rusqlite::Result<()> {
    let (reason, opens, closes) = verdict_columns(verdict);
    let (start, millis, offset) = start_columns(session.terms.start);
    let place = session.place.as_ref();
    let coordinates = place.and_then(|place| place.coordinates);
    let mut statement = connection.prepare_cached(INSERT)?;
    statement.execute(params![
        stamp.key,
        stamp.item_id,
        stamp.modified,
        stamp.walk,
        stamp.link,
        reason,
        opens,
        closes,
        session.terms.potentially_bookable,
        status_number(session.terms.status),
        start,
        millis,
        offset,
        session.id.as_deref(),
        session.identifier.as_deref(),
        session.ends.map(Instant::as_seconds),
        session.duration_minutes,
        session.remaining_capacity,
        session.maximum_capacity,
        session.attendance_mode.map(crate::domain::AttendanceMode::term),
        session.url.as_deref(),
        session.name.as_deref(),
        place.and_then(|place| place.name.as_deref()),
        place.and_then(|place| place.address.as_deref()),
        place.and_then(|place| place.postcode.as_deref()),
        coordinates.map(|point| point.latitude),
        coordinates.map(|point| point.longitude),
        place.is_some(),
    ])?;
    Ok(())
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

/// The columns that [`Judged::read`] reads, in its order.
pub(super) const JUDGED_COLUMNS: &str = "key, link, reason, opens, closes, potentially_bookable, status, start, \
    start_millis, start_offset, identifier IS NOT NULL, name IS NOT NULL OR own_place";

/// What a verdict is made from, and the one that stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) key: SessionKey,
    pub(super) link: Option<LinkKey>,
    pub(super) verdict: Verdict,
    pub(super) terms: SessionTerms,
    /// Whether the session says something of its own that others of its series do not.
    pub(super) own_listing: bool,
}

impl Judged {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let link: Option<LinkKey> = row.get(1)?;
        Ok(Self {
            key: row.get(0)?,
            link,
            verdict: verdict_from(row.get(2)?, row.get(3)?, row.get(4)?),
            terms: SessionTerms {
                has_identifier: row.get(10)?,
                status: status_from(row.get(6)?),
                potentially_bookable: row.get(5)?,
                start: start_from(row.get(7)?, row.get(8)?, row.get(9)?),
                names_series: link.is_some(),
            },
            own_listing: row.get(11)?,
        })
    }
}

/// Puts a new verdict into a row.
pub(super) fn update_verdict(
    statement: &mut CachedStatement<'_>,
    key: SessionKey,
    verdict: Verdict,
) -> rusqlite::Result<()> {
    let (reason, opens, closes) = verdict_columns(verdict);
    statement.execute(params![key, reason, opens, closes])?;
    Ok(())
}

/// The statement that [`update_verdict`] executes.
pub(super) const UPDATE_VERDICT: &str = "UPDATE session SET reason = ?2, opens = ?3, closes = ?4 WHERE key = ?1";
