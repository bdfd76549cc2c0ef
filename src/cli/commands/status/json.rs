//! A look as JSON. README lists its fields, and a test compares: they are an interface.

use serde_json::{Map, Value, json};

use super::look::{FileLook, Health, Look, come_to, items};
use super::verdict::{Judged, is_fresh};
use crate::domain::{Instant, Pair, Reason, Standing};
use crate::store::{FeedReport, FindingReport};

pub(super) fn of(look: &Look, judged: &Judged) -> Value {
    let report = &look.report;
    let missing: Vec<_> = report
        .missing_datasets
        .iter()
        .map(|(identifier, items)| json!({"identifier": identifier, "items": items}))
        .collect();
    let soon = |pair: Pair| report.opening_soon.get(&pair).copied().unwrap_or(0);
    let parents = |pair: Pair| report.parents.get(&pair).copied().unwrap_or(0);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": look.now.to_string(),
        "verdict": judged.verdict.code(),
        "words": judged.words,
        "notes": judged.notes,
        "fresh": is_fresh(look),
        "harvest_running": look.running,
        "first_harvest": report.loading,
        "written_at": text(look.written_at),
        "resync_at": text(report.resync_at),
        "sessions": report.published(Pair::Sessions),
        "series": parents(Pair::Sessions),
        "bookable": report.standing(Pair::Sessions, Standing::Bookable),
        "opening_within_hour": soon(Pair::Sessions),
        "orphans": report.standing(Pair::Sessions, Standing::Never(Reason::Orphan)),
        "counts": counts(look, Pair::Sessions),
        "slots": report.published(Pair::Slots),
        "facility_uses": parents(Pair::Slots),
        "bookable_slots": report.standing(Pair::Slots, Standing::Bookable),
        "slots_opening_within_hour": soon(Pair::Slots),
        "orphan_slots": report.standing(Pair::Slots, Standing::Never(Reason::Orphan)),
        "slot_counts": counts(look, Pair::Slots),
        "sellers": report.sellers,
        "datasets": report.datasets,
        "missing_datasets": missing,
        "feeds": report.feeds.iter().map(|feed| feed_of(look, feed)).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "files": {"catalogue": file(&look.catalogue), "state": file(&look.state)},
    })
}

fn text(at: Option<Instant>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn counts(look: &Look, pair: Pair) -> Map<String, Value> {
    let standings = look.report.standings.get(&pair).into_iter().flatten();
    standings.map(|(standing, count)| (standing.code().to_owned(), json!(count))).collect()
}

fn feed_of(look: &Look, feed: &FeedReport) -> Value {
    json!({
        "feed": feed.name,
        "needed": feed.needed,
        "health": Health::of(feed, look.now).code(),
        "position": feed.next_url,
        "come_to": text(come_to(feed, look.now)),
        "walk": feed.walk,
        "walk_complete": feed.walk_complete,
        "read_to_end_at": text(feed.read_to_end_at),
        "age_seconds": feed.read_to_end_at.map(|at| look.now.seconds_since(at)),
        "last_poll_at": text(feed.polled_at),
        "wait_until": text(feed.wait_until),
        "failures": feed.failures,
        "fault_code": feed.fault_code,
        "fault": feed.fault,
        "pages": feed.pages,
        "items": items(feed),
        "updated": feed.updated,
        "deleted": feed.deleted,
        "items_per_second": look.rates.get(&feed.name),
    })
}

fn finding(finding: &FindingReport) -> Value {
    json!({"feed": finding.feed, "code": finding.code, "count": finding.count, "item": finding.item,
        "seen_at": finding.seen_at.to_string()})
}

fn file(file: &FileLook) -> Value {
    json!({"path": file.path.to_string_lossy(), "bytes": file.bytes, "log_bytes": file.log_bytes, "free_bytes": file.free_bytes})
}
