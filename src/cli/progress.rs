//! How far a walk is, for whoever watches: a bar for each feed on a terminal; without one a line in the log, ten seconds
//! apart at least.
//!
//! A walk's length is not known beforehand. What is known is the `modified` of its items: where it plausibly is a date, the
//! walk's way through time is shown. Cannot fail; uses the engine's counters.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{logging, words};
use crate::clock::Clock;
use crate::domain::{Feed, Instant};
use crate::engine::Progress;

/// Between two looks at the counters while a walk goes on.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// And while none does.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// A rate is taken over so long at least.
const RATE_INTERVAL: Duration = Duration::from_secs(1);
/// A walk that is through earlier has no line.
const FIRST_LINE: Duration = Duration::from_secs(2);
/// Between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// A bar's length: thousandths of the feed's time.
const BAR_LENGTH: u64 = 1000;

/// The bars on the terminal, which must stand aside when something else is written there.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Writes to the terminal what is no bar.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bars {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Shows every walk of this harvest, until `ended` is cancelled.
pub(super) async fn watch(progress: Arc<Progress>, clock: Clock, ended: CancellationToken) {
    loop {
        if is_walking(&progress) {
            follow(&progress, &clock, &ended).await;
        }
        let interval = if progress.ready() { IDLE_INTERVAL } else { LOOK_INTERVAL };
        if ended.run_until_cancelled(tokio::time::sleep(interval)).await.is_none() {
            return;
        }
    }
}

fn is_walking(progress: &Progress) -> bool {
    progress.filling() || Feed::ALL.iter().any(|feed| progress.walking(*feed))
}

/// Shows one walk until it is through.
async fn follow(progress: &Progress, clock: &Clock, ended: &CancellationToken) {
    let mut walk = Walk::begin(progress);
    let mut bars = stderr().is_terminal().then(Bars::show);
    let lines = bars.is_none() || logging::to_file();
    let (mut told, mut line_due) = (walk.items(), FIRST_LINE);
    let mut goes_on = true;
    while goes_on && is_walking(progress) {
        walk.look(progress);
        if let Some(bars) = &mut bars {
            bars.draw(&walk, progress, clock.now());
        }
        if lines && walk.began.elapsed() >= line_due && told != walk.items() {
            tracing::info!("{}", walk.line(clock.now()));
            (told, line_due) = (walk.items(), walk.began.elapsed() + LINE_INTERVAL);
        }
        goes_on = ended.run_until_cancelled(tokio::time::sleep(LOOK_INTERVAL)).await.is_some();
    }
    walk.look(progress);
    drop(bars);
    if walk.began.elapsed() >= FIRST_LINE {
        tracing::info!("{}", walk.last_line());
    }
}

/// What is known of a walk.
struct Walk {
    began: Moment,
    feeds: BTreeMap<Feed, FeedWalk>,
}

/// What is known of one feed's part in it.
#[derive(Clone, Debug, Default)]
struct FeedWalk {
    /// Items that had been read before.
    before: u64,
    items: u64,
    walking: bool,
    /// Items a second, over the last interval.
    rate: u64,
    measured: Option<(Moment, u64)>,
    modified: Option<(i64, i64)>,
}

impl Walk {
    fn begin(progress: &Progress) -> Self {
        let mut walk = Self { began: Moment::now(), feeds: BTreeMap::new() };
        walk.look(progress);
        walk
    }

    /// Takes the counters in. A feed belongs to the walk from when it is first seen walking; to the first harvest also where it was
    /// through before anybody looked.
    fn look(&mut self, progress: &Progress) {
        for feed in Feed::ALL {
            let (walking, all) = (progress.walking(feed), progress.items(feed));
            let belongs = walking || (all > 0 && !progress.ready() && !feed.is_document());
            if belongs && !self.feeds.contains_key(&feed) {
                // The first harvest's first items may be in already; they belong to it.
                let before = if progress.ready() { all } else { 0 };
                self.feeds.insert(feed, FeedWalk { before, ..FeedWalk::default() });
            }
            if let Some(known) = self.feeds.get_mut(&feed) {
                (known.walking, known.items) = (walking, all.saturating_sub(known.before));
                known.modified = progress.modified(feed);
                known.measure(Moment::now());
            }
        }
    }

    fn items(&self) -> u64 {
        self.feeds.values().map(|feed| feed.items).sum()
    }

    /// `reading: session-series 12,345 items, 1,200/s, come to 2026-11-20 14:03 (94 %); …`.
    fn line(&self, now: Instant) -> String {
        let feeds = self.feeds.iter().map(|(feed, walk)| {
            let told = if walk.walking { walk.told(now) } else { "at its end".to_owned() };
            format!("{feed} {} items, {told}", thousands(walk.items))
        });
        format!("reading: {}", feeds.collect::<Vec<_>>().join("; "))
    }

    fn last_line(&self) -> String {
        let seconds = self.began.elapsed().as_secs().max(1);
        format!("read {} items in {seconds} s, {} a second", thousands(self.items()), thousands(self.items() / seconds))
    }
}

impl FeedWalk {
    fn measure(&mut self, now: Moment) {
        let (at, items) = *self.measured.get_or_insert((now, self.items));
        let millis = u64::try_from(now.duration_since(at).as_millis()).unwrap_or(u64::MAX);
        if u128::from(millis) >= RATE_INTERVAL.as_millis() {
            let measured = self.items.saturating_sub(items).saturating_mul(1000) / millis;
            // Pages come in lumps.
            self.rate = if self.rate == 0 { measured } else { self.rate.midpoint(measured) };
            self.measured = Some((now, self.items));
        }
    }

    /// The date that the feed has come to, and how many thousandths of its time that is.
    fn come_to(&self, now: Instant) -> Option<(Instant, u64)> {
        let (first, last) = self.modified?;
        let [first, last] = [first, last].map(|stamp| Instant::from_modified(stamp, now));
        let (first, last) = first.zip(last)?;
        let whole = u64::try_from(now.seconds_since(first)).ok().filter(|whole| *whole > 0)?;
        let done = u64::try_from(last.seconds_since(first)).unwrap_or(0);
        Some((last, (done.saturating_mul(BAR_LENGTH) / whole).min(BAR_LENGTH)))
    }

    fn told(&self, now: Instant) -> String {
        let rate = thousands(self.rate);
        match self.come_to(now) {
            Some((date, done)) => format!("{rate}/s, come to {} ({} %)", short(date), done / 10),
            None => format!("{rate}/s"),
        }
    }
}

/// `2026-11-20 14:03`, in UTC.
pub(super) fn short(date: Instant) -> String {
    let text = date.to_string().replace('T', " ");
    text.get(..16).unwrap_or(&text).to_owned()
}

fn thousands(number: u64) -> String {
    words::count(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The bars on the terminal; gone when dropped.
struct Bars {
    all: MultiProgress,
    feeds: BTreeMap<Feed, ProgressBar>,
    filling: Option<ProgressBar>,
}

impl Bars {
    fn show() -> Self {
        let all = MultiProgress::new();
        *BARS.lock().unwrap_or_else(PoisonError::into_inner) = Some(all.clone());
        Self { all, feeds: BTreeMap::new(), filling: None }
    }

    fn draw(&mut self, walk: &Walk, progress: &Progress, now: Instant) {
        for (feed, known) in &walk.feeds {
            let bar = self.feeds.entry(*feed).or_insert_with(|| {
                let bar = self.all.add(ProgressBar::new(BAR_LENGTH));
                bar.set_prefix(feed.name());
                bar
            });
            let come_to = known.come_to(now);
            let done = if known.walking { come_to.map_or(0, |(_, done)| done) } else { BAR_LENGTH };
            bar.set_style(style(come_to.is_some() || !known.walking));
            bar.set_position(done);
            bar.set_message(match (known.walking, come_to) {
                (false, _) => format!("{:>11} items, at its end", thousands(known.items)),
                (true, Some((date, _))) => {
                    format!("{:>11} items {:>7}/s  {}", thousands(known.items), thousands(known.rate), short(date))
                }
                (true, None) => format!("{:>11} items {:>7}/s", thousands(known.items), thousands(known.rate)),
            });
        }
        if progress.filling() {
            let bar = self.filling.get_or_insert_with(|| {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_message("filling the catalogue");
                bar
            });
            bar.tick();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.all.clear();
        *BARS.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// At most 80 columns.
fn style(with_bar: bool) -> ProgressStyle {
    let template = if with_bar { "{prefix:18} {bar:10} {percent:>3} % {msg}" } else { "{prefix:18} {spinner} {msg}" };
    ProgressStyle::with_template(template)
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(modified: Option<(i64, i64)>, walking: bool) -> Walk {
        let feed = FeedWalk { items: 12_345, rate: 1200, walking, modified, ..FeedWalk::default() };
        Walk { began: Moment::now(), feeds: BTreeMap::from([(Feed::SessionSeries, feed)]) }
    }

    #[test]
    fn a_line_tells_items_rate_and_the_way_through_time() {
        let now = Instant::parse("2026-11-24T21:00:00Z").unwrap();
        let millis = |text: &str| Instant::parse(text).unwrap().as_seconds() * 1000;
        let dates = (millis("2026-11-14T21:00:00Z"), millis("2026-11-22T21:03:00Z"));
        let table = [
            (Some(dates), true, "reading: session-series 12,345 items, 1,200/s, come to 2026-11-22 21:03 (80 %)"),
            (Some((1, 7)), true, "reading: session-series 12,345 items, 1,200/s"),
            (Some((i64::MIN + 1, i64::MAX)), true, "reading: session-series 12,345 items, 1,200/s"),
            (
                Some((dates.1, dates.0)),
                true,
                "reading: session-series 12,345 items, 1,200/s, come to 2026-11-14 21:00 (0 %)",
            ),
            (None, true, "reading: session-series 12,345 items, 1,200/s"),
            (None, false, "reading: session-series 12,345 items, at its end"),
        ];
        for (modified, walking, expected) in table {
            assert_eq!(walk(modified, walking).line(now), expected);
        }
    }

    #[test]
    fn a_rate_is_taken_over_a_second() {
        let (began, mut feed) = (Moment::now(), FeedWalk::default());
        for (millis, items, rate) in
            [(0, 0, 0), (500, 400, 0), (1000, 1000, 1000), (1500, 9000, 1000), (2000, 3000, 1500)]
        {
            feed.items = items;
            feed.measure(began + Duration::from_millis(millis));
            assert_eq!(feed.rate, rate, "after {millis} ms");
        }
    }
}
