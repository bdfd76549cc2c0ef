//! The metrics, in Prometheus' text. Their names and labels do not change between versions; README lists them.

use std::time::Duration;

use super::Watched;
use super::look::Look;
use super::text::{Text, Type};
use crate::domain::Feed;
use crate::engine::{COMMIT_MILLIS, CommitTimes, Progress};
use crate::rpde::Fault;
use crate::store::{FeedReport, FindingReport};

const READABLE: &str = "bookable_file_readable";
const SIZE: &str = "bookable_file_size_bytes";
const COMMIT: &str = "bookable_commit_duration_seconds";

/// All that is known at the moment.
pub(super) fn text(watched: &Watched, look: &Look) -> String {
    let mut text = Text::default();
    process(&mut text, watched);
    files(&mut text, look);
    if let Some((sessions, slots)) = look.counts {
        text.single("bookable_catalogue_sessions", Type::Gauge, "Sessions that can be booked now.", sessions);
        text.single("bookable_catalogue_slots", Type::Gauge, "Slots that can be booked now.", slots);
    }
    if let Some((feeds, found)) = &look.state {
        of_state(&mut text, watched, feeds);
        findings(&mut text, found);
        let of_this_run = |feed: &&Feed| feeds.iter().any(|report| report.name == feed.name());
        of_run(&mut text, &watched.progress, &Feed::ALL.iter().filter(of_this_run).copied().collect::<Vec<_>>());
    }
    writer(&mut text, &watched.progress);
    text.into_string()
}

fn process(text: &mut Text, watched: &Watched) {
    text.family("bookable_build_info", Type::Gauge, "The version that runs; always 1.");
    text.sample("bookable_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let began = watched.began_at.as_seconds();
    text.single("process_start_time_seconds", Type::Gauge, "When the harvest began, in seconds since 1970.", began);
    if let Some(bytes) = resident_bytes() {
        text.single("process_resident_memory_bytes", Type::Gauge, "Memory in use.", bytes);
    }
}

/// What Linux says of our memory (proc(5), `VmRSS`).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn files(text: &mut Text, look: &Look) {
    text.family(READABLE, Type::Gauge, "Whether the file could be read just now (1) or not (0).");
    text.sample(READABLE, &[("file", "catalogue")], u8::from(look.counts.is_some()));
    text.sample(READABLE, &[("file", "state")], u8::from(look.state.is_some()));
    text.family(SIZE, Type::Gauge, "Size of the files, and of the write-ahead logs beside them.");
    for (file, bytes) in &look.sizes {
        text.sample(SIZE, &[("file", file)], bytes);
    }
}

/// What stands in the state for each feed.
fn of_state(text: &mut Text, watched: &Watched, feeds: &[FeedReport]) {
    let name = "bookable_feed_items_total";
    text.family(name, Type::Counter, "Items read, by what they say, since the state was made.");
    for feed in feeds {
        text.sample(name, &[("feed", &feed.name), ("kind", "updated")], feed.updated);
        text.sample(name, &[("feed", &feed.name), ("kind", "deleted")], feed.deleted);
    }
    let mut each = |name: &str, kind, help: &str, value: &dyn Fn(&FeedReport) -> Option<i64>| {
        text.family(name, kind, help);
        for feed in feeds {
            if let Some(value) = value(feed) {
                text.sample(name, &[("feed", &feed.name)], value);
            }
        }
    };
    let now = watched.clock.now();
    each("bookable_feed_pages_total", Type::Counter, "Pages committed since the state was made.", &|feed| {
        Some(feed.pages)
    });
    each(
        "bookable_feed_lag_seconds",
        Type::Gauge,
        "Seconds since the feed was last read to its end; absent until it was.",
        &|feed| feed.read_to_end_at.map(|at| now.seconds_since(at).max(0)),
    );
    each("bookable_feed_complete", Type::Gauge, "Whether this walk of the feed has come to its end.", &|feed| {
        Some(i64::from(feed.walk_complete))
    });
    each("bookable_feed_failures", Type::Gauge, "Requests that failed since the last that did not.", &|feed| {
        Some(i64::from(feed.failures))
    });
}

fn findings(text: &mut Text, findings: &[FindingReport]) {
    let name = "bookable_findings_total";
    text.family(name, Type::Counter, "What is wrong with what the publisher sends, since the state was made.");
    for finding in findings {
        text.sample(name, &[("feed", &finding.feed), ("code", &finding.code)], finding.count);
    }
}

/// What was counted for each feed in this run.
fn of_run(text: &mut Text, progress: &Progress, feeds: &[Feed]) {
    let mut each = |name: &str, help: &str, value: &dyn Fn(Feed) -> u64| {
        text.family(name, Type::Counter, help);
        for feed in feeds {
            text.sample(name, &[("feed", feed.name())], value(*feed));
        }
    };
    each("bookable_feed_requests_total", "Requests made.", &|feed| progress.requests(feed));
    each("bookable_feed_polls_total", "How often the last page was read.", &|feed| progress.polls(feed));
    let name = "bookable_feed_faults_total";
    text.family(name, Type::Counter, "Requests that failed, by code; each is tried again later.");
    for feed in feeds {
        for (code, count) in Fault::CODES.iter().zip(progress.faults(*feed)) {
            text.sample(name, &[("feed", feed.name()), ("code", code)], count);
        }
    }
}

fn writer(text: &mut Text, progress: &Progress) {
    if let Some(age) = progress.writer_age() {
        let help = "Seconds since the writer last looked at the clock, which it does once a second.";
        text.single("bookable_writer_age_seconds", Type::Gauge, help, age.as_secs_f64());
    }
    let help =
        "Whether the catalogue is being filled at the end of a first harvest; the writer does nothing else then.";
    text.single("bookable_writer_filling", Type::Gauge, help, u8::from(progress.filling()));
    let CommitTimes { counts, sum } = progress.commit_times();
    text.family(COMMIT, Type::Histogram, "How long a batch took until both files had it.");
    let (bucket, mut below) = (format!("{COMMIT}_bucket"), 0);
    for (millis, count) in COMMIT_MILLIS.iter().zip(counts) {
        below += count;
        let bound = Duration::from_millis(*millis).as_secs_f64().to_string();
        text.sample(&bucket, &[("le", &bound)], below);
    }
    let all: u64 = counts.iter().sum();
    text.sample(&bucket, &[("le", "+Inf")], all);
    text.sample(&format!("{COMMIT}_sum"), &[], sum.as_secs_f64());
    text.sample(&format!("{COMMIT}_count"), &[], all);
}
