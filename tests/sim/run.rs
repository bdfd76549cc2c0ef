//! One run: events happen to the engine and to the model, and both are compared.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use bookable::clock::Clock;
use bookable::domain::{CheckoutBase, Feed, Instant, SlotPath};
use bookable::engine::{Mode, Setup, Stepwise};
use bookable::rpde::{ApiKey, Fault, Limits, RetryTimes};
use bookable::store::{CheckoutUrls, FeedSetup, StoreSetup, WhenStale, probe, request_resync};
use proptest::test_runner::TestCaseError;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::events::{Event, FEEDS, Trick};
use crate::histories::Change;
use crate::naive::World;
use crate::publisher::{Publisher, Sheet, start_url};
use crate::shown;

type Outcome = Result<(), TestCaseError>;

/// A page on its way to the files.
#[derive(Debug)]
struct Sent {
    feed: Feed,
    walk: i64,
    items: Vec<Change>,
    at_end: bool,
}

struct Simulation {
    directory: TempDir,
    clock: Clock,
    broker: bool,
    steps: Option<Stepwise>,
    publisher: Publisher,
    /// The model of what has been committed.
    world: World,
    walks: BTreeMap<Feed, i64>,
    complete: BTreeSet<Feed>,
    /// The pages that each walk has read since it was last at its end.
    seen: BTreeMap<Feed, BTreeSet<String>>,
    /// What waits for the writer, in step with the engine: pages, and faults as `None`.
    sent: VecDeque<Option<Sent>>,
}

/// Runs these events, then lets all be well and looks whether the truth is reached.
pub(crate) fn run(events: &[Event]) -> Outcome {
    probe::disarm();
    let mut simulation = Simulation::new();
    simulation.start()?;
    for event in events {
        simulation.happen(event)?;
    }
    simulation.heal()
}

impl Simulation {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a folder"),
            clock: Clock::held(Instant::from_seconds(1_835_049_600)),
            broker: false,
            steps: None,
            publisher: Publisher::new(),
            world: World::default(),
            walks: BTreeMap::new(),
            complete: BTreeSet::new(),
            seen: BTreeMap::new(),
            sent: VecDeque::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn now(&self) -> i64 {
        self.clock.now().as_seconds()
    }

    fn setup(&self) -> Setup {
        let feeds = FEEDS.into_iter().filter(|feed| self.broker || *feed != Feed::BookableSellers);
        let feed = |feed: Feed| FeedSetup { feed, start_url: start_url(feed) };
        Setup {
            store: StoreSetup {
                change_log: None,
                log_bytes_max: StoreSetup::LOG_BYTES_MAX,
                state: self.path("state.db"),
                catalogue: self.path("catalogue.db"),
                checkout: CheckoutUrls {
                    base: CheckoutBase::parse("checkout.example.org").expect("a base"),
                    slot_path: SlotPath::parse("/slot/{identifier}").ok(),
                },
                when_stale: WhenStale::Keep,
                feeds: Some(feeds.map(feed).collect()),
            },
            key: ApiKey::new("key").expect("a key"),
            poll_interval: Duration::from_secs(8),
            limits: Limits::default(),
            retry_times: RetryTimes::default(),
            clock: self.clock.clone(),
            mode: Mode::UntilStopped,
        }
    }

    /// Starts the program; where it fails at once, starts it again.
    fn start(&mut self) -> Outcome {
        self.steps = None;
        self.sent.clear();
        self.seen.clear();
        let steps = Stepwise::start(&self.setup(), 1).or_else(|_| {
            probe::disarm();
            Stepwise::start(&self.setup(), 1)
        });
        let steps = steps.map_err(|error| TestCaseError::fail(format!("cannot start: {error:?}")))?;
        self.steps = Some(steps);
        self.world.start(self.now(), self.broker);
        self.follow_walks();
        self.compare("after a start")
    }

    fn steps(&mut self) -> &mut Stepwise {
        self.steps.as_mut().expect("running")
    }

    /// Takes note of the walks that the engine has begun.
    fn follow_walks(&mut self) {
        let positions = self.steps().positions();
        self.walks.retain(|feed, _| positions.iter().any(|position| position.feed == *feed));
        for position in positions {
            if self.walks.insert(position.feed, position.walk) != Some(position.walk) {
                self.complete.remove(&position.feed);
                self.seen.remove(&position.feed);
            }
            if position.walk_complete {
                self.complete.insert(position.feed);
            }
        }
        let walks = &self.walks;
        self.complete.retain(|feed| walks.contains_key(feed));
    }

    fn happen(&mut self, event: &Event) -> Outcome {
        match event {
            Event::Publish(changes) => changes.iter().for_each(|change| self.publisher.publish(change)),
            Event::Answer(which, trick) => self.answer(*which, trick),
            Event::Write(pages) => return self.write(*pages),
            Event::Clock(now) => {
                self.clock.set(Instant::from_seconds(*now));
                return self.write(0);
            }
            Event::Step(seconds) => {
                self.clock.set(self.clock.now().plus_seconds(*seconds));
                return self.write(0);
            }
            Event::Restart { broker } => {
                self.broker = *broker;
                return self.start();
            }
            Event::Fail(point, nth) => probe::arm(*point, *nth),
            Event::Resync => drop(request_resync(&self.path("state.db"), self.clock.now(), true)),
            Event::Renumber(feed) => self.publisher.renumber(*feed),
            Event::Expire(feed) => self.publisher.expire(*feed),
        }
        Ok(())
    }

    fn answer(&mut self, which: usize, trick: &Trick) {
        let asking = self.steps().asking();
        let Some((feed, url)) = which.checked_rem(asking.len()).and_then(|at| asking.get(at)).cloned() else { return };
        let asked = url.original().to_owned();
        let path = url.path_text();
        let ago = if let Trick::Stale(ago) = trick { *ago } else { 0 };
        let from = if matches!(trick, Trick::Repeat) { start_url(feed) } else { asked.clone() };
        let status = |status, retry_after: Option<u64>| {
            Err(Fault::Status { path: path.clone(), status, retry_after: retry_after.map(Duration::from_secs) })
        };
        let answer = match (trick, self.publisher.sheet(feed, &from, ago)) {
            (Trick::Status(code, retry_after), _) => status(*code, *retry_after),
            (_, None) => status(410, None),
            (_, Some(sheet)) => Ok(tricked(sheet, trick, feed, &asked)),
        };
        let before = self.steps().waiting();
        match answer {
            Err(fault) => self.steps().answer(feed, Err(fault)),
            Ok((sheet, body)) if matches!(trick, Trick::Cut) => {
                drop(sheet);
                self.steps().answer(feed, Ok(body.as_bytes()[..body.len() / 2].to_vec()));
            }
            Ok((sheet, body)) => {
                let at_end = self.is_end(feed, &asked, &sheet);
                let walk = self.walks.get(&feed).copied().unwrap_or(0);
                self.steps().answer(feed, Ok(body.into_bytes()));
                self.sent.push_back(Some(Sent { feed, walk, items: sheet.items, at_end }));
            }
        }
        let messages = self.steps().waiting() - before;
        let pages = self.sent.iter().flatten().count();
        let _ = pages;
        while self.sent.len() < before + messages {
            self.sent.push_back(None);
        }
    }

    /// Whether a page is the end of its feed for now (RPDE, and our policies where it is broken).
    fn is_end(&mut self, feed: Feed, asked: &str, sheet: &Sheet) -> bool {
        let seen = self.seen.entry(feed).or_default();
        let at_end = match &sheet.next {
            None => true,
            Some(next) if next == asked => true,
            Some(next) if !next.starts_with("https://example.org/") => false,
            Some(next) => {
                seen.insert(asked.to_owned());
                seen.contains(next) && sheet.items.is_empty()
            }
        };
        if at_end {
            seen.clear();
        }
        at_end
    }

    /// The writer's turn.
    fn write(&mut self, pages: usize) -> Outcome {
        let before = self.batch();
        let taken = pages.min(self.sent.len());
        let written = self.steps().write(pages);
        let committed = self.batch() > before;
        let failed = written.is_err();
        if failed {
            probe::disarm();
            self.steps = None;
        }
        let batch: Vec<_> = self.sent.drain(..taken).collect();
        if committed {
            batch.into_iter().flatten().for_each(|sent| self.commit(&sent));
        }
        if failed {
            return self.start();
        }
        self.follow_walks();
        self.compare("after the writer's turn")
    }

    /// The number of the state's last committed batch.
    fn batch(&self) -> i64 {
        let connection = Connection::open(self.path("state.db")).expect("the state");
        connection.query_row("SELECT batch FROM state", [], |row| row.get(0)).expect("a batch")
    }

    /// What a committed page means to the model.
    fn commit(&mut self, sent: &Sent) {
        let Sent { feed, walk, items, at_end } = sent;
        if self.walks.get(feed) != Some(walk) {
            return;
        }
        let now = self.now();
        for change in items {
            self.world.take_in_walk(change, *walk, now);
        }
        if *at_end {
            if *walk > 1 && !self.complete.contains(feed) {
                self.world.sweep(*feed, *walk);
            }
            self.complete.insert(*feed);
            if *feed == Feed::BookableSellers {
                self.world.sellers_read = self.world.sellers_read.map(|_| true);
            }
        }
    }

    fn compare(&mut self, when: &str) -> Outcome {
        if self.steps().is_loading() {
            return Ok(());
        }
        let (shown, expected) = (self.rows(), self.world.bookable(self.now()));
        if shown == expected { Ok(()) } else { Err(differ(when, &shown, &expected)) }
    }

    fn rows(&self) -> Vec<crate::naive::Row> {
        shown::rows(&Connection::open(self.path("catalogue.db")).expect("the catalogue"))
    }

    /// All is well again: the operator asks for a resync, and everything is read to its end.
    fn heal(mut self) -> Outcome {
        probe::disarm();
        self.publisher.know_all();
        drop(request_resync(&self.path("state.db"), self.clock.now(), true));
        self.start()?;
        self.write(0)?;
        for _ in 0..400 {
            let mut pages = 0;
            while !self.steps().asking().is_empty() {
                self.answer(pages, &Trick::None);
                self.write(10)?;
                pages += 1;
                if pages > 300 {
                    let asking = self.steps().asking();
                    return Err(TestCaseError::fail(format!(
                        "asks without end: {asking:?} {:?}",
                        self.steps().positions()
                    )));
                }
            }
            let feeds = self.walks.len();
            if self.complete.len() == feeds && !self.steps().is_loading() {
                return self.check_truth();
            }
            self.clock.set(self.clock.now().plus_seconds(900));
            self.write(0)?;
        }
        Err(TestCaseError::fail(format!("not read to the end: {:?}", self.steps().positions())))
    }

    fn check_truth(mut self) -> Outcome {
        let mut truth = World::default();
        truth.sellers_read = self.broker.then_some(true);
        for change in self.publisher.all() {
            truth.take(change, self.now());
        }
        let (shown, expected) = (self.rows(), truth.bookable(self.now()));
        if shown != expected {
            return Err(differ("against the truth", &shown, &expected));
        }
        self.steps = None;
        for name in ["catalogue.db", "state.db"] {
            let connection = Connection::open(self.path(name)).expect("a file");
            let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
            if sound != "ok" {
                return Err(TestCaseError::fail(format!("{name}: {sound}")));
            }
        }
        shown::check_whole(&Connection::open(self.path("catalogue.db")).expect("the catalogue"));
        Ok(())
    }
}

fn differ(when: &str, shown: &[crate::naive::Row], expected: &[crate::naive::Row]) -> TestCaseError {
    let only = |one: &[crate::naive::Row], other: &[crate::naive::Row]| {
        one.iter().filter(|row| !other.contains(row)).cloned().collect::<Vec<_>>()
    };
    let (more, fewer) = (only(shown, expected), only(expected, shown));
    TestCaseError::fail(format!("{when}: shown and wrong {more:#?}, missing {fewer:#?}"))
}

/// The page as the trick leaves it, and its text.
fn tricked(mut sheet: Sheet, trick: &Trick, feed: Feed, asked: &str) -> (Sheet, String) {
    match trick {
        Trick::Shuffle => sheet.items.reverse(),
        Trick::Lose(mask) => {
            let mut number = 0;
            sheet.items.retain(|_| {
                number += 1;
                mask >> (number % 8) & 1 == 0
            });
        }
        Trick::NextBack => sheet.next = Some(start_url(feed)),
        Trick::NextElsewhere => sheet.next = Some("https://elsewhere.example/feed".to_owned()),
        Trick::NextMissing => sheet.next = None,
        Trick::NextItself => sheet.next = Some(asked.to_owned()),
        _ => {}
    }
    let mut items: Vec<String> = sheet.items.iter().map(Change::json).collect();
    if matches!(trick, Trick::Rubbish) {
        items.insert(0, "null".to_owned());
        items.push(r#"{"state": "updated", "modified": 5}"#.to_owned());
        items.push(r#"[{"state": "deleted"}, "é\ud83d\ude00"]"#.to_owned());
    }
    let next = sheet.next.as_ref().map_or(String::new(), |next| format!(r#""next": "{next}", "#));
    let body = format!(r#"{{{next}"items": [{}]}}"#, items.join(", "));
    // What is no item still stands on the page, so that it is not empty.
    if matches!(trick, Trick::Rubbish) && sheet.items.is_empty() {
        sheet.next = sheet.next.filter(|next| next == asked).or(Some(asked.to_owned()));
        let body = format!(r#"{{"next": "{asked}", "items": [{}]}}"#, items.join(", "));
        return (sheet, body);
    }
    (sheet, body)
}
