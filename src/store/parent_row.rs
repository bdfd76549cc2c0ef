//! A series, facility use or court as a row of the state, and what it says as others do.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::keys::{LinkKey, OfferListKey, ParentKey};
use super::offer_book::relative;
use super::shared_book::{GroupKeys, Groups};
use crate::domain::{Aggregate, AttendanceMode, Gender, Opening, Pair, Parent, PublicAdult, Text};

const INSERT: &str = "INSERT OR REPLACE INTO parent (key, pair, item_id, modified, walk, link, id, court, public_adult, \
    valid_from, offer_id, price, currency, membership_required, name, url, present_as_slots, offers, about, provider, place) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

/// What identifies a row beside its facts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub(super) key: ParentKey,
    pub(super) pair: Pair,
    pub(super) item_id: &'a str,
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) link: LinkKey,
    /// For the row of a court: its facility use's `@id`, and its name.
    pub(super) court: Option<(&'a str, Option<&'a str>)>,
    pub(super) offers: Option<OfferListKey>,
    pub(super) groups: GroupKeys,
}

/// Writes a row, in the place of the one with the same key if there is one.
pub(super) fn write(connection: &Connection, stamp: Stamp<'_>, parent: &Parent<'_>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(INSERT)?;
    let [about, provider, place] = stamp.groups;
    statement.execute(params![
        stamp.key,
        stamp.pair.number(),
        stamp.item_id,
        stamp.modified,
        stamp.walk,
        stamp.link,
        stamp.court.map(|court| court.0),
        stamp.court.and_then(|court| court.1),
        aggregate_number(parent.offer.terms),
        parent.offer.valid_from.as_deref(),
        parent.offer.id.as_deref().map(|id| relative(id, Some(&parent.id)).unwrap_or(id)),
        parent.offer.price,
        parent.offer.currency.as_deref(),
        parent.offer.membership_required,
        parent.name.as_deref(),
        parent.url.as_deref().map(|url| split_url(url).1),
        parent.present_as_slots,
        stamp.offers,
        about,
        provider,
        place,
    ])?;
    Ok(())
}

/// Deletes a row.
pub(super) fn delete(connection: &Connection, key: ParentKey) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM parent WHERE key = ?1")?.execute([key]).map(drop)
}

/// The groups that a row has.
pub(super) fn groups_of(connection: &Connection, key: ParentKey) -> rusqlite::Result<GroupKeys> {
    let sql = "SELECT about, provider, place FROM parent WHERE key = ?1";
    connection.prepare_cached(sql)?.query_row([key], |row| groups_from(row, 0))
}

/// The groups that three columns hold.
pub(super) fn groups_from(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupKeys> {
    Ok([row.get(column)?, row.get(column + 1)?, row.get(column + 2)?])
}

/// A URL up to the last slash (or equals sign) before its last word, and the rest: many have the beginning in common.
pub(super) fn split_url(url: &str) -> (&str, &str) {
    let end = url.trim_end_matches('/');
    url.split_at(end.rfind(['/', '=']).map_or(0, |at| at + 1))
}

/// Hands what a parent says as others do to `work`.
pub(super) fn with_groups<T>(parent: &Parent<'_>, work: impl FnOnce(&Groups<'_>) -> T) -> T {
    let (activities, levels) = (labels(&parent.activities), labels(&parent.levels));
    let place = parent.place.as_ref();
    let point = place.and_then(|place| place.coordinates);
    work(&Groups {
        about: [
            text(parent.description.as_deref()),
            text(activities.as_deref()),
            text(levels.as_deref()),
            parent.min_age.map_or(ValueRef::Null, ValueRef::Integer),
            parent.max_age.map_or(ValueRef::Null, ValueRef::Integer),
            text(parent.gender.map(Gender::term)),
            text(parent.attendance_mode.map(AttendanceMode::term)),
            text(parent.image_url.as_deref()),
        ],
        provider: [
            text(parent.organizer.as_deref()),
            text(parent.organizer_id.as_deref()),
            text(parent.dataset.as_deref()),
            text(parent.url.as_deref().map(|url| split_url(url).0)),
        ],
        place: [
            text(place.and_then(|place| place.name.as_deref())),
            text(place.and_then(|place| place.address.as_deref())),
            text(place.and_then(|place| place.postcode.as_deref())),
            point.map_or(ValueRef::Null, |point| ValueRef::Real(point.latitude)),
            point.map_or(ValueRef::Null, |point| ValueRef::Real(point.longitude)),
        ],
    })
}

fn text(text: Option<&str>) -> ValueRef<'_> {
    text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
}

/// A JSON array of texts; nothing where there are none.
fn labels(labels: &[Text<'_>]) -> Option<String> {
    if labels.is_empty() {
        return None;
    }
    serde_json::to_string(labels).ok()
}

/// `public_adult`: what the rules look at in an aggregate offer, without its window.
pub(super) fn aggregate_number(aggregate: Aggregate) -> i64 {
    match aggregate {
        Aggregate::Absent => 0,
        Aggregate::WithoutPublicAdult => 1,
        Aggregate::PublicAdult(offer) => 2 + i64::from(offer.potentially_bookable),
    }
}

/// The aggregate offer that two columns hold.
pub(super) fn aggregate_from(number: i64, valid_from: Option<&str>) -> Aggregate {
    match number {
        0 => Aggregate::Absent,
        1 => Aggregate::WithoutPublicAdult,
        number => Aggregate::PublicAdult(PublicAdult {
            potentially_bookable: number == 3,
            opening: Opening::parse(valid_from),
        }),
    }
}
