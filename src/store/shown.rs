//! The catalogue's sessions and slots, made from the state's rows.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, ToSql};

use super::keys::{LinkKey, OfferListKey, OpportunityKey};
use super::listing_rows::Written;
use super::offer_rows::PublicAdultText;
use super::opportunity_row::facts;
use super::parent_book::Speaker;
use super::shape_book::{Shapes, damaged};
use crate::domain::{Aggregate, AttendanceMode, CheckoutBase, Instant, Pair, SlotPath, Window, london_text};

/// The columns that [`Shown::read`] reads, in its order, of [`super::opportunity_row::TABLES`].
pub(super) const SHOWN_COLUMNS: &str = "o.key, o.link, o.opens, o.closes, o.modified, o.pair, o.facts, own.name, \
    own.has_place, own.place, own.address, own.postcode, own.latitude, own.longitude, own.offer_id, own.price, \
    own.currency, own.membership_required";

/// What checkout URLs are made from.
#[derive(Clone, Debug)]
pub struct CheckoutUrls {
    /// The Checkout.
    pub base: CheckoutBase,
    /// The path of a slot's page, where the operator knows one.
    pub slot_path: Option<SlotPath>,
}

/// What a session or slot says for itself.
#[derive(Debug)]
pub(super) struct Own {
    name: Option<String>,
    place: Option<[Value; 5]>,
    public_adult: PublicAdultText,
    membership_required: Option<bool>,
}

impl Own {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let place = if row.get::<_, Option<bool>>(8)? == Some(true) {
            Some([row.get(9)?, row.get(10)?, row.get(11)?, row.get(12)?, row.get(13)?])
        } else {
            None
        };
        Ok(Self {
            name: row.get(7)?,
            place,
            public_adult: PublicAdultText::read(row, 14)?,
            membership_required: row.get(17)?,
        })
    }

    /// Puts what is said over what the parent says: name, place, address, postcode, latitude, longitude.
    pub(super) fn overrule<'a>(&self, mut values: impl Iterator<Item = &'a mut Value>) {
        if let (Some(slot), Some(name)) = (values.next(), &self.name) {
            *slot = Value::Text(name.clone());
        }
        for (slot, value) in values.zip(self.place.iter().flatten()) {
            slot.clone_from(value);
        }
    }
}

/// A session or slot of the state that has a window, as the catalogue would show it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) key: OpportunityKey,
    pub(super) pair: Pair,
    pub(super) link: LinkKey,
    opens: Option<Instant>,
    closes: Instant,
    id: Option<String>,
    identifier: String,
    ends: Option<Instant>,
    numbers: [Option<i64>; 3],
    attendance_mode: Option<AttendanceMode>,
    url: Option<String>,
    modified: i64,
    own: Option<Own>,
    offers: Option<OfferListKey>,
}

impl Shown {
    /// Reads a row; `None` where it has no window.
    pub(super) fn read(row: &Row<'_>, shapes: &Shapes) -> rusqlite::Result<Option<Self>> {
        let (link, closes): (Option<LinkKey>, Option<i64>) = (row.get(1)?, row.get(3)?);
        let (Some(link), Some(closes)) = (link, closes) else { return Ok(None) };
        let packed = facts(row, 6)?;
        let shape = shapes.of(&packed)?;
        let [_, id, identifier, url] = packed.texts(shape).ok_or_else(damaged)?;
        let Some(identifier) = identifier else { return Ok(None) };
        let numbers = packed.numbers(shape).ok_or_else(damaged)?;
        Ok(Some(Self {
            key: row.get(0)?,
            pair: Pair::from_number(row.get(5)?).unwrap_or(Pair::Sessions),
            link,
            opens: row.get::<_, Option<i64>>(2)?.map(Instant::from_seconds),
            closes: Instant::from_seconds(closes),
            id,
            identifier,
            ends: numbers.ends,
            numbers: [numbers.duration_minutes, numbers.remaining, numbers.maximum],
            attendance_mode: numbers.attendance_mode,
            url,
            modified: row.get(4)?,
            own: if numbers.own { Some(Own::read(row)?) } else { None },
            offers: numbers.offers,
        }))
    }

    /// Whether it can be booked at `now`.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        Window { opens: self.opens, closes: self.closes }.holds(now)
    }

    /// What a session says that others of its series do not, so that it has a listing to itself. A slot shares its
    /// facility use's listing, whatever it says of its price.
    pub(super) fn own_listing(&self) -> Option<&Own> {
        let differs = |own: &&Own| own.name.is_some() || own.place.is_some();
        self.own.as_ref().filter(|_| self.pair == Pair::Sessions).filter(differs)
    }

    /// The key of its listing: its parent's link, or one of its own.
    pub(super) fn listing_key(&self) -> i64 {
        if self.own_listing().is_some() { -self.key.0 } else { self.link.0 }
    }

    /// Writes the row, if it is not there just so; its listing must be written.
    pub(super) fn write(
        &self,
        state: &Connection,
        catalogue: &Connection,
        checkout: &CheckoutUrls,
        speaker: &Speaker,
        written: &mut Written,
    ) -> rusqlite::Result<()> {
        let Written { listings, lists } = written;
        let listing = self.listing_key();
        // Its own price counts where its own aggregate offer does.
        let own = self.own.as_ref().filter(|_| self.pair == Pair::Slots && speaker.aggregate == Aggregate::Absent);
        let list = match (self.offers, own) {
            (None, _) => None,
            (Some(key), Some(own)) => {
                let wanted = lists.wanted(&own.public_adult);
                lists.show(state, catalogue, key, (wanted, &own.public_adult))?
            }
            (Some(key), None) => match listings.get(&listing) {
                Some((wanted, public_adult)) => lists.show(state, catalogue, key, (*wanted, public_adult))?,
                None => None,
            },
        };
        match self.pair {
            Pair::Sessions => self.write_session(catalogue, checkout, list),
            Pair::Slots => self.write_slot(catalogue, checkout, list, own),
        }
    }

    fn write_session(
        &self,
        catalogue: &Connection,
        checkout: &CheckoutUrls,
        list: Option<i64>,
    ) -> rusqlite::Result<()> {
        let (base, url) = (checkout.base.session_url(""), checkout.base.session_url(&self.identifier));
        let name = url.strip_prefix(&base).filter(|name| *name != self.identifier);
        let (starts_at, local_start) = (self.closes.to_string(), london_text(self.closes));
        let [duration, remaining, maximum] = self.numbers;
        let follows = duration.map(|minutes| self.closes.plus_seconds(minutes.saturating_mul(60)));
        let ends = self.ends.filter(|ends| Some(*ends) != follows);
        let mode = self.attendance_mode.map(mode_number);
        let values: [&dyn ToSql; 16] = [
            &self.key,
            &self.listing_key(),
            &self.id,
            &self.identifier,
            &name,
            &starts_at,
            &text(ends),
            &local_start,
            &duration,
            &text(self.opens),
            &remaining,
            &maximum,
            &mode,
            &self.url,
            &self.modified,
            &list,
        ];
        catalogue.prepare_cached(UPSERT_SESSION)?.execute(values.as_slice())?;
        Ok(())
    }

    fn write_slot(
        &self,
        catalogue: &Connection,
        checkout: &CheckoutUrls,
        list: Option<i64>,
        own: Option<&Own>,
    ) -> rusqlite::Result<()> {
        let checkout_url = checkout.slot_path.as_ref().map(|path| checkout.base.slot_url(path, &self.identifier));
        let (starts_at, local_start) = (self.closes.to_string(), london_text(self.closes));
        let [duration, remaining, maximum] = self.numbers;
        let values: [&dyn ToSql; 18] = [
            &self.key,
            &self.link,
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
            &own.and_then(|own| own.public_adult.price),
            &own.and_then(|own| own.public_adult.currency.as_deref()),
            &own.and_then(|own| own.membership_required),
            &self.url,
            &self.modified,
            &list,
        ];
        catalogue.prepare_cached(UPSERT_SLOT)?.execute(values.as_slice())?;
        Ok(())
    }
}

/// A mode as the table has it.
const fn mode_number(mode: AttendanceMode) -> i64 {
    match mode {
        AttendanceMode::Offline => 1,
        AttendanceMode::Online => 2,
        AttendanceMode::Mixed => 3,
    }
}

fn text(instant: Option<Instant>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}

const UPSERT_SESSION: &str = "INSERT INTO session (key, listing, session_id, identifier, checkout_name, starts_at, ends_at, \
    local_start, duration_minutes, bookable_from, remaining_capacity, maximum_capacity, attendance_mode, url, modified, \
    offers) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
    ON CONFLICT (key) DO UPDATE SET listing = excluded.listing, session_id = excluded.session_id, \
    identifier = excluded.identifier, checkout_name = excluded.checkout_name, starts_at = excluded.starts_at, \
    ends_at = excluded.ends_at, local_start = excluded.local_start, duration_minutes = excluded.duration_minutes, \
    bookable_from = excluded.bookable_from, remaining_capacity = excluded.remaining_capacity, \
    maximum_capacity = excluded.maximum_capacity, attendance_mode = excluded.attendance_mode, url = excluded.url, \
    modified = excluded.modified, offers = excluded.offers \
    WHERE (listing, session_id, identifier, checkout_name, starts_at, ends_at, local_start, duration_minutes, \
    bookable_from, remaining_capacity, maximum_capacity, attendance_mode, url, modified, offers) IS NOT \
    (excluded.listing, excluded.session_id, excluded.identifier, excluded.checkout_name, excluded.starts_at, \
    excluded.ends_at, excluded.local_start, excluded.duration_minutes, excluded.bookable_from, \
    excluded.remaining_capacity, excluded.maximum_capacity, excluded.attendance_mode, excluded.url, \
    excluded.modified, excluded.offers)";

const UPSERT_SLOT: &str = "INSERT INTO slot (key, listing, slot_id, identifier, checkout_url, starts_at, ends_at, \
    local_start, duration_minutes, bookable_from, remaining_uses, maximum_uses, price, currency, membership_required, url, \
    modified, offers) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) \
    ON CONFLICT (key) DO UPDATE SET listing = excluded.listing, slot_id = excluded.slot_id, \
    identifier = excluded.identifier, checkout_url = excluded.checkout_url, starts_at = excluded.starts_at, \
    ends_at = excluded.ends_at, local_start = excluded.local_start, duration_minutes = excluded.duration_minutes, \
    bookable_from = excluded.bookable_from, remaining_uses = excluded.remaining_uses, \
    maximum_uses = excluded.maximum_uses, price = excluded.price, currency = excluded.currency, \
    membership_required = excluded.membership_required, url = excluded.url, modified = excluded.modified, \
    offers = excluded.offers \
    WHERE (listing, slot_id, identifier, checkout_url, starts_at, ends_at, local_start, duration_minutes, \
    bookable_from, remaining_uses, maximum_uses, price, currency, membership_required, url, modified, offers) IS NOT \
    (excluded.listing, excluded.slot_id, excluded.identifier, excluded.checkout_url, excluded.starts_at, \
    excluded.ends_at, excluded.local_start, excluded.duration_minutes, excluded.bookable_from, excluded.remaining_uses, \
    excluded.maximum_uses, excluded.price, excluded.currency, excluded.membership_required, excluded.url, \
    excluded.modified, excluded.offers)";
