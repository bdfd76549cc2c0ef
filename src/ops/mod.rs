//! What machines that watch over a harvest ask it, and what it tells systemd.
//!
//! Owns the routes `/metrics` and `/health`, and the words to systemd. Numbers that outlast a run are read from the two files when
//! somebody asks, those of this run from the engine's counters; the writer is never waited for nor held up. A question is answered
//! as far as the files can be read, and none ends the harvest. Fails only where it cannot listen. Uses `domain`, `clock`, `rpde`
//! (the faults' codes), `store`, `engine`.

mod health;
mod look;
mod metrics;
mod systemd;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

pub use systemd::tell_systemd;

use crate::clock::Clock;
use crate::domain::Instant;
use crate::engine::Progress;
use look::Look;

/// The media type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The catalogue's file.
    pub catalogue: PathBuf,
    /// The state's file.
    pub state: PathBuf,
    /// The counters of this run.
    pub progress: Arc<Progress>,
    /// What time it is.
    pub clock: Clock,
    /// When this run began.
    pub began_at: Instant,
}

/// What every request has at hand. Only one looks at the files at a time, so that many askers cost no more than one.
#[derive(Clone, Debug)]
struct Serving {
    watched: Watched,
    turn: Arc<Mutex<()>>,
}

impl Serving {
    async fn look(&self) -> Look {
        let _turn = self.turn.lock().await;
        let watched = self.watched.clone();
        tokio::task::spawn_blocking(move || Look::take(&watched)).await.unwrap_or_default()
    }
}

/// Serves `/metrics` and `/health` on `listener` until it is dropped.
///
/// # Errors
/// What the operating system says where the listener cannot be used.
pub async fn serve(listener: TcpListener, watched: Watched) -> std::io::Result<()> {
    let serving = Serving { watched, turn: Arc::default() };
    let router = Router::new().route("/metrics", get(metrics)).route("/health", get(health)).with_state(serving);
    axum::serve(listener, router).await
}

async fn metrics(State(serving): State<Serving>) -> Response {
    let look = serving.look().await;
    let text = metrics::text(&serving.watched, &look);
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

async fn health(State(serving): State<Serving>) -> Response {
    let look = serving.look().await;
    health::answer(&serving.watched, look)
}
