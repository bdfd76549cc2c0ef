//! The catalogue's sessions and slots, made from the state's rows.

use hashbrown::HashMap;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Statement, ToSql, params};

use super::keys::{LinkKey, OfferListKey, OpportunityKey, ShapeKey};
use super::offer_rows::{Lists, PublicAdultText, WantedKey};
use super::opportunity_row::{Judged, facts, judged_columns, verdict_from};
use super::packed::Packed;
use super::parent_book::Speaker;
use super::settle::Judging;
use super::shape_book::{Shapes, damaged};
use crate::domain::{
    Aggregate, AttendanceMode, CheckoutBase, Instant, Pair, SlotPath, Verdict, Window, encode_uri_component,
    london_text,
};

/// The columns that [`Shown::read`] reads, in its order, of [`super::opportunity_row::TABLES`].
pub(super) const SHOWN_COLUMNS: &str = concat!(
    judged_columns!(),
    ", own.name, own.has_place, own.place, own.address, own.postcode, own.latitude, own.longitude, \
     own.offer_id, own.price, own.currency, own.membership_required"
);

/// The same of `opportunity AS o` alone, for a row that says nothing of its own.
pub(super) const SHOWN_COLUMNS_ALONE: &str = "o.key, o.link, o.reason, o.opens, o.closes, o.facts, NULL, NULL";

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

    /// What is said where the parent says it too: of name, place, address, postcode, latitude and longitude the one at this place.
    pub(super) fn says(&self, at: usize) -> Option<ValueRef<'_>> {
        match at.checked_sub(1) {
            None => self.name.as_deref().map(|name| ValueRef::Text(name.as_bytes())),
            Some(at) => self.place.as_ref()?.get(at).map(ValueRef::from),
        }
    }
}

/// What the parent of a row goes by and the window in which it can be booked, if that holds at `now`; by the verdict in the row, or by one
/// that is made anew.
pub(super) fn window(
    row: &Row<'_>,
    judging: Judging<'_>,
    now: Instant,
    anew: bool,
) -> rusqlite::Result<Option<(LinkKey, Window)>> {
    let link: Option<LinkKey> = row.get(1)?;
    let verdict = if anew {
        judging.verdict(&Judged::read(row, judging.shapes)?.terms, link)
    } else {
        verdict_from(row.get(2)?, row.get(3)?, row.get(4)?)
    };
    let (Some(link), Verdict::During(window)) = (link, judging.shown(verdict, link)) else { return Ok(None) };
    Ok(Some((link, window)).filter(|_| window.holds(now)))
}

/// How a session or slot stands in the catalogue before it is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// Not at all.
    Nowhere,
    /// With the same values where there are indexes, so that none of these has to follow.
    Alike,
    /// With others; it closed at this instant.
    Otherwise(Instant),
}

/// A session or slot of the state that can be booked, as the catalogue shows it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) key: OpportunityKey,
    pub(super) pair: Pair,
    pub(super) link: LinkKey,
    opens: Option<Instant>,
    closes: Instant,
    /// What makes `id` and `url` of the identifier, where they are not given here.
    pub(super) pattern: Option<ShapeKey>,
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
    /// Reads a row as it is shown at `now`, by the verdict in it, or by one that is made anew; `None` where it cannot be booked then.
    pub(super) fn read(
        row: &Row<'_>,
        judging: Judging<'_>,
        now: Instant,
        anew: bool,
    ) -> rusqlite::Result<Option<Self>> {
        let Some((link, window)) = window(row, judging, now, anew)? else { return Ok(None) };
        let packed = facts(row, 5)?;
        let own = if packed.own() { Some(Own::read(row)?) } else { None };
        Self::of((row.get(0)?, link), window, (&packed, judging.shapes), own)
    }

    /// From its packed facts and what it says of its own; `None` where it has no identifier.
    pub(super) fn of(
        (key, link): (OpportunityKey, LinkKey),
        window: Window,
        (packed, shapes): (&Packed<'_>, &Shapes),
        own: Option<Own>,
    ) -> rusqlite::Result<Option<Self>> {
        let shape = shapes.of(packed)?;
        let [makes_id, makes_url] = shape.around_identifier().map(|around| around.is_some());
        let wanted = [false, !makes_id, true, !makes_url];
        let [_, id, identifier, url] = packed.texts_wanted(shape, wanted).ok_or_else(damaged)?;
        let Some(identifier) = identifier else { return Ok(None) };
        let numbers = packed.numbers(shape).ok_or_else(damaged)?;
        Ok(Some(Self {
            key,
            pair: packed.seen.pair,
            link,
            opens: window.opens,
            closes: window.closes,
            pattern: (makes_id || makes_url).then_some(packed.keys.shape),
            id,
            identifier,
            ends: numbers.ends,
            numbers: [numbers.duration_minutes, numbers.remaining, numbers.maximum],
            attendance_mode: numbers.attendance_mode,
            url,
            modified: packed.seen.modified,
            own,
            offers: packed.keys.offers,
        }))
    }

    /// When it can be booked.
    pub(super) fn window(&self) -> Window {
        Window { opens: self.opens, closes: self.closes }
    }

    /// How many values a row of `session` has.
    pub(super) const SESSION_VALUES: usize = 17;
    /// How many one of `slot` has.
    const SLOT_VALUES: usize = 19;

    /// Whether it has offers of its own.
    pub(super) fn has_offers(&self) -> bool {
        self.offers.is_some()
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

    /// The catalogue's number of its own offers, which are written; `wanted` is what its listing's aggregate offer says.
    pub(super) fn list(
        &self,
        state: &Connection,
        catalogue: &Connection,
        (speaker, wanted): (&Speaker, WantedKey),
        lists: &mut Lists,
    ) -> rusqlite::Result<Option<i64>> {
        let Some(key) = self.offers else { return Ok(None) };
        let wanted = self.own_price(speaker).map_or(wanted, |own| lists.wanted(own.public_adult.clone()));
        lists.show(state, catalogue, key, wanted)
    }

    /// What a slot says of its price, where that counts: where its own aggregate offer does.
    fn own_price(&self, speaker: &Speaker) -> Option<&Own> {
        self.own.as_ref().filter(|_| self.pair == Pair::Slots && speaker.aggregate == Aggregate::Absent)
    }

    /// Writes the row, if it is not there just so; its listing must be written, and its list of offers.
    pub(super) fn write(
        &self,
        catalogue: &Connection,
        checkout: &CheckoutUrls,
        (speaker, stands): (&Speaker, Stands),
        list: Option<i64>,
        times: &mut InstantTexts,
    ) -> rusqlite::Result<()> {
        let mut statement = catalogue.prepare_cached(sql(self.pair, stands))?;
        let values = match self.pair {
            Pair::Sessions => {
                self.bind_session(&mut statement, 0, list, times)?;
                Self::SESSION_VALUES
            }
            Pair::Slots => {
                self.bind_slot(&mut statement, checkout, list, self.own_price(speaker), times)?;
                Self::SLOT_VALUES
            }
        };
        if let Stands::Otherwise(before) = stands {
            statement.raw_bind_parameter(values + 1, before.to_string())?;
        }
        statement.raw_execute().map(drop)
    }

    /// Its listing as it stands in the catalogue, where it closed at `before` if it was shown, and how the row has to be written; no
    /// listing where it is not shown yet.
    pub(super) fn standing(
        &self,
        catalogue: &Connection,
        before: Option<Instant>,
    ) -> rusqlite::Result<(Option<i64>, Stands)> {
        let Some(before) = before else { return Ok((None, Stands::Nowhere)) };
        let sql = match self.pair {
            Pair::Sessions => {
                "SELECT listing, (identifier, bookable_from) IS (?3, ?4) FROM session WHERE starts_at = ?1 AND key = ?2"
            }
            Pair::Slots => {
                "SELECT listing, (identifier, bookable_from) IS (?3, ?4) FROM slot WHERE starts_at = ?1 AND key = ?2"
            }
        };
        let values = params![before.to_string(), self.key, self.identifier, text(self.opens)];
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?));
        let Some((listing, same)) = catalogue.prepare_cached(sql)?.query_row(values, read).optional()? else {
            return Ok((None, Stands::Nowhere));
        };
        let same = same && before == self.closes && listing == self.listing_key();
        Ok((Some(listing), if same { Stands::Alike } else { Stands::Otherwise(before) }))
    }

    /// Binds the values of a row of `session`, in the table's order, behind `before` others.
    pub(super) fn bind_session(
        &self,
        statement: &mut Statement<'_>,
        before: usize,
        list: Option<i64>,
        times: &mut InstantTexts,
    ) -> rusqlite::Result<()> {
        let [duration, remaining, maximum] = self.numbers;
        let follows = duration.map(|minutes| self.closes.plus_seconds(minutes.saturating_mul(60)));
        let ends = self.ends.filter(|ends| Some(*ends) != follows);
        let [starts, opens, ends] = times.of([Some(self.closes), self.opens, ends]);
        let values: [&dyn ToSql; Self::SESSION_VALUES] = [
            &self.key,
            &self.listing_key(),
            &self.pattern,
            &self.id,
            &self.identifier,
            &checkout_name(&self.identifier),
            &starts.map(|texts| &*texts.utc),
            &ends.map(|texts| &*texts.utc),
            &starts.map(|texts| &*texts.london),
            &duration,
            &opens.map(|texts| &*texts.utc),
            &remaining,
            &maximum,
            &self.attendance_mode.map(mode_number),
            &self.url,
            &self.modified,
            &list,
        ];
        let mut bind = |(at, value)| statement.raw_bind_parameter(at, value);
        (before + 1..).zip(values).try_for_each(&mut bind)
    }

    fn bind_slot(
        &self,
        statement: &mut Statement<'_>,
        checkout: &CheckoutUrls,
        list: Option<i64>,
        own: Option<&Own>,
        times: &mut InstantTexts,
    ) -> rusqlite::Result<()> {
        let checkout_url = checkout.slot_path.as_ref().map(|path| checkout.base.slot_url(path, &self.identifier));
        let [duration, remaining, maximum] = self.numbers;
        let [starts, opens, ends] = times.of([Some(self.closes), self.opens, self.ends]);
        let values: [&dyn ToSql; Self::SLOT_VALUES] = [
            &self.key,
            &self.link,
            &self.pattern,
            &self.id,
            &self.identifier,
            &checkout_url,
            &starts.map(|texts| &*texts.utc),
            &ends.map(|texts| &*texts.utc),
            &starts.map(|texts| &*texts.london),
            &duration,
            &opens.map(|texts| &*texts.utc),
            &remaining,
            &maximum,
            &own.and_then(|own| own.public_adult.price),
            &own.and_then(|own| own.public_adult.currency.as_deref()),
            &own.and_then(|own| own.membership_required),
            &self.url,
            &self.modified,
            &list,
        ];
        let mut bind = |(at, value)| statement.raw_bind_parameter(at, value);
        (1..).zip(values).try_for_each(&mut bind)
    }
}

/// The end of a checkout URL, where it is not the identifier itself.
fn checkout_name(identifier: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if identifier.bytes().all(plain) {
        return None;
    }
    Some(encode_uri_component(identifier)).filter(|name| name != identifier)
}

/// An instant as the catalogue has it.
#[derive(Debug)]
pub(super) struct InstantText {
    utc: Box<str>,
    london: Box<str>,
}

/// The texts of instants, each made once: many sessions start at the same.
#[derive(Debug, Default)]
pub(super) struct InstantTexts(HashMap<Instant, InstantText>);

/// So many are kept at a time.
const TEXTS_MAX: usize = 1 << 14;

impl InstantTexts {
    fn of<const N: usize>(&mut self, instants: [Option<Instant>; N]) -> [Option<&InstantText>; N] {
        if self.0.len() > TEXTS_MAX {
            self.0.clear();
        }
        for instant in instants.into_iter().flatten() {
            let text = || InstantText { utc: instant.to_string().into(), london: london_text(instant).into() };
            self.0.entry(instant).or_insert_with(text);
        }
        instants.map(|instant| self.0.get(&instant?))
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
const fn sql(pair: Pair, stands: Stands) -> &'static str {
    match (pair, stands) {
        (Pair::Sessions, Stands::Nowhere) => {
            "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        }
        (Pair::Sessions, Stands::Otherwise(_)) => {
            "UPDATE session SET listing = ?2, pattern = ?3, session_id = ?4, identifier = ?5, checkout_name = ?6, \
             starts_at = ?7, ends_at = ?8, local_start = ?9, duration_minutes = ?10, bookable_from = ?11, \
             remaining_capacity = ?12, maximum_capacity = ?13, attendance_mode = ?14, url = ?15, modified = ?16, \
             offers = ?17 WHERE starts_at = ?18 AND key = ?1"
        }
        (Pair::Sessions, Stands::Alike) => {
            "UPDATE session SET pattern = ?3, session_id = ?4, checkout_name = ?6, ends_at = ?8, local_start = ?9, \
             duration_minutes = ?10, remaining_capacity = ?12, maximum_capacity = ?13, attendance_mode = ?14, url = \
             ?15, modified = ?16, offers = ?17 WHERE starts_at = ?7 AND key = ?1 AND (pattern, session_id, checkout_name, ends_at, \
             local_start, duration_minutes, remaining_capacity, maximum_capacity, attendance_mode, url, modified, \
             offers) IS NOT (?3, ?4, ?6, ?8, ?9, ?10, ?12, ?13, ?14, ?15, ?16, ?17)"
        }
        (Pair::Slots, Stands::Nowhere) => {
            "INSERT INTO slot VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
             ?18, ?19)"
        }
        (Pair::Slots, Stands::Otherwise(_)) => {
            "UPDATE slot SET listing = ?2, pattern = ?3, slot_id = ?4, identifier = ?5, checkout_url = ?6, starts_at \
             = ?7, ends_at = ?8, local_start = ?9, duration_minutes = ?10, bookable_from = ?11, remaining_uses = \
             ?12, maximum_uses = ?13, price = ?14, currency = ?15, membership_required = ?16, url = ?17, modified = \
             ?18, offers = ?19 WHERE starts_at = ?20 AND key = ?1"
        }
        (Pair::Slots, Stands::Alike) => {
            "UPDATE slot SET pattern = ?3, slot_id = ?4, checkout_url = ?6, ends_at = ?8, local_start = ?9, \
             duration_minutes = ?10, remaining_uses = ?12, maximum_uses = ?13, price = ?14, currency = ?15, \
             membership_required = ?16, url = ?17, modified = ?18, offers = ?19 WHERE starts_at = ?7 AND key = ?1 AND (pattern, \
             slot_id, checkout_url, ends_at, local_start, duration_minutes, remaining_uses, maximum_uses, price, \
             currency, membership_required, url, modified, offers) IS NOT (?3, ?4, ?6, ?8, ?9, ?10, ?12, ?13, ?14, \
             ?15, ?16, ?17, ?18, ?19)"
        }
    }
}
