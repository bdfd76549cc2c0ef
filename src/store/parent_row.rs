//! A series, facility use or court as a row of the state.

use rusqlite::{Connection, params};

use super::keys::{LinkKey, OfferListKey, ParentKey};
use super::offer_book::relative;
use crate::domain::{Aggregate, AttendanceMode, Gender, Opening, Pair, Parent, PublicAdult, Text};

const INSERT: &str = "INSERT OR REPLACE INTO parent (key, pair, item_id, modified, walk, link, id, court, public_adult, \
    valid_from, offer_id, price, currency, membership_required, name, description, activities, levels, min_age, max_age, \
    gender, attendance_mode, organizer, organizer_id, place, address, postcode, latitude, longitude, url, image_url, \
    dataset, present_as_slots, offers) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
    ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)";

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
}

/// Writes a row, in the place of the one with the same key if there is one.
pub(super) fn write(connection: &Connection, stamp: Stamp<'_>, parent: &Parent<'_>) -> rusqlite::Result<()> {
    let place = parent.place.as_ref();
    let point = place.and_then(|place| place.coordinates);
    let mut statement = connection.prepare_cached(INSERT)?;
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
        parent.description.as_deref(),
        labels(&parent.activities),
        labels(&parent.levels),
        parent.min_age,
        parent.max_age,
        parent.gender.map(Gender::term),
        parent.attendance_mode.map(AttendanceMode::term),
        parent.organizer.as_deref(),
        parent.organizer_id.as_deref(),
        place.and_then(|place| place.name.as_deref()),
        place.and_then(|place| place.address.as_deref()),
        place.and_then(|place| place.postcode.as_deref()),
        point.map(|point| point.latitude),
        point.map(|point| point.longitude),
        parent.url.as_deref(),
        parent.image_url.as_deref(),
        parent.dataset.as_deref(),
        parent.present_as_slots,
        stamp.offers,
    ])?;
    Ok(())
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
