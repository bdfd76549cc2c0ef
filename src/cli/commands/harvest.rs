//! `bookable harvest`: the daemon, and `--once`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::cli::args::Harvest;
use crate::cli::failure::Failure;
use crate::cli::publishing::Publishing;
use crate::cli::settings::Settings;
use crate::cli::{logging, output, progress};
use crate::clock::Clock;
use crate::engine::{EngineError, Mode, Progress, Setup, Unfinished, harvest};
use crate::ops::{Watched, serve, tell_systemd};
use crate::rpde::{Limits, RetryTimes};
use crate::store::{HarvestLock, check_state_is_there};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Harvest) -> Result<(), Failure> {
    let (feeds, metrics) = (settings.feeds()?, settings.metrics()?);
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
        let progress = Arc::new(Progress::default());
        let _serving = watch_over(&setup, metrics, &progress).await?;
        tracing::info!(catalogue = %setup.store.catalogue.display(), "harvesting");
        let (catalogue, mode) = (setup.store.catalogue.clone(), setup.mode);
        let publishing = postgres.map(|target| Publishing::begin(target, catalogue, mode, &stop));
        let telling = tokio::spawn(tell_systemd(Arc::clone(&progress), stop.clone()));
        let harvested = harvest_watched(setup, stop.clone(), progress).await;
        stop.cancel();
        let _ = telling.await;
        let unfinished = harvested?;
        let published = match publishing {
            Some(publishing) => publishing.end(&stopped).await,
            None => Ok(()),
        };
        tracing::info!("stopped");
        report_unfinished(&unfinished)?;
        published
    })
}

/// Harvests, and shows how far each walk is.
pub(super) async fn harvest_watched(
    setup: Setup,
    stop: CancellationToken,
    counters: Arc<Progress>,
) -> Result<Vec<Unfinished>, EngineError> {
    let ended = CancellationToken::new();
    let watcher = tokio::spawn(progress::watch(Arc::clone(&counters), setup.clock.clone(), ended.clone()));
    let unfinished = harvest(setup, stop, counters).await;
    ended.cancel();
    // Until it is gone, its bars may be on the terminal.
    let _ = watcher.await;
    unfinished
}

/// Serves metrics and health, where that is asked for, until what is given back is dropped.
async fn watch_over(
    setup: &Setup,
    listen: Option<SocketAddr>,
    progress: &Arc<Progress>,
) -> Result<Option<AbortOnDropHandle<()>>, Failure> {
    let Some(listen) = listen else { return Ok(None) };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("--metrics: cannot listen on {listen}"))?;
    tracing::info!("metrics are on http://{}/metrics", listener.local_addr()?);
    let watched = Watched {
        catalogue: setup.store.catalogue.clone(),
        state: setup.store.state.clone(),
        progress: Arc::clone(progress),
        clock: setup.clock.clone(),
        began_at: setup.clock.now(),
    };
    let serving = tokio::spawn(async move {
        if let Err(error) = serve(listener, watched).await {
            tracing::error!("metrics are served no longer: {error}");
        }
    });
    Ok(Some(AbortOnDropHandle::new(serving)))
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
