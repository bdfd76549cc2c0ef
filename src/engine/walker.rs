//! One feed's task: drives its walk with the answers of the network, and waits where it has to.
//!
//! The next page is asked for as soon as `next` can be seen in a body. Each body is read by a task of its own, so that some are read at the
//! same time; what they say is taken in their order.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::Setup;
use super::progress::Progress;
use super::walk::{After, Message, Read, ReadPage, Reading, Starts, Walk, WalkId, is_over};
use crate::clock::Clock;
use crate::domain::{Feed, Instant};
use crate::rpde::{Client, Fault, FeedUrl, Fetched, Jitter, Pacer, PageError, Spare, Validators, peek_next};
use crate::store::Version;

/// Long waits are cut into pieces, so that they end on time also when the machine slept or the clock jumped.
const WAIT_PIECE: Duration = Duration::from_secs(2);

/// So many pages are asked for before the one that leads to them is read.
const PAGES_AHEAD_MAX: usize = 2;
/// So many of them are known again, so that a `next` that leads back is not followed. The walk knows all.
const ASKED_KNOWN_MAX: usize = 2 * PAGES_AHEAD_MAX;

/// See the module.
pub(super) struct Walker {
    feed: Feed,
    client: Client,
    clock: Clock,
    setup: Setup,
    pages: mpsc::Sender<Message>,
    starts: watch::Receiver<Starts>,
    pacer: Pacer,
    jitter: Option<Jitter>,
}

/// An answer whose page is being read by a task of its own.
enum Answer {
    /// See [`Fetched::NotModified`].
    NotModified,
    Page {
        reading: AbortOnDropHandle<Result<ReadPage, PageError>>,
        validators: Validators,
    },
}

impl Answer {
    /// Begins to read what was fetched; with the page's `next`, where it can be seen at once.
    fn begin(fetched: Fetched, reading: Reading, spare: &Spare) -> (Self, Option<String>) {
        match fetched {
            Fetched::NotModified => (Self::NotModified, None),
            Fetched::Page { body, validators } => {
                let (next, spare) = (peek_next(&body), spare.clone());
                let reading = AbortOnDropHandle::new(tokio::spawn(async move { reading.read(body, &spare) }));
                (Self::Page { reading, validators }, next)
            }
        }
    }

    /// What was read; nothing where the task that read it was lost.
    async fn read(self, url: &FeedUrl) -> Option<Result<Read, Fault>> {
        let Self::Page { reading, validators } = self else { return Some(Ok(Read::Unchanged)) };
        let read = reading.await.ok()?.map_err(|error| Fault::unreadable(url, error));
        let Validators { etag, last_modified } = validators;
        Some(read.map(|page| Read::Page(page, Version { etag, last_modified })))
    }
}

/// The pages that are asked for, and read, before those that lead to them are through: a task that goes from body to body.
struct Ahead {
    pages: mpsc::Receiver<(FeedUrl, Result<Answer, Fault>)>,
    _task: AbortOnDropHandle<()>,
}

impl Ahead {
    /// Begins at a page.
    fn begin(client: Client, first: FeedUrl, reading: Reading) -> Self {
        let (send, pages) = mpsc::channel(PAGES_AHEAD_MAX - 1);
        Self { pages, _task: AbortOnDropHandle::new(tokio::spawn(go_ahead(client, first, reading, send))) }
    }

    /// The answer for this page; nothing where it was not asked for.
    async fn answer(&mut self, url: &FeedUrl) -> Option<Result<Answer, Fault>> {
        self.pages.recv().await.filter(|(asked, _)| asked == url).map(|(_, answer)| answer)
    }
}

/// Asks for page after page, as far as each `next` can be seen in a body and leads to a page that this task has not asked for.
async fn go_ahead(
    client: Client,
    first: FeedUrl,
    reading: Reading,
    pages: mpsc::Sender<(FeedUrl, Result<Answer, Fault>)>,
) {
    let (mut url, mut asked) = (first, Vec::new());
    loop {
        let begun = client.fetch(&url, None).await;
        let begun = begun.map(|fetched| Answer::begin(fetched, reading, client.spare()));
        asked.push(url.clone());
        let (answer, next) = match begun {
            Ok((answer, next)) => (Ok(answer), next.and_then(|next| url.join_next(&next).ok())),
            Err(fault) => (Err(fault), None),
        };
        if pages.send((url, answer)).await.is_err() {
            return;
        }
        match next.filter(|next| !asked.iter().rev().any(|asked| asked.same_page(next))) {
            Some(next) => url = next,
            None => return,
        }
        asked.drain(..asked.len().saturating_sub(ASKED_KNOWN_MAX));
    }
}

/// How a walk ended.
#[derive(Debug)]
enum Ended {
    /// A new walk was asked for.
    Restarted,
    /// The feed is through, or the writer is gone.
    Finished,
    /// It could not be walked to its end.
    GaveUp(String),
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
        let pacer = Pacer::every(setup.poll_interval);
        let (clock, jitter) = (setup.clock.clone(), Some(Jitter::seeded(seed)));
        Self { feed, client, clock, setup: setup.clone(), pages, starts, pacer, jitter }
    }

    /// Walks until the writer is gone or, in a single run, the feed is through; gives why it could not be.
    pub(super) async fn walk(mut self, progress: &Progress) -> Option<String> {
        loop {
            let start = self.starts.borrow_and_update().get(&self.feed).cloned()?;
            if !start.at_end && !self.feed.is_document() {
                progress.walk_begun(self.feed);
            }
            let jitter = self.jitter.take().unwrap_or_else(|| Jitter::seeded(0));
            let (mut walk, first) = Walk::begin(self.feed, start, &self.setup, jitter, self.clock.now());
            let ended = self.follow(&mut walk, first, progress).await;
            self.jitter = Some(walk.into_jitter());
            match ended {
                Ended::Restarted => {}
                Ended::Finished => return None,
                Ended::GaveUp(why) => return Some(why),
            }
        }
    }

    async fn follow(&mut self, walk: &mut Walk, first: After, progress: &Progress) -> Ended {
        let id = walk.id();
        let (mut after, mut ahead): (_, Option<Ahead>) = (first, None);
        loop {
            let waited = match after {
                After::Ask => true,
                After::Poll => self.wait_to_poll(id).await,
                After::Wait(time, _) if time <= WAIT_PIECE => self.wait(id, time).await,
                After::Wait(time, until) => self.wait_until(id, time, until).await,
                After::Finished => return Ended::Finished,
                After::GaveUp(why) => return Ended::GaveUp(why),
            };
            if !waited || self.is_restarted(id) {
                return Ended::Restarted;
            }
            progress.requested(self.feed);
            let read = self.read(walk, &mut ahead).await;
            let messages;
            (messages, after) = walk.answer(read, self.clock.now());
            ahead = ahead.filter(|_| after == After::Ask);
            for message in messages {
                match &message {
                    Message::Page(walked) => {
                        if walked.at_end {
                            self.pacer.last_page_read();
                        }
                        progress.page_read(self.feed, &walked.read, walked.at_end);
                    }
                    Message::Fault(walked) => progress.fault_met(self.feed, walked.code),
                }
                if self.pages.send(message).await.is_err() {
                    return Ended::Finished;
                }
            }
        }
    }

    /// What the walk's next page says: the one asked for ahead, if it is that page.
    async fn read(&self, walk: &Walk, ahead: &mut Option<Ahead>) -> Result<Read, Fault> {
        if let Some(begun) = ahead {
            match begun.answer(walk.url()).await {
                Some(Ok(answer)) => {
                    if let Some(read) = answer.read(walk.url()).await {
                        return read;
                    }
                }
                Some(Err(fault)) => return Err(fault),
                None => {}
            }
            *ahead = None;
        }
        let known = walk
            .known()
            .map(|known| Validators { etag: known.etag.clone(), last_modified: known.last_modified.clone() });
        let fetched = self.client.fetch(walk.url(), known.as_ref()).await?;
        let (answer, next) = Answer::begin(fetched, walk.reading(), self.client.spare());
        if let Some(next) = next.and_then(|next| walk.leads_to(&next)) {
            *ahead = Some(Ahead::begin(self.client.clone(), next, walk.reading()));
        }
        let lost = || Fault::unreadable(walk.url(), "the task that read the page was lost");
        answer.read(walk.url()).await.unwrap_or_else(|| Err(lost()))
    }

    /// Waits until the last page may be asked for; whether that came before a new walk was asked for.
    async fn wait_to_poll(&mut self, id: WalkId) -> bool {
        while let Err(wait) = self.pacer.may_poll_last_page() {
            if !self.wait(id, wait).await {
                return false;
            }
        }
        true
    }

    /// Waits for an instant of the clock; whether it came before a new walk was asked for.
    async fn wait_until(&mut self, id: WalkId, time: Duration, instant: Instant) -> bool {
        while !is_over(time, instant, self.clock.now()) {
            if !self.wait(id, WAIT_PIECE.min(time)).await {
                return false;
            }
        }
        true
    }

    fn is_restarted(&self, id: WalkId) -> bool {
        self.starts.borrow().get(&self.feed).is_some_and(|start| start.id != id)
    }

    /// Waits for a short time; whether it passed before a new walk was asked for.
    async fn wait(&mut self, id: WalkId, time: Duration) -> bool {
        let feed = self.feed;
        let restarted = self.starts.wait_for(|starts| starts.get(&feed).is_some_and(|start| start.id != id));
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            changed = restarted => changed.is_err(),
        }
    }
}
