//! Is it fine? 200 where the writer answers and every feed that is needed was read to its end within 24 hours, else 503; as JSON.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Watched;
use super::look::Look;
use crate::domain::Instant;
use crate::store::{FeedReport, STALE_SECONDS};

/// A writer that has not looked at the clock for so long does not answer. A batch, or emptying the logs, takes seconds at most.
const WRITER_AGE_MAX: Duration = Duration::from_mins(1);

#[derive(Debug, Serialize)]
struct Health {
    /// `ok`; `starting`: not every feed was read to its end yet; `stale`; `stuck`: the writer does not answer; `unreadable`: a file.
    status: &'static str,
    version: &'static str,
    sessions: Option<i64>,
    slots: Option<i64>,
    writer_age_seconds: Option<u64>,
    feeds: Vec<FeedHealth>,
}

#[derive(Debug, Serialize)]
struct FeedHealth {
    feed: String,
    needed: bool,
    read_to_end_at: Option<String>,
    age_seconds: Option<i64>,
    stale: bool,
    failures: u32,
}

impl FeedHealth {
    fn new(report: FeedReport, now: Instant) -> Self {
        let age_seconds = report.read_to_end_at.map(|at| now.seconds_since(at));
        Self {
            feed: report.name,
            needed: report.needed,
            read_to_end_at: report.read_to_end_at.map(|at| at.to_string()),
            age_seconds,
            stale: age_seconds.is_none_or(|age| age > STALE_SECONDS),
            failures: report.failures,
        }
    }
}

/// What the engine's counters say of the writer.
#[derive(Clone, Copy, Debug)]
struct Writer {
    /// How long ago it looked at the clock.
    age: Option<Duration>,
    filling: bool,
    ready: bool,
}

/// What is answered.
pub(super) fn answer(watched: &Watched, look: Look) -> Response {
    let now = watched.clock.now();
    let progress = &watched.progress;
    let writer = Writer { age: progress.writer_age(), filling: progress.filling(), ready: progress.ready() };
    let readable = look.state.is_some() && look.counts.is_some();
    let (reports, _) = look.state.unwrap_or_default();
    let feeds: Vec<FeedHealth> = reports.into_iter().map(|report| FeedHealth::new(report, now)).collect();
    let health = Health {
        status: status(writer, readable, &feeds),
        version: env!("CARGO_PKG_VERSION"),
        sessions: look.counts.map(|(sessions, _)| sessions),
        slots: look.counts.map(|(_, slots)| slots),
        writer_age_seconds: writer.age.map(|age| age.as_secs()),
        feeds,
    };
    let code = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(health)).into_response()
}

fn status(writer: Writer, readable: bool, feeds: &[FeedHealth]) -> &'static str {
    let Some(age) = writer.age else { return "starting" };
    let needed = || feeds.iter().filter(|feed| feed.needed);
    if age > WRITER_AGE_MAX && !writer.filling {
        "stuck"
    } else if !readable {
        "unreadable"
    } else if !writer.ready || needed().any(|feed| feed.age_seconds.is_none()) {
        "starting"
    } else if needed().any(|feed| feed.stale) {
        "stale"
    } else {
        "ok"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(needed: bool, age_seconds: Option<i64>) -> FeedHealth {
        let stale = age_seconds.is_none_or(|age| age > STALE_SECONDS);
        FeedHealth { feed: "a".to_owned(), needed, read_to_end_at: None, age_seconds, stale, failures: 0 }
    }

    #[test]
    fn the_worst_is_told() {
        let well = Writer { age: Some(Duration::from_secs(1)), filling: false, ready: true };
        let old = Some(WRITER_AGE_MAX + Duration::from_secs(1));
        let table: [(Writer, bool, &[FeedHealth], &str); 10] = [
            (well, true, &[feed(true, Some(86_400)), feed(false, None)], "ok"),
            (well, true, &[feed(true, Some(86_401)), feed(true, Some(1))], "stale"),
            (well, true, &[feed(true, None), feed(true, Some(86_401))], "starting"),
            (well, true, &[feed(false, Some(86_401)), feed(true, Some(1))], "ok"),
            (well, false, &[], "unreadable"),
            (Writer { age: None, ..well }, true, &[feed(true, Some(1))], "starting"),
            (Writer { ready: false, ..well }, true, &[feed(true, Some(1))], "starting"),
            (Writer { age: old, ..well }, true, &[feed(true, Some(1))], "stuck"),
            (Writer { age: old, ..well }, false, &[], "stuck"),
            (Writer { age: old, filling: true, ready: false }, true, &[feed(true, Some(1))], "starting"),
        ];
        for (writer, readable, feeds, expected) in table {
            assert_eq!(status(writer, readable, feeds), expected, "{writer:?} {feeds:?}");
        }
    }
}
