//! Lists of offers in the state: each kept once, found again by a keyed hash, and dropped when nothing has it any more.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::index::{ItemHash, ItemHasher};
use super::keys::OfferListKey;
use crate::domain::{Offer, OfferTerms};

/// An offer as the state's JSON has it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct KeptOffer(
    pub(super) u8,
    pub(super) Option<String>,
    pub(super) Option<String>,
    pub(super) Option<f64>,
    pub(super) Option<String>,
    pub(super) Option<i64>,
    pub(super) Option<i64>,
);

impl KeptOffer {
    /// What is looked at to find the public adult offer.
    pub(super) fn terms(&self) -> OfferTerms<'_> {
        let Self(_, id, _, price, currency, min_age, max_age) = self;
        OfferTerms {
            id: id.as_deref(),
            price: *price,
            currency: currency.as_deref(),
            min_age: *min_age,
            max_age: *max_age,
        }
    }
}

/// The end of an `@id` that begins with its owner's.
pub(super) fn relative<'a>(id: &'a str, owner: Option<&str>) -> Option<&'a str> {
    id.strip_prefix(owner.filter(|owner| !owner.is_empty())?).filter(|rest| !rest.is_empty())
}

/// The JSON of a list; nothing where there are no offers.
pub(super) fn to_json(offers: &[Offer<'_>], owner: Option<&str>) -> Option<String> {
    if offers.is_empty() {
        return None;
    }
    let kept = |offer: &Offer<'_>| {
        let rest = offer.id.as_deref().and_then(|id| relative(id, owner));
        let id = rest.or(offer.id.as_deref()).map(str::to_owned);
        let text = |text: &Option<crate::domain::Text<'_>>| text.as_deref().map(str::to_owned);
        let (name, currency) = (text(&offer.name), text(&offer.currency));
        KeptOffer(u8::from(rest.is_some()), id, name, offer.price, currency, offer.min_age, offer.max_age)
    };
    serde_json::to_string(&offers.iter().map(kept).collect::<Vec<_>>()).ok()
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OfferBook {
    keys: HashMap<ItemHash, OfferListKey>,
    lists: HashMap<OfferListKey, (ItemHash, u64)>,
    next: i64,
}

impl OfferBook {
    /// Reads what the state holds; the users are counted as their rows are read ([`OfferBook::count`]).
    pub(super) fn load(&mut self, connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
        let mut statement = connection.prepare("SELECT key, list FROM offer_list")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.learn(hasher.hash_text(row.get_ref(1)?.as_str()?), row.get(0)?);
        }
        Ok(())
    }

    fn learn(&mut self, hash: ItemHash, key: OfferListKey) {
        self.keys.insert(hash, key);
        self.lists.insert(key, (hash, 0));
        self.next = self.next.max(key.0);
    }

    /// Something has this list.
    pub(super) fn count(&mut self, key: Option<OfferListKey>) {
        if let Some((_, users)) = key.and_then(|key| self.lists.get_mut(&key)) {
            *users += 1;
        }
    }

    /// The key of a list for one more that has it; the list is written where it is new.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        list: Option<&str>,
    ) -> rusqlite::Result<Option<OfferListKey>> {
        let Some(list) = list else { return Ok(None) };
        let hash = hasher.hash_text(list);
        let key = if let Some(key) = self.keys.get(&hash) {
            *key
        } else {
            let key = OfferListKey(self.next + 1);
            let sql = "INSERT INTO offer_list (key, list) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![key, list])?;
            self.learn(hash, key);
            key
        };
        self.count(Some(key));
        Ok(Some(key))
    }

    /// One fewer has this list; with the last the list goes.
    pub(super) fn release(&mut self, connection: &Connection, key: Option<OfferListKey>) -> rusqlite::Result<()> {
        let Some(key) = key else { return Ok(()) };
        let Some((hash, users)) = self.lists.get_mut(&key) else { return Ok(()) };
        *users = users.saturating_sub(1);
        if *users == 0 {
            let hash = *hash;
            self.keys.remove(&hash);
            self.lists.remove(&key);
            connection.prepare_cached("DELETE FROM offer_list WHERE key = ?1")?.execute([key])?;
        }
        Ok(())
    }
}
