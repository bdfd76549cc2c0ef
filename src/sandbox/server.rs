//! The HTTP side: feeds with paging and key, faults, and the churn that goes on meanwhile. The Checkout is in `shop`.
//!
//! Fails only where the listener cannot be asked for its address. A request never ends the server.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::handle::Shared;
use super::page::{Cursor, PageItems};
use super::state::State;
use super::world::World;
use super::{Fault, Feed, SandboxError, SandboxHandle, SandboxOptions, churn, html, shop};
use crate::clock::Clock;

/// A synthetic Firehose and Checkout, ready to be served.
#[derive(Debug)]
pub struct Sandbox(Arc<Shared>);

impl Sandbox {
    /// Makes the world that these options describe.
    ///
    /// # Errors
    /// [`SandboxError`] where there are too many sessions, or the embedded names cannot be used.
    pub fn new(options: SandboxOptions, clock: Clock) -> Result<Self, SandboxError> {
        let start = options.start.unwrap_or_else(|| clock.now());
        let state = State::new(World::new(&options, start)?);
        Ok(Self(Arc::new(Shared::new(state, options, clock))))
    }

    /// What changes it and looks at it from outside.
    pub fn handle(&self) -> SandboxHandle {
        SandboxHandle(Arc::clone(&self.0))
    }
}

#[derive(Clone)]
pub(super) struct Serving {
    pub(super) shared: Arc<Shared>,
    base: Arc<str>,
}

/// Serves a sandbox on `listener` until `shutdown` is ready.
///
/// # Errors
/// What the operating system says where the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    sandbox: Sandbox,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let base = format!("http://{}", listener.local_addr()?).into();
    let shared = sandbox.0;
    // Ends with this function, also where nobody waits for it any more.
    let _churning = AbortOnDropHandle::new(tokio::spawn(churn_on(Arc::clone(&shared))));
    let mut router = Router::new().route("/", get(index)).route("/health", get(async || "ok\n"));
    for feed in Feed::ALL {
        let answer = move |Extract(serving): Extract<Serving>, uri: Uri, headers: HeaderMap| async move {
            if feed == Feed::Datasets {
                datasets(&serving, &uri, &headers)
            } else {
                answer_feed(&serving, feed, &uri, &headers)
            }
        };
        let path =
            if feed == Feed::BookableSellers { format!("{}/{{broker}}", feed.path()) } else { feed.path().to_owned() };
        router = router.route(&path, get(answer));
    }
    let router = router.merge(shop::routes()).with_state(Serving { shared, base });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn churn_on(shared: Arc<Shared>) {
    let interval = Duration::try_from_secs_f64(1.0 / shared.options.churn_per_second);
    let Ok(interval) = interval.map(|interval| interval.max(Duration::from_millis(1))) else { return };
    if shared.options.churn_per_second <= 0.0 {
        return;
    }
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        churn::step(&mut shared.state());
    }
}

async fn index(Extract(serving): Extract<Serving>) -> Html<String> {
    let links = Feed::ALL.map(Feed::path).into_iter().chain(["/api/checkout-sessions/", "/health"]);
    let list = links.map(|path| format!("<li><code>{}{path}</code></li>", serving.base)).collect::<Vec<_>>().concat();
    let words = "<p>Everything here is invented. The feeds ask for a key in <code>X-API-KEY</code>.</p>";
    Html(html::page("A synthetic Firehose and Checkout", &format!("{words}\n<ul>{list}</ul>")))
}

/// What is refused before anything else is looked at.
pub(super) fn refuse_key(serving: &Serving, headers: &HeaderMap) -> Option<Response> {
    let key = headers.get("x-api-key").map(HeaderValue::as_bytes);
    if key == Some(serving.shared.options.api_key.as_bytes()) {
        return None;
    }
    let status = if key.is_some() { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    Some((status, "the X-API-KEY is missing or wrong\n").into_response())
}

/// The address that a request was sent to: `localhost` stays `localhost`, as with a real publisher.
pub(super) fn base_of(serving: &Serving, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map_or_else(|| serving.base.to_string(), |host| format!("http://{host}"))
}

/// Notes a request; what it is answered where it has no key or meets a fault that is a status.
fn refuse(serving: &Serving, feed: Feed, asked: &str, headers: &HeaderMap) -> Result<Option<Fault>, Box<Response>> {
    let refused = refuse_key(serving, headers);
    serving.shared.note(asked.to_owned(), refused.is_none());
    if let Some(refused) = refused {
        return Err(Box::new(refused));
    }
    let fault = serving.shared.take_fault(feed);
    let Some(Fault::Status { status, retry_after }) = fault else { return Ok(fault) };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Err(Box::new(match retry_after {
        Some(seconds) => (status, [(header::RETRY_AFTER, seconds.to_string())], "a fault\n").into_response(),
        None => (status, "a fault\n").into_response(),
    }))
}

fn asked(uri: &Uri) -> &str {
    uri.path_and_query().map_or(uri.path(), |path| path.as_str())
}

fn answer_feed(serving: &Serving, feed: Feed, uri: &Uri, headers: &HeaderMap) -> Response {
    let fault = match refuse(serving, feed, asked(uri), headers) {
        Ok(fault) => fault,
        Err(refused) => return *refused,
    };
    let page = match page(serving, &base_of(serving, headers), feed, asked(uri), uri.query().unwrap_or_default()) {
        Ok(page) => page,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    answer(page, fault, serving.shared.options.gzip && accepts_gzip(headers))
}

/// Whether `Accept-Encoding` names gzip, and not with a weight of nothing.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| {
        let (coding, weight) = part.split_once(";q=").unwrap_or((part, "1"));
        coding.trim() == "gzip" && weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

/// The attribution catalogue, with an `ETag` for conditional requests.
fn datasets(serving: &Serving, uri: &Uri, headers: &HeaderMap) -> Response {
    let fault = match refuse(serving, Feed::Datasets, asked(uri), headers) {
        Ok(fault) => fault,
        Err(refused) => return *refused,
    };
    let (document, version) = {
        let state = serving.shared.state();
        (state.datasets.to_string(), state.datasets_version)
    };
    let etag = format!("\"datasets-{version}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known == Some(etag.as_str()) {
        serving.shared.not_modified.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let mut response = answer(document, fault, false);
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

fn page(serving: &Serving, base: &str, feed: Feed, asked: &str, query: &str) -> Result<String, &'static str> {
    let cursor = Cursor::parse(query)?;
    let (items, world) = {
        let state = serving.shared.state();
        let limit = serving.shared.options.page_size.max(1);
        (PageItems::take(&state, feed, cursor.as_ref(), limit), Arc::clone(&state.world))
    };
    let next = items.next(&world, asked, cursor.as_ref());
    let next = if serving.shared.options.relative_next { next } else { format!("{base}{next}") };
    Ok(items.render(&world, &next))
}

fn answer(page: String, fault: Option<Fault>, gzip: bool) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let broken = || std::io::Error::other("a fault");
    let half = Bytes::copy_from_slice(page.as_bytes().get(..page.len() / 2).unwrap_or_default());
    match fault {
        Some(Fault::Cut) => (json, pieces(vec![Ok(half), Err(broken())])).into_response(),
        Some(Fault::Drop) => (json, pieces(vec![Err(broken())])).into_response(),
        Some(Fault::Malformed) => (json, Body::from(half)).into_response(),
        Some(Fault::Slow) => {
            let size = page.len().div_ceil(10).max(1);
            (json, pieces(page.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()))
                .into_response()
        }
        Some(Fault::Status { .. }) | None => match gzip.then(|| compress(page.as_bytes())).flatten() {
            Some(bytes) => (json, [(header::CONTENT_ENCODING, "gzip")], bytes).into_response(),
            None => (json, page).into_response(),
        },
    }
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// A body in pieces, a tenth of a second apart; an error closes the connection.
fn pieces(pieces: Vec<std::io::Result<Bytes>>) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for piece in pieces {
            if sender.send(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver))
}
