//! The authenticated Checkout: what it accepts and refuses, and the bookings that come of it.
//!
//! Owns the checkout sessions and bookings of a running sandbox. The real Checkout's full form is not public: the shape
//! here is what is documented, with the rest filled in after OpenActive's Open Booking API. Refuses with a reason. May
//! use `state`, `verdict`, and `domain` for instants.

use serde_json::Value;
use url::{Host, Url};

use super::Feed;
use super::state::State;
use super::verdict;
use crate::domain::Instant;

/// A booking that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingMade {
    /// The order's number.
    pub order: String,
    /// The session's or slot's `identifier`.
    pub identifier: String,
    /// What the webhook's receiver answered; `None` where there is none or it could not be reached.
    pub webhook_status: Option<u16>,
}

/// Everything that was ordered.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// The checkout sessions, and whether each was booked.
    checkouts: Vec<(Value, bool)>,
    pub(super) bookings: Vec<BookingMade>,
    pub(super) last_webhook: Option<Value>,
}

impl Orders {
    /// Keeps a checkout session, which `complete` gives its number.
    pub(super) fn keep(&mut self, complete: impl FnOnce(usize) -> Value) -> Value {
        let checkout = complete(self.checkouts.len() + 1);
        self.checkouts.push((checkout.clone(), false));
        checkout
    }

    /// The checkout session with this number.
    pub(super) fn checkout(&self, number: &str) -> Option<&Value> {
        self.checkouts.get(number.parse::<usize>().ok()?.checked_sub(1)?).map(|checkout| &checkout.0)
    }

    /// Marks a checkout session as booked; whether it was not yet.
    pub(super) fn take(&mut self, number: &str) -> bool {
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let checkout = at.and_then(|at| self.checkouts.get_mut(at));
        checkout.is_some_and(|checkout| !std::mem::replace(&mut checkout.1, true))
    }

    /// Books: gives the order's number and its place among the bookings.
    pub(super) fn book(&mut self, identifier: &str) -> (String, usize) {
        let at = self.bookings.len();
        let order = format!("sandbox-order-{}", at + 1);
        let made = BookingMade { order: order.clone(), identifier: identifier.to_owned(), webhook_status: None };
        self.bookings.push(made);
        (order, at)
    }
}

/// What can be bought: its data, its parent's, and the offers.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) data: Value,
    pub(super) parent: Option<Value>,
    withdrawn: bool,
    slot: bool,
}

impl Item {
    /// The session (or slot) with this `identifier`.
    pub(super) fn find(state: &State, identifier: &str, slot: bool) -> Option<Self> {
        let (data, withdrawn) =
            if slot { state.slot_by_identifier(identifier)? } else { state.session_by_identifier(identifier)? };
        let link = link(&data, if slot { "facilityUse" } else { "superEvent" });
        let parent =
            link.and_then(|link| if slot { state.facility_by_link(&link) } else { state.series_by_link(&link) });
        Some(Self { data, parent, withdrawn, slot })
    }

    /// Whether it may be booked at `now`.
    pub(super) fn judge(&self, now: Instant) -> Result<(), verdict::Refusal> {
        if self.withdrawn {
            return Err(verdict::Refusal { gone: true, why: "it has been withdrawn".to_owned() });
        }
        if self.slot {
            verdict::judge_slot(&self.data, self.parent.as_ref(), now)
        } else {
            verdict::judge(&self.data, self.parent.as_ref(), now)
        }
    }

    fn offers(&self) -> Vec<&Value> {
        let of = |data: &Value| data.get("offers").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let source = Some(&self.data).filter(|data| of(data)).or(self.parent.as_ref());
        source.and_then(|data| data.get("offers")).and_then(Value::as_array).into_iter().flatten().collect()
    }

    fn organizer(&self) -> Option<&str> {
        let parent = self.parent.as_ref()?;
        let event = parent.get("superEvent").unwrap_or(&Value::Null);
        let organizer =
            [event.get("organizer"), parent.get("organizer"), parent.get("provider")].into_iter().flatten().next()?;
        organizer.get("@id").or(organizer.get("id"))?.as_str()
    }
}

fn link(data: &Value, member: &str) -> Option<String> {
    let parent = data.get(member)?;
    let text = parent.as_str().or_else(|| ["@id", "id"].iter().find_map(|key| parent.get(key)?.as_str()));
    text.map(str::to_owned)
}

fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?.as_str()?;
    (!found.trim().is_empty()).then_some(found)
}

/// Looks at a request's body; what is wrong with it, or the order with what it is for.
pub(super) fn check(state: &State, body: &[u8], now: Instant) -> Result<Value, String> {
    let request: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON".to_owned())?;
    if text(&request, &["type"]) != Some("imin:CheckoutSession") {
        return Err("type is not imin:CheckoutSession".to_owned());
    }
    let order = request.get("imin:initialOrder").ok_or("imin:initialOrder is missing")?;
    let [line] = order.get("orderedItem").and_then(Value::as_array).map_or(&[][..], Vec::as_slice) else {
        return Err("orderedItem is not a list of one item".to_owned());
    };
    let slot = match text(line, &["orderedItem", "type"]) {
        Some("ScheduledSession") => false,
        Some("Slot") => true,
        _ => return Err("the ordered item's type is neither ScheduledSession nor Slot".to_owned()),
    };
    let identifier = text(line, &["orderedItem", "id"]).ok_or("the ordered item has no id")?;
    let item = Item::find(state, identifier, slot).ok_or("there is no such session or slot")?;
    item.judge(now).map_err(|refusal| refusal.why)?;
    let offer = text(line, &["acceptedOffer", "id"]).ok_or("acceptedOffer has no id")?;
    let known = item.offers().iter().any(|known| text(known, &["@id"]).or(text(known, &["id"])) == Some(offer));
    if !known {
        return Err("the accepted offer is not one of its offers".to_owned());
    }
    check_broker(state, &item, order, &request)?;
    if let Some(customer) = order.get("customer") {
        let complete = ["givenName", "familyName", "email"].iter().all(|key| text(customer, &[key]).is_some());
        if !complete && text(customer, &["identifier"]).is_none() {
            return Err("the customer has neither an identifier nor givenName, familyName and email".to_owned());
        }
    }
    Ok(request)
}

fn check_broker(state: &State, item: &Item, order: &Value, request: &Value) -> Result<(), String> {
    text(order, &["broker", "name"]).ok_or("the broker has no name")?;
    let home = text(order, &["broker", "url"]).ok_or("the broker has no url")?;
    let others = ["imin:backToBrokerUrl", "imin:userProfileUrl"].map(|name| text(request, &[name]));
    for url in others.into_iter().flatten().chain([home]) {
        let url = Url::parse(url).map_err(|_| "a URL of the broker is none".to_owned())?;
        let local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err("a URL of the broker has no host".to_owned()),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err("a URL of the broker is not https".to_owned());
        }
    }
    let sellers = state.feed(Feed::BookableSellers);
    let sells = item.organizer().is_some_and(|organizer| state.is_seller(organizer));
    if sellers.len() > 0 && !sells { Err("this broker may not book it".to_owned()) } else { Ok(()) }
}
