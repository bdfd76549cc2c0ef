//! One feed's walk, held still: what follows from each answer, without network, clock or channel.
//!
//! The walker's task drives it with real answers, [`super::Stepwise`] with those of a simulation. Faults are never fatal
//! here: they are told to the writer, which stores them, and waited out by the one retry table.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::{EngineError, Mode, Setup, position_url};
use crate::domain::{Feed, Instant};
use crate::rpde::{
    Fault, FeedUrl, Finding, FindingKind, Jitter, Page, PageError, RetryTimes, Spare, Standing, gives_up,
};
use crate::store::{Changes, Prepared, Preparer, Store, Version};

/// A single run waits at most this long for an instant that the publisher (or an earlier run) asked for.
const ONCE_WAIT_SECONDS_MAX: i64 = 300;
/// Between two fetches of a document.
const DOCUMENT_SECONDS: i64 = 86_400;

/// Nothing is waited for longer: `Retry-After` is cut to a day, and a feed that is gone is tried again after one.
const WAIT_SECONDS_MAX: i64 = 86_400;

/// Where a walk begins or goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) id: WalkId,
    url: FeedUrl,
    wait_until: Option<Instant>,
    pub(super) at_end: bool,
    failures: u32,
    version: Version,
    preparer: Preparer,
}

/// Which walk it is: the feed's own count, and how often the writer has had to begin anew. What an earlier one still sends
/// is passed by, because a page before it may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WalkId {
    pub(super) walk: i64,
    pub(super) epoch: u64,
}

/// Where every feed begins or goes on.
pub(super) type Starts = BTreeMap<Feed, Start>;

/// Reads the feeds' positions from the store.
pub(super) fn starts(store: &Store, epoch: u64) -> Result<Starts, EngineError> {
    let mut starts = Starts::new();
    for position in store.positions() {
        let start = Start {
            id: WalkId { walk: position.walk, epoch },
            url: position_url(position)?,
            wait_until: position.wait_until,
            at_end: position.walk_complete,
            failures: position.failures,
            version: position.version.clone(),
            preparer: store.preparer(),
        };
        starts.insert(position.feed, start);
    }
    Ok(starts)
}

/// What a walk tells the writer.
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
    pub(super) id: WalkId,
    pub(super) read: ReadPage,
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
    pub(super) id: WalkId,
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) failures: u32,
    pub(super) wait_until: Instant,
}

impl Message {
    /// The walk that it belongs to.
    pub(super) fn id(&self) -> WalkId {
        match self {
            Self::Page(walked) => walked.id,
            Self::Fault(walked) => walked.id,
        }
    }
}

/// How a walk's pages are read, wherever that is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    feed: Feed,
    walk: i64,
    preparer: Preparer,
}

impl Reading {
    /// Reads a body as a page. What the writer can be given of it prepared is made as it is read, and the body, which is then not wanted any
    /// more, is put to the spare ones.
    pub(super) fn read(self, body: Vec<u8>, spare: &Spare) -> Result<ReadPage, PageError> {
        let Some(mut preparing) = self.preparer.begin(self.feed, self.walk) else {
            return Page::parse(body, self.feed).map(|page| ReadPage { page, prepared: None });
        };
        let page = Page::hand_on(&body, self.feed, &mut preparing)?;
        spare.put(body);
        Ok(ReadPage { page, prepared: Some(preparing.finish()) })
    }

    /// The page of a document that is as it was.
    fn unchanged() -> ReadPage {
        ReadPage { page: Page::unchanged(), prepared: None }
    }
}

/// A page with what the writer needs of it.
#[derive(Debug)]
pub(super) struct ReadPage {
    /// Without its changes where these are prepared.
    pub(super) page: Page,
    prepared: Option<Prepared>,
}

impl ReadPage {
    /// What it says of items.
    pub(super) fn changes(&self) -> Changes<'_> {
        self.prepared.as_ref().map_or(Changes::Read(&self.page.content().changes), Changes::Prepared)
    }

    /// The first and the last `modified` that is known.
    pub(super) fn stamps(&self) -> Option<(i64, i64)> {
        if let Some(prepared) = &self.prepared {
            return prepared.stamps();
        }
        let stamps = || self.page.content().changes.iter().filter_map(|change| change.modified);
        stamps().next().zip(stamps().next_back())
    }
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    /// A page, or a document with what its server calls it.
    Page(ReadPage, Version),
    /// Nothing newer than the document that is held.
    Unchanged,
}

/// What a walk does next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum After {
    /// Asks for the next page.
    Ask,
    /// Asks for the last page again, when that may be.
    Poll,
    /// Waits for so long; for a long wait the instant counts.
    Wait(Duration, Instant),
    /// The feed is through, in a single run.
    Finished,
    /// The feed could not be walked to its end, in a single run; why.
    GaveUp(String),
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

/// See the module.
#[derive(Debug)]
pub(super) struct Walk {
    feed: Feed,
    id: WalkId,
    url: FeedUrl,
    version: Version,
    preparer: Preparer,
    failures: u32,
    seen: HashSet<u64>,
    mode: Mode,
    poll_seconds: i64,
    retry_times: RetryTimes,
    jitter: Jitter,
}

/// Whether a wait of so long that ends at `until` is over at `now`: also when the clock has gone back since.
pub(super) fn is_over(time: Duration, until: Instant, now: Instant) -> bool {
    let left = until.seconds_since(now);
    left <= 0 || u64::try_from(left).is_ok_and(|left| left > time.as_secs().saturating_add(1))
}

impl Walk {
    /// Takes a walk up; what is to be done first.
    pub(super) fn begin(feed: Feed, start: Start, setup: &Setup, jitter: Jitter, now: Instant) -> (Self, After) {
        let Start { id, url, wait_until, at_end, failures, version, preparer } = start;
        // An instant has whole seconds, and this one is perhaps nearly over: the stored wait is a second longer.
        let poll_seconds = match setup.poll_interval.as_secs() {
            0 => 0,
            seconds => i64::try_from(seconds).map_or(i64::MAX, |seconds| seconds.saturating_add(1)),
        };
        let (mode, retry_times) = (setup.mode, setup.retry_times);
        let seen = HashSet::new();
        let begun = Self { feed, id, url, version, preparer, failures, seen, mode, poll_seconds, retry_times, jitter };
        // What a publisher asked to wait for is waited for, also after a restart; a document's daily wait begins anew. Nobody
        // is asked to wait for longer than a day: an instant beyond was written when the clock was wrong.
        let waits = wait_until.filter(|_| failures > 0 || !feed.is_document());
        let waits = waits.filter(|until| (1..=WAIT_SECONDS_MAX).contains(&until.seconds_since(now)));
        let after = match waits {
            Some(until) if setup.mode == Mode::Once && until.seconds_since(now) > ONCE_WAIT_SECONDS_MAX => {
                After::GaveUp(format!("not to be asked before {until}"))
            }
            Some(until) => After::Wait(seconds(until.seconds_since(now)), until),
            None if at_end && !feed.is_document() => After::Poll,
            None => After::Ask,
        };
        (begun, after)
    }

    /// Which walk this is.
    pub(super) fn id(&self) -> WalkId {
        self.id
    }

    /// What is to be asked for.
    pub(super) fn url(&self) -> &FeedUrl {
        &self.url
    }

    /// The page that this `next` leads to, where nothing is against asking for it before the page that has it is read.
    pub(super) fn leads_to(&self, next: &str) -> Option<FeedUrl> {
        let next = self.url.join_next(next).ok()?;
        let is_new = !next.same_page(&self.url) && !self.seen.contains(&hash(&next));
        (is_new && !self.feed.is_document()).then_some(next)
    }

    /// How its pages are read.
    pub(super) fn reading(&self) -> Reading {
        Reading { feed: self.feed, walk: self.id.walk, preparer: self.preparer }
    }

    /// For a document: the version that is held.
    pub(super) fn known(&self) -> Option<&Version> {
        self.feed.is_document().then_some(&self.version)
    }

    /// Gives back the source of chance, for the walk after this one.
    pub(super) fn into_jitter(self) -> Jitter {
        self.jitter
    }

    /// What follows from an answer that came at `now`.
    pub(super) fn answer(&mut self, read: Result<Read, Fault>, now: Instant) -> (Vec<Message>, After) {
        match read {
            Ok(Read::Page(page, version)) if self.feed.is_document() => {
                self.version.clone_from(&version);
                self.document(page, Some(version), now)
            }
            Ok(Read::Unchanged) if self.feed.is_document() => self.document(Reading::unchanged(), None, now),
            Ok(Read::Page(page, _)) => self.page(page, now),
            Ok(Read::Unchanged) => {
                let fault = Fault::unreadable(&self.url, "304 was answered to a request without conditions");
                self.fault(&fault, now)
            }
            Err(fault) => self.fault(&fault, now),
        }
    }

    fn document(&mut self, page: ReadPage, document: Option<Version>, now: Instant) -> (Vec<Message>, After) {
        self.failures = 0;
        let until = now.plus_seconds(DOCUMENT_SECONDS);
        let message = self.message(page, true, None, Some(until), document);
        let after =
            if self.mode == Mode::Once { After::Finished } else { After::Wait(seconds(DOCUMENT_SECONDS), until) };
        (vec![message], after)
    }

    fn page(&mut self, read: ReadPage, now: Instant) -> (Vec<Message>, After) {
        let content = read.page.content();
        let (at_end, finding, refused) = match self.next(content.next.as_deref(), content.item_count) {
            Next::Page(next) => {
                self.url = next;
                (false, None, None)
            }
            Next::End(finding) => (true, finding, None),
            Next::Refused(fault, finding) => (false, Some(finding), Some(fault)),
        };
        if at_end {
            self.seen.clear();
        }
        let wait_until = at_end.then(|| now.plus_seconds(self.poll_seconds));
        let mut messages = vec![self.message(read, at_end, finding, wait_until, None)];
        if let Some(fault) = refused {
            let (more, after) = self.fault(&fault, now);
            messages.extend(more);
            return (messages, after);
        }
        self.failures = 0;
        let after = match (at_end, self.mode) {
            (true, Mode::Once) => After::Finished,
            (true, Mode::UntilStopped) => After::Poll,
            (false, _) => After::Ask,
        };
        (messages, after)
    }

    fn message(
        &self,
        read: ReadPage,
        at_end: bool,
        finding: Option<FindingKind>,
        wait_until: Option<Instant>,
        document: Option<Version>,
    ) -> Message {
        let next_url = self.url.original().to_owned();
        let (feed, id) = (self.feed, self.id);
        Message::Page(Box::new(WalkedPage { feed, id, read, next_url, at_end, finding, wait_until, document }))
    }

    /// Where `next` leads (RPDE 1.0, "Last page definition"; where the specification is broken, our own policy: items are
    /// taken also from a page whose `next` is missing or its own URL, and the feed is then taken to be at its end).
    fn next(&mut self, next: Option<&str>, items: usize) -> Next {
        let end_with_items = || Next::End((items > 0).then_some(FindingKind::EndWithItems));
        let Some(next) = next else { return end_with_items() };
        let next = match self.url.join_next(next) {
            Ok(next) => next,
            Err(error) => return Next::Refused(Fault::bad_next(&self.url, error), FindingKind::NextRefused),
        };
        if next.same_page(&self.url) {
            return end_with_items();
        }
        self.seen.insert(hash(&self.url));
        if !self.seen.contains(&hash(&next)) {
            return Next::Page(next);
        }
        if items == 0 {
            return Next::End(None);
        }
        let fault = Fault::bad_next(&self.url, "next leads back to a page that was read already");
        Next::Refused(fault, FindingKind::NextGoesBack)
    }

    /// What is told of a fault, and how long it is waited out.
    fn fault(&mut self, fault: &Fault, now: Instant) -> (Vec<Message>, After) {
        self.failures = self.failures.saturating_add(1);
        let advice = self.retry_times.advice(fault, self.failures, &mut self.jitter);
        let wait_seconds = i64::try_from(advice.wait.as_secs()).unwrap_or(i64::MAX);
        let wait_until = now.plus_seconds(wait_seconds);
        tracing::warn!(
            feed.name = self.feed.name(),
            fault.code = fault.code(),
            fault.failures = self.failures,
            retry.wait_seconds = wait_seconds,
            retry.standing = advice.standing.code(),
            "cannot read {}: {fault}",
            self.feed
        );
        // A feed that is gone, or a key that is refused, is tried again when the program starts again: not stored.
        let passing = !matches!(advice.standing, Standing::Gone | Standing::Refused);
        let report = WalkedFault {
            feed: self.feed,
            id: self.id,
            code: fault.code(),
            text: fault.to_string(),
            failures: self.failures,
            wait_until: if passing { wait_until } else { now },
        };
        // A single run does not wait for what bookability does not hang on.
        let gave_up = self.mode == Mode::Once && (gives_up(fault, self.failures) || !self.feed.is_needed());
        let after = if gave_up { After::GaveUp(fault.to_string()) } else { After::Wait(advice.wait, wait_until) };
        (vec![Message::Fault(report)], after)
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn hash(url: &FeedUrl) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.as_str().hash(&mut hasher);
    hasher.finish()
}

/// What the writer notes for a page: its own findings and the one on its `next`.
pub(super) fn findings(walked: &WalkedPage) -> Vec<Finding> {
    let mut findings = walked.read.page.content().findings.clone();
    findings.extend(walked.finding.map(|kind| Finding::on(kind, "")));
    findings
}
