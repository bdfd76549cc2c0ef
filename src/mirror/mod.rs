//! The catalogue in PostgreSQL: published beside the harvest, which never waits for it.
//!
//! ```text
//! catalogue.db ──read-only, one transaction──▶ differences ──one transaction──▶ PostgreSQL, schema bookable
//!      ▲ PRAGMA data_version                      ▲ key and hash of every row that is published
//! ```
//!
//! SQLite's catalogue is the truth. What PostgreSQL has is known by a hash beside each row, which is read at every connection;
//! whatever differs from the catalogue is written, so that there is one way for a first publication, for what changes, for a server
//! that was killed in the midst of a batch, and for a harvest that was. Readers see each batch whole or not at all.
//!
//! Fails with [`MirrorError`] only; [`follow`] waits failures out. Uses `store` to open the catalogue.

mod differences;
mod error;
mod publish;
mod tables;
mod target;
mod tls;
mod wire;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub use error::MirrorError;
pub use target::{Target, TargetError};

use differences::Reader;
use error::Result;
use publish::Publisher;

/// The catalogue is looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two publications lies this many times what one took, so that a large catalogue costs a tenth of one core at the most.
const REST: u32 = 9;
/// The first wait after a failure.
const WAIT: Duration = Duration::from_millis(500);
/// The longest.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What is published, and where.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The catalogue's file.
    pub catalogue: PathBuf,
    /// The database.
    pub target: Target,
}

/// Publishes what changes until `stop` is cancelled. Failures are told once and waited out.
pub async fn follow(setup: Setup, stop: CancellationToken) {
    let mut health = Health { target: setup.target.to_string(), ..Health::default() };
    let mut wait = WAIT;
    loop {
        let Some(error) = stop.run_until_cancelled(publish_on(&setup, &mut health, &mut wait)).await else { return };
        health.failed(&error);
        if stop.run_until_cancelled(sleep(wait)).await.is_none() {
            return;
        }
        wait = (wait * 2).min(WAIT_MAX);
    }
}

/// Publishes the catalogue as it stands; gives the number of rows that were written or taken out.
///
/// # Errors
/// [`MirrorError`] where it cannot be; what was published before stands.
pub async fn publish(setup: &Setup) -> Result<usize> {
    let mut publisher = Publisher::open(&setup.target).await?;
    let mut reader = Some(Reader::new(setup.catalogue.clone()));
    let rows = turn(&mut publisher, &mut reader).await?;
    publisher.close().await;
    Ok(rows.unwrap_or(0))
}

/// Deletes everything that was published.
///
/// # Errors
/// [`MirrorError`] where the server cannot be reached, or refuses.
pub async fn remove(target: &Target) -> Result<()> {
    publish::remove(target).await
}

/// Publishes until something fails.
async fn publish_on(setup: &Setup, health: &mut Health, wait: &mut Duration) -> MirrorError {
    let mut publisher = match Publisher::open(&setup.target).await {
        Ok(publisher) => publisher,
        Err(error) => return error,
    };
    let mut reader = Some(Reader::new(setup.catalogue.clone()));
    loop {
        let began = Instant::now();
        match turn(&mut publisher, &mut reader).await {
            Ok(Some(rows)) => {
                tracing::debug!(rows, milliseconds = began.elapsed().as_millis(), "published");
                health.went_well(rows);
                *wait = WAIT;
            }
            Ok(None) => {}
            Err(error) => return error,
        }
        sleep((began.elapsed() * REST).max(LOOK_INTERVAL)).await;
    }
}

/// One look at the catalogue; the number of rows that were published, or nothing where it has not changed.
async fn turn(publisher: &mut Publisher, reader: &mut Option<Reader>) -> Result<Option<usize>> {
    let (Some(mut looking), held) = (reader.take(), std::mem::take(&mut publisher.held)) else {
        return Err(MirrorError::ReaderLost);
    };
    let looked = tokio::task::spawn_blocking(move || {
        let changes = looking.look(&held);
        (looking, held, changes)
    });
    let (looked, held, changes) = looked.await.map_err(|_| MirrorError::ReaderLost)?;
    *reader = Some(looked);
    publisher.held = held;
    match changes? {
        Some(changes) => publisher.apply(changes).await.map(Some),
        None => Ok(None),
    }
}

/// Says what happens to publishing, once for each change of it.
#[derive(Debug, Default)]
struct Health {
    target: String,
    is_well: bool,
    is_told: bool,
}

impl Health {
    fn failed(&mut self, error: &MirrorError) {
        if self.is_told && !self.is_well {
            tracing::debug!("PostgreSQL ({}) is still not published to: {error}", self.target);
            return;
        }
        tracing::error!(
            "PostgreSQL ({}) is not published to: {error}; the harvest goes on, and it is tried again",
            self.target
        );
        (self.is_well, self.is_told) = (false, true);
    }

    fn went_well(&mut self, rows: usize) {
        if self.is_well {
            return;
        }
        let again = if self.is_told { " again" } else { "" };
        tracing::info!("PostgreSQL ({}) is published to{again}; {rows} rows differed", self.target);
        (self.is_well, self.is_told) = (true, true);
    }
}
