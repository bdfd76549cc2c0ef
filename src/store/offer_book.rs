//! Lists of offers in the state: each kept once, found again by a keyed hash, and dropped when nothing has it any more.

use hashbrown::HashMap;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::index::{Gathered, ItemHash, ItemHasher, take_record};
use super::keys::OfferListKey;
use super::shape_book::damaged;
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

/// The offers of something, with its `@id`, to which theirs are relative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) offers: &'a [Offer<'a>],
    pub(super) owner: Option<&'a str>,
}

/// What makes an offer of a list the same as another: relative or not, id, name, price, currency and ages.
type Parts<'a> = (u8, Option<&'a str>, Option<&'a str>, Option<f64>, Option<&'a str>, Option<i64>, Option<i64>);

fn gather(gathered: &mut Gathered, (relative, id, name, price, currency, min_age, max_age): Parts<'_>) {
    let texts = [id, name, currency];
    let numbers = [price.map(f64::to_bits), min_age.map(i64::cast_unsigned), max_age.map(i64::cast_unsigned)];
    gathered.record(relative, texts.map(|text| text.map(str::as_bytes)), numbers);
}

impl KeptOffer {
    fn parts(&self) -> Parts<'_> {
        let Self(relative, id, name, price, currency, min_age, max_age) = self;
        (*relative, id.as_deref(), name.as_deref(), *price, currency.as_deref(), *min_age, *max_age)
    }
}

impl Given<'_> {
    fn parts(&self) -> impl Iterator<Item = Parts<'_>> {
        self.offers.iter().map(|offer| {
            let rest = offer.id.as_deref().and_then(|id| relative(id, self.owner));
            let id = rest.or(offer.id.as_deref());
            let (name, currency) = (offer.name.as_deref(), offer.currency.as_deref());
            (u8::from(rest.is_some()), id, name, offer.price, currency, offer.min_age, offer.max_age)
        })
    }
}

/// The list that was gathered, as the state keeps it; `None` where it was not gathered by [`gather_list`].
fn kept(mut gathered: &[u8]) -> Option<String> {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let mut list = Vec::new();
    while !gathered.is_empty() {
        let (relative, [id, name, currency], [price, min_age, max_age]) = take_record(&mut gathered)?;
        let (min_age, max_age) = (min_age.map(u64::cast_signed), max_age.map(u64::cast_signed));
        let price = price.map(f64::from_bits);
        list.push(KeptOffer(relative, text(id), text(name), price, text(currency), min_age, max_age));
    }
    serde_json::to_string(&list).ok()
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OfferBook {
    keys: HashMap<ItemHash, OfferListKey>,
    lists: HashMap<OfferListKey, (ItemHash, u64)>,
    next: i64,
    gathered: Gathered,
}

/// What makes a list the same as another.
pub(super) fn gather_list(gathered: &mut Gathered, given: Given<'_>) {
    gathered.clear();
    for parts in given.parts() {
        gather(gathered, parts);
    }
}

impl OfferBook {
    /// Reads what the state holds; the users are counted as their rows are read ([`OfferBook::count`]).
    pub(super) fn load(&mut self, connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
        let mut statement = connection.prepare("SELECT key, list FROM offer_list")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // Only this program writes the JSON; a text that it cannot read back is not found again.
            let offers: Vec<KeptOffer> = serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default();
            self.gathered.clear();
            for offer in &offers {
                gather(&mut self.gathered, offer.parts());
            }
            self.learn(hasher.hash_values(&self.gathered), row.get(0)?);
        }
        Ok(())
    }

    fn learn(&mut self, hash: ItemHash, key: OfferListKey) {
        self.keys.insert(hash, key);
        self.lists.insert(key, (hash, 0));
        self.next = self.next.max(key.0);
    }

    /// So many things more have this list.
    pub(super) fn count(&mut self, key: Option<OfferListKey>, things: u64) {
        if let Some((_, users)) = key.and_then(|key| self.lists.get_mut(&key)) {
            *users += things;
        }
    }

    /// The key of a list for one more that has it; the list is written where it is new.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        given: Given<'_>,
    ) -> rusqlite::Result<Option<OfferListKey>> {
        if given.offers.is_empty() {
            return Ok(None);
        }
        let mut gathered = std::mem::take(&mut self.gathered);
        gather_list(&mut gathered, given);
        let taken = self.take_gathered(connection, hasher.hash_values(&gathered), gathered.bytes());
        self.gathered = gathered;
        taken.map(Some)
    }

    /// The same for a list that was gathered and hashed elsewhere.
    pub(super) fn take_gathered(
        &mut self,
        connection: &Connection,
        hash: ItemHash,
        gathered: &[u8],
    ) -> rusqlite::Result<OfferListKey> {
        let key = if let Some(key) = self.keys.get(&hash) {
            *key
        } else {
            let key = OfferListKey(self.next + 1);
            let sql = "INSERT INTO offer_list (key, list) VALUES (?1, ?2)";
            let list = kept(gathered).ok_or_else(damaged)?;
            connection.prepare_cached(sql)?.execute(params![key, list])?;
            self.learn(hash, key);
            key
        };
        self.count(Some(key), 1);
        Ok(key)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_gathered_of_a_list_is_the_list() {
        let first = Offer {
            id: Some("https://a.example/1#adult".into()),
            name: Some("Adult \"ü\"".into()),
            price: Some(-0.5),
            currency: None,
            min_age: Some(-1),
            max_age: Some(i64::MAX),
        };
        let second = Offer { id: Some("elsewhere".into()), name: Some("".into()), ..Offer::default() };
        let offers = [first, second, Offer::default()];
        let mut gathered = Gathered::default();
        gather_list(&mut gathered, Given { offers: &offers, owner: Some("https://a.example/1") });
        let json = r##"[[1,"#adult","Adult \"ü\"",-0.5,null,-1,9223372036854775807],[0,"elsewhere","",null,null,null,null],
            [0,null,null,null,null,null,null]]"##;
        let list: Vec<KeptOffer> = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::from_str::<Vec<KeptOffer>>(&kept(gathered.bytes()).unwrap()).unwrap(), list);
        assert_eq!(kept(&gathered.bytes()[1..]), None, "no list begins there");
        assert_eq!(kept(b""), Some("[]".to_owned()));
    }
}
