//! The HTTP client: one request, one answer, bounded in bytes and time, with the key on it.
//!
//! Owns how a request is made: `X-API-KEY` on every one, an honest `User-Agent`, gzip accepted. It never follows a redirect
//! and never tries twice, so the key goes only to the address it was given for and every attempt is the caller's to
//! count. Bodies are read as they come and dropped at the limit, which holds for what came and for what it inflates to, so a small
//! bomb stays small. The proxies of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) are used as reqwest does
//! by default, except for loopback addresses, which are always asked directly.
//!
//! Fails with [`ClientError`] where it is set up and with a [`Fault`] on a request. Uses the clock, for `Retry-After` dates.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode, redirect, retry};

use self::gzip::InflateError;
use super::address::{FeedUrl, origin_text, shortened};
use super::fault::{Fault, retry_after};
use super::key::ApiKey;
use super::spare::Spare;
use crate::clock::Clock;

mod gzip;

const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
const USER_AGENT: &str = concat!("bookable/", env!("CARGO_PKG_VERSION"));
/// A longer validator is not kept.
const VALIDATOR_BYTES_MAX: usize = 1024;
const MIB: usize = 1024 * 1024;

/// What one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest page, in decompressed bytes; a compressed one may be no larger on its way either.
    pub page_bytes_max: usize,
    /// The longest time to a connection, TLS included.
    pub connect_timeout: Duration,
    /// The longest time without a byte, before the answer and within it.
    pub read_timeout: Duration,
    /// The longest time for the whole request.
    pub total_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_bytes_max: 64 * MIB,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_mins(5),
        }
    }
}

/// The HTTP client could not be set up (in practice: TLS without usable root certificates).
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client")]
pub struct ClientError(#[from] reqwest::Error);

/// What a server names a version of a document by, to be asked later whether there is another (RFC 9110, 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Status 200, whole, within the limits.
    Page {
        /// The body, decompressed. Not yet read: it may be anything.
        body: Vec<u8>,
        /// What this version goes by.
        validators: Validators,
    },
    /// Status 304: nothing newer than what the validators name.
    NotModified,
}

/// Asks for pages. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    /// For other machines: through the environment's proxy, if there is one. Like the next, it is made when it is first needed: that reads
    /// the machine's root certificates, which takes a while, and mostly all feeds are of one kind.
    outside: Arc<OnceLock<reqwest::Client>>,
    /// For loopback addresses: never through a proxy.
    direct: Arc<OnceLock<reqwest::Client>>,
    key: ApiKey,
    limits: Limits,
    clock: Clock,
    spare: Spare,
}

impl Client {
    /// A client that sends `key` with every request and keeps to `limits`.
    pub fn new(key: ApiKey, limits: Limits, clock: Clock) -> Self {
        let (outside, direct, spare) = Default::default();
        Self { outside, direct, key, limits, clock, spare }
    }

    /// Makes the connections' settings for the kind of address that `url` is (loopback or not), which its first request would do otherwise.
    ///
    /// # Errors
    /// [`ClientError`] when TLS cannot be set up.
    pub fn set_up(&self, url: &FeedUrl) -> Result<(), ClientError> {
        self.client_for(url).map(drop)
    }

    fn client_for(&self, url: &FeedUrl) -> Result<&reqwest::Client, ClientError> {
        let is_direct = url.is_loopback();
        let made = if is_direct { &self.direct } else { &self.outside };
        if let Some(client) = made.get() {
            return Ok(client);
        }
        let builder = builder(self.limits);
        let client = if is_direct { builder.no_proxy() } else { builder }.build()?;
        Ok(made.get_or_init(|| client))
    }

    /// Where bodies are put that were read, for those that come next.
    pub fn spare(&self) -> &Spare {
        &self.spare
    }

    /// Asks for the page at `url`, once; with `known` validators, only for a newer one.
    ///
    /// # Errors
    /// A [`Fault`] for anything but a whole body with status 200 within the limits (or 304, where validators were sent).
    pub async fn fetch(&self, url: &FeedUrl, known: Option<&Validators>) -> Result<Fetched, Fault> {
        let client = self.client_for(url).map_err(|ClientError(error)| request_fault(url, error))?;
        let request = client.get(url.as_url().clone()).header(KEY_HEADER, self.key.header_value());
        let mut request = request.header(ACCEPT_ENCODING, "gzip");
        let known = known.filter(|known| **known != Validators::default());
        if let Some(etag) = known.and_then(|known| known.etag.as_deref()) {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = known.and_then(|known| known.last_modified.as_deref()) {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        let response = request.send().await.map_err(|error| request_fault(url, error))?;
        if known.is_some() && response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::NotModified);
        }
        if let Some(fault) = self.status_fault(url, &response) {
            return Err(fault);
        }
        let validators = validators(&response);
        let body = self.read_body(url, response).await?;
        Ok(Fetched::Page { body, validators })
    }

    /// What is wrong with the answer's status and headers, if anything.
    fn status_fault(&self, url: &FeedUrl, response: &Response) -> Option<Fault> {
        let (status, path) = (response.status(), url.path_text());
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        match status {
            StatusCode::OK => None,
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                Some(Fault::Redirected { path, status: status.as_u16(), to: target_text(url, header(LOCATION)) })
            }
            _ => {
                let retry_after = header(RETRY_AFTER).and_then(|text| retry_after(text, self.clock.now()));
                Some(Fault::Status { path, status: status.as_u16(), retry_after })
            }
        }
    }

    /// The body of a page, decompressed.
    async fn read_body(&self, url: &FeedUrl, response: Response) -> Result<Vec<u8>, Fault> {
        let is_gzip = is_gzip(response.headers());
        if !is_gzip {
            return self.read_bytes(url, response, |bytes| self.spare.take(bytes)).await;
        }
        let body = self.read_bytes(url, response, Vec::with_capacity).await?;
        if body.is_empty() {
            return Ok(body);
        }
        let inflated = gzip::inflated(&body, self.limits.page_bytes_max, |bytes| self.spare.take_whole(bytes));
        inflated.map_err(|error| match error {
            InflateError::TooLarge => self.too_large(url),
            InflateError::Broken(error) => broken(url, &error),
        })
    }

    /// The body as it comes, compressed or not; `room` gives memory for so many bytes.
    async fn read_bytes(
        &self,
        url: &FeedUrl,
        mut response: Response,
        room: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<Vec<u8>, Fault> {
        // A peer's word, so it is checked against the limit first.
        let announced = response.content_length().map(usize::try_from);
        let capacity = match announced {
            Some(Ok(bytes)) if bytes <= self.limits.page_bytes_max => bytes.min(MIB),
            Some(_) => return Err(self.too_large(url)),
            None => 0,
        };
        let mut body = room(capacity);
        while let Some(chunk) = response.chunk().await.map_err(|error| body_fault(url, error))? {
            if chunk.len() > self.limits.page_bytes_max - body.len() {
                return Err(self.too_large(url));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn too_large(&self, url: &FeedUrl) -> Fault {
        Fault::TooLarge { path: url.path_text(), bytes_max: self.limits.page_bytes_max }
    }
}

/// Whether the body is gzip and nothing else. In any other encoding it is no page, and read as little as any that is none.
fn is_gzip(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let encoding = encodings.next().filter(|_| encodings.next().is_none()).and_then(|encoding| encoding.to_str().ok());
    encoding.is_some_and(|encoding| ["gzip", "x-gzip"].iter().any(|name| encoding.trim().eq_ignore_ascii_case(name)))
}

/// What can be sent back as it came: short, visible ASCII.
fn validators(response: &Response) -> Validators {
    let text = |name| {
        let text = response.headers().get(name)?.to_str().ok()?;
        (text.len() <= VALIDATOR_BYTES_MAX).then(|| text.to_owned())
    };
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
}

fn builder(limits: Limits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .connect_timeout(limits.connect_timeout)
        .read_timeout(limits.read_timeout)
        .timeout(limits.total_timeout)
}

/// Origin and path of a redirect's target, for the message.
fn target_text(url: &FeedUrl, location: Option<&str>) -> String {
    match location.map(|location| url.as_url().join(location)) {
        Some(Ok(target)) => shortened(&format!("{}{}", origin_text(&target), target.path())),
        Some(Err(_)) => "an unreadable address".to_owned(),
        None => "no address".to_owned(),
    }
}

/// A failure before there was an answer.
fn request_fault(url: &FeedUrl, error: reqwest::Error) -> Fault {
    let (path, error) = (url.path_text(), error.without_url());
    let detail = chain_text(&error);
    if error.is_builder() {
        Fault::Other { path, detail }
    } else if error.is_timeout() {
        Fault::Timeout { path, detail }
    } else if error.is_dns() {
        Fault::Dns { path, detail }
    } else if error.is_connect() {
        Fault::Connect { path, detail }
    } else {
        Fault::Interrupted { path, detail }
    }
}

/// A failure within the body: too slow, or cut.
fn body_fault(url: &FeedUrl, error: reqwest::Error) -> Fault {
    let error = error.without_url();
    if error.is_timeout() {
        Fault::Timeout { path: url.path_text(), detail: chain_text(&error) }
    } else {
        broken(url, &error)
    }
}

/// A body that is cut, or compressed data that is not what it says.
fn broken(url: &FeedUrl, error: &(dyn Error + 'static)) -> Fault {
    let (path, detail) = (url.path_text(), chain_text(error));
    if io_kinds(error).any(|kind| matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)) {
        Fault::Unreadable { path, detail }
    } else {
        Fault::Interrupted { path, detail }
    }
}

/// The error and its causes. An I/O error that wraps another hides it from `source`, so that one is asked for its content.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => (*error).source(),
    })
}

/// The kinds of all I/O errors in the chain.
fn io_kinds(error: &(dyn Error + 'static)) -> impl Iterator<Item = io::ErrorKind> {
    chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind)
}

/// The chain's messages on one line, each said once.
fn chain_text(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for message in chain(error).map(ToString::to_string) {
        if !text.contains(&message) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&message);
        }
    }
    shortened(&text)
}

#[cfg(test)]
mod tests;
