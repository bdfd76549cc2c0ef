//! `bookable serve`: checkout sessions and the Success Webhook over HTTP.

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::harvest::{runtime, stop_on_signals};
use crate::checkout::{CheckoutClient, Timeouts};
use crate::cli::args::Serve as Arguments;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::serve::{Bookings, Setup, serve};

/// Runs the command until SIGTERM or SIGINT.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Arguments) -> Result<(), Failure> {
    let listen = arguments.listen;
    let token = settings.secret("serve_token_file")?;
    if !listen.ip().is_loopback() && token.is_none() {
        return Err(Failure::settings(format!(
            "--listen {listen}: a token is required to listen anywhere but on loopback; give --serve-token-file"
        )));
    }
    let client = CheckoutClient::new(&settings.checkout()?, settings.api_key()?, Timeouts::default());
    let setup = Setup {
        catalogue: settings.catalogue(),
        client: client.map_err(anyhow::Error::new)?,
        broker: settings.seller()?,
        template: settings.template(None)?,
        webhook_key: settings.secret("webhook_key_file")?,
        token,
        clock: Clock::system(),
    };
    if setup.webhook_key.is_none() {
        output::say("bookable: note: there is no webhook; give --webhook-key-file to take bookings");
    }
    let keep = settings.bookings_keep()?;
    let bookings = Bookings::open(&settings.bookings()).map_err(anyhow::Error::new)?;
    runtime()?.block_on(async {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        stop_on_signals(stop.clone())?;
        output::say(&format!("listening on http://{address}"));
        serve(listener, setup, (bookings, keep), stop.cancelled_owned()).await.context("the server failed")?;
        Ok(())
    })
}
