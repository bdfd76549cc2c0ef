//! What the writer is handed: a page that was read, or a request that failed, with where its feed stands after it.

use super::feeds::{Note, Version};
use super::prepared::Prepared;
use crate::domain::{Change, Feed, Instant};

/// One step of a feed, to be committed.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    /// A page was read.
    Page(PageStep<'a>),
    /// A request failed.
    Fault(FaultStep<'a>),
}

/// What a page says.
#[derive(Clone, Copy, Debug)]
pub enum Changes<'a> {
    /// As it was read.
    Read(&'a [Change<'a>]),
    /// Sessions or slots, prepared by [`super::Store::preparer`]. A page that was prepared for another state, feed or walk is passed by.
    Prepared(&'a Prepared),
}

/// A page, and where the feed stands after it.
#[derive(Clone, Debug)]
pub struct PageStep<'a> {
    /// Which feed.
    pub feed: Feed,
    /// The walk that the page was read in; a page of an earlier walk is passed by.
    pub walk: i64,
    /// What the page says.
    pub changes: Changes<'a>,
    /// What is wrong with it.
    pub notes: Vec<Note>,
    /// The page to be asked for next.
    pub next_url: &'a str,
    /// Whether this is the end of the feed for now.
    pub at_end: bool,
    /// The licence that the page names.
    pub license: Option<&'a str>,
    /// Not to be asked before this instant.
    pub wait_until: Option<Instant>,
    /// For a document that is another than before: what its server calls it. Its changes are then all that there is.
    pub document: Option<Version>,
}

/// A request that failed.
#[derive(Clone, Debug)]
pub struct FaultStep<'a> {
    /// Which feed.
    pub feed: Feed,
    /// The walk that it belongs to.
    pub walk: i64,
    /// The fault's stable code.
    pub code: &'a str,
    /// The same for people.
    pub text: &'a str,
    /// How many failed in a row.
    pub failures: u32,
    /// Not to be asked before this instant.
    pub wait_until: Instant,
}
