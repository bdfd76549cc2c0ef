//! RPDE pages: reading a cursor from a query, and rendering items into a page.
//!
//! Owns the paging parameters and the envelope. Fails on a cursor that cannot be read. May use `state` and below.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Feed;
use super::feed::{Body, Content, Entry, Item};
use super::json::Json;
use super::session::{self, Oddity};
use super::state::{State, rpde_id_of, write_generated};
use super::world::{Habit, RpdeId, World};

const LICENSE: &str = "https://creativecommons.org/licenses/by/4.0/";

/// A position in a feed: `afterTimestamp` and `afterId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    modified: i64,
    id: String,
}

impl Cursor {
    /// Reads a query; `Ok(None)` when it holds no position.
    pub(super) fn parse(query: &str) -> Result<Option<Self>, &'static str> {
        let mut modified = None;
        let mut id = String::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "afterTimestamp" => modified = Some(value.parse().map_err(|_| "afterTimestamp is not an integer")?),
                "afterId" => id = value.into_owned(),
                _ => {}
            }
        }
        match modified {
            Some(modified) => Ok(Some(Self { modified, id })),
            None if id.is_empty() => Ok(None),
            None => Err("afterId without afterTimestamp"),
        }
    }
}

/// A page's items, taken out of the state so that they can be rendered without holding it.
#[derive(Debug)]
pub(super) struct PageItems {
    feed: Feed,
    entries: Vec<Entry>,
}

impl PageItems {
    pub(super) fn take(state: &State, feed: Feed, cursor: Option<&Cursor>, limit: usize) -> Self {
        let position = cursor.map(|cursor| (cursor.modified, cursor.id.as_str()));
        let id_of = |slot: u32, item: &Item| rpde_id_of(&state.world, feed, slot, item).to_text();
        Self { feed, entries: state.feed(feed).after(position, limit, id_of) }
    }

    /// Path and query of the next page: the one asked for when there are no items, save that a first page without a
    /// position leads to an explicit one.
    pub(super) fn next(&self, world: &World, asked: &str, cursor: Option<&Cursor>) -> String {
        // The path that was asked, because the sellers' names the broker.
        let mut next = String::from(asked.split('?').next().unwrap_or(self.feed.path()));
        match self.entries.last() {
            Some(Entry { slot, item }) => {
                let id = rpde_id_of(world, self.feed, *slot, item).to_text();
                let id = utf8_percent_encode(&id, NON_ALPHANUMERIC);
                // Writing to a string cannot fail.
                let _ = write!(next, "?afterTimestamp={}&afterId={id}", item.modified);
            }
            None if cursor.is_some() => asked.clone_into(&mut next),
            None => next.push_str("?afterTimestamp=0&afterId="),
        }
        next
    }

    pub(super) fn render(&self, world: &World, next: &str) -> String {
        let bytes_each = if self.feed == Feed::SessionSeries { 4_400 } else { 1_400 };
        let mut json = Json::with_capacity(500 + self.entries.len() * bytes_each);
        json.begin();
        json.text("next", next);
        json.array("items");
        for Entry { slot, item } in &self.entries {
            write_item(world, self.feed, *slot, item, &mut json);
        }
        json.end_array();
        json.text("license", LICENSE);
        json.end();
        json.into_text()
    }
}

fn write_item(world: &World, feed: Feed, slot: u32, item: &Item, json: &mut Json) {
    if let Body::Published(published) = &item.body {
        match &published.content {
            // A tombstone has no data, so there is nothing verbatim left to serve.
            Content::Raw(envelope) if !item.deleted => json.raw(envelope),
            Content::Raw(_) => {
                write_envelope(feed.kind(), &text_id(&published.rpde_id), item, Habit::Plain, None, json);
            }
            Content::Data { kind, json: data } => {
                write_envelope(kind, &text_id(&published.rpde_id), item, Habit::Plain, Some(data), json);
            }
        }
        return;
    }
    let (kind, id, habit) = match feed {
        Feed::ScheduledSessions => {
            if session::oddity(slot) == Some(Oddity::NullBefore) {
                json.raw("null");
            }
            (session::kind(slot), world.session_rpde_id(slot), world.habit(world.parent(slot)))
        }
        _ => (feed.kind(), rpde_id_of(world, feed, slot, item), world.habit(slot)),
    };
    json.begin();
    write_envelope_fields(kind, &id, item, habit, json);
    if !item.deleted {
        json.open_value("data");
        write_generated(world, slot, &item.body, json);
    }
    json.end();
}

fn text_id(id: &str) -> RpdeId {
    RpdeId::Text(id.to_owned())
}

fn write_envelope(kind: &str, id: &RpdeId, item: &Item, habit: Habit, data: Option<&str>, json: &mut Json) {
    json.begin();
    write_envelope_fields(kind, id, item, habit, json);
    if let (Some(data), false) = (data, item.deleted) {
        json.plain("data", data);
    }
    json.end();
}

fn write_envelope_fields(kind: &str, id: &RpdeId, item: &Item, habit: Habit, json: &mut Json) {
    json.text("state", if item.deleted { "deleted" } else { "updated" });
    json.text("kind", kind);
    match id {
        RpdeId::Text(text) => json.text("id", text),
        RpdeId::Integer(number) => json.plain("id", number),
    }
    if habit == Habit::TextModified {
        json.text("modified", &item.modified.to_string());
    } else {
        json.plain("modified", item.modified);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Instant;
    use crate::sandbox::{SandboxOptions, churn};

    fn state(seed: u64, sessions: u32) -> State {
        let options = SandboxOptions { seed, sessions, ..SandboxOptions::default() };
        State::new(World::new(&options, Instant::parse("2026-11-23T10:00:00Z").unwrap()).unwrap())
    }

    /// Every page of a feed, as text, by following `next` until the end.
    fn walk(state: &State, feed: Feed, limit: usize) -> Vec<String> {
        let mut asked = feed.path().to_owned();
        let mut pages = Vec::new();
        loop {
            let query = asked.split_once('?').map_or("", |(_, query)| query);
            let cursor = Cursor::parse(query).unwrap();
            let items = PageItems::take(state, feed, cursor.as_ref(), limit);
            let next = items.next(&state.world, &asked, cursor.as_ref());
            pages.push(items.render(&state.world, &next));
            if next == asked {
                return pages;
            }
            assert!(pages.len() < 10_000, "the walk does not end");
            asked = next;
        }
    }

    fn items(pages: &[String]) -> Vec<Value> {
        let page = |text: &String| serde_json::from_str::<Value>(text).unwrap()["items"].as_array().unwrap().clone();
        pages.iter().flat_map(page).filter(|item| !item.is_null()).collect()
    }

    fn ids(pages: &[String]) -> Vec<String> {
        items(pages).iter().map(|item| item["id"].to_string()).collect()
    }

    #[test]
    fn a_walk_reaches_every_item_exactly_once_in_growing_order_and_ends() {
        let mut state = state(1, 2_000);
        for _ in 0..500 {
            churn::step(&mut state);
        }
        for (feed, limit, published) in [(Feed::ScheduledSessions, 37, 1), (Feed::SessionSeries, 7, 98)] {
            let pages = walk(&state, feed, limit);
            let seen = ids(&pages);
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "{feed:?}");
            if feed == Feed::ScheduledSessions {
                assert_eq!(seen.len(), state.feed(feed).len() as usize);
            } else {
                assert_eq!(seen.len(), published, "two of a hundred series are never published");
            }
            let modified = |item: &Value| match &item["modified"] {
                Value::String(digits) => digits.parse().unwrap(),
                other => other.as_i64().unwrap(),
            };
            let times: Vec<i64> = items(&pages).iter().map(modified).collect();
            assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(pages.last().map(|page| items(std::slice::from_ref(page)).len()), Some(0));
        }
    }

    #[test]
    fn the_same_seed_and_step_give_the_same_bytes_and_another_seed_others() {
        let run = |seed| {
            let mut state = state(seed, 300);
            for _ in 0..200 {
                churn::step(&mut state);
            }
            Feed::ALL.map(|feed| walk(&state, feed, 100))
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn an_update_moves_to_the_end_and_a_deletion_stays_as_a_tombstone() {
        let mut state = state(1, 0);
        let feed = Feed::ScheduledSessions;
        let (first, _) = (
            state.publish(feed, "a/1 +%", &json!({"v": 1}), 50),
            state.publish(feed, "b", &json!({"v": 1, "@type": "Event"}), 50),
        );
        assert_eq!(ids(&walk(&state, feed, 1)), [r#""a/1 +%""#, r#""b""#]);
        assert!(state.publish(feed, "a/1 +%", &json!({"v": 2}), 50) > first);
        let all = items(&walk(&state, feed, 1));
        assert_eq!((all[0]["id"].as_str(), all[0]["kind"].as_str()), (Some("b"), Some("Event")));
        assert_eq!((all[1]["data"]["v"].as_i64(), all.len()), (Some(2), 2));
        state.delete(feed, "b", 50);
        state.publish_raw(feed, r#"{"odd": true}"#.to_owned(), 50);
        let all = items(&walk(&state, feed, 1));
        assert_eq!(all[1]["state"], "deleted");
        assert!(all[1].get("data").is_none());
        assert_eq!(all[2], json!({"odd": true}));
    }

    #[test]
    fn an_empty_feed_takes_one_hop_and_ends() {
        let pages = walk(&state(1, 0), Feed::SessionSeries, 10);
        assert_eq!(pages.len(), 2);
        assert!(pages[0].contains("?afterTimestamp=0&afterId=\""), "{}", pages[0]);
    }

    #[test]
    fn items_have_realistic_sizes() {
        let state = state(1, 2_000);
        for (feed, low, high) in [(Feed::ScheduledSessions, 1_000, 1_400), (Feed::SessionSeries, 3_000, 4_500)] {
            let pages = walk(&state, feed, 1_000);
            let bytes: usize = pages.iter().map(String::len).sum();
            let each = bytes / items(&pages).len();
            assert!((low..high).contains(&each), "{feed:?}: {each} bytes each");
        }
    }

    #[test]
    fn cursors_that_cannot_be_read_are_refused() {
        assert_eq!(Cursor::parse(""), Ok(None));
        assert_eq!(Cursor::parse("limit=5"), Ok(None));
        assert!(Cursor::parse("afterTimestamp=x&afterId=1").is_err());
        assert!(Cursor::parse("afterId=1").is_err());
        let meant = Cursor { modified: 5, id: "a&b+c %".to_owned() };
        assert_eq!(Cursor::parse("afterId=a%26b%2Bc%20%25&afterTimestamp=5"), Ok(Some(meant)));
    }
}
