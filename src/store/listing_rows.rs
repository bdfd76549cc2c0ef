//! Listings: what the sessions of a series, or the slots of a facility use or court, share in the catalogue.

use hashbrown::HashMap;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::keys::{LinkKey, OfferListKey};
use super::offer_rows::{Lists, PublicAdultText, WantedKey};
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
const HEAD: &str = "parent_id, court_id, court, offers";

/// Which listing is written, and from what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// The listing's key.
    pub(super) key: i64,
    /// The `@id` that its sessions or slots link to.
    pub(super) link: LinkKey,
    /// The item that speaks for it.
    pub(super) speaker: &'a Speaker,
    /// What its one session says of its own, where it has the listing to itself.
    pub(super) own: Option<&'a Own>,
}

/// The SQL texts that copy [`SHARED`], made once.
#[derive(Debug)]
pub(super) struct ListingSql {
    select: String,
    upsert: String,
    /// As `upsert`, for a table that was empty.
    insert: String,
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
                "SELECT p.offer_id, p.price, p.currency, coalesce(p.id, l.id), iif(p.id IS NULL, NULL, l.id), \
                 p.court, p.offers, {} FROM whole_parent AS p JOIN link AS l ON l.key = ?2 WHERE p.key = ?1",
                SHARED.map(|column| format!("p.{column}")).join(", ")
            ),
            insert: format!("INSERT INTO listing (key, {columns}) VALUES ({})", marks.join(", ")),
            upsert: format!(
                "INSERT INTO listing (key, {columns}) VALUES ({}) ON CONFLICT (key) DO UPDATE SET {} \
                 WHERE ({columns}) IS NOT ({})",
                marks.join(", "),
                assignments.join(", "),
                excluded.join(", "),
            ),
        }
    }

    /// Writes a listing and its offers, where they are not there just so; what its aggregate offer says of the public
    /// adult one, or nothing where its parent is not there.
    pub(super) fn write(
        &self,
        state: &Connection,
        catalogue: &Connection,
        from: Source<'_>,
        (lists, anew): (&mut Lists, bool),
    ) -> rusqlite::Result<Option<PublicAdultText>> {
        let mut select = state.prepare_cached(&self.select)?;
        let read = |row: &Row<'_>| {
            let values = (3..SHARED.len() + 7).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()?;
            Ok((PublicAdultText::read(row, 0)?, row.get::<_, Option<OfferListKey>>(6)?, values))
        };
        let found = select.query_row((from.speaker.key, from.link), read).optional()?;
        let Some((public_adult, offers, mut values)) = found else { return Ok(None) };
        let list = match offers {
            Some(key) => {
                let wanted = lists.wanted(&public_adult);
                lists.show(state, catalogue, key, (wanted, &public_adult))?
            }
            None => None,
        };
        if let Some(slot) = values.get_mut(3) {
            *slot = list.map_or(Value::Null, Value::Integer);
        }
        if let Some(own) = from.own {
            own.overrule(values.iter_mut().skip(4));
        }
        let key = Value::Integer(from.key);
        let sql = if anew { &self.insert } else { &self.upsert };
        catalogue.prepare_cached(sql)?.execute(params_from_iter(std::iter::once(&key).chain(&values)))?;
        Ok(Some(public_adult))
    }
}

/// The listings that one pass has written already, and the lists of offers.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// With what each one's aggregate offer says of the public adult one.
    pub(super) listings: HashMap<i64, (WantedKey, PublicAdultText)>,
    pub(super) lists: Lists,
    /// Whether the tables were empty before.
    pub(super) anew: bool,
    /// Whether a listing that is there is as it should be, unless it was written in this pass.
    pub(super) trusted: bool,
}
