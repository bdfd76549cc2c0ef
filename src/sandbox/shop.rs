//! The Checkout over HTTP: guest pages, the authenticated route with its page, and what happens when somebody books.
//!
//! A request never ends the server. May use `orders`, `checkout`, `webhook` and `server`.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::orders::{self, Item};
use super::server::{Serving, base_of, refuse_key};
use super::verdict::Refusal;
use super::{Feed, checkout, html, webhook};

/// The largest body that the authenticated Checkout takes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The Checkout's routes.
pub(super) fn routes() -> Router<Serving> {
    let session = |serving: Extract<Serving>, path: Path<String>| async move { guest_page(&serving.0, &path.0, false) };
    let slot = |serving: Extract<Serving>, path: Path<String>| async move { guest_page(&serving.0, &path.0, true) };
    let book_session =
        |serving: Extract<Serving>, path: Path<String>| async move { book_as_guest(&serving.0, &path.0, false).await };
    let book_slot =
        |serving: Extract<Serving>, path: Path<String>| async move { book_as_guest(&serving.0, &path.0, true).await };
    Router::new()
        .route("/v1/scheduled-sessions/{identifier}", get(session).post(book_session))
        .route("/v1/slots/{identifier}", get(slot).post(book_slot))
        .route("/api/checkout-sessions", post(create))
        .route("/api/checkout-sessions/", post(create))
        .route("/api/checkout-sessions/{number}", get(kept))
        .route("/sandbox/seller", delete(withdraw).put(restore))
        .route("/checkout/{number}", get(filled_page).post(book_as_customer))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Which seller is meant, by its `@id`.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// `DELETE /sandbox/seller?id=`: takes a seller out of the sellers feed, so that this can be watched.
async fn withdraw(Extract(serving): Extract<Serving>, Query(seller): Query<Named>) -> Response {
    let modified = serving.shared.millis();
    match serving.shared.state().delete(Feed::BookableSellers, &seller.id, modified) {
        Some(_) => (StatusCode::OK, "withdrawn\n").into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such seller\n").into_response(),
    }
}

/// `PUT /sandbox/seller?id=`: puts it in again.
async fn restore(Extract(serving): Extract<Serving>, Query(seller): Query<Named>) -> Response {
    let modified = serving.shared.millis();
    let data = json!({"@type": "Organization", "@id": seller.id, "name": seller.id});
    serving.shared.state().publish(Feed::BookableSellers, &seller.id, &data, modified);
    (StatusCode::OK, "restored\n").into_response()
}

fn guest_page(serving: &Serving, identifier: &str, slot: bool) -> Response {
    let now = serving.shared.clock.now();
    let state = serving.shared.state();
    let (status, page) = checkout::page(Item::find(&state, identifier, slot).as_ref(), identifier, now);
    (status, Html(page)).into_response()
}

/// `POST /api/checkout-sessions/`: the request reflected, with the URL of a page where the details are filled in.
async fn create(Extract(serving): Extract<Serving>, headers: HeaderMap, body: Bytes) -> Response {
    serving.shared.note("/api/checkout-sessions/".to_owned(), refuse_key(&serving, &headers).is_none());
    if let Some(refused) = refuse_key(&serving, &headers) {
        return refused;
    }
    let checked = orders::check(&serving.shared.state(), &body, serving.shared.clock.now());
    let request = match checked {
        Ok(request) => request,
        Err(why) => {
            let problem = json!({"type": "imin:CheckoutError", "description": why});
            return (StatusCode::BAD_REQUEST, axum::Json(problem)).into_response();
        }
    };
    let base = base_of(&serving, &headers);
    let checkout = serving.shared.orders().keep(|number| {
        let mut checkout = request;
        checkout["id"] = json!(format!("{base}/api/checkout-sessions/{number}"));
        checkout["potentialAction"] =
            json!([{"type": "OrderAction", "name": "Checkout", "target": format!("{base}/checkout/{number}")}]);
        checkout
    });
    let id = checkout["id"].as_str().unwrap_or_default().to_owned();
    (StatusCode::CREATED, [(header::LOCATION, id)], axum::Json(checkout)).into_response()
}

/// `GET /api/checkout-sessions/{number}`: what `Location` leads to.
async fn kept(Extract(serving): Extract<Serving>, headers: HeaderMap, Path(number): Path<String>) -> Response {
    if let Some(refused) = refuse_key(&serving, &headers) {
        return refused;
    }
    let found = serving.shared.orders().checkout(&number).cloned();
    found.map_or_else(no_such_page, |checkout| axum::Json(checkout).into_response())
}

/// What a checkout session is for.
struct Ordered {
    checkout: Value,
    line: Value,
    identifier: String,
    slot: bool,
}

fn ordered(serving: &Serving, number: &str) -> Option<Ordered> {
    let checkout = serving.shared.orders().checkout(number)?.clone();
    let line = checkout["imin:initialOrder"]["orderedItem"][0].clone();
    let identifier = line["orderedItem"]["id"].as_str()?.to_owned();
    let slot = line["orderedItem"]["type"] == json!("Slot");
    Some(Ordered { checkout, line, identifier, slot })
}

fn no_such_page() -> Response {
    (StatusCode::NOT_FOUND, Html(html::page("No such checkout", "<p>It does not exist.</p>"))).into_response()
}

async fn filled_page(Extract(serving): Extract<Serving>, Path(number): Path<String>) -> Response {
    let Some(ordered) = ordered(&serving, &number) else { return no_such_page() };
    let order = &ordered.checkout["imin:initialOrder"];
    let facts = [
        ("Item", ordered.identifier.as_str()),
        ("Offer", ordered.line["acceptedOffer"]["id"].as_str().unwrap_or_default()),
        ("Broker", order["broker"]["name"].as_str().unwrap_or_default()),
        ("Customer", order["customer"]["identifier"].as_str().unwrap_or_default()),
        ("Given name", order["customer"]["givenName"].as_str().unwrap_or_default()),
        ("Family name", order["customer"]["familyName"].as_str().unwrap_or_default()),
        ("E-mail", order["customer"]["email"].as_str().unwrap_or_default()),
    ];
    let given = facts.iter().filter(|(_, said)| !said.is_empty());
    let list: Vec<_> = given.map(|(term, said)| format!("<dt>{term}</dt><dd>{}</dd>", html::escape(said))).collect();
    let body = format!("<dl>{}</dl>\n<form method=\"post\"><button>Book</button></form>", list.concat());
    Html(html::page("Checkout", &body)).into_response()
}

async fn book_as_guest(serving: &Serving, identifier: &str, slot: bool) -> Response {
    let kind = if slot { "Slot" } else { "ScheduledSession" };
    let line = json!({"type": "OrderItem", "orderedItem": {"type": kind, "id": identifier}});
    book(serving, (identifier, slot), (line, Value::Null), None).await
}

async fn book_as_customer(Extract(serving): Extract<Serving>, Path(number): Path<String>) -> Response {
    let Some(ordered) = ordered(&serving, &number) else { return no_such_page() };
    let customer = ordered.checkout["imin:initialOrder"]["customer"].clone();
    let id = ordered.checkout["id"].as_str().map(str::to_owned);
    let item = (ordered.identifier.as_str(), ordered.slot);
    book(&serving, item, (ordered.line, customer), id.map(|id| (number, id))).await
}

/// Books, if it can be booked now, and tells whoever is to be told. A checkout session is booked once.
async fn book(
    serving: &Serving,
    (identifier, slot): (&str, bool),
    (line, customer): (Value, Value),
    session: Option<(String, String)>,
) -> Response {
    let verdict = {
        let state = serving.shared.state();
        Item::find(&state, identifier, slot).map(|item| item.judge(serving.shared.clock.now()))
    };
    match verdict {
        None => return no_such_page(),
        Some(Err(Refusal { gone, why })) => {
            let status = if gone { StatusCode::GONE } else { StatusCode::CONFLICT };
            let body = format!("<p>Sorry: {}.</p>", html::escape(&why));
            return (status, Html(html::page("This cannot be booked", &body))).into_response();
        }
        Some(Ok(())) => {}
    }
    if session.as_ref().is_some_and(|(number, _)| !serving.shared.orders().take(number)) {
        let body = "<p>Sorry: this checkout has been booked already.</p>";
        return (StatusCode::GONE, Html(html::page("This cannot be booked", body))).into_response();
    }
    let (order, at) = serving.shared.orders().book(identifier);
    let id = session.map_or_else(|| format!("https://checkout.example/orders/{order}"), |(_, id)| id);
    let body = json!({
        "@context": ["https://openactive.io/", "https://imin.co/"],
        "type": "imin:CheckoutSession",
        "id": id,
        "imin:order": {"type": "Order", "identifier": order, "orderedItem": [line], "customer": customer},
    });
    serving.shared.orders().last_webhook = Some(body.clone());
    if let Some(receiver) = serving.shared.webhook() {
        let status = webhook::post(&receiver, &body).await;
        if let Some(made) = serving.shared.orders().bookings.get_mut(at) {
            made.webhook_status = status;
        }
    }
    let said = format!("<p>Order <code>{}</code>. Nothing was bought.</p>", html::escape(&order));
    Html(html::page("Booked", &said)).into_response()
}
