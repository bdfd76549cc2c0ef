//! The whole changing state of a sandbox: the world's feeds and how many steps have been taken.
//!
//! Owns the meeting of generated and handed-in items: a generated item's slot is its number in the world, so that both
//! lie in one order. Cannot fail. May use `world`, `feed` and what they use.

use std::sync::Arc;

use serde_json::Value;

use super::Feed;
use super::feed::{Body, Content, FeedLog, Item, Published};
use super::json::Json;
use super::session::{self, Identifier, SessionState};
use super::world::{RpdeId, World, trailing_number};
use super::{series, series::Oddity, slots};

/// The items that are there at the start were last changed within so many milliseconds before it.
const HISTORY_MILLIS: i64 = 30 * 86_400_000;

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: Arc<World>,
    pub(super) steps: u32,
    logs: [FeedLog; Feed::ALL.len()],
    raw_count: u32,
    pub(super) datasets: Value,
    pub(super) datasets_version: u32,
}

impl State {
    pub(super) fn new(world: World) -> Self {
        let first = world.step_time_millis(0) - HISTORY_MILLIS;
        let gap = |count: u32| HISTORY_MILLIS / i64::from(count.max(1));
        let mut series = FeedLog::with_capacity(world.series);
        for number in 0..world.series {
            let unpublished = series::oddity(number) == Some(Oddity::Unpublished);
            let body = if unpublished { Body::Unpublished } else { Body::Series(0) };
            series.push(body, first + i64::from(number) * gap(world.series));
        }
        let mut sessions = FeedLog::with_capacity(world.sessions);
        for number in 0..world.sessions {
            let body = Body::Session(SessionState::new(&world, number, 0));
            sessions.push(body, first + i64::from(number) * gap(world.sessions));
        }
        let mut logs: [FeedLog; Feed::ALL.len()] = Default::default();
        logs[Feed::ScheduledSessions as usize] = sessions;
        logs[Feed::SessionSeries as usize] = series;
        let datasets = slots::datasets(&world);
        let world = Arc::new(world);
        let mut state = Self { world: Arc::clone(&world), steps: 0, logs, raw_count: 0, datasets, datasets_version: 1 };
        for (id, data) in (0..slots::facilities(&world)).map(|at| slots::facility(&world, at)) {
            state.publish(Feed::FacilityUses, &id, &data, first);
        }
        let gap = gap(world.slots);
        for (at, (id, data)) in (0_i64..).zip((0..world.slots).map(|at| slots::slot(&world, at))) {
            state.publish(Feed::Slots, &id, &data, first + at * gap);
        }
        if world.sessions > 0 || world.slots > 0 {
            for (id, data) in slots::sellers(&world) {
                state.publish(Feed::BookableSellers, &id, &data, first);
            }
        }
        state
    }

    pub(super) fn feed(&self, feed: Feed) -> &FeedLog {
        &self.logs[feed as usize]
    }

    pub(super) fn feed_mut(&mut self, feed: Feed) -> &mut FeedLog {
        &mut self.logs[feed as usize]
    }

    /// Hands in an item; it replaces the one that has the same id.
    pub(super) fn publish(&mut self, feed: Feed, rpde_id: &str, data: &Value, modified: i64) -> i64 {
        let named = ["@type", "type"].iter().find_map(|key| data.get(key)?.as_str());
        let kind = named.unwrap_or(feed.kind()).to_owned();
        let content = Content::Data { kind, json: data.to_string() };
        self.put(feed, rpde_id, content, modified)
    }

    /// Hands in a whole envelope, which becomes an item of its own.
    pub(super) fn publish_raw(&mut self, feed: Feed, envelope: String, modified: i64) -> i64 {
        self.raw_count += 1;
        let rpde_id = format!("raw:{}", self.raw_count);
        self.put(feed, &rpde_id, Content::Raw(envelope), modified)
    }

    fn put(&mut self, feed: Feed, rpde_id: &str, content: Content, modified: i64) -> i64 {
        let body = Body::Published(Arc::new(Published { rpde_id: rpde_id.to_owned(), content }));
        match self.find(feed, rpde_id) {
            Some(slot) => self.feed_mut(feed).replace(slot, body, false, modified),
            None => self.feed_mut(feed).push(body, modified),
        }
    }

    /// Turns an item into a tombstone; `None` when there is no such item, or it is one already.
    pub(super) fn delete(&mut self, feed: Feed, rpde_id: &str, modified: i64) -> Option<i64> {
        let slot = self.find(feed, rpde_id)?;
        let item = self.feed(feed).get(slot).filter(|item| !item.deleted)?;
        let body = item.body.clone();
        Some(self.feed_mut(feed).replace(slot, body, true, modified))
    }

    fn find(&self, feed: Feed, rpde_id: &str) -> Option<u32> {
        let log = self.feed(feed);
        let generated = || {
            let slot = trailing_number(rpde_id)?;
            let item = log.get(slot).filter(|item| !matches!(item.body, Body::Unpublished))?;
            (rpde_id_of(&self.world, feed, slot, item).to_text() == rpde_id).then_some(slot)
        };
        log.published(rpde_id).or_else(generated)
    }

    /// The session that carries `identifier`: its data, and whether it has been withdrawn.
    pub(super) fn session_by_identifier(&self, identifier: &str) -> Option<(Value, bool)> {
        let carries = |data: &Value| carries(data, identifier);
        let generated = || {
            let slot = trailing_number(identifier)?;
            let item =
                self.feed(Feed::ScheduledSessions).get(slot).filter(|item| matches!(item.body, Body::Session(_)))?;
            let same = match session::identifier(&self.world, slot) {
                Identifier::None => false,
                Identifier::Text(text) => text == identifier,
                Identifier::Number(number) => number.to_string() == identifier,
            };
            Some((self.data(slot, item).filter(|_| same)?, item.deleted))
        };
        self.newest_published(Feed::ScheduledSessions, carries).or_else(generated)
    }

    /// The published series with this link.
    pub(super) fn series_by_link(&self, link: &str) -> Option<Value> {
        let linked = |data: &Value| ["@id", "id"].iter().any(|key| data.get(key).and_then(Value::as_str) == Some(link));
        let generated = || {
            let slot = trailing_number(link)?;
            let item = self.feed(Feed::SessionSeries).get(slot).filter(|item| matches!(item.body, Body::Series(_)))?;
            let data = self.data(slot, item).filter(|_| self.world.series_link(slot) == link)?;
            Some((data, item.deleted))
        };
        let found = self.newest_published(Feed::SessionSeries, linked).or_else(generated);
        found.filter(|(_, deleted)| !deleted).map(|(data, _)| data)
    }

    /// The slot that carries `identifier`: its data, and whether it has been withdrawn.
    pub(super) fn slot_by_identifier(&self, identifier: &str) -> Option<(Value, bool)> {
        self.newest_published(Feed::Slots, |data| carries(data, identifier))
    }

    /// The published facility use with this link, or one of whose courts has it.
    pub(super) fn facility_by_link(&self, link: &str) -> Option<Value> {
        let has = |data: &Value| ["@id", "id"].iter().any(|key| data.get(key).and_then(Value::as_str) == Some(link));
        let linked = |data: &Value| {
            let courts = data.get("individualFacilityUse").and_then(Value::as_array);
            has(data) || courts.is_some_and(|courts| courts.iter().any(has))
        };
        let found = self.newest_published(Feed::FacilityUses, linked);
        found.filter(|(_, deleted)| !deleted).map(|(data, _)| data)
    }

    /// Whether the sellers feed has an organization with this `@id`.
    pub(super) fn is_seller(&self, id: &str) -> bool {
        let found =
            self.newest_published(Feed::BookableSellers, |data| data.get("@id").and_then(Value::as_str) == Some(id));
        found.is_some_and(|(_, deleted)| !deleted)
    }

    /// The data of a handed-in item that is there.
    pub(super) fn published_data(&self, feed: Feed, slot: u32) -> Option<(String, Value)> {
        let item = self.feed(feed).get(slot).filter(|item| !item.deleted)?;
        let Body::Published(published) = &item.body else { return None };
        Some((published.rpde_id.clone(), self.data(slot, item)?))
    }

    /// The last changed of the handed-in items whose data is `wanted`; one that is there goes before a withdrawn one.
    fn newest_published(&self, feed: Feed, wanted: impl Fn(&Value) -> bool) -> Option<(Value, bool)> {
        let all = self.feed(feed).all_published();
        let found = all.filter_map(|(slot, item)| Some((item, self.data(slot, item).filter(&wanted)?)));
        let newest = found.max_by_key(|(item, _)| (!item.deleted, item.modified));
        newest.map(|(item, data)| (data, item.deleted))
    }

    /// The data of an item, whether withdrawn or not; nothing for an envelope that has none.
    fn data(&self, slot: u32, item: &Item) -> Option<Value> {
        match &item.body {
            Body::Published(published) => match &published.content {
                Content::Data { json, .. } => serde_json::from_str(json).ok(),
                Content::Raw(envelope) => {
                    let mut envelope: Value = serde_json::from_str(envelope).ok()?;
                    envelope.get_mut("data").map(Value::take)
                }
            },
            Body::Unpublished => None,
            Body::Session(_) | Body::Series(_) => {
                let mut json = Json::default();
                write_generated(&self.world, slot, &item.body, &mut json);
                serde_json::from_str(&json.into_text()).ok()
            }
        }
    }
}

fn carries(data: &Value, identifier: &str) -> bool {
    match data.get("identifier") {
        Some(Value::String(text)) => text == identifier,
        Some(Value::Number(number)) => number.to_string() == identifier,
        _ => false,
    }
}

/// The RPDE id that an item has in its feed.
pub(super) fn rpde_id_of(world: &World, feed: Feed, slot: u32, item: &Item) -> RpdeId {
    match (&item.body, feed) {
        (Body::Published(published), _) => RpdeId::Text(published.rpde_id.clone()),
        (_, Feed::ScheduledSessions) => world.session_rpde_id(slot),
        (_, Feed::SessionSeries) => world.series_rpde_id(slot),
        // Only handed-in items lie in the other feeds.
        _ => RpdeId::Text(String::new()),
    }
}

/// Writes the data of a generated item; nothing for another.
pub(super) fn write_generated(world: &World, slot: u32, body: &Body, json: &mut Json) {
    match body {
        Body::Session(state) => session::write(world, slot, *state, json),
        Body::Series(version) => series::write(world, slot, *version, json),
        Body::Unpublished | Body::Published(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Instant;
    use crate::sandbox::SandboxOptions;
    use serde_json::json;

    fn state(sessions: u32) -> State {
        let options = SandboxOptions { sessions, ..SandboxOptions::default() };
        State::new(World::new(&options, Instant::parse("2026-11-23T10:00:00Z").unwrap()).unwrap())
    }

    #[test]
    fn every_generated_session_is_found_by_its_identifier() {
        let state = state(400);
        let mut without = 0;
        for slot in 0..400 {
            let text = match session::identifier(&state.world, slot) {
                Identifier::None => {
                    without += 1;
                    continue;
                }
                Identifier::Text(text) => text,
                Identifier::Number(number) => number.to_string(),
            };
            let (data, deleted) = state.session_by_identifier(&text).unwrap();
            let link = data.get("@id").or(data.get("id")).unwrap();
            assert_eq!(link.as_str(), Some(state.world.session_link(slot).as_str()), "{text}");
            assert!(!deleted);
        }
        assert_eq!(without, 2);
        assert!(state.session_by_identifier("SES-9999999999").is_none());
    }

    #[test]
    fn handed_in_items_replace_those_of_the_same_id_and_leave_the_rest() {
        let mut state = state(40);
        let id = state.world.session_rpde_id(3).to_text();
        state.publish(Feed::ScheduledSessions, &id, &json!({"identifier": "mine"}), 0);
        state.publish(Feed::ScheduledSessions, "other", &json!({"identifier": 7}), 0);
        assert_eq!(state.feed(Feed::ScheduledSessions).len(), 41);
        assert!(state.session_by_identifier("mine").is_some());
        assert!(state.delete(Feed::ScheduledSessions, "other", 0).is_some());
        assert_eq!(state.session_by_identifier("7").map(|(_, deleted)| deleted), Some(true));
        assert!(state.delete(Feed::ScheduledSessions, "other", 0).is_none(), "deleted already");
        assert!(state.delete(Feed::ScheduledSessions, "unknown", 0).is_none());
    }

    #[test]
    fn series_are_found_by_link_unless_unpublished_or_withdrawn() {
        let mut state = state(2_000);
        let link = state.world.series_link(5);
        assert!(state.series_by_link(&link).is_some());
        let id = state.world.series_rpde_id(5).to_text();
        assert!(state.delete(Feed::SessionSeries, &id, 0).is_some());
        assert!(state.series_by_link(&link).is_none());
        let orphaned = (0..100).find(|number| series::oddity(*number) == Some(Oddity::Unpublished)).unwrap();
        assert!(state.series_by_link(&state.world.series_link(orphaned)).is_none());
    }
}
