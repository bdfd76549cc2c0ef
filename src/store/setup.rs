//! What a store is set up with, and whether it may be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::catalogue::Catalogue;
use super::error::{Result, StoreError};
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
    /// How long the change log goes back; `None`: there is none.
    pub change_log: Option<Duration>,
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

/// Refuses to begin a new state beside a catalogue that was made from another: a resync is rationed by the licence, so a lost
/// state needs the operator's word.
///
/// # Errors
/// [`StoreError::StateLost`] where that is so; others where the catalogue cannot be read.
pub fn check_state_is_there(setup: &StoreSetup) -> Result<()> {
    let is_empty = |path: &Path| std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    if !is_empty(&setup.state) || is_empty(&setup.catalogue) {
        return Ok(());
    }
    match Catalogue::open(&setup.catalogue, setup.checkout.clone(), setup.change_log)?.origin()? {
        Some(_) => Err(StoreError::StateLost { state: setup.state.clone(), catalogue: setup.catalogue.clone() }),
        None => Ok(()),
    }
}
