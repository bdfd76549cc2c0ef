//! Listings: what the sessions of a series, or the slots of a facility use or court, share in the catalogue.

use hashbrown::HashMap;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Statement, params_from_iter};

use super::area::Cell;
use super::keys::{LinkKey, OfferListKey};
use super::listing_index::{self, Indexed, Rewordings};
use super::offer_rows::{Lists, PublicAdultText, WantedKey};
use super::parent_book::Speaker;
use super::row_values::RowValues;
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
/// And all.
const COLUMNS: usize = HEAD_COLUMNS + SHARED.len();
/// Where among them its list of offers is.
const OFFERS_AT: usize = 3;
/// How many are read of a parent before them: what its aggregate offer says.
const OFFER_COLUMNS: usize = 3;

/// What the values of a listing usually take.
const BYTES_USUAL: usize = 1024;

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
        let read = Listing::read(&mut *state.prepare_cached(&self.select)?, from)?;
        let Some(mut listing) = read else { return Ok(None) };
        let wanted = listing.take_offers(state, catalogue, &mut written.lists)?;
        let values = listing.whole()?;
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

    /// What [`Listing::read`] reads with.
    pub(super) fn select<'a>(&self, state: &'a Connection) -> rusqlite::Result<Statement<'a>> {
        state.prepare(&self.select)
    }

    /// What [`Listing::insert`] writes with.
    pub(super) fn insert<'a>(&self, catalogue: &'a Connection) -> rusqlite::Result<Statement<'a>> {
        catalogue.prepare(&self.insert)
    }

    fn held(&self, catalogue: &Connection, key: i64) -> rusqlite::Result<Option<Vec<Value>>> {
        let mut select = catalogue.prepare_cached(&self.held)?;
        select.query_row([key], |row| (0..COLUMNS).map(|at| row.get(at)).collect()).optional()
    }

    fn indexed(&self, values: &[Value]) -> Indexed {
        Indexed::new(self.indexed.map(|at| values.get(at).cloned().unwrap_or(Value::Null)))
    }

    /// What of a listing is looked for: its words, and its cell in the index of places if it is known where it is.
    pub(super) fn looked_for<'v>(&self, listing: &'v Listing) -> ([ValueRef<'v>; 5], Option<Cell>) {
        let mut values = [ValueRef::Null; COLUMNS];
        for (slot, value) in values.iter_mut().zip(listing.values.iter()) {
            *slot = value;
        }
        let [name, description, activities, organizer, place, latitude, longitude] =
            self.indexed.map(|at| values.get(at).copied().unwrap_or(ValueRef::Null));
        let cell = match (latitude, longitude) {
            (ValueRef::Real(latitude), ValueRef::Real(longitude)) => Some(Cell::of(listing.key, [latitude, longitude])),
            _ => None,
        };
        ([name, description, activities, organizer, place], cell)
    }
}

/// A listing as it is to be written.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) key: i64,
    /// What its aggregate offer says of the public adult one.
    public_adult: PublicAdultText,
    /// Its offers, as the state has them.
    offers: Option<OfferListKey>,
    /// And as the catalogue has them, once they are written.
    list: Option<i64>,
    /// Those of [`HEAD`] and [`SHARED`]; another stands for the list of offers.
    values: RowValues,
}

impl Listing {
    /// Reads one, with what [`ListingSql::select`] gives; nothing where its parent is not there.
    pub(super) fn read(select: &mut Statement<'_>, from: Source<'_>) -> rusqlite::Result<Option<Self>> {
        let mut rows = select.query((from.speaker.key, from.link))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut values = RowValues::with_capacity(BYTES_USUAL);
        for at in 0..COLUMNS {
            let own = from.own.and_then(|own| own.says(at.checked_sub(HEAD_COLUMNS)?));
            values.push(own.map_or_else(|| row.get_ref(OFFER_COLUMNS + at), Ok)?);
        }
        let (public_adult, offers) = (PublicAdultText::read(row, 0)?, row.get(OFFER_COLUMNS + OFFERS_AT)?);
        Ok(Some(Self { key: from.key, public_adult, offers, list: None, values }))
    }

    /// Its values, with the list of offers.
    fn whole(&self) -> rusqlite::Result<Vec<Value>> {
        let values = self.values.iter().map(|value| Ok(value.try_into()?));
        let mut values = values.collect::<rusqlite::Result<Vec<Value>>>()?;
        if let Some(slot) = values.get_mut(OFFERS_AT) {
            *slot = self.list.map_or(Value::Null, Value::Integer);
        }
        Ok(values)
    }

    /// Writes its offers, where they are not there just so, and takes up their number in the catalogue; gives what its aggregate offer says.
    pub(super) fn take_offers(
        &mut self,
        state: &Connection,
        catalogue: &Connection,
        lists: &mut Lists,
    ) -> rusqlite::Result<WantedKey> {
        let wanted = lists.wanted(std::mem::take(&mut self.public_adult));
        self.list = self.offers.map_or(Ok(None), |key| lists.show(state, catalogue, key, wanted))?;
        Ok(wanted)
    }

    /// Writes one that is not there yet, with what [`ListingSql::insert`] gives; place and words follow apart.
    pub(super) fn insert(&self, insert: &mut Statement<'_>) -> rusqlite::Result<()> {
        insert.raw_bind_parameter(1, self.key)?;
        for (at, value) in (2..).zip(self.values.iter()) {
            insert.raw_bind_parameter(at, ToSqlOutput::Borrowed(value))?;
        }
        insert.raw_bind_parameter(2 + OFFERS_AT, self.list)?;
        insert.raw_execute().map(drop)
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
