//! What a session or slot says for itself, where most leave it to their parent: a row of the state's table `own`.

use rusqlite::{Connection, params};

use super::keys::OpportunityKey;
use super::offer_book::relative;
use super::parent_row;
use crate::domain::{Aggregate, Coordinates, Opportunity, Text};

const WRITE: &str = "INSERT OR REPLACE INTO own (key, name, has_place, place, address, postcode, latitude, longitude, \
    public_adult, valid_from, offer_id, price, currency, membership_required) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Own {
    name: Option<String>,
    place: Option<OwnPlace>,
    aggregate: Aggregate,
    valid_from: Option<String>,
    /// As the offers of its own are kept, to be compared with them.
    offer_id: Option<String>,
    price: Option<f64>,
    currency: Option<String>,
    membership_required: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
struct OwnPlace {
    name: Option<String>,
    address: Option<String>,
    postcode: Option<String>,
    coordinates: Option<Coordinates>,
}

fn owned(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| text.as_ref().to_owned())
}

impl Own {
    /// What a session or slot says for itself, if anything.
    pub(super) fn of(facts: &Opportunity<'_>) -> Option<Self> {
        let Opportunity { name, place, offer, id, .. } = facts;
        if name.is_none() && place.is_none() && offer.terms == Aggregate::Absent {
            return None;
        }
        let place = place.as_ref().map(|place| OwnPlace {
            name: owned(place.name.as_ref()),
            address: owned(place.address.as_ref()),
            postcode: owned(place.postcode.as_ref()),
            coordinates: place.coordinates,
        });
        let offer_id = offer.id.as_deref().map(|offer| relative(offer, id.as_deref()).unwrap_or(offer).to_owned());
        Some(Self {
            name: owned(name.as_ref()),
            place,
            aggregate: offer.terms,
            valid_from: owned(offer.valid_from.as_ref()),
            offer_id,
            price: offer.price,
            currency: owned(offer.currency.as_ref()),
            membership_required: offer.membership_required,
        })
    }

    /// Writes the row, in the place of the one with the same key if there is one.
    pub(super) fn write(&self, connection: &Connection, key: OpportunityKey) -> rusqlite::Result<()> {
        let place = self.place.as_ref();
        let point = place.and_then(|place| place.coordinates);
        let values = params![
            key,
            self.name,
            place.is_some(),
            place.and_then(|place| place.name.as_deref()),
            place.and_then(|place| place.address.as_deref()),
            place.and_then(|place| place.postcode.as_deref()),
            point.map(|point| point.latitude),
            point.map(|point| point.longitude),
            parent_row::aggregate_number(self.aggregate),
            self.valid_from,
            self.offer_id,
            self.price,
            self.currency,
            self.membership_required,
        ];
        connection.prepare_cached(WRITE)?.execute(values).map(drop)
    }
}

/// Removes the row, if there is one.
pub(super) fn remove(connection: &Connection, key: OpportunityKey) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM own WHERE key = ?1")?.execute([key]).map(drop)
}
