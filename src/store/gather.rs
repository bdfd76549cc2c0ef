//! What can be booked, read from the state in the order of its keys and given in the order of its starts, which is that of the
//! catalogue's rows.
//!
//! Two threads gather a half of the state each; what they have is put together as it is handed on. Of each row as much is kept as the
//! catalogue's is made of: some eighty bytes, until all are handed on. Which listings these rows need is known before ([`Needed`]). Fails
//! where the state cannot be read.

use std::sync::mpsc::SyncSender;

use hashbrown::HashSet;
use rusqlite::{Connection, OptionalExtension, Row, Statement};

use super::keys::{LinkKey, OpportunityKey};
use super::listing_rows::{Listing, ListingSql, Source};
use super::opportunity_row::{TABLES, facts};
use super::packed::Packed;
use super::packed::bytes::{put_option, put_signed, take_option, take_signed};
use super::settle::Judging;
use super::shape_book::damaged;
use super::shown::{SHOWN_COLUMNS, SHOWN_COLUMNS_ALONE, Shown, window};
use super::words::{Finished, Index, Making};
use crate::domain::{Instant, Reason, Window};

/// Rows that are handed over together.
const ROWS_A_BATCH: usize = 256;
/// Listings that are.
const LISTINGS_A_BATCH: usize = 64;

/// How rows of the state are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) judging: Judging<'a>,
    pub(super) now: Instant,
    pub(super) verdicts: Standing,
}

/// Which verdicts in the state are right; the others are made on the way.
#[derive(Clone, Copy)]
pub(super) enum Standing {
    All,
    /// All but those on rows of which no parent is known.
    AllButOrphans,
    None,
}

impl Standing {
    /// Whether the verdict on a row that has this reason, or a window, is made anew.
    fn anew(self, reason: Option<Reason>) -> bool {
        match self {
            Self::All => false,
            Self::AllButOrphans => reason == Some(Reason::Orphan),
            Self::None => true,
        }
    }

    /// Whether a row is looked at, as SQL.
    fn passes(self) -> String {
        const OPEN: &str = "+o.closes > ?1 AND coalesce(+o.opens <= ?1, 1)";
        match self {
            Self::All => OPEN.to_owned(),
            Self::AllButOrphans => format!("({OPEN} OR +o.reason = {})", Reason::Orphan.number()),
            Self::None => "coalesce(+o.closes > ?1, 1)".to_owned(),
        }
    }
}

impl Reading<'_> {
    /// What a row's parent goes by and the window in which it can be booked, if that holds now. An item whose own facts say that it
    /// cannot be is passed by.
    fn window(self, state: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<(LinkKey, Window)>> {
        let reason = row.get::<_, Option<i64>>(2)?.and_then(Reason::from_number);
        if reason.is_some_and(Reason::is_of_the_item) {
            return Ok(None);
        }
        let anew = self.verdicts.anew(reason);
        if anew && facts(row, 5)?.own() {
            return Ok(self.one(state, row.get(0)?)?.map(|shown| (shown.link, shown.window())));
        }
        window(row, self.judging, self.now, anew)
    }

    /// A row with what it says of its own.
    pub(super) fn one(self, state: &Connection, key: OpportunityKey) -> rusqlite::Result<Option<Shown>> {
        let select = format!("SELECT {SHOWN_COLUMNS} FROM {TABLES} WHERE o.key = ?1");
        let read = |row: &Row<'_>| {
            let reason = row.get::<_, Option<i64>>(2)?.and_then(Reason::from_number);
            Shown::read(row, self.judging, self.now, self.verdicts.anew(reason))
        };
        Ok(state.prepare_cached(&select)?.query_row([key], read).optional()?.flatten())
    }
}

/// Part of what can be booked, in the order of its starts.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    rows: Vec<Bookable>,
    /// Of one row after another its link, when it opens, and its packed facts.
    bytes: Vec<u8>,
    pub(super) needed: Needed,
}

/// Which listings are needed.
#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Those of these parents.
    pub(super) links: HashSet<LinkKey>,
    /// What these rows say of their own is to be looked at: they need one of their own, or their parent's.
    pub(super) own: Vec<OpportunityKey>,
}

impl Needed {
    /// What both need.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.links.extend(other.links);
        self.own.extend(other.own);
        self
    }
}

/// A row that can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bookable {
    closes: Instant,
    key: OpportunityKey,
    /// Where its bytes begin.
    at: usize,
}

impl Gathered {
    /// Gathers from the rows with keys above the first and up to the second.
    pub(super) fn read(state: &Connection, reading: Reading<'_>, (above, to): (i64, i64)) -> rusqlite::Result<Self> {
        let passes = reading.verdicts.passes();
        let select = format!(
            "SELECT {SHOWN_COLUMNS_ALONE} FROM opportunity AS o WHERE {passes} AND o.key > ?2 AND o.key <= ?3 ORDER BY o.key"
        );
        let mut select = state.prepare(&select)?;
        let mut rows = select.query([reading.now.as_seconds(), above, to])?;
        let mut gathered = Self::default();
        while let Some(row) = rows.next()? {
            if let Some((link, Window { opens, closes })) = reading.window(state, row)? {
                let (key, facts) = (row.get(0)?, row.get_ref(5)?.as_blob()?);
                gathered.rows.push(Bookable { closes, key, at: gathered.bytes.len() });
                put_signed(&mut gathered.bytes, link.0);
                put_option(&mut gathered.bytes, opens.map(Instant::as_seconds));
                gathered.bytes.extend_from_slice(facts);
                if Packed::has_own(facts) {
                    gathered.needed.own.push(key);
                } else {
                    gathered.needed.links.insert(link);
                }
            }
        }
        gathered.rows.sort_unstable();
        Ok(gathered)
    }

    fn rows(&self) -> impl Iterator<Item = (Bookable, &[u8])> {
        self.rows.iter().map(|row| (*row, self.bytes.get(row.at..).unwrap_or_default()))
    }
}

/// Hands on all that both halves have, in the order of its starts.
pub(super) fn hand_on(
    state: &Connection,
    reading: Reading<'_>,
    halves: &[Gathered; 2],
    send: &SyncSender<Vec<Shown>>,
) -> rusqlite::Result<()> {
    let [one, other] = halves;
    let (mut one, mut other) = (one.rows().peekable(), other.rows().peekable());
    let in_order = std::iter::from_fn(|| match (one.peek(), other.peek()) {
        (Some((first, _)), Some((second, _))) if second < first => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    });
    let mut batch = Vec::with_capacity(ROWS_A_BATCH);
    for (Bookable { closes, key, .. }, mut bytes) in in_order {
        let link = take_signed(&mut bytes).ok_or_else(damaged)?;
        let opens = take_option(&mut bytes).ok_or_else(damaged)?.map(Instant::from_seconds);
        let packed = Packed::read(bytes).ok_or_else(damaged)?;
        batch.extend(if packed.own() {
            reading.one(state, key)?
        } else {
            Shown::of((key, LinkKey(link)), Window { opens, closes }, (&packed, reading.judging.shapes), None)?
        });
        // Who writes is gone only when that failed, which is told there.
        if batch.len() == ROWS_A_BATCH
            && send.send(std::mem::replace(&mut batch, Vec::with_capacity(ROWS_A_BATCH))).is_err()
        {
            return Ok(());
        }
    }
    let _ = send.send(batch);
    Ok(())
}

/// Hands on the listings that are needed: first those of one session, whose keys are below zero. Gives the index of their words, which is made
/// on the way, or why it could not be made.
pub(super) fn hand_on_listings(
    state: &Connection,
    reading: Reading<'_>,
    Needed { mut links, mut own }: Needed,
    (sql, making): (&ListingSql, &Making),
    send: &SyncSender<Vec<Listing>>,
) -> rusqlite::Result<rusqlite::Result<Finished>> {
    let index = making.begin();
    let mut listings = Listings { select: sql.select(state)?, sql, index, batch: Vec::new(), send };
    let book = reading.judging.book;
    own.sort_unstable();
    for key in own.into_iter().rev() {
        let Some(shown) = reading.one(state, key)? else { continue };
        if shown.own_listing().is_none() {
            links.insert(shown.link);
        } else if let Some(speaker) = book.speaker(shown.link) {
            listings.add(Source { key: shown.listing_key(), link: shown.link, speaker, own: shown.own_listing() })?;
        }
    }
    let mut links: Vec<LinkKey> = links.into_iter().collect();
    links.sort_unstable();
    for link in links {
        if let Some(speaker) = book.speaker(link) {
            listings.add(Source { key: link.0, link, speaker, own: None })?;
        }
    }
    listings.send_batch();
    Ok(listings.index.and_then(Index::finish))
}

/// Listings on their way.
struct Listings<'a> {
    select: Statement<'a>,
    sql: &'a ListingSql,
    /// Or why it is not made; the listings are handed on all the same.
    index: rusqlite::Result<Index>,
    batch: Vec<Listing>,
    send: &'a SyncSender<Vec<Listing>>,
}

impl Listings<'_> {
    fn add(&mut self, source: Source<'_>) -> rusqlite::Result<()> {
        let Some(listing) = Listing::read(&mut self.select, source)? else { return Ok(()) };
        let words = self.sql.looked_for(&listing).0;
        if let Err(error) = self.index.as_ref().map_or(Ok(()), |index| index.add(listing.key, words)) {
            self.index = Err(error);
        }
        self.batch.push(listing);
        if self.batch.len() == LISTINGS_A_BATCH {
            self.send_batch();
        }
        Ok(())
    }

    fn send_batch(&mut self) {
        // Who writes is gone only when that failed, which is told there.
        let _ = self.send.send(std::mem::take(&mut self.batch));
    }
}
