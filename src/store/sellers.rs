//! The sellers whose opportunities the broker may sell: in memory and in the state.

use hashbrown::HashMap;
use rusqlite::{Connection, params};

use crate::domain::{Seller, Selling};

/// What verdicts say of sellers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asking {
    /// No broker is set.
    #[default]
    Nothing,
    /// A broker is set, and its feed has not been read to its end yet.
    Unread,
    /// A broker is set, and its feed tells.
    Feed,
}

impl Asking {
    /// As the state keeps it.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Unread => 1,
            Self::Feed => 2,
        }
    }
}

/// One item of the feed.
#[derive(Clone, Debug)]
pub(super) struct SellerEntry {
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) id: Box<str>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sellers {
    pub(super) asking: Asking,
    items: HashMap<Box<str>, SellerEntry>,
    /// How many items name an `@id`: almost always one.
    ids: HashMap<Box<str>, u32>,
}

impl Sellers {
    /// Reads what the state holds.
    pub(super) fn load(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare("SELECT item_id, modified, walk, id FROM seller")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let entry = SellerEntry { modified: row.get(1)?, walk: row.get(2)?, id: row.get(3)? };
            self.keep(row.get(0)?, entry);
        }
        Ok(())
    }

    pub(super) fn item(&self, item_id: &str) -> Option<&SellerEntry> {
        self.items.get(item_id)
    }

    /// Whether the broker may sell what this organizer offers.
    pub(super) fn selling(&self, organizer: Option<&str>) -> Selling {
        match self.asking {
            Asking::Nothing => Selling::Unrestricted,
            Asking::Unread => Selling::Unknown,
            Asking::Feed if organizer.is_some_and(|id| self.ids.contains_key(id)) => Selling::Allowed,
            Asking::Feed => Selling::NotAllowed,
        }
    }

    /// Takes in an item; gives the `@id`s that it touches.
    pub(super) fn put(
        &mut self,
        connection: &Connection,
        item_id: &str,
        (modified, walk): (i64, i64),
        seller: &Seller<'_>,
    ) -> rusqlite::Result<Vec<Box<str>>> {
        let sql = "INSERT OR REPLACE INTO seller (item_id, modified, walk, id, name) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![item_id, modified, walk, seller.id, seller.name];
        connection.prepare_cached(sql)?.execute(values)?;
        let mut touched: Vec<_> = self.drop_item(item_id).into_iter().collect();
        touched.push(seller.id.as_ref().into());
        self.keep(item_id.into(), SellerEntry { modified, walk, id: seller.id.as_ref().into() });
        Ok(touched)
    }

    /// Takes an item away; gives the `@id` that it touches.
    pub(super) fn remove(&mut self, connection: &Connection, item_id: &str) -> rusqlite::Result<Option<Box<str>>> {
        connection.prepare_cached("DELETE FROM seller WHERE item_id = ?1")?.execute([item_id])?;
        Ok(self.drop_item(item_id))
    }

    /// The items that were not seen in `walk`.
    pub(super) fn unseen(&self, walk: i64) -> Vec<Box<str>> {
        self.items.iter().filter(|(_, entry)| entry.walk != walk).map(|(item_id, _)| item_id.clone()).collect()
    }

    fn keep(&mut self, item_id: Box<str>, entry: SellerEntry) {
        *self.ids.entry(entry.id.clone()).or_insert(0) += 1;
        self.items.insert(item_id, entry);
    }

    fn drop_item(&mut self, item_id: &str) -> Option<Box<str>> {
        let entry = self.items.remove(item_id)?;
        if let Some(count) = self.ids.get_mut(&entry.id) {
            *count -= 1;
            if *count == 0 {
                self.ids.remove(&entry.id);
            }
        }
        Some(entry.id)
    }
}
