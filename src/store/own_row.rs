//! What a session or slot says for itself, where most leave it to their parent: a row of the state's table `own`.

use rusqlite::{Connection, params};

use super::keys::OpportunityKey;
use super::offer_book::relative;
use super::parent_row;
use crate::domain::{Aggregate, Opportunity};

const WRITE: &str = "INSERT OR REPLACE INTO own (key, name, has_place, place, address, postcode, latitude, longitude, \
    public_adult, valid_from, offer_id, price, currency, membership_required) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

/// Whether there is anything to write.
pub(super) fn has_own(facts: &Opportunity<'_>) -> bool {
    facts.name.is_some() || facts.place.is_some() || facts.offer.terms != Aggregate::Absent
}

/// Writes the row, in the place of the one with the same key if there is one.
pub(super) fn write(connection: &Connection, key: OpportunityKey, facts: &Opportunity<'_>) -> rusqlite::Result<()> {
    let place = facts.place.as_ref();
    let point = place.and_then(|place| place.coordinates);
    connection.prepare_cached(WRITE)?.execute(params![
        key,
        facts.name.as_deref(),
        place.is_some(),
        place.and_then(|place| place.name.as_deref()),
        place.and_then(|place| place.address.as_deref()),
        place.and_then(|place| place.postcode.as_deref()),
        point.map(|point| point.latitude),
        point.map(|point| point.longitude),
        parent_row::aggregate_number(facts.offer.terms),
        facts.offer.valid_from.as_deref(),
        // As the offers of its own are kept, to be compared with them.
        facts.offer.id.as_deref().map(|id| relative(id, facts.id.as_deref()).unwrap_or(id)),
        facts.offer.price,
        facts.offer.currency.as_deref(),
        facts.offer.membership_required,
    ])?;
    Ok(())
}

/// Removes the row, if there is one.
pub(super) fn remove(connection: &Connection, key: OpportunityKey) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM own WHERE key = ?1")?.execute([key]).map(drop)
}
