//! What can be booked, read from the state in the order of its keys and given in the order of its starts, which is that of the
//! catalogue's rows.
//!
//! Two threads gather a half of the state each; what they have is put together as it is handed on. Of each row as much is kept as the
//! catalogue's is made of: some eighty bytes, until all are handed on. Fails where the state cannot be read.

use std::sync::mpsc::SyncSender;

use rusqlite::{Connection, OptionalExtension, Row};

use super::keys::{LinkKey, OpportunityKey};
use super::opportunity_row::{TABLES, facts};
use super::packed::Packed;
use super::packed::bytes::{put_option, put_signed, take_option, take_signed};
use super::settle::Judging;
use super::shape_book::damaged;
use super::shown::{SHOWN_COLUMNS, SHOWN_COLUMNS_ALONE, Shown, window};
use crate::domain::{Instant, Reason, Window};

/// Rows that are handed over together.
const ROWS_A_BATCH: usize = 256;

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
                gathered.rows.push(Bookable { closes, key: row.get(0)?, at: gathered.bytes.len() });
                put_signed(&mut gathered.bytes, link.0);
                put_option(&mut gathered.bytes, opens.map(Instant::as_seconds));
                gathered.bytes.extend_from_slice(row.get_ref(5)?.as_blob()?);
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
