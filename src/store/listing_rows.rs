//! Listings: what the sessions of a series, or the slots of a facility use or court, share in the catalogue.

use hashbrown::HashMap;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, OptionalExtension, Row, Statement, params_from_iter};

use super::keys::{LinkKey, OfferListKey};
use super::listing_index::{self, Indexed, Rewordings};
use super::offer_rows::{Lists, PublicAdultText, WantedKey};
use super::parent_book::Speaker;
use super::shown::{InstantTexts, Own};

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
/// How many columns these are.
const HEAD_COLUMNS: usize = 4;
/// How many are read of a parent before them: what its aggregate offer says.
const OFFER_COLUMNS: usize = 3;
/// How many of [`SHARED`] a session may say of its own.
const OWN_COLUMNS: usize = 6;

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
    /// The row as it stands.
    held: String,
    update: String,
    insert: String,
    /// Where among the values those are that are looked for.
    indexed: [usize; 7],
}

/// Where a column of [`SHARED`] or [`HEAD`] is among a row's values.
fn place_of(column: &str) -> usize {
    HEAD.split(", ").chain(SHARED).position(|known| known == column).unwrap_or(usize::MAX)
}

impl ListingSql {
    pub(super) fn new() -> Self {
        let columns = format!("{HEAD}, {}", SHARED.join(", "));
        let names: Vec<&str> = columns.split(", ").collect();
        let marks: Vec<String> = (1..=names.len() + 1).map(|n| format!("?{n}")).collect();
        let assignments: Vec<String> = (2..).zip(&names).map(|(n, column)| format!("{column} = ?{n}")).collect();
        Self {
            indexed: listing_index::INDEXED.map(place_of),
            // A court's row has its facility use's @id; any other goes by the link's own.
            select: format!(
                "SELECT p.offer_id, p.price, p.currency, coalesce(p.id, l.id), iif(p.id IS NULL, NULL, l.id), \
                 p.court, p.offers, {} FROM whole_parent AS p JOIN link AS l ON l.key = ?2 WHERE p.key = ?1",
                SHARED.map(|column| format!("p.{column}")).join(", ")
            ),
            insert: format!("INSERT INTO listing (key, {columns}) VALUES ({})", marks.join(", ")),
            held: format!("SELECT {columns} FROM listing WHERE key = ?1"),
            update: format!("UPDATE listing SET {} WHERE key = ?1", assignments.join(", ")),
        }
    }

    /// Writes a listing and its offers, where they are not there just so; what its aggregate offer says of the public
    /// adult one, or nothing where its parent is not there. Place and words follow, unless nobody knows what they are of.
    pub(super) fn write(
        &self,
        state: &Connection,
        catalogue: &Connection,
        from: Source<'_>,
        written: &mut Written,
    ) -> rusqlite::Result<Option<WantedKey>> {
        let lists = &mut written.lists;
        let mut select = state.prepare_cached(&self.select)?;
        let read = |row: &Row<'_>| {
            let values = (0..HEAD_COLUMNS + SHARED.len())
                .map(|at| row.get::<_, Value>(OFFER_COLUMNS + at))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((PublicAdultText::read(row, 0)?, row.get::<_, Option<OfferListKey>>(6)?, values))
        };
        let found = select.query_row((from.speaker.key, from.link), read).optional()?;
        let Some((public_adult, offers, mut values)) = found else { return Ok(None) };
        let wanted = lists.wanted(public_adult);
        let list = offers.map_or(Ok(None), |key| lists.show(state, catalogue, key, wanted))?;
        if let Some(slot) = values.get_mut(3) {
            *slot = list.map_or(Value::Null, Value::Integer);
        }
        if let Some(own) = from.own {
            own.overrule(values.iter_mut().skip(HEAD_COLUMNS));
        }
        let held = self.held(catalogue, from.key)?;
        if held.as_ref() != Some(&values) {
            let key = Value::Integer(from.key);
            let sql = if held.is_some() { &self.update } else { &self.insert };
            catalogue.prepare_cached(sql)?.execute(params_from_iter(std::iter::once(&key).chain(&values)))?;
            written.astray |= !written.trusted;
            if written.trusted {
                let held = held.as_deref().map(|held| self.indexed(held));
                let after = Some(self.indexed(&values));
                listing_index::replace(catalogue, from.key, [held, after], &mut written.rewordings)?;
            }
        }
        written.listings.insert(from.key, wanted);
        Ok(Some(wanted))
    }

    /// For a table that is being filled.
    pub(super) fn copy<'a>(&self, state: &'a Connection, catalogue: &'a Connection) -> rusqlite::Result<Copy<'a>> {
        let (select, insert) = (state.prepare(&self.select)?, catalogue.prepare(&self.insert)?);
        Ok(Copy { select, insert, state, catalogue, indexed: self.indexed })
    }

    fn held(&self, catalogue: &Connection, key: i64) -> rusqlite::Result<Option<Vec<Value>>> {
        let mut select = catalogue.prepare_cached(&self.held)?;
        select.query_row([key], |row| (0..HEAD_COLUMNS + SHARED.len()).map(|at| row.get(at)).collect()).optional()
    }

    fn indexed(&self, values: &[Value]) -> Indexed {
        Indexed::new(self.indexed.map(|at| values.get(at).cloned().unwrap_or(Value::Null)))
    }
}

/// Copies parents into a table of listings that is being filled; place and words follow apart.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    select: Statement<'a>,
    insert: Statement<'a>,
    state: &'a Connection,
    catalogue: &'a Connection,
    indexed: [usize; 7],
}

impl Copy<'_> {
    /// Writes a listing that is not there yet, and its offers, and gives what place and words are to know of it; nothing where its parent is
    /// not there.
    pub(super) fn copy(&mut self, from: Source<'_>, lists: &mut Lists) -> rusqlite::Result<Option<Indexed>> {
        let mut rows = self.select.query((from.speaker.key, from.link))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let offers: Option<OfferListKey> = row.get(6)?;
        let wanted = lists.wanted(PublicAdultText::read(row, 0)?);
        let list = offers.map_or(Ok(None), |key| lists.show(self.state, self.catalogue, key, wanted))?;
        self.insert.raw_bind_parameter(1, from.key)?;
        for at in 0..HEAD_COLUMNS + SHARED.len() {
            self.insert.raw_bind_parameter(at + 2, ToSqlOutput::Borrowed(row.get_ref(OFFER_COLUMNS + at)?))?;
        }
        self.insert.raw_bind_parameter(5, list)?;
        let mut own_values = Vec::new();
        if let Some(own) = from.own {
            let first = OFFER_COLUMNS + HEAD_COLUMNS;
            own_values =
                (first..first + OWN_COLUMNS).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
            own.overrule(own_values.iter_mut());
            (HEAD_COLUMNS + 2..)
                .zip(&own_values)
                .try_for_each(|(at, value)| self.insert.raw_bind_parameter(at, value))?;
        }
        self.insert.raw_execute()?;
        let mut indexed = [const { Value::Null }; 7];
        for (value, at) in indexed.iter_mut().zip(self.indexed) {
            let own = at.checked_sub(HEAD_COLUMNS).and_then(|at| own_values.get(at));
            *value = own.map_or_else(|| row.get(OFFER_COLUMNS + at), |own| Ok(own.clone()))?;
        }
        Ok(Some(Indexed::new(indexed)))
    }
}

/// The listings that one pass has written already, and the lists of offers.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// With what each one's aggregate offer says of the public adult one.
    pub(super) listings: HashMap<i64, WantedKey>,
    pub(super) lists: Lists,
    pub(super) times: InstantTexts,
    /// Whether a listing that is there is as it should be, unless it was written in this pass, and place and words are its own.
    pub(super) trusted: bool,
    /// What is still to be done to the index of words.
    pub(super) rewordings: Rewordings,
    /// Whether a listing was another than it should be: then place and words are made anew at the end.
    pub(super) astray: bool,
}
