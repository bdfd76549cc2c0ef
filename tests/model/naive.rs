//! The model: evaluates the rules on the final items, from what the generator chose, without any code of the program.

use std::collections::BTreeMap;

use bookable::domain::Feed;
use chrono::{DateTime, FixedOffset, Months, TimeDelta, Utc};

use crate::histories::{
    Change, FacilityItem, Kind, OfferItem, SeriesItem, SessionItem, SlotItem, WINDOWS, WindowSpec, at_id, court_id,
    offers_of, own_offer, url,
};

/// What the catalogue should show of a session or slot: the columns that the model knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) slot: bool,
    pub(crate) id: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) identifier: String,
    pub(crate) checkout_url: Option<String>,
    pub(crate) starts_at: String,
    pub(crate) bookable_from: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) parent_id: String,
    pub(crate) court: Option<String>,
    pub(crate) remaining: Option<i64>,
    pub(crate) price: Option<i64>,
    pub(crate) offers: Vec<String>,
}

type Key = (Feed, u8);

/// The items as they stand after a history: the newest `modified` wins, on a tie the later one.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// `modified`, the walk in which it was last seen, and what it is.
    items: BTreeMap<Key, (i64, i64, Kind)>,
    deleted_at: BTreeMap<Key, i64>,
    /// Whether a broker is set; then whether its feed has been read to its end.
    pub(crate) sellers_read: Option<bool>,
}

/// The policy: a deletion is remembered for eight days, then a start forgets it (RPDE asks publishers for seven).
const REMEMBERED_SECONDS: i64 = 8 * 86_400;

impl World {
    /// Takes in a change that comes at `now` (seconds since 1970) in the first walk.
    pub(crate) fn take(&mut self, change: &Change, now: i64) {
        self.take_in_walk(change, 1, now);
    }

    /// The same in any walk: what this walk has not seen yet is taken whatever its number.
    pub(crate) fn take_in_walk(&mut self, change: &Change, walk: i64, now: i64) {
        let key = (change.feed(), change.id);
        if key.0 == Feed::BookableSellers && self.sellers_read.is_none() {
            return;
        }
        let older = |(modified, seen_in, _): &(i64, i64, Kind)| *seen_in != walk || *modified <= change.modified;
        if self.items.get(&key).is_none_or(older) {
            self.items.insert(key, (change.modified, walk, change.kind.clone()));
            self.deleted_at.remove(&key);
            if matches!(change.kind, Kind::Deleted(_)) {
                self.deleted_at.insert(key, now);
            }
        }
    }

    /// A walk of this feed has come to its end: what it has not seen is gone.
    pub(crate) fn sweep(&mut self, feed: Feed, walk: i64) {
        self.items.retain(|key, (_, seen_in, _)| key.0 != feed || *seen_in == walk);
    }

    /// A start at `now`: deletions that are old enough are forgotten, and all where a feed is given up.
    pub(crate) fn start(&mut self, now: i64, broker: bool) {
        let given_up = self.sellers_read.is_some() && !broker;
        let old = self.deleted_at.extract_if(.., |_, at| given_up || *at < now - REMEMBERED_SECONDS);
        for (key, _) in old {
            self.items.remove(&key);
        }
        if broker {
            self.sellers_read = self.sellers_read.or(Some(false));
        } else {
            self.sellers_read = None;
            self.items.retain(|key, _| key.0 != Feed::BookableSellers);
        }
    }

    /// The newest item of a feed for which `carries` holds.
    fn newest<T>(&self, feed: Feed, carries: impl Fn(&Kind) -> Option<T>) -> Option<T> {
        let ours = self.items.iter().filter(|(key, _)| key.0 == feed);
        let carriers = ours.filter_map(|(key, (modified, _, kind))| Some((*modified, rpde_id(key.1), carries(kind)?)));
        carriers.max_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1))).map(|(_, _, item)| item)
    }

    fn series(&self, link: u8) -> Option<SeriesItem> {
        self.newest(Feed::SessionSeries, |kind| match kind {
            Kind::Series(series) if series.link == link => Some(series.clone()),
            _ => None,
        })
    }

    fn facility(&self, link: u8, court: u8) -> Option<FacilityItem> {
        self.newest(Feed::FacilityUses, |kind| match kind {
            Kind::Facility(facility) if facility.link == link && facility.courts >= court => Some(facility.clone()),
            _ => None,
        })
    }

    fn may_sell(&self, organizer: Option<u8>) -> bool {
        let is_seller =
            |number| self.items.values().any(|(_, _, kind)| matches!(kind, Kind::Seller(seller) if *seller == number));
        self.sellers_read.is_none_or(|read| read && organizer.is_some_and(is_seller))
    }

    /// Everything that can be booked at `now` (seconds since 1970).
    pub(crate) fn bookable(&self, now: i64) -> Vec<Row> {
        let rows = self.items.iter().filter_map(|((_, id), (_, _, kind))| match kind {
            Kind::Session(session) => self.session(*id, session, now),
            Kind::Slot(slot) => self.slot(*id, slot, now),
            _ => None,
        });
        let mut rows: Vec<Row> = rows.collect();
        rows.sort();
        rows
    }

    fn session(&self, id: u8, session: &SessionItem, now: i64) -> Option<Row> {
        let link = session.link?;
        let series = self.series(link)?;
        let identifier = session.identifier(id)?;
        let willing = session.flag == "true" && !session.cancelled && self.may_sell(series.organizer);
        let (starts_at, bookable_from) = window(session.start()?, &series.offer, willing, now)?;
        Some(Row {
            slot: false,
            id: Some(at_id("session", id)),
            url: url("session", id),
            checkout_url: Some(format!("https://checkout.example.org/v1/scheduled-sessions/{}", encode(&identifier))),
            identifier,
            starts_at,
            bookable_from,
            name: session.name.map(str::to_owned).or(Some(format!("Series {}", series.name))),
            parent_id: format!("https://example.org/series/{link}"),
            court: None,
            remaining: session.remaining,
            price: Some(i64::from(series.offer.price)),
            offers: if session.offers { vec![own_offer("session", id)] } else { offers_of(series.name) },
        })
    }

    fn slot(&self, id: u8, slot: &SlotItem, now: i64) -> Option<Row> {
        let (link, court) = slot.link?;
        let facility = self.facility(link, court)?;
        let identifier = slot.identifier(id)?;
        let offer = facility.offer.as_ref().or(slot.offer.as_ref())?;
        let willing = slot.flag == "true" && self.may_sell(facility.provider);
        let (starts_at, bookable_from) = window(slot.start()?, offer, willing, now)?;
        Some(Row {
            slot: true,
            id: Some(at_id("slot", id)),
            url: url("slot", id),
            checkout_url: Some(format!("https://checkout.example.org/slot/{}", encode(&identifier))),
            identifier,
            starts_at,
            bookable_from,
            name: Some(format!("Facility {}", facility.name)),
            parent_id: court_id(link, 0),
            court: (court > 0).then(|| format!("Court {court}")),
            remaining: slot.remaining,
            price: Some(i64::from(offer.price)),
            offers: if slot.offers { vec![own_offer("slot", id)] } else { offers_of(facility.name) },
        })
    }
}

/// When it starts and opens, as texts, where it can be booked at `now`.
fn window(
    start: DateTime<FixedOffset>,
    offer: &OfferItem,
    willing: bool,
    now: i64,
) -> Option<(String, Option<String>)> {
    let willing = willing && offer.public_adult && offer.flag == "true";
    let opens = match WINDOWS[offer.window].1 {
        WindowSpec::None => None,
        WindowSpec::Bad => return None,
        WindowSpec::Seconds(seconds) => Some(start.fixed_offset().checked_sub_signed(TimeDelta::seconds(seconds))?),
        WindowSpec::Months(months) => Some(start.checked_sub_months(Months::new(months))?),
    };
    let opens = opens.map(|opens| opens.timestamp() + i64::from(opens.timestamp_subsec_millis() > 0));
    let closes = start.timestamp();
    let open = opens.is_none_or(|opens| opens <= now) && now < closes;
    (willing && open).then(|| (text(closes), opens.map(text)))
}

/// How the generator writes an item's RPDE id: some end with their number.
pub(crate) fn rpde_id(id: u8) -> String {
    if id.is_multiple_of(3) { format!("item {id}/%é") } else { format!("item é%/{id}") }
}

fn text(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0).expect("an instant").format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `encodeURIComponent`, byte by byte.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
