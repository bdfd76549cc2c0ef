//! `POST /webhooks/success`: imin tells that something was booked.
//!
//! imin calls it with a key agreed beforehand in `X-Api-Key`, expects 204, and advises a guard against replays
//! (docs.imin.co). Answered 204 only once the booking is stored; the same booking told again is stored once.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Serving;
use super::problem::Problem;
use super::redact::Payload;

/// The largest body that is taken.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;

/// Takes a webhook.
pub(super) async fn success(State(serving): State<Serving>, request: Request) -> Response {
    let Some(key) = &serving.setup.webhook_key else {
        let detail = "there is no webhook here; set --webhook-key-file";
        return Problem::new(404, "no_webhook", detail).into_response();
    };
    let given = request.headers().get("x-api-key").map(axum::http::HeaderValue::as_bytes);
    if !given.is_some_and(|given| key.is(given)) {
        return Problem::new(401, "wrong_key", "the X-Api-Key is missing or wrong").into_response();
    }
    let Ok(body) = to_bytes(request.into_body(), BODY_BYTES_MAX).await else {
        return Problem::new(413, "too_large", "the body is larger than 256 KiB, or broke off").into_response();
    };
    let Some(payload) = Payload::read(&body) else {
        return Problem::new(400, "bad_body", "the body is not a JSON object").into_response();
    };
    let now = serving.setup.clock.now();
    match serving.with_bookings(move |bookings| bookings.store(&payload, now)).await {
        Ok(new) => {
            tracing::info!(booking.new = new, "a booking was told");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            tracing::error!("{error}");
            Problem::new(503, "not_stored", "the booking could not be stored; tell it again").into_response()
        }
    }
}
