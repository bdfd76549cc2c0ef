//! `bookable status`: is it fine? Exit code 0: fresh; 1: stale or broken.

use serde_json::json;

use crate::cli::args::Json;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::domain::{Instant, Pair};
use crate::store::{FeedReport, HarvestLock, Report, STALE_SECONDS, StateReader};

/// How a feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Fresh,
    Stale,
    NeverRead,
}

impl Health {
    fn of(feed: &FeedReport, now: Instant) -> Self {
        match feed.read_to_end_at {
            None => Self::NeverRead,
            Some(at) if now.seconds_since(at) > STALE_SECONDS => Self::Stale,
            Some(_) => Self::Fresh,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::NeverRead => "never_read",
        }
    }
}

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Json) -> Result<(), Failure> {
    let now = Clock::system().now();
    let state = settings.state();
    let report = StateReader::open(&state)?.report(now)?;
    let running = HarvestLock::is_held(&settings.catalogue(), &state);
    let mut needed = report.feeds.iter().filter(|feed| feed.needed).peekable();
    let fresh = needed.peek().is_some() && needed.all(|feed| Health::of(feed, now) == Health::Fresh);
    if arguments.json {
        output::data(&format!("{:#}", as_json(&report, now, running, fresh)))?;
    } else {
        output::data(&as_text(&report, now, running, fresh))?;
    }
    if fresh { Ok(()) } else { Err(Failure::Quiet(1)) }
}

fn as_json(report: &Report, now: Instant, running: bool, fresh: bool) -> serde_json::Value {
    let text = |at: Option<Instant>| at.map(|at| at.to_string());
    let feed = |feed: &FeedReport| {
        json!({
            "feed": feed.name,
            "needed": feed.needed,
            "health": Health::of(feed, now).code(),
            "position": feed.next_url,
            "walk": feed.walk,
            "walk_complete": feed.walk_complete,
            "read_to_end_at": text(feed.read_to_end_at),
            "age_seconds": feed.read_to_end_at.map(|at| now.seconds_since(at)),
            "wait_until": text(feed.wait_until),
            "failures": feed.failures,
            "fault": feed.fault,
            "pages": feed.pages,
            "updated": feed.updated,
            "deleted": feed.deleted,
        })
    };
    let counts = |pair: Pair| -> serde_json::Map<_, _> {
        let standings = report.standings.get(&pair).into_iter().flatten();
        standings.map(|(standing, count)| (standing.code().to_owned(), json!(count))).collect()
    };
    let parents = |pair: Pair| report.parents.get(&pair).copied().unwrap_or(0);
    let missing: Vec<_> = report
        .missing_datasets
        .iter()
        .map(|(identifier, items)| json!({"identifier": identifier, "items": items}))
        .collect();
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({"feed": finding.feed, "code": finding.code, "count": finding.count, "item": finding.item,
                "seen_at": finding.seen_at.to_string()})
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": now.to_string(),
        "fresh": fresh,
        "harvest_running": running,
        "first_harvest": report.loading,
        "resync_at": text(report.resync_at),
        "sessions": report.published(Pair::Sessions),
        "series": parents(Pair::Sessions),
        "counts": counts(Pair::Sessions),
        "slots": report.published(Pair::Slots),
        "facility_uses": parents(Pair::Slots),
        "slot_counts": counts(Pair::Slots),
        "sellers": report.sellers,
        "datasets": report.datasets,
        "missing_datasets": missing,
        "feeds": report.feeds.iter().map(feed).collect::<Vec<_>>(),
        "findings": findings,
    })
}

/// What is known of the sources that are to be named.
fn attribution_lines(report: &Report) -> Vec<String> {
    if report.datasets == 0 && report.missing_datasets.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("{} datasets to be named as sources", report.datasets)];
    if !report.missing_datasets.is_empty() {
        lines.push("datasets without attribution, whose columns are null".to_owned());
        for (identifier, items) in &report.missing_datasets {
            lines.push(format!("{items:>10}  {identifier}"));
        }
    }
    lines
}

fn as_text(report: &Report, now: Instant, running: bool, fresh: bool) -> String {
    let mut lines = vec![format!(
        "{}; {}{}",
        if fresh { "fresh" } else { "STALE: a feed was not read to its end within 24 hours" },
        if running { "a harvest is running" } else { "no harvest is running" },
        if report.loading { "; the first harvest is not complete" } else { "" },
    )];
    for feed in &report.feeds {
        let read = feed.read_to_end_at.map_or_else(
            || "not read to its end yet".to_owned(),
            |at| format!("read to its end at {at}, {} s ago", now.seconds_since(at)),
        );
        let (name, health) = (&feed.name, Health::of(feed, now).code());
        let (pages, updated, deleted) = (feed.pages, feed.updated, feed.deleted);
        lines.push(format!("{name:<20} {health:<10} {read}; {pages} pages, {updated} updated, {deleted} deleted"));
        lines.push(format!("{:<20} at {}", "", feed.next_url));
        if let Some(fault) = &feed.fault {
            let until = feed.wait_until.map_or_else(String::new, |at| format!(", next try after {at}"));
            lines.push(format!("{:<20} {} failures in a row: {fault}{until}", "", feed.failures));
        }
    }
    lines.push(String::new());
    for (pair, words) in [(Pair::Sessions, "sessions, %p series"), (Pair::Slots, "slots, %p facility uses")] {
        let parents = report.parents.get(&pair).copied().unwrap_or(0);
        if pair == Pair::Slots && report.published(pair) + parents == 0 {
            continue;
        }
        lines.push(format!("{} {}", report.published(pair), words.replace("%p", &parents.to_string())));
        for (standing, count) in report.standings.get(&pair).into_iter().flatten() {
            lines.push(format!("{count:>10}  {:<22} {}", standing.code(), pair.say(standing.words())));
        }
    }
    lines.extend(report.sellers.map(|sellers| format!("{sellers} sellers in the broker's feed")));
    lines.extend(attribution_lines(report));
    if !report.findings.is_empty() {
        lines.push(String::new());
        lines.push("findings in what the publisher sends".to_owned());
        for finding in &report.findings {
            let (count, code, feed, item) = (finding.count, &finding.code, &finding.feed, &finding.item);
            lines.push(format!("{count:>10}  {code:<22} {feed}, last on {item:?}"));
        }
    }
    // What a publisher wrote is among them.
    lines.iter().map(|line| output::printable(line)).collect::<Vec<_>>().join("\n")
}
