//! Change as time goes by: one step is one change, decided by (seed, step number) and the state alone.
//!
//! Owns how often which change happens. Cannot fail; a step in an empty world, or one that meets an item which cannot
//! change, does nothing but count. May use `state` and below.

use super::Feed;
use super::dice::{Dice, Stream};
use super::feed::Body;
use super::session::SessionState;
use super::slots;
use super::state::State;

/// How often a step looks for another item when it meets one that is gone.
const TRIES: u32 = 8;

/// Takes the next step.
pub(super) fn step(state: &mut State) {
    state.steps = state.steps.saturating_add(1);
    let mut dice = state.world.dice(Stream::Step, state.steps);
    match dice.below(100) {
        0..62 => change_session(state, &mut dice, |session, dice| {
            session.book(u16::try_from(dice.below(3) + 1).unwrap_or(1));
        }),
        62..72 => change_session(state, &mut dice, SessionState::change_status),
        72..78 => delete_session(state, &mut dice),
        78..90 => new_session(state),
        90..95 if state.world.slots > 0 => change_slot(state, &mut dice),
        _ => edit_series(state, &mut dice),
    }
}

fn now(state: &State) -> i64 {
    state.world.step_time_millis(state.steps)
}

/// A session that the world made and that is still there.
fn some_session(state: &State, dice: &mut Dice) -> Option<(u32, SessionState)> {
    let log = state.feed(Feed::ScheduledSessions);
    (0..TRIES).find_map(|_| {
        let slot = dice.below(log.len());
        match log.get(slot)? {
            item if item.deleted => None,
            item => match item.body {
                Body::Session(session) => Some((slot, session)),
                _ => None,
            },
        }
    })
}

fn change_session(state: &mut State, dice: &mut Dice, change: impl FnOnce(&mut SessionState, &mut Dice)) {
    if let Some((slot, mut session)) = some_session(state, dice) {
        change(&mut session, dice);
        let modified = now(state);
        state.feed_mut(Feed::ScheduledSessions).replace(slot, Body::Session(session), false, modified);
    }
}

fn delete_session(state: &mut State, dice: &mut Dice) {
    if let Some((slot, session)) = some_session(state, dice) {
        let modified = now(state);
        state.feed_mut(Feed::ScheduledSessions).replace(slot, Body::Session(session), true, modified);
    }
}

fn new_session(state: &mut State) {
    if state.world.series > 0 {
        let slot = state.feed(Feed::ScheduledSessions).len();
        let session = SessionState::new(&state.world, slot, state.steps);
        let modified = now(state);
        state.feed_mut(Feed::ScheduledSessions).push(Body::Session(session), modified);
    }
}

fn change_slot(state: &mut State, dice: &mut Dice) {
    let slot = dice.below(state.world.slots);
    if let Some((id, mut data)) = state.published_data(Feed::Slots, slot) {
        slots::toggle(&mut data);
        let modified = now(state);
        state.publish(Feed::Slots, &id, &data, modified);
    }
}

fn edit_series(state: &mut State, dice: &mut Dice) {
    let slot = dice.below(state.world.series);
    let Some(item) = state.feed(Feed::SessionSeries).get(slot) else { return };
    if let (Body::Series(version), false) = (&item.body, item.deleted) {
        let body = Body::Series(version.saturating_add(1));
        let modified = now(state);
        state.feed_mut(Feed::SessionSeries).replace(slot, body, false, modified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Instant;
    use crate::sandbox::SandboxOptions;
    use crate::sandbox::world::World;

    fn state(sessions: u32) -> State {
        let options = SandboxOptions { sessions, ..SandboxOptions::default() };
        State::new(World::new(&options, Instant::parse("2026-11-23T10:00:00Z").unwrap()).unwrap())
    }

    #[test]
    fn an_empty_world_stays_empty() {
        let mut state = state(0);
        for _ in 0..200 {
            step(&mut state);
        }
        assert_eq!((state.feed(Feed::ScheduledSessions).len(), state.steps), (0, 200));
    }

    #[test]
    fn every_sort_of_change_happens() {
        let mut state = state(100);
        let before = format!("{:?}", state.feed(Feed::SessionSeries));
        for _ in 0..300 {
            step(&mut state);
        }
        let log = state.feed(Feed::ScheduledSessions);
        let items: Vec<_> = (0..log.len()).filter_map(|slot| log.get(slot)).collect();
        assert!(log.len() > 120, "new sessions");
        assert!(items.iter().filter(|item| item.deleted).count() > 5, "deletions");
        assert!(items.iter().any(|item| item.modified > state.world.step_time_millis(0)), "updates");
        assert_ne!(before, format!("{:?}", state.feed(Feed::SessionSeries)), "series edits");
    }
}
