//! The catalogue's sessions and slots, made from the state's rows.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Statement, ToSql, params};

use super::keys::{LinkKey, OfferListKey, OpportunityKey};
use super::listing_rows::Written;
use super::offer_rows::PublicAdultText;
use super::opportunity_row::{Judged, Way, facts, judged_columns};
use super::parent_book::Speaker;
use super::shape_book::{Shapes, damaged};
use crate::domain::{
    Aggregate, AttendanceMode, CheckoutBase, Instant, Pair, SlotPath, Verdict, encode_uri_component, london_text,
};

/// The columns that [`Shown::read`] reads, in its order, of [`super::opportunity_row::TABLES`].
pub(super) const SHOWN_COLUMNS: &str = concat!(
    judged_columns!(),
    ", own.name, own.has_place, own.place, own.address, own.postcode, own.latitude, own.longitude, \
     own.offer_id, own.price, own.currency, own.membership_required"
);

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
        let place = if row.get::<_, Option<bool>>(9)? == Some(true) {
            Some([row.get(10)?, row.get(11)?, row.get(12)?, row.get(13)?, row.get(14)?])
        } else {
            None
        };
        Ok(Self {
            name: row.get(8)?,
            place,
            public_adult: PublicAdultText::read(row, 15)?,
            membership_required: row.get(18)?,
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

/// A session or slot of the state that can be booked, as the catalogue shows it.
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
    /// Reads a row as it is shown at `now`, by the verdict that `judge` gives; `None` where it cannot be booked then.
    pub(super) fn read(
        row: &Row<'_>,
        shapes: &Shapes,
        now: Instant,
        judge: impl FnOnce(&Judged) -> Verdict,
    ) -> rusqlite::Result<Option<Self>> {
        let judged = Judged::read(row, shapes)?;
        let (Some(link), Verdict::During(window)) = (judged.link, judge(&judged)) else { return Ok(None) };
        if !window.holds(now) {
            return Ok(None);
        }
        let packed = facts(row, 5)?;
        let shape = shapes.of(&packed)?;
        let [_, id, identifier, url] = packed.texts(shape).ok_or_else(damaged)?;
        let Some(identifier) = identifier else { return Ok(None) };
        let numbers = packed.numbers(shape).ok_or_else(damaged)?;
        Ok(Some(Self {
            key: judged.key,
            pair: judged.pair,
            link,
            opens: window.opens,
            closes: window.closes,
            id,
            identifier,
            ends: numbers.ends,
            numbers: [numbers.duration_minutes, numbers.remaining, numbers.maximum],
            attendance_mode: numbers.attendance_mode,
            url,
            modified: packed.seen.modified,
            own: if numbers.own { Some(Own::read(row)?) } else { None },
            offers: numbers.offers,
        }))
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
        (speaker, way): (&Speaker, Way),
        written: &mut Written,
    ) -> rusqlite::Result<()> {
        let Written { listings, lists, .. } = written;
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
        let mut statement = catalogue.prepare_cached(sql(self.pair, way))?;
        match self.pair {
            Pair::Sessions => self.write_session(&mut statement, list),
            Pair::Slots => self.write_slot(&mut statement, checkout, list, own),
        }
    }

    /// Its listing as it stands in the catalogue, and how the row has to be written; no listing where it is not shown yet.
    pub(super) fn standing(&self, catalogue: &Connection) -> rusqlite::Result<(Option<i64>, Way)> {
        let sql = match self.pair {
            Pair::Sessions => {
                "SELECT listing, (identifier, starts_at, bookable_from) IS (?2, ?3, ?4) FROM session WHERE key = ?1"
            }
            Pair::Slots => {
                "SELECT listing, (identifier, starts_at, bookable_from) IS (?2, ?3, ?4) FROM slot WHERE key = ?1"
            }
        };
        let values = params![self.key, self.identifier, self.closes.to_string(), text(self.opens)];
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?));
        let Some((listing, same)) = catalogue.prepare_cached(sql)?.query_row(values, read).optional()? else {
            return Ok((None, Way::New));
        };
        let way = if same && listing == self.listing_key() { Way::InPlace } else { Way::Over };
        Ok((Some(listing), way))
    }

    fn write_session(&self, statement: &mut Statement<'_>, list: Option<i64>) -> rusqlite::Result<()> {
        let name = Some(encode_uri_component(&self.identifier)).filter(|name| *name != self.identifier);
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
        statement.execute(values.as_slice()).map(drop)
    }

    fn write_slot(
        &self,
        statement: &mut Statement<'_>,
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
        statement.execute(values.as_slice()).map(drop)
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

/// Writes a row whose values are numbered as in the tables; in place, only where something differs.
const fn sql(pair: Pair, way: Way) -> &'static str {
    match (pair, way) {
        (Pair::Sessions, Way::New) => {
            "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        }
        (Pair::Sessions, Way::Over) => {
            "UPDATE session SET listing = ?2, session_id = ?3, identifier = ?4, checkout_name = ?5, starts_at = ?6, ends_at = ?7, \
             local_start = ?8, duration_minutes = ?9, bookable_from = ?10, remaining_capacity = ?11, maximum_capacity = ?12, \
             attendance_mode = ?13, url = ?14, modified = ?15, offers = ?16 WHERE key = ?1"
        }
        (Pair::Sessions, Way::InPlace) => {
            "UPDATE session SET session_id = ?3, checkout_name = ?5, ends_at = ?7, local_start = ?8, duration_minutes = ?9, \
             remaining_capacity = ?11, maximum_capacity = ?12, attendance_mode = ?13, url = ?14, modified = ?15, offers = ?16 \
             WHERE key = ?1 AND (session_id, checkout_name, ends_at, local_start, duration_minutes, remaining_capacity, \
             maximum_capacity, attendance_mode, url, modified, offers) IS NOT (?3, ?5, ?7, ?8, ?9, ?11, ?12, ?13, ?14, ?15, ?16)"
        }
        (Pair::Slots, Way::New) => {
            "INSERT INTO slot VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        }
        (Pair::Slots, Way::Over) => {
            "UPDATE slot SET listing = ?2, slot_id = ?3, identifier = ?4, checkout_url = ?5, starts_at = ?6, ends_at = ?7, \
             local_start = ?8, duration_minutes = ?9, bookable_from = ?10, remaining_uses = ?11, maximum_uses = ?12, price = ?13, \
             currency = ?14, membership_required = ?15, url = ?16, modified = ?17, offers = ?18 WHERE key = ?1"
        }
        (Pair::Slots, Way::InPlace) => {
            "UPDATE slot SET slot_id = ?3, checkout_url = ?5, ends_at = ?7, local_start = ?8, duration_minutes = ?9, \
             remaining_uses = ?11, maximum_uses = ?12, price = ?13, currency = ?14, membership_required = ?15, url = ?16, \
             modified = ?17, offers = ?18 WHERE key = ?1 AND (slot_id, checkout_url, ends_at, local_start, duration_minutes, \
             remaining_uses, maximum_uses, price, currency, membership_required, url, modified, offers) IS NOT \
             (?3, ?5, ?7, ?8, ?9, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        }
    }
}
