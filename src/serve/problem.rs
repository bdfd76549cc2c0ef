//! A failure as it is answered: `application/problem+json` (RFC 9457), with a stable code.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong with a request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    /// Stable; for programs.
    code: &'static str,
    /// For people.
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<OfferJson>,
}

/// An offer to choose.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OfferJson {
    id: Option<String>,
    name: Option<String>,
    price: Option<f64>,
    currency: Option<String>,
    min_age: Option<i64>,
    max_age: Option<i64>,
}

impl From<crate::store::OfferRow> for OfferJson {
    fn from(offer: crate::store::OfferRow) -> Self {
        let crate::store::OfferRow { id, name, price, currency, min_age, max_age, .. } = offer;
        Self { id, name, price, currency, min_age, max_age }
    }
}

impl Problem {
    pub(super) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let title = words.unwrap_or("Error");
        Self { kind: "about:blank", title, status, code, detail: detail.into(), offers: Vec::new() }
    }

    /// With the offers that may be chosen.
    pub(super) fn with_offers(self, offers: Vec<crate::store::OfferRow>) -> Self {
        Self { offers: offers.into_iter().map(OfferJson::from).collect(), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/problem+json")], serde_json::to_string(&self).unwrap_or_default())
            .into_response()
    }
}
