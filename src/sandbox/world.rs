//! The synthetic world: who runs what, where and when, worked out anew from (seed, number) whenever it is asked for.
//!
//! Owns the centres, the habits of operators, and the numbering of items. Every identifier that the world makes ends in
//! ten digits, from which its number can be read again, so no table of identifiers is kept. Fails only when the stock
//! cannot be loaded. May use `domain` for instants.

use crate::domain::Instant;

use super::dice::{Dice, Stream};
use super::stock::{Operator, Stock, Town};
use super::{SandboxError, SandboxOptions};

/// Added to an item's number so that it always has ten digits.
pub(super) const NUMBER_BASE: u64 = 1_000_000_000;
/// More sessions than this are refused.
pub(super) const SESSIONS_MAX: u32 = 10_000_000;

const SESSIONS_PER_SERIES: u32 = 20;
const CENTRES_PER_TOWN: usize = 3;
const SWAPPED_CENTRE: usize = 11;
const ZERO_CENTRE: usize = 17;
const UNPLACED_CENTRE: usize = 23;

/// In what way of its own an operator publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Plain,
    /// `id` and `type` instead of `@id` and `@type`.
    OldNames,
    /// RPDE ids are JSON integers.
    IntegerIds,
    /// `modified` is a string of digits.
    TextModified,
    /// `imin:aggregateOffer` lies on the embedded `EventSeries`.
    OfferOnEvent,
    /// RPDE ids hold characters that a cursor must escape.
    HardIds,
}

/// An invented place in a real town.
#[derive(Debug)]
pub(super) struct Centre {
    pub(super) name: String,
    pub(super) street: String,
    pub(super) position: Option<(f64, f64)>,
    operator: usize,
    town: usize,
}

/// An RPDE id as it stands in the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RpdeId {
    Text(String),
    Integer(u64),
}

impl RpdeId {
    /// As it stands in `afterId`.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
        }
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) start: Instant,
    pub(super) sessions: u32,
    pub(super) series: u32,
    pub(super) slots: u32,
    pub(super) step_millis: i64,
    pub(super) stock: Stock,
    centres: Vec<Centre>,
}

impl World {
    pub(super) fn new(options: &SandboxOptions, start: Instant) -> Result<Self, SandboxError> {
        let sessions = options.sessions;
        let most = sessions.max(options.slots);
        if most > SESSIONS_MAX {
            return Err(SandboxError::TooManySessions { asked: most, max: SESSIONS_MAX });
        }
        let stock = Stock::load()?;
        let centres = (0..stock.towns.len() * CENTRES_PER_TOWN).map(|at| centre(options.seed, &stock, at)).collect();
        let series = if sessions == 0 { 0 } else { (sessions / SESSIONS_PER_SERIES).max(1) };
        let step_millis = step_millis(options.churn_per_second);
        Ok(Self { seed: options.seed, start, sessions, series, slots: options.slots, step_millis, stock, centres })
    }

    pub(super) fn dice(&self, stream: Stream, number: u32) -> Dice {
        Dice::new(self.seed, stream, u64::from(number))
    }

    /// When step `step` happens, in milliseconds since 1970.
    pub(super) fn step_time_millis(&self, step: u32) -> i64 {
        self.start.as_seconds().saturating_mul(1000).saturating_add(self.step_millis.saturating_mul(i64::from(step)))
    }

    /// The series that a session belongs to.
    pub(super) fn parent(&self, session: u32) -> u32 {
        if session < self.sessions {
            session % self.series.max(1)
        } else {
            self.dice(Stream::Parent, session).below(self.series)
        }
    }

    /// When a session starts: on its series' hour, on days of its own.
    ///
    /// Sessions of the beginning lie from three days back to four weeks ahead; later ones within four weeks of `birth`.
    pub(super) fn starts(&self, session: u32, birth_step: u32, second_of_day: u32) -> Instant {
        let born = Instant::from_seconds(self.step_time_millis(birth_step).div_euclid(1000));
        let midnight = born.plus_seconds(-born.as_seconds().rem_euclid(86_400));
        let day = if session < self.sessions {
            i64::from(session / self.series.max(1)) * 31 / i64::from(SESSIONS_PER_SERIES) - 3
        } else {
            i64::from(self.dice(Stream::Start, session).below(27)) + 1
        };
        midnight.plus_seconds(day * 86_400 + i64::from(second_of_day))
    }

    pub(super) fn centre(&self, centre: usize) -> Option<&Centre> {
        self.centres.get(centre)
    }

    pub(super) fn centre_of_series(&self, series: u32) -> usize {
        let count = u32::try_from(self.centres.len()).unwrap_or(u32::MAX);
        self.dice(Stream::Places, series).below(count) as usize
    }

    fn operator_number(&self, series: u32) -> usize {
        self.centre(self.centre_of_series(series)).map_or(0, |centre| centre.operator)
    }

    pub(super) fn operator(&self, series: u32) -> Option<&Operator> {
        self.stock.operators.get(self.operator_number(series))
    }

    pub(super) fn town(&self, centre: &Centre) -> Option<&Town> {
        self.stock.towns.get(centre.town)
    }

    pub(super) fn habit(&self, series: u32) -> Habit {
        match self.operator_number(series) {
            3 => Habit::OldNames,
            4 => Habit::IntegerIds,
            5 => Habit::TextModified,
            6 => Habit::OfferOnEvent,
            7 => Habit::HardIds,
            _ => Habit::Plain,
        }
    }

    /// The operator's host, under a top-level domain that never exists.
    pub(super) fn host(&self, series: u32) -> String {
        format!("https://{}.example", self.operator(series).map_or("nobody", |operator| operator.key.as_str()))
    }

    pub(super) fn series_link(&self, series: u32) -> String {
        format!("{}/api/session-series/{}", self.host(series), number(series))
    }

    pub(super) fn session_link(&self, session: u32) -> String {
        format!("{}/api/scheduled-sessions/{}", self.host(self.parent(session)), number(session))
    }

    pub(super) fn series_rpde_id(&self, series: u32) -> RpdeId {
        self.rpde_id(self.habit(series), "series", series)
    }

    pub(super) fn session_rpde_id(&self, session: u32) -> RpdeId {
        self.rpde_id(self.habit(self.parent(session)), "session", session)
    }

    fn rpde_id(&self, habit: Habit, noun: &str, item: u32) -> RpdeId {
        match habit {
            Habit::IntegerIds => RpdeId::Integer(number(item)),
            Habit::HardIds => RpdeId::Text(format!("{noun}|a&b+c %41#{}", number(item))),
            _ => RpdeId::Text(format!("{noun}:{:08x}-{}", self.seed & 0xFFFF_FFFF, number(item))),
        }
    }
}

/// An item's number as it is shown.
pub(super) fn number(item: u32) -> u64 {
    NUMBER_BASE + u64::from(item)
}

/// Reads the number off the end of an identifier that the world may have made.
pub(super) fn trailing_number(text: &str) -> Option<u32> {
    let at = text.len().checked_sub(10)?;
    let digits = text.get(at..)?;
    let shown: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    u32::try_from(shown.checked_sub(NUMBER_BASE)?).ok()
}

fn centre(seed: u64, stock: &Stock, at: usize) -> Centre {
    let mut dice = Dice::new(seed, Stream::Centre, at as u64);
    let operators = u32::try_from(stock.operators.len()).unwrap_or(u32::MAX);
    let town = at % stock.towns.len().max(1);
    let street = format!("{} {}", dice.below(180) + 1, dice.pick(&stock.streets));
    let (north, east) = (f64::from(dice.below(3000)), f64::from(dice.below(3000)));
    let position = stock.towns.get(town).and_then(|town| {
        let latitude = rounded(town.latitude + (north - 1500.0) / 100_000.0);
        let longitude = rounded(town.longitude + (east - 1500.0) / 100_000.0);
        match at {
            SWAPPED_CENTRE => Some((longitude, latitude)),
            ZERO_CENTRE => Some((0.0, 0.0)),
            UNPLACED_CENTRE => None,
            _ => Some((latitude, longitude)),
        }
    });
    let operator = if at < stock.operators.len() { at } else { dice.below(operators) as usize };
    Centre { name: dice.pick(&stock.centres).to_owned(), street, position, operator, town }
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e5).round() / 1e5
}

/// How far apart steps are; half a second in a world that stands still and is stepped by hand.
fn step_millis(churn_per_second: f64) -> i64 {
    if churn_per_second.is_nan() || churn_per_second <= 0.0 {
        return 500;
    }
    let millis = (1000.0 / churn_per_second).clamp(1.0, 86_400_000.0);
    #[expect(clippy::cast_possible_truncation, reason = "clamped to a day of milliseconds just above")]
    let whole = millis as i64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(sessions: u32) -> World {
        let options = SandboxOptions { sessions, ..SandboxOptions::default() };
        World::new(&options, Instant::parse("2026-11-23T10:00:00Z").unwrap()).unwrap()
    }

    #[test]
    fn numbers_are_read_off_identifiers() {
        let world = world(2_000);
        for item in [0, 7, 1_999, 123_456] {
            assert_eq!(trailing_number(&world.series_rpde_id(item).to_text()), Some(item));
            assert_eq!(trailing_number(&world.session_link(item)), Some(item));
        }
        for foreign in ["", "12345", "0000000001", "é23456789", "abc1000000000x"] {
            assert_eq!(trailing_number(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn sessions_of_a_series_fall_on_days_from_three_back_to_four_weeks_ahead() {
        let world = world(2_000);
        let days: Vec<i64> = (0..20)
            .map(|week| world.starts(week * 100, 0, 0).seconds_since(world.start.plus_seconds(-36_000)) / 86_400)
            .collect();
        assert_eq!((days.first(), days.last()), (Some(&-3), Some(&26)));
        assert!(days.windows(2).all(|pair| pair[0] < pair[1]), "{days:?}");
    }

    #[test]
    fn every_habit_and_every_broken_position_occurs() {
        let world = world(2_000);
        let habits = [Habit::OldNames, Habit::IntegerIds, Habit::TextModified, Habit::OfferOnEvent, Habit::HardIds];
        for habit in habits {
            assert!((0..world.series).any(|series| world.habit(series) == habit), "{habit:?}");
        }
        assert_eq!(world.centre(ZERO_CENTRE).unwrap().position, Some((0.0, 0.0)));
        assert_eq!(world.centre(UNPLACED_CENTRE).unwrap().position, None);
        assert!(world.centre(SWAPPED_CENTRE).unwrap().position.unwrap().0 < 2.0);
    }

    #[test]
    fn too_many_sessions_are_refused() {
        let options = SandboxOptions { sessions: SESSIONS_MAX + 1, ..SandboxOptions::default() };
        assert!(matches!(World::new(&options, Instant::EARLIEST), Err(SandboxError::TooManySessions { .. })));
    }
}
