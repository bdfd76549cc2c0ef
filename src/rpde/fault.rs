//! What can go wrong between asking for a page and having read it: one closed enum.
//!
//! Owns [`Fault`], its stable codes and its one-line messages. A message names the path of the page that was asked for and
//! never the key, the query or more than a line of a publisher's text. The client makes most faults; whoever reads pages
//! makes [`Fault::unreadable`] and [`Fault::bad_next`]. What follows from a fault is in `retry`.

use std::fmt::Display;
use std::time::{Duration, UNIX_EPOCH};

use reqwest::StatusCode;

use super::address::{FeedUrl, shortened};
use crate::domain::Instant;

/// The longest wait that a server's `Retry-After` can ask for; more is taken as this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Why a page could not be had. `path` is the path of the page's URL, for messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The server answered with a status other than 200 that is not a redirect.
    #[error("{path}: the server answered {}{}", status_text(*status), retry_after_text(*retry_after))]
    Status {
        /// The path asked for.
        path: String,
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` asks for, counted from the answer and at most [`RETRY_AFTER_MAX`].
        retry_after: Option<Duration>,
    },
    /// No connection: refused, unreachable, or no agreement on TLS.
    #[error("{path}: cannot connect: {detail}")]
    Connect {
        /// The path asked for.
        path: String,
        /// The cause, on one line.
        detail: String,
    },
    /// The host's name has no address.
    #[error("{path}: cannot find the host: {detail}")]
    Dns {
        /// The path asked for.
        path: String,
        /// The cause, on one line.
        detail: String,
    },
    /// Too long without a connection, without a byte, or in all.
    #[error("{path}: timed out: {detail}")]
    Timeout {
        /// The path asked for.
        path: String,
        /// The cause, on one line.
        detail: String,
    },
    /// The connection ended, or broke the protocol, before the answer was whole.
    #[error("{path}: the answer broke off: {detail}")]
    Interrupted {
        /// The path asked for.
        path: String,
        /// The cause, on one line.
        detail: String,
    },
    /// The page, decompressed, is larger than the limit; the rest was not read.
    #[error("{path}: the page is larger than {bytes_max} bytes")]
    TooLarge {
        /// The path asked for.
        path: String,
        /// The limit.
        bytes_max: usize,
    },
    /// The server answered with a redirect, which is never followed: the key goes to no other address.
    #[error(
        "{path}: the server redirects ({status}) to {to}, which is not followed; if the feed has moved, change its URL"
    )]
    Redirected {
        /// The path asked for.
        path: String,
        /// The HTTP status.
        status: u16,
        /// Origin and path of the target, shortened.
        to: String,
    },
    /// The page came whole but cannot be read.
    #[error("{path}: the page cannot be read: {detail}")]
    Unreadable {
        /// The path asked for.
        path: String,
        /// What is wrong with it, on one line.
        detail: String,
    },
    /// The page's `next` cannot be followed.
    #[error("{path}: the page's `next` is not followed: {detail}")]
    BadNext {
        /// The path of the page that has this `next`.
        path: String,
        /// What is wrong with it, on one line.
        detail: String,
    },
    /// Anything else, such as a request that could not be put together.
    #[error("{path}: the request failed: {detail}")]
    Other {
        /// The path asked for.
        path: String,
        /// The cause, on one line.
        detail: String,
    },
}

impl Fault {
    /// A page that came whole but cannot be read.
    pub fn unreadable(url: &FeedUrl, detail: impl Display) -> Self {
        Self::Unreadable { path: url.path_text(), detail: shortened(&detail.to_string()) }
    }

    /// A `next` on the page at `url` that cannot be followed.
    pub fn bad_next(url: &FeedUrl, detail: impl Display) -> Self {
        Self::BadNext { path: url.path_text(), detail: shortened(&detail.to_string()) }
    }

    /// Every code.
    pub const CODES: [&'static str; 10] = [
        "http_status",
        "connect",
        "dns",
        "timeout",
        "interrupted",
        "too_large",
        "redirected",
        "unreadable",
        "bad_next",
        "other",
    ];

    /// A short name of the kind of fault, for counts and logs, of those in [`Fault::CODES`]; it does not change between versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Status { .. } => "http_status",
            Self::Connect { .. } => "connect",
            Self::Dns { .. } => "dns",
            Self::Timeout { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::TooLarge { .. } => "too_large",
            Self::Redirected { .. } => "redirected",
            Self::Unreadable { .. } => "unreadable",
            Self::BadNext { .. } => "bad_next",
            Self::Other { .. } => "other",
        }
    }

    /// The HTTP status, where there was an answer and its status is the fault.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::Redirected { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Reads `Retry-After`: whole seconds, or an HTTP date, which is taken relative to `now` (a past one asks for no wait).
/// `None` for any other text.
pub(super) fn retry_after(text: &str, now: Instant) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than the cap, too.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let since_epoch = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let date = Instant::from_seconds(i64::try_from(since_epoch.as_secs()).ok()?);
        Duration::from_secs(u64::try_from(date.seconds_since(now)).unwrap_or(0))
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

fn status_text(status: u16) -> String {
    let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let hint = match status {
        401 | 403 => ": the API key was refused (check BOOKABLE_API_KEY or the file of --api-key-file)",
        404 | 410 => ": there is no such feed (check its URL)",
        _ => "",
    };
    match words {
        Some(words) => format!("{status} {words}{hint}"),
        None => format!("{status}{hint}"),
    }
}

fn retry_after_text(wait: Option<Duration>) -> String {
    wait.map(|wait| format!(" (retry after {} s)", wait.as_secs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_the_table_says() {
        let now = Instant::parse("2026-11-23T18:00:00Z").unwrap();
        let table = [
            ("seconds", "120", Some(120)),
            ("blanks around", " 5 ", Some(5)),
            ("zero", "0", Some(0)),
            ("a day and a second is cut", "86401", Some(86400)),
            ("more digits than fit", "99999999999999999999999", Some(86400)),
            ("HTTP date", "Mon, 23 Nov 2026 18:02:00 GMT", Some(120)),
            ("HTTP date of old", "Monday, 23-Nov-26 18:00:30 GMT", Some(30)),
            ("asctime", "Mon Nov 23 18:00:07 2026", Some(7)),
            ("past date", "Mon, 23 Nov 2026 17:59:59 GMT", Some(0)),
            ("date next year is cut", "Tue, 23 Nov 2027 18:00:00 GMT", Some(86400)),
            ("negative", "-5", None),
            ("fraction", "1.5", None),
            ("words", "soon", None),
            ("empty", "", None),
        ];
        for (words, text, expected) in table {
            assert_eq!(retry_after(text, now), expected.map(Duration::from_secs), "{words}: {text}");
        }
    }

    #[test]
    fn messages_are_one_line_that_names_the_path_and_not_the_query() {
        let url = FeedUrl::parse("https://h/feeds/sessions?key=secret").unwrap();
        let path = url.path_text();
        let wait = Some(Duration::from_mins(1));
        let table = [
            (
                Fault::Status { path: path.clone(), status: 503, retry_after: wait },
                "/feeds/sessions: the server answered 503 Service Unavailable (retry after 60 s)",
            ),
            (
                Fault::Status { path: path.clone(), status: 401, retry_after: None },
                "/feeds/sessions: the server answered 401 Unauthorized: the API key was refused \
                 (check BOOKABLE_API_KEY or the file of --api-key-file)",
            ),
            (
                Fault::Status { path, status: 410, retry_after: None },
                "/feeds/sessions: the server answered 410 Gone: there is no such feed (check its URL)",
            ),
            (Fault::unreadable(&url, "line 1\nline 2"), "/feeds/sessions: the page cannot be read: line 1 line 2"),
            (
                Fault::bad_next(&url, url.join_next("https://other/").unwrap_err()),
                "/feeds/sessions: the page's `next` is not followed: `next` leads to https://other, not to https://h; \
                 the API key goes nowhere else",
            ),
        ];
        for (fault, expected) in table {
            assert_eq!(fault.to_string(), expected);
            assert!(!format!("{fault:?}").contains("secret"));
            assert!(Fault::CODES.contains(&fault.code()));
        }
    }
}
