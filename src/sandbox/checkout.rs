//! The guest Checkout: the page behind a session's checkout URL.
//!
//! Owns what the page says and with which status. An identifier that no session carries is 404; a session that can no
//! longer be booked is 410, one that cannot be booked now 409. May use `orders`, `verdict` and `html`.

use axum::http::StatusCode;
use serde_json::Value;

use super::html::{self, escape};
use super::orders::Item;
use super::verdict::{self, Refusal};
use crate::domain::Instant;

/// The page for `identifier`, already percent-decoded, and what was found under it.
pub(super) fn page(item: Option<&Item>, identifier: &str, now: Instant) -> (StatusCode, String) {
    let Some(item) = item else {
        let body = format!("<p>There is no session or slot <code>{}</code>.</p>", escape(identifier));
        return (StatusCode::NOT_FOUND, html::page("No such session", &body));
    };
    let parent = item.parent.as_ref();
    let facts = facts(identifier, &item.data, parent);
    match item.judge(now) {
        Ok(()) => {
            let body = format!("{facts}\n<form method=\"post\"><button>Book as a guest</button></form>");
            (StatusCode::OK, html::page(&name(&item.data, parent), &body))
        }
        Err(Refusal { gone, why }) => {
            let body = format!("<p>Sorry: {}.</p>\n{facts}", escape(&why));
            let status = if gone { StatusCode::GONE } else { StatusCode::CONFLICT };
            (status, html::page("This session cannot be booked", &body))
        }
    }
}

fn text<'v>(value: Option<&'v Value>, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value?, |value, key| value.get(key))?.as_str()
}

fn name(session: &Value, series: Option<&Value>) -> String {
    let name = text(series, &["superEvent", "name"]).or_else(|| text(series, &["name"]));
    name.or_else(|| text(Some(session), &["name"])).unwrap_or("A session without a name").to_owned()
}

fn facts(identifier: &str, session: &Value, series: Option<&Value>) -> String {
    let place = |key: &str| {
        let name = text(series, &[key, "name"]);
        let address = text(series, &[key, "address", "imin:fullAddress"]);
        let parts: Vec<&str> = name.into_iter().chain(address).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    let online = || place("beta:affiliatedLocation").map(|place| format!("online, from {place}"));
    let rows = [
        ("What", name(session, series)),
        ("When", text(Some(session), &["startDate"]).unwrap_or("not known").to_owned()),
        ("Where", place("location").or_else(online).unwrap_or_else(|| "not known".to_owned())),
        ("Price", series.and_then(verdict::public_adult).and_then(price).unwrap_or_else(|| "not known".to_owned())),
        ("Identifier", identifier.to_owned()),
    ];
    let rows: Vec<String> =
        rows.iter().map(|(term, said)| format!("<dt>{term}</dt><dd>{}</dd>", escape(said))).collect();
    format!("<dl>{}</dl>", rows.join("\n"))
}

fn price(offer: &Value) -> Option<String> {
    let figure = |key: &str| offer.get(key).and_then(Value::as_f64);
    let currency = text(Some(offer), &["priceCurrency"]).unwrap_or("GBP");
    match (figure("price"), figure("lowPrice"), figure("highPrice")) {
        (Some(price), ..) => Some(format!("{price:.2} {currency}")),
        (None, Some(low), Some(high)) => Some(format!("{low:.2} to {high:.2} {currency}")),
        (None, Some(low), None) => Some(format!("from {low:.2} {currency}")),
        _ => None,
    }
}
