//! Reading the catalogue for one thing that can be booked: what a checkout needs to know of it.

use std::path::Path;

use rusqlite::{Row, params};

use super::database::{CATALOGUE, Database};
use super::error::Result;

/// Which kind of opportunity can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A ScheduledSession.
    Session,
    /// A Slot.
    Slot,
}

impl Kind {
    /// The OpenActive type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Session => "ScheduledSession",
            Self::Slot => "Slot",
        }
    }
}

/// An offer as the catalogue has it (view `offer`).
#[derive(Clone, Debug, PartialEq)]
pub struct OfferRow {
    /// The Offer's `@id`.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its price, in units of the currency.
    pub price: Option<f64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Years, inclusive.
    pub min_age: Option<i64>,
    /// Years, inclusive.
    pub max_age: Option<i64>,
    /// Whether it is the public adult offer.
    pub public_adult: bool,
}

/// Something that can be booked now.
#[derive(Clone, Debug, PartialEq)]
pub struct Bookable {
    /// What it is.
    pub kind: Kind,
    /// `identifier`, as the feed gives it.
    pub identifier: String,
    /// `@id`.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// When it starts, `YYYY-MM-DDTHH:MM:SSZ`.
    pub starts_at: String,
    /// The guest checkout URL; null for a slot without one.
    pub checkout_url: Option<String>,
    /// Its offers, in the feed's order.
    pub offers: Vec<OfferRow>,
}

/// How fresh what one feed gave is (the view `freshness`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Freshness {
    /// The feed's name.
    pub feed: String,
    /// When it was last read to its end.
    pub read_to_end_at: Option<String>,
    /// How long ago that is, in seconds.
    pub age_seconds: Option<i64>,
    /// Whether that is more than 24 hours.
    pub stale: bool,
}

/// The catalogue, open to read.
#[derive(Debug)]
pub struct CatalogueReader {
    database: Database,
}

impl CatalogueReader {
    /// Opens the catalogue to read it.
    ///
    /// # Errors
    /// [`super::StoreError`] where it is missing, foreign or of another version.
    pub fn open(path: &Path) -> Result<Self> {
        Database::open_to_read(path, &CATALOGUE).map(|database| Self { database })
    }

    /// What can be booked now (by SQLite's clock) under this `identifier`; more than one where publishers share it.
    ///
    /// # Errors
    /// [`super::StoreError`] where the catalogue cannot be read.
    pub fn bookable(&self, identifier: &str) -> Result<Vec<Bookable>> {
        let sql = "SELECT 'ScheduledSession', identifier, session_id, name, starts_at, checkout_url FROM bookable_session \
            WHERE identifier = ?1 UNION ALL SELECT 'Slot', identifier, slot_id, name, starts_at, checkout_url \
            FROM bookable_slot WHERE identifier = ?1 ORDER BY 1, 5, 3";
        let offers = "SELECT id, name, price, currency, min_age, max_age, public_adult FROM offer \
            WHERE identifier = ?1 AND type = ?2 AND item_id IS ?3 ORDER BY position";
        self.database.set("read", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([identifier], read)?;
            let mut found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut statement = connection.prepare_cached(offers)?;
            for bookable in &mut found {
                let values = params![identifier, bookable.kind.type_name(), bookable.id];
                let rows = statement.query_map(values, read_offer)?;
                bookable.offers = rows.collect::<rusqlite::Result<_>>()?;
            }
            Ok(found)
        })
    }
}

impl CatalogueReader {
    /// How many sessions and how many slots can be booked now, by SQLite's clock: an index is counted, so that it is quick.
    ///
    /// # Errors
    /// [`super::StoreError`] where the catalogue cannot be read.
    pub fn counts(&self) -> Result<(i64, i64)> {
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table} WHERE starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
            self.database.set("read", |connection| connection.query_row(&sql, [], |row| row.get(0)))
        };
        Ok((count("session")?, count("slot")?))
    }

    /// How fresh each feed is.
    ///
    /// # Errors
    /// [`super::StoreError`] where the catalogue cannot be read.
    pub fn freshness(&self) -> Result<Vec<Freshness>> {
        let sql = "SELECT feed, read_to_end_at, age_seconds, stale FROM freshness ORDER BY feed";
        self.database.set("read", |connection| {
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let (feed, read_to_end_at) = (row.get(0)?, row.get(1)?);
                Ok(Freshness { feed, read_to_end_at, age_seconds: row.get(2)?, stale: row.get(3)? })
            })?;
            rows.collect()
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Bookable> {
    let kind = if row.get_ref(0)?.as_str()? == Kind::Slot.type_name() { Kind::Slot } else { Kind::Session };
    Ok(Bookable {
        kind,
        identifier: row.get(1)?,
        id: row.get(2)?,
        name: row.get(3)?,
        starts_at: row.get(4)?,
        checkout_url: row.get(5)?,
        offers: Vec::new(),
    })
}

fn read_offer(row: &Row<'_>) -> rusqlite::Result<OfferRow> {
    Ok(OfferRow {
        id: row.get(0)?,
        name: row.get(1)?,
        price: row.get(2)?,
        currency: row.get(3)?,
        min_age: row.get(4)?,
        max_age: row.get(5)?,
        public_adult: row.get(6)?,
    })
}
