//! What time does by itself: which windows open and close, found by the calendar in memory and looked at in the state.

use std::collections::BTreeMap;

use rusqlite::Row;

use super::calendar::{Calendar, LAST_KEY, Span};
use super::keys::OpportunityKey;
use super::opportunity_row::{Stamp, Way, verdict_from};
use super::state::State;
use crate::domain::{Instant, Reason, Verdict, Window};

/// How far back the calendar goes when it is made: a clock may go back a little.
const BACK_SECONDS: i64 = 86_400;
/// How far it goes ahead: far enough to be made seldom, which takes one pass over all rows, and not so far that it holds everything.
const AHEAD_SECONDS: i64 = 7 * 86_400;
/// The calendar may have so many entries, and four times as many as there are rows; more must be of windows that have moved.
const ENTRIES_MIN: usize = 10_000;

/// What of a session or slot the catalogue has to know that may be shown otherwise than it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// When it closed as the catalogue was written, by which it is found there; nothing where it was not shown.
    pub(super) before: Option<Instant>,
    /// Whether it cannot be booked, so that nobody need look.
    pub(super) gone: bool,
}

/// In which windows a session or slot could be booked before a batch and can be after it, as far as its parent's flag lets it; nothing where it
/// can at no time or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) before: Option<Window>,
    pub(super) after: Option<Window>,
}

impl Windows {
    /// What that comes to for a catalogue that shows one instant and is to show another.
    pub(super) fn turn(self, from: Instant, to: Instant) -> Turn {
        Turn {
            before: self.before.filter(|window| window.holds(from)).map(|window| window.closes),
            gone: !self.after.is_some_and(|window| window.holds(to)),
        }
    }
}

/// See [`Turn`].
pub(super) type Turns = BTreeMap<OpportunityKey, Turn>;

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

    /// Of these candidates, those whose window opens or closes between two instants, whichever is the earlier, for a catalogue that shows the
    /// first of them and is to show the second.
    pub(super) fn transitions(
        &self,
        candidates: &[OpportunityKey],
        from: Instant,
        to: Instant,
    ) -> rusqlite::Result<Turns> {
        let Span { after, up_to } = passing(from, to);
        let sql = "SELECT key, opens, closes FROM opportunity WHERE key BETWEEN ?1 AND ?2 \
            AND (opens > ?3 AND opens <= ?4 OR closes > ?3 AND closes <= ?4)";
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut turns = Turns::new();
        for key in candidates {
            let last = if *key == LAST_KEY { i64::MAX } else { key.0 };
            let mut rows = statement.query([key.0, last, after.as_seconds(), up_to.as_seconds()])?;
            while let Some(row) = rows.next()? {
                let window = verdict_from(None, row.get(1)?, row.get(2)?).window();
                turns.insert(row.get(0)?, Windows { before: window, after: window }.turn(from, to));
            }
        }
        Ok(turns)
    }

    /// The sessions and slots that can be booked at `now`, and when they close.
    pub(super) fn open_opportunities(&self, now: Instant) -> rusqlite::Result<Turns> {
        let sql = "SELECT key, closes FROM opportunity WHERE closes > ?1 AND (opens IS NULL OR opens <= ?1)";
        let mut statement = self.connection().prepare(sql)?;
        let turn = |row: &Row<'_>| {
            let before = Some(Instant::from_seconds(row.get(1)?));
            Ok((row.get(0)?, Turn { before, gone: false }))
        };
        statement.query_map([now.as_seconds()], turn)?.collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sellers::Asking;

    const NOW: Instant = Instant::from_seconds(1_835_049_600);

    fn state(folder: &std::path::Path) -> State {
        let mut state = State::open(&folder.join("state.db"), NOW).unwrap();
        state.load(Asking::Nothing).unwrap();
        state
    }

    /// A row whose window closes so many seconds after now, and the calendar told of it.
    fn put(state: &mut State, key: i64, closes_in: i64) {
        let closes = NOW.plus_seconds(closes_in);
        let sql = "INSERT OR REPLACE INTO opportunity VALUES (?1, NULL, NULL, NULL, ?2, x'00')";
        state.connection().execute(sql, [key, closes.as_seconds()]).unwrap();
        let verdict = Verdict::During(Window { opens: None, closes });
        state.note_verdict(Stamp { key: OpportunityKey(key), link: None, verdict }, Way::New);
    }

    /// Those that open and those that close when the clock goes from one instant to another, in seconds after now.
    fn moved(state: &mut State, from: i64, to: i64) -> [Vec<i64>; 2] {
        let (from, to) = (NOW.plus_seconds(from), NOW.plus_seconds(to));
        let candidates = state.candidates(from, to).unwrap();
        let turns = state.transitions(&candidates, from, to).unwrap();
        [false, true].map(|gone| turns.iter().filter(|(_, turn)| turn.gone == gone).map(|(key, _)| key.0).collect())
    }

    fn next(state: &mut State, after: i64) -> i64 {
        state.next_transition(NOW.plus_seconds(after)).unwrap().seconds_since(NOW)
    }

    #[test]
    fn only_who_was_shown_is_looked_for_and_only_who_can_be_shown_is_looked_at() {
        let at = |seconds| NOW.plus_seconds(seconds);
        let window = |opens: i64, closes: i64| Some(Window { opens: Some(at(opens)), closes: at(closes) });
        let turn = |before, after| {
            let Turn { before, gone } = Windows { before, after }.turn(at(0), at(10));
            (before.map(|closes| closes.seconds_since(NOW)), gone)
        };
        assert_eq!(turn(window(0, 20), window(0, 20)), (Some(20), false));
        assert_eq!(turn(window(1, 20), window(1, 20)), (None, false), "it opens");
        assert_eq!(turn(window(0, 10), window(0, 10)), (Some(10), true), "it closes");
        assert_eq!(turn(window(-9, 0), window(11, 20)), (None, true), "closed before, not yet open after");
        assert_eq!(turn(window(0, 5), window(10, 30)), (Some(5), false), "it moved");
        assert_eq!(turn(window(0, 20), None), (Some(20), true));
        assert_eq!(turn(None, window(0, 20)), (None, false));
    }

    #[test]
    fn windows_that_moved_and_rows_that_went_move_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = state(folder.path());
        put(&mut state, 1, 10);
        put(&mut state, 2, 20);
        put(&mut state, 3, 30);
        put(&mut state, 1, 40);
        state.connection().execute("DELETE FROM opportunity WHERE key = 2", []).unwrap();
        assert_eq!(next(&mut state, 0), 10, "to look once too often does no harm");
        assert_eq!(moved(&mut state, 0, 29), [const { Vec::<i64>::new() }; 2]);
        assert_eq!(moved(&mut state, 0, 30), [vec![], vec![3]]);
        assert_eq!(moved(&mut state, 50, 35), [vec![1], vec![]], "a clock that goes back");
        // Back over the calendar's beginning, and on over its end: it is made anew, from what is there.
        assert_eq!(moved(&mut state, 50, -2 * BACK_SECONDS), [vec![1, 3], vec![]]);
        assert_eq!(next(&mut state, 0), 30);
        put(&mut state, 4, 2 * AHEAD_SECONDS);
        assert_eq!(moved(&mut state, 0, 2 * AHEAD_SECONDS), [vec![], vec![1, 3, 4]]);
        assert_eq!(next(&mut state, 40), 2 * AHEAD_SECONDS);
    }

    #[test]
    fn where_nothing_happens_for_days_it_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = state(folder.path());
        put(&mut state, 1, AHEAD_SECONDS + 5);
        assert_eq!(next(&mut state, 0), AHEAD_SECONDS);
        assert_eq!(next(&mut state, AHEAD_SECONDS), AHEAD_SECONDS + 5);
    }

    #[test]
    fn keys_that_no_entry_has_room_for_are_found_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = state(folder.path());
        for key in [LAST_KEY.0 - 1, LAST_KEY.0, LAST_KEY.0 + 1, i64::MAX] {
            put(&mut state, key, 10);
        }
        let all = vec![LAST_KEY.0 - 1, LAST_KEY.0, LAST_KEY.0 + 1, i64::MAX];
        assert_eq!(moved(&mut state, 0, 10), [vec![], all]);
    }

    #[test]
    fn a_calendar_of_windows_that_moved_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = state(folder.path());
        state.connection().execute_batch("BEGIN").unwrap();
        let most = i64::try_from(ENTRIES_MIN).unwrap();
        (1..=most).for_each(|closes_in| put(&mut state, 1, closes_in));
        state.bound_calendar().unwrap();
        assert_eq!(state.calendar.len(), ENTRIES_MIN);
        put(&mut state, 1, most + 1);
        state.bound_calendar().unwrap();
        assert_eq!((state.calendar.len(), next(&mut state, 0)), (1, most + 1));
    }
}
