//! `bookable harvest`: the daemon, and `--once`.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::args::Harvest;
use crate::cli::failure::Failure;
use crate::cli::publishing::Publishing;
use crate::cli::settings::Settings;
use crate::cli::{logging, output};
use crate::clock::Clock;
use crate::engine::{Mode, Progress, Setup, Unfinished, harvest};
use crate::rpde::{Limits, RetryTimes};
use crate::store::{HarvestLock, check_state_is_there};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Harvest) -> Result<(), Failure> {
    let feeds = settings.feeds()?;
    let setup = Setup {
        poll_interval: settings.poll_interval(&feeds)?,
        store: settings.store()?,
        key: settings.api_key()?,
        limits: Limits::default(),
        retry_times: RetryTimes::default(),
        clock: Clock::system(),
        mode: if arguments.once { Mode::Once } else { Mode::UntilStopped },
    };
    let postgres = settings.postgres()?;
    let Some(_lock) = HarvestLock::try_take(&setup.store.catalogue, &setup.store.state)? else {
        output::say(&format!("bookable: a harvest is already running on {}", setup.store.catalogue.display()));
        return Ok(());
    };
    if !arguments.anew {
        check_state_is_there(&setup.store)?;
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let stopped = CancellationToken::new();
        let stop = stopped.child_token();
        stop_on_signals(stopped.clone())?;
        tracing::info!(catalogue = %setup.store.catalogue.display(), "harvesting");
        let (catalogue, mode) = (setup.store.catalogue.clone(), setup.mode);
        let publishing = postgres.map(|target| Publishing::begin(target, catalogue, mode, &stop));
        let unfinished = harvest(setup, stop, Arc::new(Progress::default())).await?;
        let published = match publishing {
            Some(publishing) => publishing.end(&stopped).await,
            None => Ok(()),
        };
        tracing::info!("stopped");
        report_unfinished(&unfinished)?;
        published
    })
}

/// A failure where feeds could not be walked to their ends.
pub(super) fn report_unfinished(unfinished: &[Unfinished]) -> Result<(), Failure> {
    if unfinished.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = unfinished.iter().map(|feed| format!("{}: {}", feed.feed, feed.why)).collect();
    Err(Failure::failed(format!("not walked to the end: {}", lines.join("; "))))
}

/// The runtime that network and signals run on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failure::Failed(anyhow::Error::new(error).context("cannot start the runtime")))
}

/// Cancels `stop` on SIGTERM or SIGINT; SIGHUP opens the log's file anew.
pub(super) fn stop_on_signals(stop: CancellationToken) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                Some(()) = hangup.recv() => logging::reopen(),
            }
        }
        tracing::info!("stopping after what is in hand");
        stop.cancel();
    });
    Ok(())
}
