//! One look at everything that `status` tells: the state's report, who runs, what the files take, how quickly items come.
//!
//! Fails where the state cannot be read; whatever else cannot be had is left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Moment, UNIX_EPOCH};

use crate::cli::catalogue;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::{FeedReport, HarvestLock, Report, STALE_SECONDS, StateReader, files_of};

/// A walk's rate is taken over so long.
const RATE_INTERVAL: Duration = Duration::from_secs(1);

/// How a feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Fresh,
    Stale,
    NeverRead,
}

impl Health {
    pub(super) fn of(feed: &FeedReport, now: Instant) -> Self {
        match feed.read_to_end_at {
            None => Self::NeverRead,
            Some(at) if now.seconds_since(at) > STALE_SECONDS => Self::Stale,
            Some(_) => Self::Fresh,
        }
    }

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::NeverRead => "never_read",
        }
    }
}

/// What one of the two files takes.
#[derive(Clone, Debug)]
pub(super) struct FileLook {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// Its write-ahead log.
    pub(super) log_bytes: u64,
    /// What its file system has left for us.
    pub(super) free_bytes: Option<u64>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) now: Instant,
    pub(super) report: Report,
    /// Whether a harvest runs.
    pub(super) running: bool,
    /// Why the catalogue cannot be read.
    pub(super) catalogue_fault: Option<String>,
    pub(super) catalogue: FileLook,
    pub(super) state: FileLook,
    /// When the state was last written, which a running harvest does at each page.
    pub(super) written_at: Option<Instant>,
    /// Items a second, for the feeds of which that is known.
    pub(super) rates: BTreeMap<String, f64>,
    taken: Moment,
}

impl Look {
    pub(super) fn take(settings: &Settings) -> Result<Self, Failure> {
        let (catalogue, state) = (settings.catalogue(), settings.state());
        let now = Clock::system().now();
        let report = StateReader::open(&state)?.report(now)?;
        let catalogue_fault = catalogue::open(&catalogue).err().and_then(|failure| failure.line());
        Ok(Self {
            now,
            report,
            running: HarvestLock::is_held(&catalogue, &state),
            catalogue_fault,
            catalogue: FileLook::of(&catalogue),
            written_at: written_at(&state),
            state: FileLook::of(&state),
            rates: BTreeMap::new(),
            taken: Moment::now(),
        })
    }

    /// Takes the rates of the feeds that are being walked, by looking at them again a moment later.
    pub(super) fn measure_walks(&mut self, settings: &Settings) -> Result<(), Failure> {
        if !self.running || !self.report.feeds.iter().any(is_walking) {
            return Ok(());
        }
        std::thread::sleep(RATE_INTERVAL.saturating_sub(self.taken.elapsed()));
        let later = StateReader::open(&settings.state())?.feeds()?;
        let seconds = self.taken.elapsed().as_secs_f64();
        self.rates = rates(&self.report.feeds, &later, seconds, is_walking);
        self.report.feeds = later;
        Ok(())
    }

    /// Takes the rates of all feeds since an earlier look.
    pub(super) fn measure_since(&mut self, earlier: Option<&Self>) {
        if let Some(earlier) = earlier {
            let seconds = self.taken.duration_since(earlier.taken).as_secs_f64();
            self.rates = rates(&earlier.report.feeds, &self.report.feeds, seconds, |_| true);
        }
    }
}

/// A walk that has not come to its end, and is not waiting after a fault.
fn is_walking(feed: &FeedReport) -> bool {
    feed.needed && !feed.walk_complete && feed.failures == 0
}

/// Items read from a feed since the state was made.
pub(super) fn items(feed: &FeedReport) -> i64 {
    feed.updated.saturating_add(feed.deleted)
}

/// The date that a feed's position has come to. RPDE's positions are opaque: it is read where it stands as most publishers
/// write it, and is plausible.
pub(super) fn come_to(feed: &FeedReport, now: Instant) -> Option<Instant> {
    let (_, query) = feed.next_url.split_once('?')?;
    let named = query.split('&').filter_map(|part| part.split_once('='));
    let stamp = named.into_iter().find(|(name, _)| matches!(*name, "afterTimestamp" | "afterChangeNumber"))?.1;
    Instant::from_modified(stamp.parse().ok()?, now)
}

fn rates(
    before: &[FeedReport],
    after: &[FeedReport],
    seconds: f64,
    counts: impl Fn(&FeedReport) -> bool,
) -> BTreeMap<String, f64> {
    let rate = |feed: &FeedReport| {
        let before = before.iter().find(|before| before.name == feed.name && counts(before))?;
        let items = u32::try_from(items(feed).saturating_sub(items(before))).ok()?;
        let tenths = (f64::from(items) / seconds * 10.0).round();
        (seconds > 0.0).then(|| (feed.name.clone(), tenths / 10.0))
    };
    after.iter().filter_map(rate).collect()
}

impl FileLook {
    fn of(path: &Path) -> Self {
        let [file, log, ..] = files_of(path).map(|path| std::fs::metadata(path).map_or(0, |file| file.len()));
        Self { path: path.to_owned(), bytes: file, log_bytes: log, free_bytes: free_bytes(path) }
    }
}

fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let system = rustix::fs::statvfs(folder).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

/// When one of the state's files was last changed.
fn written_at(state: &Path) -> Option<Instant> {
    let [file, log, ..] = files_of(state);
    let changed = [file, log].into_iter().filter_map(|path| std::fs::metadata(path).ok()?.modified().ok());
    let seconds = changed.max()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok().map(Instant::from_seconds)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A feed that is polled and answers.
    pub(in crate::cli::commands::status) fn feed(name: &str, now: Instant) -> FeedReport {
        FeedReport {
            name: name.to_owned(),
            needed: true,
            next_url: format!("https://f.example/{name}?afterTimestamp={}&afterId=a", now.as_seconds() * 1000),
            walk: 1,
            walk_complete: true,
            read_to_end_at: Some(now.plus_seconds(-5)),
            wait_until: None,
            failures: 0,
            fault_code: None,
            fault: None,
            pages: 3,
            updated: 1000,
            deleted: 10,
            polled_at: Some(now.plus_seconds(-5)),
        }
    }

    /// A look at nothing but these feeds, with room on the disk and nobody harvesting.
    pub(in crate::cli::commands::status) fn look(now: Instant, feeds: Vec<FeedReport>) -> Look {
        let file = |name: &str| FileLook {
            path: PathBuf::from(name),
            bytes: 41 << 20,
            log_bytes: 1 << 20,
            free_bytes: Some(9 << 30),
        };
        Look {
            now,
            report: Report {
                feeds,
                findings: Vec::new(),
                standings: BTreeMap::new(),
                opening_soon: BTreeMap::new(),
                parents: BTreeMap::new(),
                sellers: None,
                datasets: 0,
                missing_datasets: Vec::new(),
                loading: false,
                resync_at: None,
            },
            running: false,
            catalogue_fault: None,
            catalogue: file("c.db"),
            state: file("s.db"),
            written_at: None,
            rates: BTreeMap::new(),
            taken: Moment::now(),
        }
    }

    #[test]
    fn a_position_tells_the_date_it_has_come_to_where_it_plausibly_has_one() {
        let now = Instant::parse("2026-11-24T21:00:00Z").unwrap();
        let table = [
            ("https://f.example/a?afterTimestamp=1795000000999&afterId=b", Some("2026-11-18T11:06:40Z")),
            ("https://f.example/a?x=1&afterChangeNumber=1795000000999", Some("2026-11-18T11:06:40Z")),
            ("https://f.example/a?afterChangeNumber=4711", None),
            ("https://f.example/a?afterTimestamp=soon", None),
            ("https://f.example/a", None),
        ];
        for (next_url, expected) in table {
            let feed = FeedReport { next_url: next_url.to_owned(), ..feed("a", now) };
            assert_eq!(come_to(&feed, now).map(|at| at.to_string()).as_deref(), expected, "{next_url}");
        }
    }

    #[test]
    fn a_rate_is_what_came_between_two_looks() {
        let now = Instant::from_seconds(0);
        let before = [feed("a", now), FeedReport { walk_complete: false, ..feed("b", now) }];
        let after = before.clone().map(|feed| FeedReport { updated: feed.updated + 301, ..feed });
        let told = rates(&before, &after, 2.0, is_walking);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [("b".to_owned(), 150.5)]);
        assert_eq!(rates(&before, &after, 2.0, |_| true).len(), 2);
        assert!(rates(&before, &after, 0.0, |_| true).is_empty());
        assert!(rates(&after, &before, 2.0, |_| true).is_empty(), "a state that was made anew has no rate");
    }
}
