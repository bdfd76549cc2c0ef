//! The loop: one task a feed that fetches and reads pages, one thread that writes, a bounded channel between them, and the
//! clock.
//!
//! ```text
//! walker(session-series) ──┐
//! walker(scheduled-…)   ───┼─▶ channel ─▶ writer thread ─▶ state, catalogue
//! walker(each other feed) ─┘                   ▲
//!                                              └ clock: the next opens/closes, at least once a second
//! ```
//!
//! A publisher's faults are waited out, and so are those of the files that may pass (a full disk): the writer pauses, opens
//! them anew, and every feed goes on from what was committed. Only files that are damaged or not ours end a harvest. Uses `domain`, `clock`, `rpde`, `store`.

mod checkpoints;
mod progress;
mod snapshots;
mod stepwise;
mod walk;
mod walker;
mod writer;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use progress::{COMMIT_MILLIS, CommitTimes, Progress};
pub use stepwise::Stepwise;

use crate::clock::Clock;
use crate::domain::Feed;
use crate::rpde::{AddressError, ApiKey, Client, ClientError, FeedUrl, Limits, RetryTimes};
use crate::store::{FeedSetup, Position, Store, StoreError, StoreSetup};
use walker::Walker;
use writer::Writer;
use writing::Writing;

/// Pages that may wait for the writer, over all feeds.
const PAGES_WAITING_MAX: usize = 2;

/// How long a harvest goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until it is told to stop.
    UntilStopped,
    /// Until every feed has been walked to its last page once, or given up.
    Once,
}

/// Everything that a harvest needs to know.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The two files, the Checkout and the feeds.
    pub store: StoreSetup,
    /// The Firehose's key.
    pub key: ApiKey,
    /// At most one request for a last page in this time, for each feed.
    pub poll_interval: Duration,
    /// What one request may take.
    pub limits: Limits,
    /// How long faults are waited out.
    pub retry_times: RetryTimes,
    /// What time it is.
    pub clock: Clock,
    /// How long the harvest goes on.
    pub mode: Mode,
}

/// A feed that could not be walked to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Which feed.
    pub feed: Feed,
    /// Why, for people.
    pub why: String,
}

/// What ends a harvest before its time.
#[derive(Debug, Error)]
pub enum EngineError {
    /// One of the two files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A position that is no URL.
    #[error("the position of {feed} is not usable: {source}; run `bookable resync --force`")]
    Position {
        /// Which feed.
        feed: Feed,
        /// What is wrong with it.
        source: AddressError,
    },
    /// A position on another host than the feed's, to which the key must not go.
    #[error("the position of {feed} leads to {found}, not to {expected}; run `bookable resync --force`")]
    Elsewhere {
        /// Which feed.
        feed: Feed,
        /// Where the position leads.
        found: String,
        /// Where the feed is.
        expected: String,
    },
    /// The writer's thread ended without a word.
    #[error("the writer ended without a word; the files are as of the last batch")]
    WriterLost,
}

impl EngineError {
    /// Whether it may go well later, without anybody's doing but making room.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_pass())
    }

    /// The error with its causes, on one line.
    fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            text = format!("{text}: {source}");
            cause = source.source();
        }
        text
    }
}

/// Harvests until `stop` is cancelled (or, in [`Mode::Once`], every feed is through); gives the feeds that could not be
/// walked to their end. The caller holds the [`crate::store::HarvestLock`].
///
/// # Errors
/// [`EngineError`] where the files cannot be written or the client cannot be set up. What was committed stays.
pub async fn harvest(
    setup: Setup,
    stop: CancellationToken,
    progress: Arc<Progress>,
) -> Result<Vec<Unfinished>, EngineError> {
    let client = Client::new(setup.key.clone(), setup.limits, setup.clock.clone());
    let client_ready = set_up(client.clone(), setup.store.feeds.as_deref().unwrap_or_default());
    let store = Store::open(&setup.store, setup.clock.now())?;
    // Should the task be lost, the first request does what it would have done.
    client_ready.await.unwrap_or(Ok(()))?;
    let (pages, waiting) = mpsc::channel(PAGES_WAITING_MAX);
    let starts = walk::starts(&store, 0)?;
    let (announce, announced) = watch::channel(starts);
    let tasks = TaskTracker::new();
    let (unfinished, mut gave_up) = mpsc::unbounded_channel();
    let feeds: Vec<Feed> = store.positions().map(|position| position.feed).collect();
    for (number, feed) in feeds.into_iter().enumerate() {
        let seed = u64::try_from(setup.clock.now().as_seconds()).unwrap_or(0).wrapping_add(number as u64);
        let walker = Walker::new(feed, &setup, client.clone(), pages.clone(), announced.clone(), seed);
        let (progress, stop, unfinished) = (Arc::clone(&progress), stop.clone(), unfinished.clone());
        tasks.spawn(async move {
            if let Some(Some(why)) = stop.run_until_cancelled(walker.walk(&progress)).await
                && feed.is_needed()
            {
                let _ = unfinished.send(Unfinished { feed, why });
            }
        });
    }
    drop((pages, unfinished));
    let (copied, clock, mode) = (setup.store.clone(), setup.clock.clone(), setup.mode);
    tasks.spawn(checkpoints::keep(copied.clone(), stop.clone()));
    tasks.spawn(snapshots::keep(copied.clone(), clock.clone(), stop.clone()));
    tasks.close();
    let ending = stop.clone();
    let begin = move || {
        let writing = Writing::begin(store, &setup, Arc::clone(&progress))?;
        Ok(Writer { writing, setup, progress, waiting, announce, stop: ending, epoch: 0, pause: writer::PAUSE })
    };
    let ended = spawn_writer(begin).await;
    stop.cancel();
    tasks.wait().await;
    ended?;
    if mode == Mode::Once {
        snapshots::renew(copied, clock).await;
    }
    let mut unfinished = Vec::new();
    while let Some(feed) = gave_up.recv().await {
        unfinished.push(feed);
    }
    Ok(unfinished)
}

/// Sets the client up for these feeds, while the files are opened. An address that cannot be read is told by [`position_url`].
fn set_up(client: Client, feeds: &[FeedSetup]) -> JoinHandle<Result<(), ClientError>> {
    let urls: Vec<FeedUrl> = feeds.iter().filter_map(|feed| FeedUrl::parse(&feed.start_url).ok()).collect();
    tokio::task::spawn_blocking(move || urls.iter().try_for_each(|url| client.set_up(url)))
}

/// Runs the writer on a thread of its own until it ends; mending the catalogue is its first work.
async fn spawn_writer(begin: impl FnOnce() -> Result<Writer, EngineError> + Send + 'static) -> Result<(), EngineError> {
    let (done, ended) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
        let _ = done.send(begin().and_then(|writer| writer.run(&runtime)));
    });
    if thread.is_err() {
        return Err(EngineError::WriterLost);
    }
    ended.await.unwrap_or(Err(EngineError::WriterLost))
}

/// Reads a stored position, which is on its feed's own origin.
fn position_url(position: &Position) -> Result<FeedUrl, EngineError> {
    let feed = position.feed;
    let read = |text: &str| FeedUrl::parse(text).map_err(|source| EngineError::Position { feed, source });
    let (url, start) = (read(&position.next_url)?, read(&position.start_url)?);
    let (found, expected) = (url.origin_text(), start.origin_text());
    if found == expected { Ok(url) } else { Err(EngineError::Elsewhere { feed, found, expected }) }
}
