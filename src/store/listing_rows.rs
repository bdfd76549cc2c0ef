//! Listings: what the sessions of a series, or the slots of a facility use or court, share in the catalogue.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::keys::{LinkKey, ParentKey};
use super::offer_rows::{self, Owner, PublicAdultText};
use super::parent_book::Speaker;
use super::shown::Own;

/// The columns that a parent in the state and a listing in the catalogue have in common. What a session may say of its own
/// comes first.
const SHARED: [&str; 22] = [
    "name",
    "place",
    "address",
    "postcode",
    "latitude",
    "longitude",
    "description",
    "activities",
    "levels",
    "price",
    "currency",
    "membership_required",
    "min_age",
    "max_age",
    "gender",
    "attendance_mode",
    "organizer",
    "organizer_id",
    "url",
    "image_url",
    "dataset",
    "present_as_slots",
];

/// What a listing says that comes before [`SHARED`] in its row, beside the key.
const HEAD: &str = "parent_id, court_id, court";

/// Which listing is written, and from what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// The listing's key.
    pub(super) key: i64,
    /// The `@id` that its sessions or slots link to.
    pub(super) link: LinkKey,
    /// The item that speaks for it.
    pub(super) speaker: Speaker<'a>,
    /// What its one session says of its own, where it has the listing to itself.
    pub(super) own: Option<&'a Own>,
}

/// The SQL texts that copy [`SHARED`], made once.
#[derive(Debug)]
pub(super) struct ListingSql {
    select: String,
    upsert: String,
}

impl ListingSql {
    pub(super) fn new() -> Self {
        let columns = format!("{HEAD}, {}", SHARED.join(", "));
        let names: Vec<&str> = columns.split(", ").collect();
        let marks: Vec<String> = (1..=names.len() + 1).map(|n| format!("?{n}")).collect();
        let assignments: Vec<String> = names.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let excluded: Vec<String> = names.iter().map(|column| format!("excluded.{column}")).collect();
        Self {
            // A court's row has its facility use's @id; any other goes by the link's own.
            select: format!(
                "SELECT p.offers, p.offer_id, p.price, p.currency, coalesce(p.id, l.id), iif(p.id IS NULL, NULL, l.id), \
                 p.court, {} FROM parent AS p JOIN link AS l ON l.key = ?2 WHERE p.key = ?1",
                SHARED.map(|column| format!("p.{column}")).join(", ")
            ),
            upsert: format!(
                "INSERT INTO listing (key, {columns}) VALUES ({}) ON CONFLICT (key) DO UPDATE SET {} \
                 WHERE ({columns}) IS NOT ({})",
                marks.join(", "),
                assignments.join(", "),
                excluded.join(", "),
            ),
        }
    }

    /// Writes a listing and its offers, where they are not there just so; whether its parent is there.
    pub(super) fn write(&self, state: &Connection, catalogue: &Connection, from: Source<'_>) -> rusqlite::Result<bool> {
        let mut select = state.prepare_cached(&self.select)?;
        let read = |row: &Row<'_>| {
            let values = (4..SHARED.len() + 7).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()?;
            Ok((row.get::<_, Option<String>>(0)?, PublicAdultText::read(row, 1)?, values))
        };
        let found = select.query_row((from.speaker.key, from.link), read).optional()?;
        let Some((offers, public_adult, mut values)) = found else { return Ok(false) };
        if let Some(own) = from.own {
            own.overrule(values.iter_mut().skip(3));
        }
        let key = Value::Integer(from.key);
        catalogue.prepare_cached(&self.upsert)?.execute(params_from_iter(std::iter::once(&key).chain(&values)))?;
        let offers = from.own.and_then(|own| own.offers.as_deref()).or(offers.as_deref());
        offer_rows::show(catalogue, Owner::Listing(from.key), offers, &public_adult)?;
        Ok(true)
    }
}

/// The public adult offer that a parent's aggregate offer names.
pub(super) fn public_adult_of(state: &Connection, parent: ParentKey) -> rusqlite::Result<PublicAdultText> {
    let sql = "SELECT offer_id, price, currency FROM parent WHERE key = ?1";
    let found = state.prepare_cached(sql)?.query_row([parent], |row| PublicAdultText::read(row, 0)).optional()?;
    Ok(found.unwrap_or_default())
}

/// The listings that one pass has written already.
pub(super) type Written = HashSet<i64>;
