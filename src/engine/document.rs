//! The walk of a feed that is one document: fetched at the start and once a day, asked for only if there is a newer one.

use super::Mode;
use super::progress::Progress;
use super::walker::{Ended, Message, Start, WalkedPage, Walker};
use crate::rpde::{Fault, FeedUrl, Fetched, Page, Validators};
use crate::store::Version;

/// Between two fetches.
const INTERVAL_SECONDS: i64 = 86_400;

impl Walker {
    /// Fetches the document again and again; ends as a walk does.
    pub(super) async fn follow_document(&mut self, start: Start, progress: &Progress) -> Ended {
        let Start { walk, url, wait_until, mut failures, mut version, .. } = start;
        self.walk = walk;
        // What the publisher asked to wait for is waited for, also after a restart; the daily wait begins anew.
        if let Some(wait_until) = wait_until.filter(|_| failures > 0)
            && let Some(ended) = self.wait_to_start(wait_until).await
        {
            return ended;
        }
        loop {
            if self.is_restarted() {
                return Ended::Restarted;
            }
            let fault = match self.read_document(&url, &version).await {
                Ok((page, document)) => {
                    failures = 0;
                    version = document.clone().unwrap_or(version);
                    let wait_until = self.clock.now().plus_seconds(INTERVAL_SECONDS);
                    progress.page_read(self.feed, page.content().item_count, true);
                    let message = WalkedPage {
                        feed: self.feed,
                        walk,
                        page,
                        next_url: url.original().to_owned(),
                        at_end: true,
                        finding: None,
                        wait_until: Some(wait_until),
                        document,
                    };
                    let gone = self.pages.send(Message::Page(Box::new(message))).await.is_err();
                    if gone || self.mode == Mode::Once {
                        return Ended::Finished;
                    }
                    if !self.wait_until(wait_until).await {
                        return Ended::Restarted;
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            failures = failures.saturating_add(1);
            if let Some(ended) = self.take_fault(&fault, walk, failures).await {
                return ended;
            }
        }
    }

    /// The document, and what it goes by where it is another than before.
    async fn read_document(&self, url: &FeedUrl, known: &Version) -> Result<(Page, Option<Version>), Fault> {
        let known = Validators { etag: known.etag.clone(), last_modified: known.last_modified.clone() };
        match self.client.fetch(url, Some(&known)).await? {
            Fetched::NotModified => Ok((Page::unchanged(), None)),
            Fetched::Page { body, validators } => {
                let page = Page::parse(body, self.feed).map_err(|error| Fault::unreadable(url, error))?;
                let Validators { etag, last_modified } = validators;
                Ok((page, Some(Version { etag, last_modified })))
            }
        }
    }
}
