//! Who may ask: a token where one is set, else this machine only.
//!
//! Secrets are kept as hashes and compared in constant time. Without a token, requests must name a loopback host and come
//! from no foreign page, so that no web page can reach the server through a browser on this machine.

use std::fmt;
use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Serving;
use super::problem::Problem;

/// A key or token, of which only the hash is kept.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Keeps a secret's hash.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether this is the secret; takes the same time for every text of one length.
    pub fn is(&self, text: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(text).into();
        self.0.ct_eq(&given).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Lets a request through, or answers that it may not ask.
pub(super) async fn check(State(serving): State<Serving>, request: Request, next: Next) -> Response {
    let allowed = match &serving.setup.token {
        Some(token) => bearer(request.headers()).is_some_and(|given| token.is(given.as_bytes())),
        None => is_local(request.headers()),
    };
    match (allowed, &serving.setup.token) {
        (true, _) => next.run(request).await,
        (false, Some(_)) => {
            let refused = Problem::new(401, "no_token", "the bearer token is missing or wrong").into_response();
            ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
        }
        (false, None) => {
            let detail = "without a token only programs on this machine may ask; see --serve-token-file";
            Problem::new(403, "not_local", detail).into_response()
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).is_some_and(|host| is_loopback(&format!("http://{host}/")));
    host && text(header::ORIGIN).is_none_or(is_loopback)
}

fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_knows_itself_and_is_not_shown() {
        let secret = Secret::new("open sesame");
        assert!(secret.is(b"open sesame") && !secret.is(b"open sesam") && !secret.is(b""));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |pairs: &[(header::HeaderName, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            is_local(&headers)
        };
        for host in ["127.0.0.1:8018", "localhost:8018", "[::1]:8018", "127.8.8.8"] {
            assert!(local(&[(header::HOST, host)]), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8018", "localhost.evil.example"] {
            assert!(!local(&[(header::HOST, host)]), "{host}");
        }
        assert!(!local(&[]));
        assert!(local(&[(header::HOST, "localhost"), (header::ORIGIN, "http://localhost:3000")]));
        assert!(!local(&[(header::HOST, "localhost"), (header::ORIGIN, "https://evil.example")]));
        assert!(!local(&[(header::HOST, "localhost"), (header::ORIGIN, "null")]));
    }
}
