//! Lists of offers in the catalogue.
//!
//! A list of the state is one list of the catalogue for each place that its public adult offer may have, because the mark
//! depends on the aggregate offer beside it.

use std::hash::{Hash, Hasher};

use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::keys::{OfferListKey, ParentKey};
use super::offer_book::KeptOffer;
use crate::domain::{OfferTerms, public_adult_offer};

/// How many places the public adult offer may have in a list, with none: more than a list has offers.
const PLACES: i64 = 128;

/// The public adult offer that an aggregate offer names, to find it in a list.
#[derive(Clone, Debug, Default)]
pub(super) struct PublicAdultText {
    pub(super) id: Option<String>,
    pub(super) price: Option<f64>,
    pub(super) currency: Option<String>,
}

impl PublicAdultText {
    /// All of it, with the price bit by bit: what is not the same to the bit only costs another look.
    fn parts(&self) -> (Option<&str>, Option<u64>, Option<&str>) {
        (self.id.as_deref(), self.price.map(f64::to_bits), self.currency.as_deref())
    }
}

impl PartialEq for PublicAdultText {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for PublicAdultText {}

impl Hash for PublicAdultText {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.parts().hash(hasher);
    }
}

impl PublicAdultText {
    /// From three columns in a row.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(first)?, price: row.get(first + 1)?, currency: row.get(first + 2)? })
    }
}

impl PublicAdultText {
    /// What the aggregate offer of a parent says; nothing where there is no such parent.
    pub(super) fn of_parent(state: &Connection, parent: ParentKey) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT offer_id, price, currency FROM parent WHERE key = ?1";
        state.prepare_cached(sql)?.query_row([parent], |row| Self::read(row, 0)).optional()
    }
}

/// Writes lists, each once in a pass.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// By the state's list and what the aggregate offer beside it says; nothing where the list is empty.
    written: HashMap<(OfferListKey, WantedKey), Option<i64>>,
    wanted: HashMap<PublicAdultText, WantedKey>,
    /// What each of these stands for.
    texts: Vec<PublicAdultText>,
}

/// Stands for a [`PublicAdultText`] within one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WantedKey(usize);

impl Lists {
    /// A short name for what an aggregate offer says.
    pub(super) fn wanted(&mut self, public_adult: PublicAdultText) -> WantedKey {
        if let Some(known) = self.wanted.get(&public_adult) {
            return *known;
        }
        let key = WantedKey(self.texts.len());
        self.texts.push(public_adult.clone());
        self.wanted.insert(public_adult, key);
        key
    }

    /// The catalogue's number of a list of the state, which is written where it is not there just so.
    pub(super) fn show(
        &mut self,
        state: &Connection,
        catalogue: &Connection,
        key: OfferListKey,
        wanted: WantedKey,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(list) = self.written.get(&(key, wanted)) {
            return Ok(*list);
        }
        let Some(public_adult) = self.texts.get(wanted.0) else { return Ok(None) };
        let list = Self::write_marked(state, catalogue, key, public_adult)?;
        self.written.insert((key, wanted), list);
        Ok(list)
    }

    fn write_marked(
        state: &Connection,
        catalogue: &Connection,
        key: OfferListKey,
        public_adult: &PublicAdultText,
    ) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT list FROM offer_list WHERE key = ?1";
        let json: Option<String> = state.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
        // Only this program writes the JSON; a text that it cannot read back counts as no offers.
        let offers: Vec<KeptOffer> = json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        if offers.is_empty() {
            return Ok(None);
        }
        let terms: Vec<_> = offers.iter().map(KeptOffer::terms).collect();
        let wanted = OfferTerms {
            id: public_adult.id.as_deref(),
            price: public_adult.price,
            currency: public_adult.currency.as_deref(),
            ..OfferTerms::default()
        };
        let marked = public_adult_offer(&terms, &wanted);
        let place = marked.and_then(|at| i64::try_from(at).ok()).map_or(0, |at| at + 1);
        let list = key.0 * PLACES + place;
        write(catalogue, list, &offers, marked)?;
        Ok(Some(list))
    }
}

fn write(catalogue: &Connection, list: i64, offers: &[KeptOffer], marked: Option<usize>) -> rusqlite::Result<()> {
    let select = "SELECT relative, id, name, price, currency, min_age, max_age, public_adult FROM offer_list \
        WHERE list = ?1 ORDER BY position";
    let shown = |row: &Row<'_>| {
        let (relative, id, name, price) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((KeptOffer(relative, id, name, price, row.get(4)?, row.get(5)?, row.get(6)?), row.get::<_, bool>(7)?))
    };
    let before = catalogue.prepare_cached(select)?.query_map([list], shown)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let same = |((before, mark), (at, offer)): (&(KeptOffer, bool), (usize, &KeptOffer))| {
        before == offer && *mark == (marked == Some(at))
    };
    if before.len() == offers.len() && before.iter().zip(offers.iter().enumerate()).all(same) {
        return Ok(());
    }
    catalogue.prepare_cached("DELETE FROM offer_list WHERE list = ?1")?.execute([list])?;
    let insert = "INSERT INTO offer_list (list, position, relative, id, name, price, currency, min_age, max_age, \
        public_adult) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mut statement = catalogue.prepare_cached(insert)?;
    for (at, KeptOffer(relative, id, name, price, currency, min_age, max_age)) in offers.iter().enumerate() {
        let position = i64::try_from(at).map_or(i64::MAX, |at| at + 1);
        let mark = marked == Some(at);
        let values = params![list, position, relative, id, name, price, currency, min_age, max_age, mark];
        statement.execute(values)?;
    }
    Ok(())
}

/// Drops the lists that nothing has any more.
pub(super) const DROP_UNUSED: &str = "DELETE FROM offer_list WHERE list NOT IN (SELECT offers FROM session \
    WHERE offers IS NOT NULL UNION SELECT offers FROM slot WHERE offers IS NOT NULL UNION SELECT offers FROM listing \
    WHERE offers IS NOT NULL)";
