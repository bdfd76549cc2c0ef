//! An HTTP server for apps that must not hold the API key: checkout sessions, and the Success Webhook.
//!
//! Owns the routes, who may use them, and the bookings that the webhook tells of (`bookings.db`). It has no search of its
//! own: the catalogue is read with SQL. Fails where it cannot listen or open its file; a request never ends it, and each
//! failure is answered as `application/problem+json` (RFC 9457). Nothing personal is logged. Uses `domain`, `clock`,
//! `checkout`, `store`.

mod bookings;
mod guard;
mod problem;
mod redact;
mod routes;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub use bookings::{Booking, Bookings, BookingsError, Keep};
pub use guard::Secret;

use crate::checkout::{Broker, CheckoutClient, Template};
use crate::clock::Clock;

/// Bookings that are older than they are to be kept are deleted this often.
const EXPIRE_INTERVAL: Duration = Duration::from_hours(1);

/// What the server needs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The catalogue's file, which is opened anew for each question.
    pub catalogue: PathBuf,
    /// The authenticated Checkout.
    pub client: CheckoutClient,
    /// Who sells.
    pub broker: Broker,
    /// What replaces the request's body, where something does.
    pub template: Option<Template>,
    /// The key that the webhook must carry; without one there is no webhook.
    pub webhook_key: Option<Secret>,
    /// The token that apps must carry; without one only this machine may ask.
    pub token: Option<Secret>,
    /// What time it is.
    pub clock: Clock,
}

/// What every request has at hand.
#[derive(Debug)]
struct Shared {
    setup: Setup,
    bookings: Bookings,
    keep: Keep,
}

type Serving = Arc<Shared>;

/// Serves on `listener` until `shutdown` is ready.
///
/// # Errors
/// What the operating system says where the listener cannot be used; [`BookingsError`] inside it where expired bookings
/// cannot be deleted at the start.
pub async fn serve(
    listener: TcpListener,
    setup: Setup,
    (bookings, keep): (Bookings, Keep),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let shared = Arc::new(Shared { setup, bookings, keep });
    shared.expire().await.map_err(std::io::Error::other)?;
    let expiring = Arc::clone(&shared);
    let _expiring = AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            tokio::time::sleep(EXPIRE_INTERVAL).await;
            if let Err(error) = expiring.expire().await {
                tracing::warn!("{error}");
            }
        }
    }));
    axum::serve(listener, routes::router(shared)).with_graceful_shutdown(shutdown).await
}

impl Shared {
    /// Deletes what is older than it is to be kept.
    async fn expire(self: &Arc<Self>) -> Result<(), BookingsError> {
        let Some(before) = self.keep.before(self.setup.clock.now()) else { return Ok(()) };
        self.with_bookings(move |bookings| bookings.expire(before)).await.map(drop)
    }

    /// Works on the bookings where waiting does no harm.
    async fn with_bookings<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Bookings) -> Result<T, BookingsError> + Send + 'static,
    ) -> Result<T, BookingsError> {
        let shared = Arc::clone(self);
        let worked = tokio::task::spawn_blocking(move || work(&shared.bookings)).await;
        worked.unwrap_or(Err(BookingsError::Lost))
    }
}
