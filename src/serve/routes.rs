//! The routes for apps: checkout sessions, bookings, health, and the description of it all.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::problem::Problem;
use super::{Booking, Serving, guard, webhook};
use crate::checkout::{CheckoutFault, Customer, OfferError, Order, choose_offer};
use crate::store::{Bookable, CatalogueReader, Freshness, StoreError};

/// The largest body of a request for a checkout session.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The most bookings that are listed at once.
const LIMIT_MAX: u32 = 1000;

const OPENAPI: &str = include_str!("openapi.json");

/// All routes.
pub(super) fn router(serving: Serving) -> Router {
    let guarded = Router::new()
        .route("/checkout-sessions", post(create))
        .route("/bookings", get(list))
        .route("/bookings/{id}", get(show))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(serving.clone(), guard::check));
    let open = Router::new()
        .route("/webhooks/success", post(webhook::success))
        .route("/health", get(health))
        .route("/openapi.json", get(async || ([(header::CONTENT_TYPE, "application/json")], OPENAPI)));
    let nothing = || async { Problem::new(404, "no_route", "there is nothing here; see /openapi.json") };
    guarded.merge(open).fallback(nothing).with_state(serving)
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    identifier: String,
    offer: Option<String>,
    customer: Option<Box<RawValue>>,
}

/// What is answered.
#[derive(Serialize)]
struct Created {
    identifier: String,
    offer: String,
    url: String,
}

async fn create(State(serving): State<Serving>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(415, "not_json", "send application/json"));
    }
    // What serde says could repeat something personal.
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| {
        Problem::new(400, "bad_body", "the body is not {\"identifier\", \"offer\"?, \"customer\"?} and nothing else")
    })?;
    let customer = asked.customer.map(|json| Customer::from_json(json.get())).transpose();
    let customer = customer.map_err(|error| Problem::new(400, "bad_customer", error.to_string()))?;
    let item = find(&serving, asked.identifier).await?;
    let offer_id = choose_offer(&item, asked.offer.as_deref()).map_err(offer_problem)?;
    let setup = &serving.setup;
    let order =
        Order { kind: item.kind, identifier: item.identifier, offer_id, broker: setup.broker.clone(), customer };
    let body = order.body(setup.template.as_ref()).map_err(|error| {
        tracing::error!("{error}");
        Problem::new(500, "bad_template", error.to_string())
    })?;
    let url = setup.client.create(body, order.customer.as_ref()).await.map_err(|fault| {
        tracing::warn!(fault.code = fault.code(), "no checkout session: {fault}");
        checkout_problem(&fault)
    })?;
    let created = Created { identifier: order.identifier, offer: order.offer_id, url: url.as_str().to_owned() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(created)).into_response())
}

/// What can be booked now under this identifier.
async fn find(serving: &Serving, identifier: String) -> Result<Bookable, Problem> {
    let path = serving.setup.catalogue.clone();
    let found = tokio::task::spawn_blocking(move || CatalogueReader::open(&path)?.bookable(&identifier)).await;
    match found {
        Ok(Ok(items)) => items.into_iter().next().ok_or_else(|| {
            Problem::new(404, "not_bookable", "nothing in the catalogue has this identifier now: it cannot be booked")
        }),
        Ok(Err(error)) => Err(catalogue_problem(&error)),
        Err(_) => Err(Problem::new(500, "lost", "the work on the catalogue was lost")),
    }
}

fn catalogue_problem(error: &StoreError) -> Problem {
    tracing::error!("{error}");
    Problem::new(503, "no_catalogue", "the catalogue cannot be read")
}

fn offer_problem(error: OfferError) -> Problem {
    let detail = error.to_string();
    match error {
        OfferError::Unknown { offers, .. } => Problem::new(409, "unknown_offer", detail).with_offers(offers),
        OfferError::Unclear { offers } => Problem::new(409, "choose_offer", detail).with_offers(offers),
        OfferError::None => Problem::new(409, "no_offers", detail),
    }
}

fn checkout_problem(fault: &CheckoutFault) -> Problem {
    let status = match fault {
        CheckoutFault::Timeout => 504,
        _ => 502,
    };
    Problem::new(status, fault.code(), fault.to_string())
}

/// A booking as it is answered.
#[derive(Serialize)]
struct BookingJson {
    id: String,
    order: String,
    received_at: String,
    identifier: Option<String>,
    item_type: Option<String>,
    repeats: i64,
    body: Box<RawValue>,
}

fn as_json(booking: Booking) -> Result<BookingJson, Problem> {
    let Booking { id, order, received_at, identifier, item_type, body, repeats } = booking;
    let unreadable = |_| Problem::new(500, "bad_booking", "a stored booking cannot be read");
    let body = RawValue::from_string(body).map_err(unreadable)?;
    Ok(BookingJson { id, order, received_at: received_at.to_string(), identifier, item_type, repeats, body })
}

fn bookings_problem(error: &super::BookingsError) -> Problem {
    tracing::error!("{error}");
    Problem::new(503, "no_bookings", "the bookings cannot be read")
}

async fn show(State(serving): State<Serving>, Path(id): Path<String>) -> Result<Json<BookingJson>, Problem> {
    let found = serving.with_bookings(move |bookings| bookings.find(&id)).await;
    let booking = found.map_err(|error| bookings_problem(&error))?;
    let booking = booking.ok_or_else(|| Problem::new(404, "no_booking", "no booking goes by this id"))?;
    as_json(booking).map(Json)
}

#[derive(Deserialize)]
struct Listing {
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Listed {
    bookings: Vec<BookingJson>,
}

async fn list(State(serving): State<Serving>, Query(listing): Query<Listing>) -> Result<Json<Listed>, Problem> {
    let limit = listing.limit.unwrap_or(100).min(LIMIT_MAX);
    let found = serving.with_bookings(move |bookings| bookings.newest(limit)).await;
    let bookings = found.map_err(|error| bookings_problem(&error))?;
    let bookings = bookings.into_iter().map(as_json).collect::<Result<_, _>>()?;
    Ok(Json(Listed { bookings }))
}

/// How the server is.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    feeds: Vec<Freshness>,
    bookings: i64,
}

async fn health(State(serving): State<Serving>) -> Result<Json<Health>, Problem> {
    let path = serving.setup.catalogue.clone();
    let read = tokio::task::spawn_blocking(move || CatalogueReader::open(&path)?.freshness()).await;
    let feeds = match read {
        Ok(Ok(feeds)) => feeds,
        Ok(Err(error)) => return Err(catalogue_problem(&error)),
        Err(_) => return Err(Problem::new(500, "lost", "the work on the catalogue was lost")),
    };
    let bookings = serving.with_bookings(super::Bookings::count).await.map_err(|error| bookings_problem(&error))?;
    let status = if feeds.iter().any(|feed| feed.stale) { "stale" } else { "ok" };
    Ok(Json(Health { status, feeds, bookings }))
}
