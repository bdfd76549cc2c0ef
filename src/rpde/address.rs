//! The addresses of feeds and pages, and the rule for where `next` may lead.
//!
//! Owns [`FeedUrl`]. RPDE's `next` is opaque and goes back byte for byte, so nothing here rebuilds it; but an HTTP client
//! can only send a well-formed URL. What `url` leaves alone and what it alters when it parses:
//!
//! - left alone: every `%XX` escape (also `%26`, `%2B`, lower case, and escapes of plain letters), `+`, `|`, `:`, the order
//!   of parameters, empty parameters, a lone `?`;
//! - taken off: blanks and control characters at both ends, tabs and line breaks anywhere, the fragment, a default port;
//! - changed: scheme and host to lower case, `.` and `..` in the path resolved, `\` in the path to `/`;
//! - escaped, because HTTP could not carry it or the URL standard says so: blank, `"`, `<`, `>`, controls and all that is
//!   not ASCII; in the query also `'`; in the path also `` ` ``, `{` and `}`.
//!
//! A server that unescapes its query sees the same values in each case. The text as it was received is kept beside the
//! URL ([`FeedUrl::original`]).
//!
//! Fails with [`AddressError`] and [`NextError`] only; uses nothing of ours.

use std::fmt;
use std::hash::{Hash, Hasher};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The longest URL text that is taken, in bytes.
pub const URL_BYTES_MAX: usize = 8 * 1024;

/// How much of a publisher's text goes into a message, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

/// The address of a feed or of one of its pages: `http` or `https`, with a host, without credentials or fragment.
///
/// Two are equal when the same request would be sent; see [`FeedUrl::same_page`] for the more lenient comparison.
#[derive(Clone, Debug)]
pub struct FeedUrl {
    url: Url,
    original: String,
}

/// Why a text is not the address of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Longer than [`URL_BYTES_MAX`].
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not an absolute URL with a host.
    #[error("not an absolute URL such as https://firehose.imin.co/firehose/standard/")]
    Unreadable,
    /// Neither `http` nor `https`.
    #[error("the URL must start with https:// or http://")]
    Scheme,
    /// Carries a user name or password, which belong to no feed.
    #[error("the URL must not carry a user name or password")]
    Credentials,
}

/// Why a page's `next` is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextError {
    /// An empty text (or blanks only).
    #[error("`next` is empty")]
    Empty,
    /// Longer than [`URL_BYTES_MAX`].
    #[error("`next` is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Neither a URL nor a reference relative to the page's URL.
    #[error("`next` is not a URL")]
    Unreadable,
    /// Another scheme, host or port than the page's own, or with credentials.
    #[error("`next` leads to {found}, not to {expected}; the API key goes nowhere else")]
    OtherOrigin {
        /// The page's own origin.
        expected: String,
        /// Where `next` leads, shortened.
        found: String,
    },
}

impl FeedUrl {
    /// Reads a feed's or page's absolute URL.
    ///
    /// # Errors
    /// [`AddressError`] when the text is too long, no absolute `http` or `https` URL, or carries credentials.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > URL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        let mut url = Url::parse(text).map_err(|_| AddressError::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme);
        }
        if has_credentials(&url) {
            return Err(AddressError::Credentials);
        }
        url.set_fragment(None);
        Ok(Self { url, original: text.to_owned() })
    }

    /// The page that `next` on this page leads to; `next` may be absolute or relative to this page.
    ///
    /// # Errors
    /// [`NextError`] when `next` is empty, too long, unreadable, or leaves this page's origin.
    pub fn join_next(&self, next: &str) -> Result<Self, NextError> {
        if next.len() > URL_BYTES_MAX {
            return Err(NextError::TooLong);
        }
        if next.trim().is_empty() {
            return Err(NextError::Empty);
        }
        let mut url = self.url.join(next).map_err(|_| NextError::Unreadable)?;
        if url.origin() != self.url.origin() || has_credentials(&url) {
            return Err(NextError::OtherOrigin { expected: origin_text(&self.url), found: origin_text(&url) });
        }
        url.set_fragment(None);
        // The text is kept only if it leads to the same place by itself: `https:a` is relative to a page and absolute
        // without one, so that a position stored as written would lead elsewhere after a restart, and the key with it.
        let itself = Self::parse(next).is_ok_and(|alone| alone.url == url);
        let original = if itself { next.to_owned() } else { url.as_str().to_owned() };
        Ok(Self { url, original })
    }

    /// The feed called `feed_name` below this base, whether or not the base ends in a slash; a query of the base stays.
    #[must_use]
    pub fn below(&self, feed_name: &str) -> Self {
        let mut url = self.url.clone();
        // An http(s) URL always has path segments; were it not so, the base itself would be the feed.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(feed_name.split('/').filter(|segment| !segment.is_empty()));
        }
        let original = url.as_str().to_owned();
        Self { url, original }
    }

    /// Whether both lead to the same page: equal, or different only in the order of query parameters or in percent
    /// escapes (where `+` in a query is a blank). Used to see that an empty page's `next` is the page itself.
    pub fn same_page(&self, other: &Self) -> bool {
        self.url == other.url
            || (self.url.origin() == other.url.origin()
                && segments_plain(&self.url) == segments_plain(&other.url)
                && parameters_plain(&self.url) == parameters_plain(&other.url))
    }

    /// Whether the host is this machine: 127.0.0.0/8, `[::1]`, `localhost` or a name below it.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            Some(Host::Domain(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name == "localhost" || name.ends_with(".localhost")
            }
            None => false,
        }
    }

    /// Whether the key would cross a network unencrypted: `http` to another machine.
    pub fn exposes_key(&self) -> bool {
        self.url.scheme() == "http" && !self.is_loopback()
    }

    /// Scheme, host and (where it is not the scheme's own) port, for messages.
    pub fn origin_text(&self) -> String {
        origin_text(&self.url)
    }

    /// The path alone, shortened, for messages; the query stays out because people put secrets there.
    pub fn path_text(&self) -> String {
        shortened(self.url.path())
    }

    /// The URL as it is sent.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The text as it was received, or for a relative `next` the URL that it leads to. Parsing it gives this URL again.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// For the HTTP client.
    pub(super) fn as_url(&self) -> &Url {
        &self.url
    }
}

impl PartialEq for FeedUrl {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for FeedUrl {}

impl Hash for FeedUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.url.hash(state);
    }
}

/// The URL as it is sent.
impl fmt::Display for FeedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

/// `text`, cut to what a message can bear and on one line.
pub(super) fn shortened(text: &str) -> String {
    let mut end = text.len().min(SHOWN_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, rest) = text.split_at(end);
    let mut shown: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !rest.is_empty() {
        shown.push('…');
    }
    shown
}

/// The origin of any URL, shortened; says when there are credentials, without repeating them.
pub(super) fn origin_text(url: &Url) -> String {
    let credentials = if has_credentials(url) { "(credentials)@" } else { "" };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    shortened(&format!("{}://{credentials}{host}{port}", url.scheme()))
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The path's segments without escapes; apart, so that an escaped slash stays different from a slash.
fn segments_plain(url: &Url) -> Vec<Vec<u8>> {
    url.path().split('/').map(|segment| percent_decode_str(segment).collect()).collect()
}

/// The query's parameters without escapes, in an order of their own; as bytes, because escapes need not be UTF-8.
fn parameters_plain(url: &Url) -> Vec<(Vec<u8>, Vec<u8>)> {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).collect::<Vec<u8>>();
    let mut parameters: Vec<_> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect();
    parameters.sort();
    parameters
}

#[cfg(test)]
mod tests;
