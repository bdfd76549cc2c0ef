//! Sessions: what each one is, its changing state, and its JSON.
//!
//! Owns the shape of `ScheduledSession` data and the eight bytes that are kept for each session. Cannot fail. May use
//! `world`, `series` and below, and `domain` for instants.

use crate::domain::Instant;

use super::dice::{Dice, Stream};
use super::json::Json;
use super::series::{self, Facts};
use super::world::{Habit, World, number};

/// Stands for a session that publishes no capacity.
const NO_FIGURE: u16 = u16::MAX;

/// The one way in which a session is odd, by its number: 20 to 39 of every 199, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    Cancelled,
    Postponed,
    /// No places left, and the flag says so.
    Full,
    NoIdentifier,
    StartWithoutOffset,
    StartUnreadable,
    StartMissing,
    /// `kind` and type are of no known sort.
    UnknownKind,
    /// A `null` stands before this item.
    NullBefore,
    /// No places left, but the flag is still true.
    FullButFlagged,
    /// The flag is the text "true".
    FlagAsText,
    FlagMissing,
    /// `superEvent` is an object that carries the series' link.
    ParentAsObject,
    NoEnd,
    NoCapacity,
}

const ODDITIES: [Oddity; 20] = [
    Oddity::Cancelled,
    Oddity::Postponed,
    Oddity::Full,
    Oddity::Full,
    Oddity::Full,
    Oddity::Full,
    Oddity::NoIdentifier,
    Oddity::StartWithoutOffset,
    Oddity::StartUnreadable,
    Oddity::StartMissing,
    Oddity::UnknownKind,
    Oddity::NullBefore,
    Oddity::FullButFlagged,
    Oddity::FlagAsText,
    Oddity::FlagMissing,
    Oddity::ParentAsObject,
    Oddity::NoEnd,
    Oddity::NoEnd,
    Oddity::NoCapacity,
    Oddity::NoCapacity,
];

/// The oddity of a session, if it has one.
pub(super) fn oddity(session: u32) -> Option<Oddity> {
    ODDITIES.get((session % 199).checked_sub(20)? as usize).copied()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Scheduled,
    Cancelled,
    Postponed,
}

/// What changes about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionState {
    birth_step: u32,
    remaining: u16,
    status: Status,
}

impl SessionState {
    /// How a session is when it is first published, at `birth_step`.
    pub(super) fn new(world: &World, session: u32, birth_step: u32) -> Self {
        let odd = oddity(session);
        let capacity = series::facts(world, world.parent(session), 0).capacity;
        let taken = world.dice(Stream::Session, session).below(u32::from(capacity));
        let remaining = match odd {
            Some(Oddity::Full | Oddity::FullButFlagged) => 0,
            Some(Oddity::NoCapacity) => NO_FIGURE,
            _ => capacity.saturating_sub(u16::try_from(taken).unwrap_or(0)),
        };
        let status = match odd {
            Some(Oddity::Cancelled) => Status::Cancelled,
            Some(Oddity::Postponed) => Status::Postponed,
            _ => Status::Scheduled,
        };
        Self { birth_step, remaining, status }
    }

    /// `people` book; when there are no places, someone gives two back instead.
    pub(super) fn book(&mut self, people: u16) {
        self.remaining = match self.remaining {
            NO_FIGURE => NO_FIGURE,
            0 => 2,
            left => left.saturating_sub(people),
        };
    }

    /// Calls the session off, or puts it back on.
    pub(super) fn change_status(&mut self, dice: &mut Dice) {
        self.status = match self.status {
            Status::Scheduled if dice.percent(80) => Status::Cancelled,
            Status::Scheduled => Status::Postponed,
            Status::Cancelled | Status::Postponed => Status::Scheduled,
        };
    }
}

/// A session's `identifier`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identifier {
    None,
    Text(String),
    Number(u64),
}

/// The `identifier` of a session: a code, digits, a number, a URL, or something that is hard to put in one.
pub(super) fn identifier(world: &World, session: u32) -> Identifier {
    if oddity(session) == Some(Oddity::NoIdentifier) {
        return Identifier::None;
    }
    let shown = number(session);
    let mut dice = style_dice(world, session);
    let host = || world.host(world.parent(session));
    Identifier::Text(match dice.below(100) {
        0..64 => format!("SES-{shown}"),
        64..74 => shown.to_string(),
        74..82 => return Identifier::Number(shown),
        82..90 => format!("{}/sessions/{shown}", host()),
        90..92 => format!("{}/sessions/Hot Yoga 100%/{shown}", host()),
        92..94 => format!("a+b=c&d#e?f;{shown}"),
        94..96 => format!("🧘 pilates–{shown}"),
        96..98 => format!("the \"big\" one's <b>/{shown}"),
        _ => format!("%2F%20already/encoded%25{shown}"),
    })
}

/// The kind of item that a session claims to be.
pub(super) fn kind(session: u32) -> &'static str {
    if oddity(session) == Some(Oddity::UnknownKind) { "imin:HoverboardHire" } else { "ScheduledSession" }
}

/// Writes the `data` of a session.
pub(super) fn write(world: &World, session: u32, state: SessionState, json: &mut Json) {
    let parent = world.parent(session);
    let facts = series::facts(world, parent, 0);
    let habit = world.habit(parent);
    let odd = oddity(session);
    json.begin();
    series::write_head(habit, kind(session), &world.session_link(session), json);
    match identifier(world, session) {
        Identifier::None => {}
        Identifier::Text(text) => json.text("identifier", &text),
        Identifier::Number(number) => json.plain("identifier", number),
    }
    write_parent(world, parent, habit, odd, json);
    write_times(world, session, state, &facts, json);
    write_flag(state, odd, json);
    let status = match state.status {
        Status::Scheduled => "https://schema.org/EventScheduled",
        Status::Cancelled => "https://schema.org/EventCancelled",
        Status::Postponed => "https://schema.org/EventPostponed",
    };
    json.text("eventStatus", status);
    if state.remaining != NO_FIGURE {
        json.plain("maximumAttendeeCapacity", facts.capacity);
        json.plain("remainingAttendeeCapacity", state.remaining);
    }
    json.text("eventAttendanceMode", series::attendance(&facts));
    if facts.oddity == Some(series::Oddity::Virtual) {
        json.object("beta:virtualLocation");
        json.text("@type", "VirtualLocation");
        json.text("name", "Video call");
        json.end();
    }
    json.text("url", &format!("{}/book/{}/{}", world.host(parent), number(parent), number(session)));
    write_offers(world, session, &facts, json);
    json.end();
}

fn style_dice(world: &World, session: u32) -> Dice {
    let mut dice = world.dice(Stream::Session, session);
    dice.next();
    dice
}

fn write_parent(world: &World, parent: u32, habit: Habit, odd: Option<Oddity>, json: &mut Json) {
    let link = world.series_link(parent);
    if odd == Some(Oddity::ParentAsObject) {
        json.object("superEvent");
        json.text("@type", "SessionSeries");
        json.text(if habit == Habit::OldNames { "id" } else { "@id" }, &link);
        json.end();
    } else {
        json.text("superEvent", &link);
    }
}

fn write_times(world: &World, session: u32, state: SessionState, facts: &Facts, json: &mut Json) {
    let starts = world.starts(session, state.birth_step, facts.second_of_day);
    let ends = starts.plus_seconds(i64::from(facts.minutes) * 60);
    let mut dice = style_dice(world, session);
    dice.next();
    let style = dice.below(100);
    match oddity(session) {
        Some(Oddity::StartMissing) => {}
        Some(Oddity::StartUnreadable) => json.text("startDate", "next Tuesday at 6"),
        Some(Oddity::StartWithoutOffset) => json.text("startDate", cut(&starts.to_string(), 19)),
        _ => json.text("startDate", &date(starts, style)),
    }
    if oddity(session) != Some(Oddity::NoEnd) {
        json.text("endDate", &date(ends, style));
    }
    json.text("duration", &format!("PT{}M", facts.minutes));
}

/// An instant as one of several publishers would write it.
fn date(instant: Instant, style: u32) -> String {
    let text = instant.to_string();
    match style {
        0..8 => format!("{}Z", cut(&text, 16)),
        8..15 => format!("{}.000Z", cut(&text, 19)),
        15..22 => format!("{}+01:00", cut(&instant.plus_seconds(3600).to_string(), 19)),
        _ => text,
    }
}

fn cut(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

fn write_flag(state: SessionState, odd: Option<Oddity>, json: &mut Json) {
    let flag = state.remaining > 0 || odd == Some(Oddity::FullButFlagged);
    match odd {
        Some(Oddity::FlagMissing) => {}
        Some(Oddity::FlagAsText) => json.text("imin:isPotentiallyBookable", "true"),
        _ => json.plain("imin:isPotentiallyBookable", flag),
    }
}

fn write_offers(world: &World, session: u32, facts: &Facts, json: &mut Json) {
    let link = world.session_link(session);
    json.array("offers");
    for (name, pence) in [("Adult", facts.price_pence), ("Junior", facts.price_pence / 2)] {
        json.begin();
        json.text("@type", "Offer");
        json.text("@id", &format!("{link}#/offers/{}", name.to_ascii_lowercase()));
        json.text("name", name);
        json.plain("price", series::pounds(pence));
        json.text("priceCurrency", "GBP");
        json.text("openBookingInAdvance", "https://openactive.io/Required");
        json.end();
    }
    json.end_array();
}
