//! What a store is set up with.

use std::path::PathBuf;

use super::feeds::FeedSetup;
use super::shown::CheckoutUrls;

/// Where the two files are, and what checkout URLs are made from.
#[derive(Clone, Debug)]
pub struct StoreSetup {
    /// The state's file.
    pub state: PathBuf,
    /// The catalogue's file.
    pub catalogue: PathBuf,
    /// What checkout URLs are made from.
    pub checkout: CheckoutUrls,
    /// What the catalogue does when it may be out of date.
    pub when_stale: WhenStale,
    /// How many bytes a write-ahead log may have that a reader does not let be emptied.
    pub log_bytes_max: u64,
    /// The feeds and where they begin; what came from others is forgotten. `None` leaves the feeds as they stand.
    pub feeds: Option<Vec<FeedSetup>>,
}

impl StoreSetup {
    /// What [`StoreSetup::log_bytes_max`] is where nobody asks for something else: several times a large catalogue.
    pub const LOG_BYTES_MAX: u64 = 2 << 30;
}

/// What the catalogue does when a feed has not been read to its end for 24 hours, the licence's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// It stays as it is; `status` and the view `freshness` say so.
    #[default]
    Keep,
    /// It is emptied, until every feed has been read to its end again.
    Empty,
}

/// The licence: nothing that is held may be out of date by more than 24 hours.
pub const STALE_SECONDS: i64 = 86_400;
