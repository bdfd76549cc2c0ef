//! The rows of a state of schema version 2, packed as version 3 has them: the part of a migration that SQL cannot do.
//!
//! In one transaction, so that a crash leaves all of them or none to be packed at the next start.

use rusqlite::{Connection, Row};

use super::database::Database;
use super::error::Result;
use super::index::ItemHasher;
use super::keys::OpportunityKey;
use super::opportunity_row::{Stamp, Way, verdict_from, write};
use super::packed::{Numbers, Texts};
use super::probe::{self, Point};
use super::shape_book::ShapeBook;
use crate::domain::{AttendanceMode, DateError, EventStatus, FeedDate, Instant, Pair, Start};

/// Packs what the migration has put aside, if it has.
pub(super) fn pack_all(state: &Database, hasher: &ItemHasher) -> Result<()> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'opportunity_2'";
    let old: i64 = state.set("read", |connection| connection.query_row(sql, [], |row| row.get(0)))?;
    if old == 0 {
        return Ok(());
    }
    state.begin()?;
    state.set("bring up to date the rows of", |connection| {
        pack_rows(connection, hasher)?;
        probe::reach(Point::Migration)
    })?;
    state.commit()
}

fn pack_rows(connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
    let mut shapes = ShapeBook::default();
    let sql = "SELECT key, pair, modified, walk, link, reason, opens, closes, potentially_bookable, status, start, start_millis, \
        start_offset, ends, duration_minutes, remaining, maximum, attendance_mode, offers, own, item_id, id, identifier, url \
        FROM opportunity_2 ORDER BY key";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        pack_row(connection, hasher, &mut shapes, row)?;
    }
    drop(rows);
    drop(statement);
    let loading: bool = connection.query_row("SELECT loading FROM state", [], |row| row.get(0))?;
    connection.execute_batch("DROP TABLE opportunity_2")?;
    // A first harvest builds them at its end.
    if loading { Ok(()) } else { connection.execute_batch(include_str!("schema/state_indexes.sql")) }
}

fn pack_row(
    connection: &Connection,
    hasher: &ItemHasher,
    shapes: &mut ShapeBook,
    row: &Row<'_>,
) -> rusqlite::Result<()> {
    let stamp = Stamp {
        key: OpportunityKey(row.get(0)?),
        pair: Pair::from_number(row.get(1)?).unwrap_or(Pair::Sessions),
        modified: row.get(2)?,
        walk: row.get(3)?,
        link: row.get(4)?,
    };
    let verdict = verdict_from(row.get(5)?, row.get(6)?, row.get(7)?);
    let mode = row.get_ref(17)?.as_str_or_null()?;
    let numbers = Numbers {
        potentially_bookable: row.get(8)?,
        status: [EventStatus::Scheduled, EventStatus::Cancelled, EventStatus::Postponed]
            .get(usize::from(row.get::<_, u8>(9)?))
            .copied()
            .unwrap_or(EventStatus::Scheduled),
        start: start(row.get(10)?, row.get(11)?, row.get(12)?),
        ends: row.get::<_, Option<i64>>(13)?.map(Instant::from_seconds),
        duration_minutes: row.get(14)?,
        remaining: row.get(15)?,
        maximum: row.get(16)?,
        attendance_mode: mode.and_then(AttendanceMode::from_term),
        offers: row.get(18)?,
        own: row.get(19)?,
    };
    let texts = Texts {
        item_id: row.get_ref(20)?.as_str()?,
        id: row.get_ref(21)?.as_str_or_null()?,
        identifier: row.get_ref(22)?.as_str_or_null()?,
        url: row.get_ref(23)?.as_str_or_null()?,
    };
    let shape = shapes.take(connection, hasher, &texts)?;
    write(connection, (stamp, Way::New), verdict, &numbers, (shape, shapes.shapes.get(shape)?), &texts)
}

fn start(start: Option<i64>, millis: u16, offset: i32) -> Start {
    match (start, offset) {
        (Some(seconds), offset) => Start::At(FeedDate::from_parts(Instant::from_seconds(seconds), millis, offset)),
        (None, 1) => Start::Bad(DateError::Unreadable),
        (None, 2) => Start::Bad(DateError::WithoutOffset),
        (None, _) => Start::Missing,
    }
}
