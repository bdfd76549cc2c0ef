//! Publishing to PostgreSQL beside a harvest, whether or not this program was built with it.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::engine::Mode;
#[cfg(feature = "postgres")]
use crate::mirror;

/// A database.
#[cfg(feature = "postgres")]
pub(super) type Target = mirror::Target;
/// There is none without the feature.
#[cfg(not(feature = "postgres"))]
#[derive(Debug)]
pub(super) struct Target(std::convert::Infallible);

/// A publication that goes along with a harvest.
pub(super) struct Publishing {
    #[cfg(feature = "postgres")]
    setup: mirror::Setup,
    #[cfg(feature = "postgres")]
    follower: Option<tokio::task::JoinHandle<()>>,
    #[cfg(not(feature = "postgres"))]
    target: Target,
}

#[cfg(feature = "postgres")]
impl Publishing {
    /// Begins to publish what changes, until `stop`; what a harvest that ends by itself finds is published when it has.
    pub(super) fn begin(target: Target, catalogue: PathBuf, mode: Mode, stop: &CancellationToken) -> Self {
        let setup = mirror::Setup { catalogue, target };
        let following = || tokio::spawn(mirror::follow(setup.clone(), stop.clone()));
        let follower = (mode == Mode::UntilStopped).then(following);
        Self { setup, follower }
    }

    /// Ends it after the harvest. `stopped` is cancelled when the operator wants the program to end.
    pub(super) async fn end(self, stopped: &CancellationToken) -> Result<(), Failure> {
        if let Some(follower) = self.follower {
            let _ = follower.await;
            return Ok(());
        }
        let told = |error: mirror::MirrorError| {
            let target = &self.setup.target;
            Failure::failed(format!("the catalogue is right, but PostgreSQL ({target}) is not published to: {error}"))
        };
        match stopped.run_until_cancelled(mirror::publish(&self.setup)).await {
            Some(Err(error)) => Err(told(error)),
            Some(Ok(rows)) => {
                tracing::info!("PostgreSQL ({}) is published to; {rows} rows differed", self.setup.target);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[cfg(not(feature = "postgres"))]
impl Publishing {
    /// Never called.
    pub(super) fn begin(target: Target, _: PathBuf, _: Mode, _: &CancellationToken) -> Self {
        Self { target }
    }

    /// Never called.
    #[expect(clippy::unused_async, reason = "it waits where the program can publish")]
    pub(super) async fn end(self, _: &CancellationToken) -> Result<(), Failure> {
        match self.target.0 {}
    }
}

/// Deletes what was published.
#[cfg(feature = "postgres")]
pub(super) async fn remove(target: Target) -> Result<(), Failure> {
    let told = |error: mirror::MirrorError| {
        let what = format!("what was published to PostgreSQL ({target}) is still there: {error}");
        Failure::failed(format!("{what}; drop the schema bookable there"))
    };
    mirror::remove(&target).await.map_err(told)?;
    super::output::say(&format!("deleted what was published to PostgreSQL ({target})"));
    Ok(())
}

/// Never called.
#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "it waits where the program can publish")]
pub(super) async fn remove(target: Target) -> Result<(), Failure> {
    match target.0 {}
}
