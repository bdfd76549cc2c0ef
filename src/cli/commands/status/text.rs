//! A look as a screen of 80 columns.
//!
//! What a publisher wrote is among it, so every line is made harmless to a terminal.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{FileLook, Look, come_to, items};
use super::verdict::{Judged, Verdict};
use crate::cli::output::printable;
use crate::cli::progress::short;
use crate::cli::words::{count, size, span};
use crate::domain::{Pair, Reason, Standing};

const COLUMNS: usize = 80;

/// The screen, without a line end.
pub(super) fn of(look: &Look, judged: &Judged) -> String {
    let verdict = match judged.verdict {
        Verdict::Fine => "fine",
        Verdict::FirstHarvest => "FIRST HARVEST",
        Verdict::Stale => "STALE",
        Verdict::Faulty => "FAULTY",
    };
    let mut lines = vec![format!("{verdict}: {}", judged.words)];
    for note in &judged.notes {
        wrap(&mut lines, "note: ", note);
    }
    wrap(&mut lines, "", &header(look));
    feeds(look, &mut lines);
    opportunities(look, &mut lines);
    attribution(look, &mut lines);
    findings(look, &mut lines);
    lines.push(String::new());
    lines.push(format!("{:>13} {:>13} {:>13}", "file", "its log", "disk free"));
    lines.extend([&look.catalogue, &look.state].map(file));
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

fn header(look: &Look) -> String {
    let running = if look.running { "a harvest is running" } else { "no harvest is running" };
    let written = look.written_at.map(|at| format!(", the state was written {}", ago(look, at)));
    format!("bookable {}, {running}{}", env!("CARGO_PKG_VERSION"), written.unwrap_or_default())
}

fn feeds(look: &Look, lines: &mut Vec<String>) {
    lines.push(String::new());
    let head = ["feed", "read to end", "last poll", "items read", "items/s", "come to (UTC)"];
    let row = |cells: [&str; 6]| {
        let [name, read, polled, items, rate, come_to] = cells;
        format!("{name:<18} {read:>11} {polled:>11} {items:>11} {rate:>7}  {come_to}").trim_end().to_owned()
    };
    lines.push(row(head));
    for feed in &look.report.feeds {
        let read = feed.read_to_end_at.map_or_else(|| "not yet".to_owned(), |at| ago(look, at));
        let polled = feed.polled_at.map_or_else(|| "not yet".to_owned(), |at| ago(look, at));
        let rate = look.rates.get(&feed.name).map_or_else(|| "-".to_owned(), |rate| per_second(*rate));
        let come_to = come_to(feed, look.now).map_or_else(|| "-".to_owned(), short);
        lines.push(row([&feed.name, &read, &polled, &count(items(feed)), &rate, &come_to]));
        lines.push(format!("  at {}", cut(position(&feed.next_url), COLUMNS - 5)));
        if let Some(fault) = &feed.fault {
            let wait = feed.wait_until.map(|until| until.seconds_since(look.now)).filter(|wait| *wait > 0);
            let wait = wait.map_or_else(String::new, |wait| format!("; next try in {}", span(wait)));
            wrap(lines, "  ", &format!("failed {} times in a row: {fault}{wait}", feed.failures));
        }
    }
}

/// `1.5`, `12`, `1,442`: with one digit after the point below ten.
fn per_second(rate: f64) -> String {
    match format!("{rate:.0}").parse() {
        Ok(whole) if rate >= 9.95 => count(whole),
        _ => format!("{rate:.1}"),
    }
}

/// A position from the last part of its path on: the rest is the feed's own URL.
fn position(url: &str) -> &str {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    path.rfind('/').and_then(|at| url.get(at + 1..)).unwrap_or(url)
}

/// How many stand how, sessions beside slots where there are any.
fn opportunities(look: &Look, lines: &mut Vec<String>) {
    let report = &look.report;
    let parents = |pair: &Pair| report.parents.get(pair).copied().unwrap_or(0);
    let pairs: Vec<Pair> = Pair::ALL
        .into_iter()
        .filter(|pair| *pair == Pair::Sessions || report.published(*pair) + parents(pair) > 0)
        .collect();
    let row = |number: &dyn Fn(Pair) -> i64, words: &str| {
        let numbers: Vec<String> = pairs.iter().map(|pair| format!("{:>11}", count(number(*pair)))).collect();
        format!("{}  {words}", numbers.join(" "))
    };
    let names = pairs.iter().map(|pair| match pair {
        Pair::Sessions => format!("{:>11}", "sessions"),
        Pair::Slots => format!("{:>11}", "slots"),
    });
    lines.push(String::new());
    lines.push(names.collect::<Vec<_>>().join(" "));
    let of = if pairs.len() > 1 { "series, or facility uses," } else { "series" };
    lines.push(row(&|pair| report.published(pair), "are published"));
    lines.push(row(&|pair| parents(&pair), &format!("{of} are their parents")));
    lines.push(row(&|pair| report.standing(pair, Standing::Bookable), "can be booked now"));
    lines.push(row(&|pair| report.opening_soon.get(&pair).copied().unwrap_or(0), "open within the next hour"));
    let orphan = Standing::Never(Reason::Orphan);
    lines.push(row(&|pair| report.standing(pair, orphan), "are held as orphans, until their parents come"));
    let others: BTreeSet<Standing> = report.standings.values().flat_map(BTreeMap::keys).copied().collect();
    if others.iter().any(|standing| *standing != Standing::Bookable) {
        lines.push("why the others cannot be booked:".to_owned());
    }
    for standing in others.into_iter().filter(|standing| *standing != Standing::Bookable) {
        let words = format!("{:<20} {}", standing.code(), hint(standing));
        lines.push(row(&|pair| report.standing(pair, standing), words.trim_end()));
    }
}

/// What a code does not say by itself, in at most 34 columns.
const fn hint(standing: Standing) -> &'static str {
    match standing {
        Standing::Bookable => "",
        Standing::NotYetOpen => "the booking window is to come",
        Standing::Started => "the booking window is over",
        Standing::Never(reason) => match reason {
            Reason::NoIdentifier => "no checkout URL can be made",
            Reason::Cancelled | Reason::Postponed => "eventStatus says so",
            Reason::SessionFlag => "its own flag is not true: full?",
            Reason::NoStartDate => "",
            Reason::BadStartDate => "unreadable, or no UTC offset",
            Reason::NoSeriesLink => "it names no parent",
            Reason::Orphan => "its parent is not published",
            Reason::SellersUnknown => "that feed was never read",
            Reason::NotASeller => "not for this broker to sell",
            Reason::NoPublicAdult => "the parent has no such offer",
            Reason::SeriesFlag => "the parent's flag is not true",
            Reason::BadWindow => "its duration is unreadable",
            Reason::EmptyWindow => "it closes when it opens",
        },
    }
}

/// What is known of the sellers and of the sources that are to be named.
fn attribution(look: &Look, lines: &mut Vec<String>) {
    let report = &look.report;
    if report.sellers.is_none() && report.datasets == 0 && report.missing_datasets.is_empty() {
        return;
    }
    lines.push(String::new());
    if let Some(sellers) = report.sellers {
        lines.push(format!("{:>11} sellers in the broker's feed", count(sellers)));
    }
    lines.push(format!("{:>11} datasets to be named as sources", count(report.datasets)));
    if !report.missing_datasets.is_empty() {
        lines.push("datasets that parents name and nobody describes, so that attribution is null:".to_owned());
    }
    for (identifier, items) in &report.missing_datasets {
        lines.push(format!("{:>11} {}", count(*items), cut(identifier, COLUMNS - 12)));
    }
}

fn findings(look: &Look, lines: &mut Vec<String>) {
    if look.report.findings.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push("findings in what the publisher sends, each with the last item:".to_owned());
    for finding in &look.report.findings {
        let (feed, sample, when) = (&finding.feed, cut(&finding.item, COLUMNS), ago(look, finding.seen_at));
        let sample = if sample.is_empty() { String::new() } else { format!(" on {sample:?}") };
        let start = format!("{:>11} {:<21}", count(finding.count), finding.code);
        wrap(lines, &start, &format!("{feed}{sample}, {when}"));
    }
}

fn file(file: &FileLook) -> String {
    let free = file.free_bytes.map_or_else(|| "?".to_owned(), size);
    format!("{:>13} {:>13} {free:>13}  {}", size(file.bytes), size(file.log_bytes), file.path.display())
}

fn ago(look: &Look, at: crate::domain::Instant) -> String {
    format!("{} ago", span(look.now.seconds_since(at).max(0)))
}

/// At most so many characters; what is cut off is shown as `…`.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// A text after `start`, broken between words; what follows stands under it.
fn wrap(lines: &mut Vec<String>, start: &str, text: &str) {
    let indent = start.chars().count();
    let mut line = start.to_owned();
    let mut columns = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if columns > indent && columns + 1 + length > COLUMNS {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            columns = indent;
        }
        if columns > indent {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += length;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::super::look::tests::{feed, look};
    use super::super::verdict::judge;
    use super::*;
    use crate::domain::Instant;
    use crate::store::FeedReport;
    use crate::store::FindingReport;

    #[test]
    fn the_screen_fits_eighty_columns_and_steers_nothing() {
        let now = Instant::parse("2026-11-24T21:00:00Z").unwrap();
        let failing = FeedReport {
            failures: 12,
            fault: Some(format!("/{}: the server answered 503 {}", "p".repeat(30), "and so on ".repeat(20))),
            next_url: format!("https://f.example/scheduled-sessions?after=\u{1b}[2J{}", "x".repeat(200)),
            updated: 123_456_789,
            ..feed("scheduled-sessions", now)
        };
        let mut look = look(now, vec![feed("session-series", now), failing]);
        let every = Reason::ALL.into_iter().map(Standing::Never).chain([Standing::NotYetOpen, Standing::Started]);
        look.report
            .standings
            .insert(Pair::Slots, every.map(|standing| (standing, 123_456_789)).collect::<BTreeMap<_, _>>());
        look.report.missing_datasets = vec![("d".repeat(300), 7)];
        look.report.findings = vec![FindingReport {
            feed: "scheduled-sessions".to_owned(),
            code: "end_with_items".to_owned(),
            count: 12,
            item: "an item ".repeat(40),
            seen_at: now,
        }];
        let text = of(&look, &judge(&look));
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert_eq!(printable(line), line);
        }
        assert!(
            text.starts_with("fine: 0 sessions and 0 slots can be booked now\nnote: scheduled-sessions cannot be read")
        );
        assert!(text.contains("\n  at session-series?afterTimestamp=1795554000000&afterId=a\n"), "{text}");
        assert!(
            text.contains("\n          0 123,456,789  orphan               its parent is not published\n"),
            "{text}"
        );
    }

    #[test]
    fn rates_have_a_digit_after_the_point_below_ten() {
        let table = [(0.0, "0.0"), (1.54, "1.5"), (9.94, "9.9"), (9.96, "10"), (1441.7, "1,442"), (f64::NAN, "NaN")];
        for (rate, text) in table {
            assert_eq!(per_second(rate), text);
        }
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let mut lines = Vec::new();
        wrap(&mut lines, "          1 code ", &["word"; 20].join(" "));
        assert_eq!(
            lines,
            [format!("          1 code {}", ["word"; 12].join(" ")), " ".repeat(17) + &["word"; 8].join(" ")]
        );
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
