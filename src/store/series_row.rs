//! A series as a row of the state.

use rusqlite::{Connection, params};

use super::keys::{LinkKey, SeriesKey};
use crate::domain::{AttendanceMode, Gender, Opening, PublicAdult, Series, SeriesTerms, Text};

const INSERT: &str = "INSERT OR REPLACE INTO series (key, item_id, modified, walk, link, potentially_bookable, \
    valid_from, name, description, activities, levels, price, currency, membership_required, min_age, max_age, gender, \
    attendance_mode, organizer, organizer_id, place, address, postcode, latitude, longitude, url, image_url, dataset, \
    present_as_slots) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, \
    ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)";

/// What identifies a row beside its facts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub(super) key: SeriesKey,
    pub(super) item_id: &'a str,
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) link: LinkKey,
}

/// Writes a series' row, in the place of the one with the same key if there is one.
pub(super) fn write(connection: &Connection, stamp: Stamp<'_>, series: &Series<'_>) -> rusqlite::Result<()> {
    let place = series.place.as_ref();
    let coordinates = place.and_then(|place| place.coordinates);
    let mut statement = connection.prepare_cached(INSERT)?;
    statement.execute(params![
        stamp.key,
        stamp.item_id,
        stamp.modified,
        stamp.walk,
        stamp.link,
        series.terms.public_adult.map(|offer| offer.potentially_bookable),
        series.valid_from.as_deref(),
        series.name.as_deref(),
        series.description.as_deref(),
        labels(&series.activities),
        labels(&series.levels),
        series.price,
        series.currency.as_deref(),
        series.membership_required,
        series.min_age,
        series.max_age,
        series.gender.map(Gender::term),
        series.attendance_mode.map(AttendanceMode::term),
        series.organizer.as_deref(),
        series.organizer_id.as_deref(),
        place.and_then(|place| place.name.as_deref()),
        place.and_then(|place| place.address.as_deref()),
        place.and_then(|place| place.postcode.as_deref()),
        coordinates.map(|point| point.latitude),
        coordinates.map(|point| point.longitude),
        series.url.as_deref(),
        series.image_url.as_deref(),
        series.dataset.as_deref(),
        series.present_as_slots,
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

/// The terms that two columns hold.
pub(super) fn terms_from(potentially_bookable: Option<bool>, valid_from: Option<&str>) -> SeriesTerms {
    SeriesTerms {
        public_adult: potentially_bookable
            .map(|potentially_bookable| PublicAdult { potentially_bookable, opening: Opening::parse(valid_from) }),
    }
}
