//! The rows of a state of an older schema version, as this version has them: the part of the migrations that SQL cannot do.
//!
//! In one transaction, so that a crash leaves all of them or none to be carried over at the next start.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::database::Database;
use super::error::Result;
use super::index::ItemHasher;
use super::keys::OpportunityKey;
use super::opportunity_row::{Stamp, Way, verdict_from, write};
use super::packed::{Keys, Numbers, Seen, Texts, pack, repack};
use super::parent_row::split_url;
use super::probe::{self, Point};
use super::shape_book::{ShapeBook, damaged};
use super::shared_book::{Groups, SharedBook};
use super::state::pair_of;
use crate::domain::{AttendanceMode, DateError, EventStatus, FeedDate, Instant, Start};

/// Carries over what the migrations have put aside, if they have.
pub(super) fn carry_over(state: &Database, hasher: &ItemHasher) -> Result<()> {
    if !state.set("read", |connection| is_there(connection, "opportunity_3"))? {
        return Ok(());
    }
    state.begin()?;
    state.set("bring up to date the rows of", |connection| {
        repack_rows(connection)?;
        if is_there(connection, "opportunity_2")? {
            pack_rows(connection, hasher)?;
        }
        share_texts(connection, hasher)?;
        let loading: bool = connection.query_row("SELECT loading FROM state", [], |row| row.get(0))?;
        // A first harvest builds them at its end.
        if !loading {
            connection.execute_batch(include_str!("schema/state_indexes.sql"))?;
        }
        probe::reach(Point::Migration)
    })?;
    state.commit()
}

fn is_there(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1")?.exists([table])
}

/// Sessions and slots, from version 3.
fn repack_rows(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT key, pair, modified, walk, link, reason, opens, closes, facts FROM opportunity_3 ORDER BY key";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let seen = Seen { pair: pair_of(row, 1)?, modified: row.get(2)?, walk: row.get(3)? };
        let facts = repack(row.get_ref(8)?.as_blob()?, seen).ok_or_else(damaged)?;
        let verdict = verdict_from(row.get(5)?, row.get(6)?, row.get(7)?);
        let stamp = Stamp { key: OpportunityKey(row.get(0)?), link: row.get(4)?, verdict };
        write(connection, stamp, Way::New, &facts)?;
    }
    drop(rows);
    drop(statement);
    connection.execute_batch("DROP TABLE opportunity_3")
}

/// What parents say alike, from version 3.
fn share_texts(connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
    let sql = "SELECT key, pair, item_id, modified, walk, link, id, court, public_adult, valid_from, offer_id, price, currency, \
        membership_required, name, present_as_slots, offers, url, description, activities, levels, min_age, max_age, gender, \
        attendance_mode, image_url, organizer, organizer_id, dataset, place, address, postcode, latitude, longitude \
        FROM parent_3 ORDER BY key";
    let mut shared = SharedBook::default();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        share_text(connection, hasher, &mut shared, row)?;
    }
    drop(rows);
    drop(statement);
    connection.execute_batch("DROP TABLE parent_3")
}

/// How many columns a parent keeps to itself, beside its url.
const OWN_COLUMNS: usize = 17;

fn share_text(
    connection: &Connection,
    hasher: &ItemHasher,
    shared: &mut SharedBook,
    row: &Row<'_>,
) -> rusqlite::Result<()> {
    let url = row.get_ref(OWN_COLUMNS)?.as_str_or_null()?.map(split_url);
    let base = url.map_or(ValueRef::Null, |url| ValueRef::Text(url.0.as_bytes()));
    let value = |at: usize| row.get_ref(OWN_COLUMNS + at);
    let groups = Groups {
        about: [value(1)?, value(2)?, value(3)?, value(4)?, value(5)?, value(6)?, value(7)?, value(8)?],
        provider: [value(9)?, value(10)?, value(11)?, base],
        place: [value(12)?, value(13)?, value(14)?, value(15)?, value(16)?],
    };
    let keys = shared.take(connection, hasher, &groups)?;
    let sql = "INSERT INTO parent (key, pair, item_id, modified, walk, link, id, court, public_adult, valid_from, offer_id, price, \
        currency, membership_required, name, present_as_slots, offers, url, about, provider, place) SELECT key, pair, item_id, \
        modified, walk, link, id, court, public_adult, valid_from, offer_id, price, currency, membership_required, name, \
        present_as_slots, offers, ?2, ?3, ?4, ?5 FROM parent_3 WHERE key = ?1";
    let [about, provider, place] = keys;
    let key: i64 = row.get(0)?;
    let values = params![key, url.map(|url| url.1), about, provider, place];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Sessions and slots, from version 2.
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
    connection.execute_batch("DROP TABLE opportunity_2")
}

fn pack_row(
    connection: &Connection,
    hasher: &ItemHasher,
    shapes: &mut ShapeBook,
    row: &Row<'_>,
) -> rusqlite::Result<()> {
    let seen = Seen { pair: pair_of(row, 1)?, modified: row.get(2)?, walk: row.get(3)? };
    let verdict = verdict_from(row.get(5)?, row.get(6)?, row.get(7)?);
    let stamp = Stamp { key: OpportunityKey(row.get(0)?), link: row.get(4)?, verdict };
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
        own: row.get(19)?,
    };
    let texts = Texts {
        item_id: row.get_ref(20)?.as_str()?,
        id: row.get_ref(21)?.as_str_or_null()?,
        identifier: row.get_ref(22)?.as_str_or_null()?,
        url: row.get_ref(23)?.as_str_or_null()?,
    };
    let keys = Keys { offers: row.get(18)?, shape: shapes.take(connection, hasher, &texts)? };
    let mut facts = Vec::new();
    pack(&mut facts, seen, &numbers, (keys, shapes.shapes.get(keys.shape)?), &texts);
    write(connection, stamp, Way::New, &facts)
}

fn start(start: Option<i64>, millis: u16, offset: i32) -> Start {
    match (start, offset) {
        (Some(seconds), offset) => Start::At(FeedDate::from_parts(Instant::from_seconds(seconds), millis, offset)),
        (None, 1) => Start::Bad(DateError::Unreadable),
        (None, 2) => Start::Bad(DateError::WithoutOffset),
        (None, _) => Start::Missing,
    }
}
