//! One feed's task: asks for pages, reads them, follows `next`, and waits where it has to.
//!
//! The next page is asked for as soon as `next` is known, while the writer still applies the last one. Faults are never
//! fatal here: they are told to the writer, which stores them, and waited out by the one retry table.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::progress::Progress;
use super::{EngineError, Mode, Setup, position_url};
use crate::clock::Clock;
use crate::domain::{Feed, Instant};
use crate::rpde::{
    Client, Fault, FeedUrl, Fetched, Finding, FindingKind, Jitter, Pacer, Page, RetryTimes, Standing, gives_up,
};
use crate::store::{Store, Version};

/// A single run waits at most this long for an instant that the publisher (or an earlier run) asked for.
const ONCE_WAIT_SECONDS_MAX: i64 = 300;
/// Long waits are cut into pieces, so that they end on time also when the machine slept or the clock jumped.
const WAIT_PIECE: Duration = Duration::from_secs(2);

/// Where a walk begins or goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) walk: i64,
    pub(super) url: FeedUrl,
    pub(super) wait_until: Option<Instant>,
    at_end: bool,
    pub(super) failures: u32,
    /// What the server calls the version of a document that is held.
    pub(super) version: Version,
}

/// Where every feed begins or goes on.
pub(super) type Starts = BTreeMap<Feed, Start>;

/// Reads the feeds' positions from the store.
pub(super) fn starts(store: &Store) -> Result<Starts, EngineError> {
    let mut starts = Starts::new();
    for position in store.positions() {
        let start = Start {
            walk: position.walk,
            url: position_url(position.feed, &position.next_url)?,
            wait_until: position.wait_until,
            at_end: position.walk_complete,
            failures: position.failures,
            version: position.version.clone(),
        };
        starts.insert(position.feed, start);
    }
    Ok(starts)
}

/// What a walker tells the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// A page was read.
    Page(Box<WalkedPage>),
    /// A request failed.
    Fault(WalkedFault),
}

/// A page and what follows from it.
#[derive(Debug)]
pub(super) struct WalkedPage {
    pub(super) feed: Feed,
    pub(super) walk: i64,
    pub(super) page: Page,
    pub(super) next_url: String,
    pub(super) at_end: bool,
    pub(super) finding: Option<FindingKind>,
    pub(super) wait_until: Option<Instant>,
    /// For a document that is another than before: what its server calls it.
    pub(super) document: Option<Version>,
}

/// A request that failed, and what follows from it.
#[derive(Debug)]
pub(super) struct WalkedFault {
    pub(super) feed: Feed,
    pub(super) walk: i64,
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) failures: u32,
    pub(super) wait_until: Instant,
}

/// See the module.
pub(super) struct Walker {
    pub(super) feed: Feed,
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) mode: Mode,
    poll_interval: Duration,
    retry_times: RetryTimes,
    pub(super) pages: mpsc::Sender<Message>,
    starts: watch::Receiver<Starts>,
    pacer: Pacer,
    jitter: Jitter,
    seen: HashSet<u64>,
    /// The walk that goes on; another number in `starts` means that a new one was asked for.
    pub(super) walk: i64,
}

/// What a page's `next` leads to.
#[derive(Debug)]
enum Next {
    /// Another page.
    Page(FeedUrl),
    /// The end of the feed for now; with a finding where that is not said as it should be.
    End(Option<FindingKind>),
    /// Nowhere that may be followed.
    Refused(Fault, FindingKind),
}

impl Walker {
    pub(super) fn new(
        feed: Feed,
        setup: &Setup,
        client: Client,
        pages: mpsc::Sender<Message>,
        starts: watch::Receiver<Starts>,
        seed: u64,
    ) -> Self {
        Self {
            feed,
            client,
            clock: setup.clock.clone(),
            mode: setup.mode,
            poll_interval: setup.poll_interval,
            retry_times: setup.retry_times,
            pages,
            starts,
            pacer: Pacer::every(setup.poll_interval),
            jitter: Jitter::seeded(seed),
            seen: HashSet::new(),
            walk: 0,
        }
    }

    /// Walks until the writer is gone or, in [`Mode::Once`], the feed is through; gives why it could not be.
    pub(super) async fn walk(mut self, progress: &Progress) -> Option<String> {
        loop {
            let start = self.starts.borrow_and_update().get(&self.feed).cloned()?;
            self.seen.clear();
            let ended = if self.feed.is_document() {
                self.follow_document(start, progress).await
            } else {
                self.walk_from(start, progress).await
            };
            match ended {
                Ended::Restarted => {}
                Ended::Finished => return None,
                Ended::GaveUp(why) => return Some(why),
            }
        }
    }

    async fn walk_from(&mut self, start: Start, progress: &Progress) -> Ended {
        let Start { walk, mut url, wait_until, mut at_end, mut failures, .. } = start;
        self.walk = walk;
        if let Some(wait_until) = wait_until
            && let Some(ended) = self.wait_to_start(wait_until).await
        {
            return ended;
        }
        loop {
            if self.is_restarted() {
                return Ended::Restarted;
            }
            if at_end && let Err(wait) = self.pacer.may_poll_last_page() {
                if !self.wait(wait).await {
                    return Ended::Restarted;
                }
                continue;
            }
            let fault = match self.read_page(&url).await {
                Ok(page) => match self.step(page, walk, &url, progress).await {
                    Ok(Some((next, end))) if !(end && self.mode == Mode::Once) => {
                        (url, at_end, failures) = (next, end, 0);
                        continue;
                    }
                    Ok(_) => return Ended::Finished,
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            failures = failures.saturating_add(1);
            if let Some(ended) = self.take_fault(&fault, walk, failures).await {
                return ended;
            }
        }
    }

    /// Waits for the instant before which the feed is not to be asked; gives how the walk ends, if it does.
    pub(super) async fn wait_to_start(&mut self, wait_until: Instant) -> Option<Ended> {
        let seconds = wait_until.seconds_since(self.clock.now());
        if self.mode == Mode::Once && seconds > ONCE_WAIT_SECONDS_MAX {
            return Some(Ended::GaveUp(format!("not to be asked before {wait_until}")));
        }
        (!self.wait_until(wait_until).await).then_some(Ended::Restarted)
    }

    async fn read_page(&self, url: &FeedUrl) -> Result<Page, Fault> {
        match self.client.fetch(url, None).await? {
            Fetched::Page { body, .. } => Page::parse(body, self.feed).map_err(|error| Fault::unreadable(url, error)),
            Fetched::NotModified => Err(Fault::unreadable(url, "304 was answered to a request without conditions")),
        }
    }

    /// Hands a page to the writer; gives the next page and whether this was the end, or nothing where the writer is gone.
    async fn step(
        &mut self,
        page: Page,
        walk: i64,
        url: &FeedUrl,
        progress: &Progress,
    ) -> Result<Option<(FeedUrl, bool)>, Fault> {
        let items = page.content().item_count;
        let next = self.next(url, page.content().next.as_deref(), items);
        let (next_url, at_end, finding, refused) = match next {
            Next::Page(next) => (next, false, None, None),
            Next::End(finding) => (url.clone(), true, finding, None),
            Next::Refused(fault, finding) => (url.clone(), false, Some(finding), Some(fault)),
        };
        if at_end {
            self.pacer.last_page_read();
            self.seen.clear();
        }
        let interval = i64::try_from(self.poll_interval.as_secs()).unwrap_or(i64::MAX);
        let message = WalkedPage {
            feed: self.feed,
            walk,
            page,
            next_url: next_url.original().to_owned(),
            at_end,
            finding,
            wait_until: at_end.then(|| self.clock.now().plus_seconds(interval)),
            document: None,
        };
        progress.page_read(self.feed, items, at_end);
        if self.pages.send(Message::Page(Box::new(message))).await.is_err() {
            return Ok(None);
        }
        refused.map_or(Ok(Some((next_url, at_end))), Err)
    }

    /// Where `next` leads (RPDE 1.0, "Last page definition"; where the specification is broken, our own policy: items are
    /// taken also from a page whose `next` is missing or its own URL, and the feed is then taken to be at its end).
    fn next(&mut self, url: &FeedUrl, next: Option<&str>, items: usize) -> Next {
        let end_with_items = || Next::End((items > 0).then_some(FindingKind::EndWithItems));
        let Some(next) = next else { return end_with_items() };
        let next = match url.join_next(next) {
            Ok(next) => next,
            Err(error) => return Next::Refused(Fault::bad_next(url, error), FindingKind::NextRefused),
        };
        if next.same_page(url) {
            return end_with_items();
        }
        self.seen.insert(hash(url));
        if !self.seen.contains(&hash(&next)) {
            return Next::Page(next);
        }
        if items == 0 {
            return Next::End(None);
        }
        let fault = Fault::bad_next(url, "next leads back to a page that was read already");
        Next::Refused(fault, FindingKind::NextGoesBack)
    }

    /// Tells the writer of a fault and waits it out; gives how the walk ends, if it does.
    pub(super) async fn take_fault(&mut self, fault: &Fault, walk: i64, failures: u32) -> Option<Ended> {
        let advice = self.retry_times.advice(fault, failures, &mut self.jitter);
        let wait_seconds = i64::try_from(advice.wait.as_secs()).unwrap_or(i64::MAX);
        let wait_until = self.clock.now().plus_seconds(wait_seconds);
        tracing::warn!(
            feed.name = self.feed.name(),
            fault.code = fault.code(),
            fault.failures = failures,
            retry.wait_seconds = wait_seconds,
            retry.standing = advice.standing.code(),
            "cannot read {}: {fault}",
            self.feed
        );
        // A feed that is gone, or a key that is refused, is tried again when the program starts again: not stored.
        let stored =
            if matches!(advice.standing, Standing::Gone | Standing::Refused) { self.clock.now() } else { wait_until };
        let report = WalkedFault {
            feed: self.feed,
            walk,
            code: fault.code(),
            text: fault.to_string(),
            failures,
            wait_until: stored,
        };
        if self.pages.send(Message::Fault(report)).await.is_err() {
            return Some(Ended::Finished);
        }
        // A single run does not wait for what bookability does not hang on.
        if self.mode == Mode::Once && (gives_up(fault, failures) || !self.feed.is_needed()) {
            return Some(Ended::GaveUp(fault.to_string()));
        }
        let waited =
            if advice.wait <= WAIT_PIECE { self.wait(advice.wait).await } else { self.wait_until(wait_until).await };
        (!waited).then_some(Ended::Restarted)
    }

    /// Waits for an instant of the clock; whether it came before a new walk was asked for.
    pub(super) async fn wait_until(&mut self, instant: Instant) -> bool {
        loop {
            let seconds = instant.seconds_since(self.clock.now());
            let Ok(left) = u64::try_from(seconds) else { return true };
            if left == 0 {
                return true;
            }
            if !self.wait(Duration::from_secs(left).min(WAIT_PIECE)).await {
                return false;
            }
        }
    }

    pub(super) fn is_restarted(&self) -> bool {
        self.starts.borrow().get(&self.feed).is_some_and(|start| start.walk != self.walk)
    }

    /// Waits for a short time; whether it passed before a new walk was asked for.
    async fn wait(&mut self, time: Duration) -> bool {
        let (feed, walk) = (self.feed, self.walk);
        let restarted = self.starts.wait_for(|starts| starts.get(&feed).is_some_and(|start| start.walk != walk));
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            changed = restarted => changed.is_err(),
        }
    }
}

/// How a walk ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// A new walk was asked for.
    Restarted,
    /// The feed is through, or the writer is gone.
    Finished,
    /// It could not be walked to its end.
    GaveUp(String),
}

fn hash(url: &FeedUrl) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.as_str().hash(&mut hasher);
    hasher.finish()
}

/// What the writer notes for a page: its own findings and the one on its `next`.
pub(super) fn findings(walked: &WalkedPage) -> Vec<Finding> {
    let mut findings = walked.page.content().findings.clone();
    findings.extend(walked.finding.map(|kind| Finding::on(kind, "")));
    findings
}
