//! The catalogue's rows, made from the state's: what is shown of a session and of its listing.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};

use super::keys::{LinkKey, SeriesKey, SessionKey};
use crate::domain::{CheckoutBase, Instant, london_text};

/// The columns that a series in the state and a listing in the catalogue have in common.
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

/// The SQL texts that copy [`SHARED`], made once.
#[derive(Debug)]
pub(super) struct ListingSql {
    select: String,
    upsert: String,
}

impl ListingSql {
    pub(super) fn new() -> Self {
        let columns = SHARED.join(", ");
        let marks: Vec<String> = (1..=SHARED.len() + 2).map(|n| format!("?{n}")).collect();
        let assignments: Vec<String> = SHARED.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let excluded: Vec<String> = SHARED.iter().map(|column| format!("excluded.{column}")).collect();
        Self {
            select: format!("SELECT {columns} FROM series WHERE key = ?1"),
            upsert: format!(
                "INSERT INTO listing (key, series_id, {columns}) VALUES ({}) ON CONFLICT (key) DO UPDATE SET \
                 series_id = excluded.series_id, {} WHERE (series_id, {columns}) IS NOT (excluded.series_id, {})",
                marks.join(", "),
                assignments.join(", "),
                excluded.join(", "),
            ),
        }
    }

    /// Writes the listing of a link, or of one session where `own` is given; whether its series is there.
    pub(super) fn write(
        &self,
        state: &Connection,
        catalogue: &Connection,
        (link, series): (LinkKey, SeriesKey),
        own: Option<&Shown>,
    ) -> rusqlite::Result<bool> {
        let mut select = state.prepare_cached(&self.select)?;
        let read = |row: &Row<'_>| (0..SHARED.len()).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>();
        let Some(mut values) = select.query_row([series], read).optional()? else { return Ok(false) };
        let key = own.map_or(link.0, Shown::listing_key);
        if let Some(own) = own {
            own.overrule(&mut values);
        }
        let mut id = state.prepare_cached("SELECT id FROM series_link WHERE key = ?1")?;
        let series_id: Option<String> = id.query_row([link], |row| row.get(0)).optional()?;
        let head: [Value; 2] = [Value::Integer(key), series_id.map_or(Value::Null, Value::Text)];
        catalogue.prepare_cached(&self.upsert)?.execute(params_from_iter(head.iter().chain(&values)))?;
        Ok(true)
    }
}

/// The columns that [`Shown::read`] reads, in its order.
pub(super) const SHOWN_COLUMNS: &str = "key, link, opens, closes, id, identifier, ends, duration_minutes, \
    remaining_capacity, maximum_capacity, attendance_mode, url, modified, name, own_place, place, address, postcode, \
    latitude, longitude";

/// A session of the state that has a window, as the catalogue would show it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) key: SessionKey,
    pub(super) link: LinkKey,
    opens: Option<Instant>,
    closes: Instant,
    id: Option<String>,
    identifier: String,
    ends: Option<Instant>,
    numbers: [Option<i64>; 3],
    attendance_mode: Option<String>,
    url: Option<String>,
    modified: i64,
    name: Option<String>,
    place: Option<[Value; 5]>,
}

impl Shown {
    /// Reads a row; `None` where it has no window.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let (link, closes, identifier): (Option<LinkKey>, Option<i64>, Option<String>) =
            (row.get(1)?, row.get(3)?, row.get(5)?);
        let (Some(link), Some(closes), Some(identifier)) = (link, closes, identifier) else { return Ok(None) };
        let instant = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(Instant::from_seconds));
        let own_place: bool = row.get(14)?;
        let place =
            if own_place { Some([row.get(15)?, row.get(16)?, row.get(17)?, row.get(18)?, row.get(19)?]) } else { None };
        Ok(Some(Self {
            key: row.get(0)?,
            link,
            opens: instant(2)?,
            closes: Instant::from_seconds(closes),
            id: row.get(4)?,
            identifier,
            ends: instant(6)?,
            numbers: [row.get(7)?, row.get(8)?, row.get(9)?],
            attendance_mode: row.get(10)?,
            url: row.get(11)?,
            modified: row.get(12)?,
            name: row.get(13)?,
            place,
        }))
    }

    /// Whether the session can be booked at `now`.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        crate::domain::Window { opens: self.opens, closes: self.closes }.holds(now)
    }

    /// Whether it says something of its own that others of its series do not.
    pub(super) fn has_own_listing(&self) -> bool {
        self.name.is_some() || self.place.is_some()
    }

    /// The key of its listing: its series' link, or one of its own.
    pub(super) fn listing_key(&self) -> i64 {
        if self.has_own_listing() { -self.key.0 } else { self.link.0 }
    }

    /// Puts what the session says of its own over what its series says, in the order of [`SHARED`].
    fn overrule(&self, values: &mut [Value]) {
        let mut slots = values.iter_mut();
        if let (Some(slot), Some(name)) = (slots.next(), &self.name) {
            *slot = Value::Text(name.clone());
        }
        for (slot, value) in slots.zip(self.place.iter().flatten()) {
            slot.clone_from(value);
        }
    }

    /// Writes the row, if it is not there just so.
    pub(super) fn write(&self, catalogue: &Connection, checkout: &CheckoutBase) -> rusqlite::Result<()> {
        let text = |instant: Option<Instant>| instant.map(|instant| instant.to_string());
        let checkout_url = checkout.session_url(&self.identifier);
        let (starts_at, local_start) = (self.closes.to_string(), london_text(self.closes));
        let [duration, remaining, maximum] = self.numbers;
        let values: [&dyn ToSql; 15] = [
            &self.key,
            &self.listing_key(),
            &self.id,
            &self.identifier,
            &checkout_url,
            &starts_at,
            &text(self.ends),
            &local_start,
            &duration,
            &text(self.opens),
            &remaining,
            &maximum,
            &self.attendance_mode,
            &self.url,
            &self.modified,
        ];
        catalogue.prepare_cached(UPSERT)?.execute(values.as_slice())?;
        Ok(())
    }
}

const UPSERT: &str = "INSERT INTO session (key, listing, session_id, identifier, checkout_url, starts_at, ends_at, \
    local_start, duration_minutes, bookable_from, remaining_capacity, maximum_capacity, attendance_mode, url, modified) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
    ON CONFLICT (key) DO UPDATE SET listing = excluded.listing, session_id = excluded.session_id, \
    identifier = excluded.identifier, checkout_url = excluded.checkout_url, starts_at = excluded.starts_at, \
    ends_at = excluded.ends_at, local_start = excluded.local_start, duration_minutes = excluded.duration_minutes, \
    bookable_from = excluded.bookable_from, remaining_capacity = excluded.remaining_capacity, \
    maximum_capacity = excluded.maximum_capacity, attendance_mode = excluded.attendance_mode, url = excluded.url, \
    modified = excluded.modified \
    WHERE (listing, session_id, identifier, checkout_url, starts_at, ends_at, local_start, duration_minutes, \
    bookable_from, remaining_capacity, maximum_capacity, attendance_mode, url, modified) IS NOT \
    (excluded.listing, excluded.session_id, excluded.identifier, excluded.checkout_url, excluded.starts_at, \
    excluded.ends_at, excluded.local_start, excluded.duration_minutes, excluded.bookable_from, \
    excluded.remaining_capacity, excluded.maximum_capacity, excluded.attendance_mode, excluded.url, excluded.modified)";
