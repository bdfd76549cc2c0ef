//! `bookable demo`: sandbox, harvest and a first look, on a machine without an API key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::harvest::{harvest_watched, report_unfinished, runtime, stop_on_signals};
use super::sandbox::world;
use super::search;
use crate::cli::args::Demo as Arguments;
use crate::cli::failure::Failure;
use crate::cli::{catalogue, output};
use crate::clock::Clock;
use crate::domain::{CheckoutBase, Feed, Pair, Standing};
use crate::engine::{Mode, Setup};
use crate::rpde::{ApiKey, Limits, RetryTimes};
use crate::sandbox::{Sandbox, serve};
use crate::store::{CheckoutUrls, FeedSetup, HarvestLock, StateReader, StoreSetup, WhenStale, files_of};

const FOLDER: &str = "demo";
/// Between two polls of a last page: the sandbox is ours, so the licence's eight seconds need not be kept.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many of the next sessions are shown.
const SHOWN: u32 = 8;

/// Runs the command.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (catalogue, state) = (Path::new(FOLDER).join("catalogue.db"), Path::new(FOLDER).join("catalogue.state.db"));
    std::fs::create_dir_all(FOLDER).with_context(|| format!("cannot make the folder {FOLDER}"))?;
    let Some(_lock) = HarvestLock::try_take(&catalogue, &state)? else {
        return Err(Failure::failed(format!("another demo is running in {FOLDER}/; stop it first")));
    };
    // The sandbox's world begins anew each time, so what an earlier demo left would be another publisher's.
    for file in files_of(&catalogue).iter().chain(&files_of(&state)) {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(anyhow::Error::new(error).context(format!("cannot delete {}", file.display())).into());
            }
            _ => {}
        }
    }
    runtime()?.block_on(show(arguments, StoreSetupPaths { catalogue: &catalogue, state: &state }))
}

#[derive(Clone, Copy)]
struct StoreSetupPaths<'a> {
    catalogue: &'a Path,
    state: &'a Path,
}

async fn show(arguments: &Arguments, paths: StoreSetupPaths<'_>) -> Result<(), Failure> {
    let options = world(&arguments.world);
    let key = ApiKey::new(&options.api_key).map_err(anyhow::Error::new)?;
    let sandbox = Sandbox::new(options, Clock::system()).map_err(anyhow::Error::new)?;
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on a loopback port")?;
    let base = format!("http://{}", listener.local_addr()?);
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, sandbox, stop.clone().cancelled_owned()));
    output::say(&format!("a synthetic Firehose with {} sessions is served on {base}", arguments.world.sessions));
    let setup = setup(&base, key, paths).context("the sandbox's own address is not usable")?;
    let unfinished = harvest_watched(setup.clone(), CancellationToken::new(), Arc::default()).await?;
    report_unfinished(&unfinished)?;
    first_look(paths)?;
    if arguments.serve {
        let stopped = CancellationToken::new();
        stop_on_signals(stopped.clone())?;
        output::say("sandbox and harvest keep running; stop them with Ctrl-C");
        harvest_watched(Setup { mode: Mode::UntilStopped, ..setup }, stopped, Arc::default()).await?;
    }
    stop.cancel();
    let _ = tokio::time::timeout(Duration::from_secs(2), served).await;
    Ok(())
}

fn setup(base: &str, key: ApiKey, paths: StoreSetupPaths<'_>) -> anyhow::Result<Setup> {
    let feed = |feed: Feed| {
        let broker = if feed == Feed::BookableSellers { "/sandbox-broker" } else { "" };
        FeedSetup { feed, start_url: format!("{base}/firehose/standard/{feed}{broker}") }
    };
    Ok(Setup {
        store: StoreSetup {
            change_log: None,
            log_bytes_max: StoreSetup::LOG_BYTES_MAX,
            state: paths.state.to_owned(),
            catalogue: paths.catalogue.to_owned(),
            checkout: CheckoutUrls { base: CheckoutBase::parse(base)?, slot_path: None },
            when_stale: WhenStale::Keep,
            feeds: Some(Feed::ALL.map(feed).into()),
        },
        key,
        poll_interval: POLL_INTERVAL,
        limits: Limits::default(),
        retry_times: RetryTimes::default(),
        clock: Clock::system(),
        mode: Mode::Once,
    })
}

/// What can be booked, why the rest cannot, the next few, and what to try.
fn first_look(paths: StoreSetupPaths<'_>) -> Result<(), Failure> {
    let report = StateReader::open(paths.state)?.report(Clock::system().now())?;
    let sessions = report.standings.get(&Pair::Sessions).cloned().unwrap_or_default();
    let bookable = sessions.get(&Standing::Bookable).copied().unwrap_or(0);
    let published = report.published(Pair::Sessions);
    output::data(&format!("\n{bookable} of {published} sessions can be booked now. Why the others cannot:"))?;
    for (standing, count) in sessions.iter().filter(|(standing, _)| **standing != Standing::Bookable) {
        output::data(&format!("{count:>8}  {:<22} {}", standing.code(), standing.words()))?;
    }
    let slots = report.standings.get(&Pair::Slots).and_then(|slots| slots.get(&Standing::Bookable)).copied();
    output::data(&format!("\n{} of {} slots can be booked now.", slots.unwrap_or(0), report.published(Pair::Slots)))?;
    let connection = catalogue::open(paths.catalogue)?;
    output::data(&format!("\nThe next {SHOWN}:"))?;
    let width = if output::is_terminal() { None } else { Some(110) };
    output::data(&search::soonest_table(&connection, SHOWN, width)?)?;
    let catalogue = paths.catalogue.display();
    output::data(&format!(
        "\nTry next:\n  bookable search --catalogue {catalogue} --words yoga --limit 5\n  \
         bookable status --catalogue {catalogue}\n  \
         bookable explain --catalogue {catalogue} IDENTIFIER\n  \
         sqlite3 {catalogue} \"SELECT local_start, name, place FROM bookable_session ORDER BY starts_at LIMIT 5\"\n  \
         bookable demo --serve     (keeps running, so that the URLs above can be followed)\n\
         (where bookable is not installed, write: cargo run --release -- in its place)"
    ))?;
    Ok(())
}
