//! What may happen, and how often.

use bookable::domain::Feed;
use bookable::store::probe::Point;
use proptest::prelude::*;
use proptest::sample::select;

use crate::histories::{Change, changes};

/// What is wrong with an answer.
#[derive(Clone, Debug)]
pub(crate) enum Trick {
    /// Nothing.
    None,
    /// Another status, with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// The body ends in its middle.
    Cut,
    /// The page as it was some changes ago: a cache that is behind.
    Stale(usize),
    /// The first page again, whatever was asked for.
    Repeat,
    /// The items in another order.
    Shuffle,
    /// These of the items are missing, though `next` leads past them.
    Lose(u8),
    /// Elements that are no items stand between them.
    Rubbish,
    /// `next` leads back to the feed's start.
    NextBack,
    /// `next` leads to another host.
    NextElsewhere,
    /// There is no `next`.
    NextMissing,
    /// `next` is the page itself, though there are items.
    NextItself,
}

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The publisher's items change.
    Publish(Vec<Change>),
    /// One of the feeds that ask is answered.
    Answer(usize, Trick),
    /// The writer's turn, with so many pages at the most.
    Write(usize),
    /// The clock goes to this instant.
    Clock(i64),
    /// The clock goes on, or back, by so many seconds.
    Step(i64),
    /// The program ends and starts again, with a broker or without.
    Restart { broker: bool },
    /// The n-th time that this point is reached, the disk fails (or the machine: what is in memory is lost all the same).
    Fail(Point, u64),
    /// The operator asks for a resync.
    Resync,
    /// The publisher counts anew from 1 and forgets its deletions.
    Renumber(Feed),
    /// The publisher no longer knows old positions.
    Expire(Feed),
}

pub(crate) const FEEDS: [Feed; 5] =
    [Feed::ScheduledSessions, Feed::SessionSeries, Feed::Slots, Feed::FacilityUses, Feed::BookableSellers];

fn trick() -> impl Strategy<Value = Trick> {
    let status =
        (select(vec![301, 400, 401, 403, 404, 410, 418, 429, 500, 503]), select(vec![None, Some(3), Some(90_000)]));
    prop_oneof![
        20 => Just(Trick::None),
        2 => status.prop_map(|(status, retry_after)| Trick::Status(status, retry_after)),
        1 => Just(Trick::Cut),
        2 => (1_usize..4).prop_map(Trick::Stale),
        1 => Just(Trick::Repeat),
        1 => Just(Trick::Shuffle),
        1 => any::<u8>().prop_map(Trick::Lose),
        1 => Just(Trick::Rubbish),
        1 => Just(Trick::NextBack),
        1 => Just(Trick::NextElsewhere),
        1 => Just(Trick::NextMissing),
        1 => Just(Trick::NextItself),
    ]
}

/// Around which windows open and close, over the clocks' change of 26 March 2028 and a leap day.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => 1_831_593_600_i64..1_838_500_000,
        1 => select(vec![1_835_546_400, 1_835_546_399, 1_834_941_600, 1_834_941_599, 1_837_645_200, 1_837_645_199]),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let step = prop_oneof![4 => 1_i64..30, 2 => 60_i64..90_000, 1 => -90_000_i64..0];
    prop_oneof![
        5 => changes().prop_map(|mut changes| { changes.truncate(6); Event::Publish(changes) }),
        22 => (any::<usize>(), trick()).prop_map(|(which, trick)| Event::Answer(which, trick)),
        12 => (1_usize..5).prop_map(Event::Write),
        2 => instant().prop_map(Event::Clock),
        6 => step.prop_map(Event::Step),
        2 => prop::bool::weighted(0.6).prop_map(|broker| Event::Restart { broker }),
        3 => (select(&Point::ALL[..]), 1_u64..6).prop_map(|(point, nth)| Event::Fail(point, nth)),
        1 => Just(Event::Resync),
        1 => select(&FEEDS[..]).prop_map(Event::Renumber),
        1 => select(&FEEDS[..]).prop_map(Event::Expire),
    ]
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 20..160)
}
