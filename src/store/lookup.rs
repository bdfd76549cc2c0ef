//! Reading the catalogue for one thing that can be booked: what a checkout needs to know of it.

use std::path::Path;

use rusqlite::Row;

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

/// An offer as the catalogue has it (table `offer`).
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
        let sql = "SELECT session_id, identifier, name, starts_at, checkout_url FROM bookable_session \
            WHERE identifier = ?1 ORDER BY starts_at";
        self.database.set("read", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([identifier], |row| read(Kind::Session, row))?;
            rows.collect()
        })
    }
}

fn read(kind: Kind, row: &Row<'_>) -> rusqlite::Result<Bookable> {
    Ok(Bookable {
        kind,
        id: row.get(0)?,
        identifier: row.get(1)?,
        name: row.get(2)?,
        starts_at: row.get(3)?,
        checkout_url: row.get(4)?,
        offers: Vec::new(),
    })
}
