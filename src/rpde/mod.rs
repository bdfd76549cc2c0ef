//! RPDE feeds (OpenActive Realtime Paged Data Exchange 1.0): pages, positions, pacing and the HTTP client.
//!
//! JSON comes in, domain facts and findings go out. Bad items are findings; only a page without a readable list of items
//! fails. Uses `domain` and `clock`.

mod address;
mod client;
mod datasets;
mod facility;
mod fault;
mod finding;
mod json;
mod key;
mod loose;
mod pacing;
mod page;
mod peek;
mod pieces;
mod place;
mod retry;
mod seller;
mod series;
mod session;
mod slot;
mod spare;

pub use address::{AddressError, FeedUrl, NextError, URL_BYTES_MAX};
pub use client::{Client, ClientError, Fetched, Limits, Validators};
pub use fault::{Fault, RETRY_AFTER_MAX};
pub use finding::{Finding, FindingKind};
pub use key::{ApiKey, KEY_BYTES_MAX, KeyError};
pub use pacing::{POLL_INTERVAL_MIN, Pacer, PollIntervalError, checked_interval};
pub use page::{Content, Page, PageError};
pub use peek::peek_next;
pub use retry::{Advice, Jitter, RetryTimes, Standing, gives_up};
pub use spare::Spare;
