//! What time does by itself: which windows open and close, found by the calendar in memory and looked at in the state.

use std::collections::BTreeSet;

use super::calendar::{Calendar, LAST_KEY, Span};
use super::keys::OpportunityKey;
use super::opportunity_row::{Stamp, Way};
use super::state::State;
use crate::domain::{Instant, Reason, Verdict};

/// How far back the calendar goes when it is made: a clock may go back a little.
const BACK_SECONDS: i64 = 86_400;
/// How far it goes ahead: far enough to be made seldom, which takes one pass over all rows, and not so far that it holds everything.
const AHEAD_SECONDS: i64 = 7 * 86_400;
/// The calendar may have so many entries, and four times as many as there are rows; more must be of windows that have moved.
const ENTRIES_MIN: usize = 10_000;

/// What the time that passed has moved.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Sessions and slots that can be booked now.
    pub(super) open: BTreeSet<OpportunityKey>,
    /// Sessions and slots that cannot.
    pub(super) closed: BTreeSet<OpportunityKey>,
}

/// What a calendar knows that is made for these instants.
pub(super) fn span_around(first: Instant, last: Instant) -> Span {
    Span { after: first.plus_seconds(-BACK_SECONDS), up_to: last.plus_seconds(AHEAD_SECONDS) }
}

/// What passes between two instants, whichever is the earlier.
fn passing(from: Instant, to: Instant) -> Span {
    Span { after: from.min(to), up_to: from.max(to) }
}

impl State {
    /// Takes note of a verdict that was made as its row came, and was written this way.
    pub(super) fn note_verdict(&mut self, Stamp { key, verdict, .. }: Stamp, way: Way) {
        if way == Way::InPlace {
            return;
        }
        self.calendar.note(key, verdict);
        if self.loading && verdict == Verdict::Never(Reason::Orphan) {
            self.unsettled.add_orphan(key);
        }
    }

    /// The sessions and slots whose window opens or closes between two instants, whichever is the earlier, and perhaps some others.
    pub(super) fn candidates(&mut self, from: Instant, to: Instant) -> rusqlite::Result<Vec<OpportunityKey>> {
        let span = passing(from, to);
        self.ensure_calendar(span)?;
        Ok(self.calendar.within(span))
    }

    /// Of these candidates, those whose window opens or closes between two instants, whichever is the earlier: those whose window
    /// holds the second of them, and those whose window does not.
    pub(super) fn transitions(
        &self,
        candidates: &[OpportunityKey],
        from: Instant,
        to: Instant,
    ) -> rusqlite::Result<Moved> {
        let Span { after, up_to } = passing(from, to);
        let [after, up_to, to] = [after, up_to, to].map(Instant::as_seconds);
        let sql = "SELECT key, coalesce(opens <= ?5, 1) AND closes > ?5 FROM opportunity WHERE key BETWEEN ?1 AND ?2 \
            AND (opens > ?3 AND opens <= ?4 OR closes > ?3 AND closes <= ?4)";
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut moved = Moved::default();
        for key in candidates {
            let last = if *key == LAST_KEY { i64::MAX } else { key.0 };
            let mut rows = statement.query([key.0, last, after, up_to, to])?;
            while let Some(row) = rows.next()? {
                let side = if row.get(1)? { &mut moved.open } else { &mut moved.closed };
                side.insert(row.get(0)?);
            }
        }
        Ok(moved)
    }

    /// The sessions and slots that can be booked at `now`.
    pub(super) fn open_opportunities(&self, now: Instant) -> rusqlite::Result<BTreeSet<OpportunityKey>> {
        let sql = "SELECT key FROM opportunity WHERE closes > ?1 AND (opens IS NULL OR opens <= ?1)";
        let mut statement = self.connection().prepare(sql)?;
        let rows = statement.query_map([now.as_seconds()], |row| row.get(0))?;
        rows.collect()
    }

    /// The next instant after `now` at which a window opens or closes, or would have before it moved; where none does for days, the one at
    /// which to look again.
    pub(super) fn next_transition(&mut self, now: Instant) -> rusqlite::Result<Instant> {
        self.ensure_calendar(Span { after: now, up_to: now.plus_seconds(1) })?;
        Ok(self.calendar.next_after(now).unwrap_or(self.calendar.span().up_to))
    }

    /// Makes the calendar anew where it does not know all of a span.
    fn ensure_calendar(&mut self, span: Span) -> rusqlite::Result<()> {
        if self.calendar.span().covers(span) {
            return Ok(());
        }
        self.make_calendar(span_around(span.after, span.up_to))
    }

    /// Makes the calendar anew where most of it must be of windows that have moved.
    pub(super) fn bound_calendar(&mut self) -> rusqlite::Result<()> {
        if self.calendar.len() > self.rows().saturating_mul(4).saturating_add(ENTRIES_MIN) {
            self.make_calendar(self.calendar.span())
        } else {
            Ok(())
        }
    }

    fn make_calendar(&mut self, span: Span) -> rusqlite::Result<()> {
        self.calendar = Calendar::new(span);
        let sql = "SELECT key, opens, closes FROM opportunity WHERE closes > ?1";
        let mut statement = self.database.connection.prepare(sql)?;
        let mut rows = statement.query([span.after.as_seconds()])?;
        while let Some(row) = rows.next()? {
            self.calendar.note_columns(row.get(0)?, [row.get(1)?, row.get(2)?]);
        }
        Ok(())
    }
}
