//! Offers: kept in the state as one JSON text, shown in the catalogue as rows.

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::domain::{Offer, OfferTerms, public_adult_offer};

/// An offer as the state's JSON has it: `[id, name, price, currency, min_age, max_age]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Kept(Option<String>, Option<String>, Option<f64>, Option<String>, Option<i64>, Option<i64>);

/// The state's JSON; nothing where there are no offers.
pub(super) fn to_json(offers: &[Offer<'_>]) -> Option<String> {
    if offers.is_empty() {
        return None;
    }
    let rows: Vec<_> = offers
        .iter()
        .map(|offer| (&offer.id, &offer.name, offer.price, &offer.currency, offer.min_age, offer.max_age))
        .collect();
    serde_json::to_string(&rows).ok()
}

/// Whose offers they are, in the catalogue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    Listing(i64),
    Slot(i64),
}

/// The public adult offer that the aggregate offer names, to find it among the offers.
#[derive(Clone, Debug, Default)]
pub(super) struct PublicAdultText {
    pub(super) id: Option<String>,
    pub(super) price: Option<f64>,
    pub(super) currency: Option<String>,
}

impl PublicAdultText {
    /// From three columns in a row.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(first)?, price: row.get(first + 1)?, currency: row.get(first + 2)? })
    }
}

/// Makes the owner's rows say what the JSON says; changes nothing where they do already.
pub(super) fn show(
    catalogue: &Connection,
    owner: Owner,
    json: Option<&str>,
    public_adult: &PublicAdultText,
) -> rusqlite::Result<()> {
    // Only this program writes the JSON; a text that it cannot read back counts as no offers.
    let offers: Vec<Kept> = json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let terms: Vec<_> = offers.iter().map(Kept::terms).collect();
    let wanted = OfferTerms {
        id: public_adult.id.as_deref(),
        price: public_adult.price,
        currency: public_adult.currency.as_deref(),
        ..OfferTerms::default()
    };
    let marked = public_adult_offer(&terms, &wanted);
    let (select, delete, insert, key) = match owner {
        Owner::Listing(key) => (
            "SELECT id, name, price, currency, min_age, max_age, public_adult FROM offer WHERE listing = ?1 \
             ORDER BY position",
            "DELETE FROM offer WHERE listing = ?1",
            "INSERT INTO offer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            key,
        ),
        Owner::Slot(key) => (
            "SELECT id, name, price, currency, min_age, max_age, public_adult FROM slot_offer WHERE slot = ?1 \
             ORDER BY position",
            "DELETE FROM slot_offer WHERE slot = ?1",
            "INSERT INTO slot_offer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            key,
        ),
    };
    let shown = |row: &Row<'_>| {
        let kept = Kept(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((kept, row.get::<_, bool>(6)?))
    };
    let before = catalogue.prepare_cached(select)?.query_map([key], shown)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let after: Vec<_> = offers.into_iter().enumerate().map(|(at, offer)| (offer, marked == Some(at))).collect();
    if before == after {
        return Ok(());
    }
    if !before.is_empty() {
        catalogue.prepare_cached(delete)?.execute([key])?;
    }
    let mut statement = catalogue.prepare_cached(insert)?;
    for (position, (Kept(id, name, price, currency, min_age, max_age), public_adult)) in (1_i64..).zip(&after) {
        statement.execute(params![key, position, id, name, price, currency, min_age, max_age, public_adult])?;
    }
    Ok(())
}

impl Kept {
    fn terms(&self) -> OfferTerms<'_> {
        let Self(id, _, price, currency, min_age, max_age) = self;
        OfferTerms {
            id: id.as_deref(),
            price: *price,
            currency: currency.as_deref(),
            min_age: *min_age,
            max_age: *max_age,
        }
    }
}
