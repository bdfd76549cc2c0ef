//! Is it fine? One verdict in words with what to do, and notes on what is not as it should be though all is fine.
//!
//! Pure: a look in, words out.

use super::look::{FileLook, Health, Look, items};
use crate::cli::progress::short;
use crate::cli::words::{count, size, span};
use crate::domain::{Pair, Standing};
use crate::store::{FeedReport, STALE_SECONDS};

/// Less free space than this is told.
const FREE_BYTES_MIN: u64 = 256 << 20;
/// A write-ahead log of this size is told: somebody holds it back.
const LOG_BYTES_MAX: u64 = 512 << 20;

/// The verdict's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The catalogue is right, as of less than 24 hours ago.
    Fine,
    /// It is being filled for the first time.
    FirstHarvest,
    /// A feed was not read to its end within 24 hours, and nothing else is known to be wrong.
    Stale,
    /// A feed cannot be read and is not fresh, or the catalogue cannot be read.
    Faulty,
}

impl Verdict {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::FirstHarvest => "first_harvest",
            Self::Stale => "stale",
            Self::Faulty => "faulty",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// What is the case, and what to do.
    pub(super) words: String,
    pub(super) notes: Vec<String>,
}

impl Judged {
    pub(super) fn is_fine(&self) -> bool {
        self.verdict == Verdict::Fine
    }
}

/// Whether every feed that bookability hangs on was read to its end within 24 hours.
pub(super) fn is_fresh(look: &Look) -> bool {
    let mut needed = look.report.feeds.iter().filter(|feed| feed.needed).peekable();
    needed.peek().is_some() && needed.all(|feed| Health::of(feed, look.now) == Health::Fresh)
}

/// Judges a look.
pub(super) fn judge(look: &Look) -> Judged {
    let (verdict, words) = verdict(look);
    Judged { verdict, words, notes: notes(look, verdict) }
}

fn verdict(look: &Look) -> (Verdict, String) {
    let mut bad: Vec<&FeedReport> = look.report.feeds.iter().filter(|feed| feed.needed).collect();
    bad.retain(|feed| Health::of(feed, look.now) != Health::Fresh);
    // The one that cannot be read is told first, then the one that was never read.
    bad.sort_by_key(|feed| (feed.failures == 0, feed.read_to_end_at));
    let others = if bad.len() > 1 { format!(" (and {} more)", bad.len() - 1) } else { String::new() };
    let start = "start `bookable harvest`";
    match bad.first() {
        Some(feed) if feed.failures > 0 => {
            let (name, fault) = (&feed.name, short_fault(feed.fault.as_deref().unwrap_or_default()));
            let advice = advice(feed);
            let then = if look.running { String::new() } else { format!(", then {start}") };
            (Verdict::Faulty, format!("{name}{others}: {fault}; {advice}{then}"))
        }
        Some(_) if look.report.loading && look.running => {
            let read: i64 = look.report.feeds.iter().map(items).sum();
            (Verdict::FirstHarvest, format!("{} items read so far; wait", count(read)))
        }
        Some(feed) => {
            let what = match feed.read_to_end_at {
                Some(at) => format!("was last read to its end {} ago", span(look.now.seconds_since(at))),
                None => "was not read to its end yet".to_owned(),
            };
            let advice = if look.running { "the harvest is at it: wait" } else { start };
            (Verdict::Stale, format!("{}{others} {what}; {advice}", feed.name))
        }
        None if look.report.feeds.is_empty() => (Verdict::Stale, format!("no feed was read yet; {start}")),
        None => match &look.catalogue_fault {
            Some(fault) => (Verdict::Faulty, fault.clone()),
            None => (Verdict::Fine, bookable(look)),
        },
    }
}

fn bookable(look: &Look) -> String {
    let number = |pair| count(look.report.standing(pair, Standing::Bookable));
    let mut words = format!("{} sessions", number(Pair::Sessions));
    if look.report.published(Pair::Slots) > 0 {
        words = format!("{words} and {} slots", number(Pair::Slots));
    }
    format!("{words} can be booked now")
}

/// The kind of a fault in a few words, of its line: without the path before it and the details behind it.
fn short_fault(text: &str) -> &str {
    let text = text.split_once(": ").map_or(text, |(_, after)| after);
    let text = text.strip_prefix("the server answered ").unwrap_or(text);
    text.split([':', '(', ';']).next().unwrap_or(text).trim_end()
}

/// What to do where a feed cannot be read.
fn advice(feed: &FeedReport) -> &'static str {
    let fault = short_fault(feed.fault.as_deref().unwrap_or_default());
    match (feed.fault_code.as_deref().unwrap_or_default(), fault.get(..3)) {
        ("http_status", Some("401" | "403")) => "check the API key",
        ("http_status", Some("404" | "410")) => "check the feed's URL",
        ("redirected", _) => "change the feed's URL, if it has moved",
        ("connect" | "dns" | "timeout", _) => "check the network and the URL",
        _ => "tell the publisher, if it lasts",
    }
}

fn notes(look: &Look, verdict: Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    if look.report.loading {
        notes.push("the first harvest is not complete, so the counts are not final".to_owned());
    }
    let failing = look.report.feeds.iter().filter(|feed| feed.failures > 0 && verdict == Verdict::Fine);
    for feed in failing {
        let (name, failures) = (&feed.name, feed.failures);
        notes.push(match feed.read_to_end_at.filter(|_| feed.needed) {
            Some(at) => {
                let until = short(at.plus_seconds(STALE_SECONDS));
                format!("{name} cannot be read ({failures} times in a row); stale from {until} UTC on")
            }
            None => format!("{name} cannot be read; attribution may be missing"),
        });
    }
    let oldest = look.report.feeds.iter().filter(|feed| feed.needed).filter_map(|feed| feed.read_to_end_at).min();
    if let Some(oldest) = oldest.filter(|_| verdict == Verdict::Fine && !look.running) {
        let until = short(oldest.plus_seconds(STALE_SECONDS));
        notes.push(format!("no harvest is running: stale from {until} UTC on, if none is started"));
    }
    if verdict != Verdict::Faulty {
        notes.extend(look.catalogue_fault.clone());
    }
    for file in [&look.catalogue, &look.state] {
        notes.extend(disk_notes(file));
    }
    notes.dedup();
    notes
}

fn disk_notes(file: &FileLook) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(free) = file.free_bytes.filter(|free| *free < FREE_BYTES_MIN) {
        notes.push(format!("the disk is nearly full, {} are free: make room", size(free)));
    }
    if file.log_bytes > LOG_BYTES_MAX {
        let (log, path) = (size(file.log_bytes), file.path.display());
        notes.push(format!("the log of {path} has grown to {log}: a program keeps a transaction open on it"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::look::tests::{feed, look};
    use super::*;
    use crate::domain::Instant;

    fn now() -> Instant {
        Instant::parse("2026-11-24T21:00:00Z").unwrap()
    }

    fn judged(running: bool, change: impl Fn(&mut Look)) -> (Verdict, String, Vec<String>) {
        let mut look = look(now(), vec![feed("a", now()), feed("b", now())]);
        look.running = running;
        change(&mut look);
        let Judged { verdict, words, notes } = judge(&look);
        (verdict, words, notes)
    }

    fn read_at(look: &mut Look, hours: Option<i64>) {
        look.report.feeds[1].read_to_end_at = hours.map(|hours| now().plus_seconds(-hours * 3600));
    }

    fn fault(look: &mut Look, code: &str, text: &str) {
        let feed = &mut look.report.feeds[1];
        (feed.failures, feed.fault_code, feed.fault) = (3, Some(code.to_owned()), Some(text.to_owned()));
    }

    type Case = (bool, fn(&mut Look), Verdict, &'static str);

    fn check(table: &[Case]) {
        for (running, change, verdict, words) in table {
            let (found, told, _) = judged(*running, change);
            assert_eq!((found, told.as_str()), (*verdict, *words));
        }
    }

    #[test]
    fn a_verdict_says_what_is_the_case_and_what_to_do() {
        check(&[
            (true, |_| (), Verdict::Fine, "0 sessions can be booked now"),
            (false, |look| look.report.feeds.clear(), Verdict::Stale, "no feed was read yet; start `bookable harvest`"),
            (
                false,
                |look| read_at(look, Some(31)),
                Verdict::Stale,
                "b was last read to its end 31 h ago; start `bookable harvest`",
            ),
            (
                true,
                |look| read_at(look, Some(31)),
                Verdict::Stale,
                "b was last read to its end 31 h ago; the harvest is at it: wait",
            ),
            (
                false,
                |look| read_at(look, None),
                Verdict::Stale,
                "b was not read to its end yet; start `bookable harvest`",
            ),
            (
                true,
                |look| {
                    read_at(look, None);
                    look.report.loading = true;
                },
                Verdict::FirstHarvest,
                "2,020 items read so far; wait",
            ),
        ]);
    }

    #[test]
    fn a_fault_says_what_it_is_and_what_to_do() {
        check(&[
            (
                true,
                |look| {
                    read_at(look, None);
                    look.report.feeds[0].read_to_end_at = None;
                    fault(
                        look,
                        "http_status",
                        "/b: the server answered 401 Unauthorized: the API key was refused (check)",
                    );
                },
                Verdict::Faulty,
                "b (and 1 more): 401 Unauthorized; check the API key",
            ),
            (
                false,
                |look| {
                    read_at(look, Some(25));
                    fault(look, "connect", "/b: cannot connect: Connection refused (os error 111)");
                },
                Verdict::Faulty,
                "b: cannot connect; check the network and the URL, then start `bookable harvest`",
            ),
            (
                true,
                |look| {
                    read_at(look, Some(25));
                    fault(look, "http_status", "/b: the server answered 503 Service Unavailable (retry after 60 s)");
                },
                Verdict::Faulty,
                "b: 503 Service Unavailable; tell the publisher, if it lasts",
            ),
            (
                true,
                |look| look.catalogue_fault = Some("there is no catalogue at c.db; run it".to_owned()),
                Verdict::Faulty,
                "there is no catalogue at c.db; run it",
            ),
        ]);
    }

    #[test]
    fn what_will_not_stay_fine_is_noted() {
        assert_eq!(judged(true, |_| ()).2, [""; 0]);
        assert_eq!(
            judged(false, |_| ()).2,
            ["no harvest is running: stale from 2026-11-25 20:59 UTC on, if none is started"]
        );
        let failing = judged(true, |look| fault(look, "timeout", "/b: timed out: x"));
        let loading = judged(true, |look| look.report.loading = true);
        assert_eq!(loading.2, ["the first harvest is not complete, so the counts are not final"]);
        assert_eq!(failing.2, ["b cannot be read (3 times in a row); stale from 2026-11-25 20:59 UTC on"]);
        let full = judged(true, |look| {
            look.catalogue.free_bytes = Some(1 << 20);
            look.state.free_bytes = Some(1 << 20);
            look.state.log_bytes = 1 << 30;
        });
        assert_eq!(
            full.2,
            [
                "the disk is nearly full, 1.0 MiB are free: make room",
                "the log of s.db has grown to 1.0 GiB: a program keeps a transaction open on it"
            ]
        );
    }
}
