//! `bookable sandbox`: a synthetic Firehose and Checkout on loopback.

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::harvest::{runtime, stop_on_signals};
use crate::cli::args::{Sandbox as Arguments, World};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::clock::Clock;
use crate::sandbox::{Sandbox, SandboxOptions, Webhook, serve};

/// Runs the command until SIGTERM or SIGINT.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let listen = arguments.listen;
    if !listen.ip().is_loopback() {
        return Err(Failure::settings(format!("--listen {listen}: the sandbox serves on loopback addresses only")));
    }
    let faults = arguments.fault.as_deref().unwrap_or_default();
    let faults = faults.parse().map_err(|error| Failure::settings(format!("--fault: {error}")))?;
    let webhook = arguments.webhook_url.clone().zip(arguments.webhook_key.clone());
    let webhook = webhook.map(|(url, key)| Webhook { url, key });
    let options = SandboxOptions { api_key: arguments.key.clone(), faults, webhook, ..world(&arguments.world) };
    let sandbox = Sandbox::new(options, Clock::system()).map_err(anyhow::Error::new)?;
    runtime()?.block_on(async {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        output::data(&format!(
            "synthetic Firehose on http://{address}/firehose/standard/ and Checkout on http://{address}; harvest it with\n  \
             BOOKABLE_API_KEY={} bookable harvest --firehose-url http://{address}/firehose/standard/ \
             --checkout-base-url http://{address} --poll-interval 1s\n\
             (with --slots for facility slots, and --broker sandbox-broker for what that broker may sell)",
            arguments.key
        ))?;
        let stop = CancellationToken::new();
        stop_on_signals(stop.clone())?;
        serve(listener, sandbox, stop.cancelled_owned()).await.context("the sandbox failed")?;
        Ok(())
    })
}

/// The world that the flags describe.
pub(super) fn world(arguments: &World) -> SandboxOptions {
    SandboxOptions {
        seed: arguments.seed,
        sessions: arguments.sessions,
        slots: arguments.slot_count,
        churn_per_second: f64::from(arguments.churn),
        ..SandboxOptions::default()
    }
}
