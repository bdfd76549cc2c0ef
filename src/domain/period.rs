//! ISO 8601 durations, as far as OpenActive uses them: `P7D`, `P1W`, `PT48H`, `P1M`, `P1Y2M3DT4H5M6S`.
//!
//! What is accepted: upper case, each unit at most once and in order, at least one unit, weeks also beside days, a
//! fraction (`.` or `,`) only in the last unit and only of weeks or smaller. Signs, blanks, lower case and fractions of
//! years or months are refused. Numbers beyond what a calendar can hold are taken as its end.

use chrono::Months;

use super::instant::{FeedDate, Instant};

const MILLIS_A_SECOND: i64 = 1000;
const MILLIS_A_WEEK: i64 = 7 * 86_400 * MILLIS_A_SECOND;

/// A length of time: calendar months (years are twelve), then an exact number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    months: i64,
    millis: i64,
}

impl Period {
    /// Reads an ISO 8601 duration; `None` where it is not one by the rules of this module.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (date_part, time_part) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, time),
            None => (rest, ""),
        };
        let mut reader = Reader { period: Self { months: 0, millis: 0 }, units: 0, fraction_seen: false };
        reader.read(date_part.as_bytes(), &DATE_UNITS)?;
        reader.read(time_part.as_bytes(), &TIME_UNITS)?;
        (reader.units > 0).then_some(reader.period)
    }

    /// The first whole second that is not before `date` less this period. Months are taken off on the calendar of the
    /// date's own UTC offset, the day clamped to the month's end; then the exact part. Never earlier than
    /// [`Instant::EARLIEST`]. (Our policy for `validFromBeforeStartDate`.)
    pub fn before(self, date: FeedDate) -> Instant {
        let Some(start_millis) = self.months_before(date) else { return Instant::EARLIEST };
        let opens_millis = start_millis.saturating_sub(self.millis);
        let seconds =
            opens_millis.div_euclid(MILLIS_A_SECOND) + i64::from(opens_millis.rem_euclid(MILLIS_A_SECOND) > 0);
        Instant::from_seconds(seconds).max(Instant::EARLIEST)
    }

    /// Whole minutes, rounded down; `None` where months make the length depend on the calendar.
    pub fn whole_minutes(self) -> Option<i64> {
        (self.months == 0).then_some(self.millis / (60 * MILLIS_A_SECOND))
    }

    /// Milliseconds since 1970 of `date` less the months; `None` when that lies before the calendar's beginning.
    fn months_before(self, date: FeedDate) -> Option<i64> {
        if self.months == 0 {
            return Some(date.as_millis());
        }
        let months = Months::new(u32::try_from(self.months).ok()?);
        let moved = date.local()?.checked_sub_months(months)?;
        let seconds = moved.and_utc().timestamp() - i64::from(date.offset_seconds());
        Some(seconds.saturating_mul(MILLIS_A_SECOND).saturating_add(i64::from(date.millis())))
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Millis(i64),
}

const DATE_UNITS: [(u8, Unit); 4] = [
    (b'Y', Unit::Months(12)),
    (b'M', Unit::Months(1)),
    (b'W', Unit::Millis(MILLIS_A_WEEK)),
    (b'D', Unit::Millis(MILLIS_A_WEEK / 7)),
];
const TIME_UNITS: [(u8, Unit); 3] = [
    (b'H', Unit::Millis(3600 * MILLIS_A_SECOND)),
    (b'M', Unit::Millis(60 * MILLIS_A_SECOND)),
    (b'S', Unit::Millis(MILLIS_A_SECOND)),
];

struct Reader {
    period: Period,
    units: usize,
    fraction_seen: bool,
}

impl Reader {
    /// Reads `number unit` pairs, each unit later in `table` than the one before.
    fn read(&mut self, mut text: &[u8], table: &[(u8, Unit)]) -> Option<()> {
        let mut allowed = table;
        while !text.is_empty() {
            let at = text.iter().position(u8::is_ascii_alphabetic)?;
            let (number, rest) = text.split_at_checked(at)?;
            let (letter, rest) = rest.split_first()?;
            let place = allowed.iter().position(|(known, _)| known == letter)?;
            let unit = allowed.get(place)?.1;
            allowed = allowed.get(place + 1..)?;
            text = rest;
            self.add(number, unit)?;
        }
        Some(())
    }

    fn add(&mut self, number: &[u8], unit: Unit) -> Option<()> {
        if self.fraction_seen {
            return None;
        }
        let mut parts = number.splitn(2, |byte| matches!(byte, b'.' | b','));
        let (whole, fraction) = (parts.next()?, parts.next());
        let count = saturating_number(whole)?;
        match (unit, fraction) {
            (Unit::Months(months), None) => {
                self.period.months = self.period.months.saturating_add(count.saturating_mul(months));
            }
            (Unit::Months(_), Some(_)) => return None,
            (Unit::Millis(millis), fraction) => {
                let part = fraction.map_or(Some(0), |digits| fraction_of(digits, millis))?;
                let total = count.saturating_mul(millis).saturating_add(part);
                self.period.millis = self.period.millis.saturating_add(total);
            }
        }
        self.fraction_seen = fraction.is_some();
        self.units += 1;
        Some(())
    }
}

fn saturating_number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_i64, |sum, byte| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0'))))
}

/// `0.digits` of `unit_millis`, cut to the millisecond; digits beyond the twelfth change nothing.
fn fraction_of(digits: &[u8], unit_millis: i64) -> Option<i64> {
    saturating_number(digits)?;
    let kept = digits.get(..digits.len().min(12))?;
    let numerator = i128::from(saturating_number(kept)?);
    let denominator = 10_i128.pow(u32::try_from(kept.len()).ok()?);
    i64::try_from(numerator * i128::from(unit_millis) / denominator).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(start: &str, period: &str) -> String {
        match Period::parse(period) {
            Some(period) => period.before(FeedDate::parse(start).unwrap()).to_string(),
            None => "not a period".to_owned(),
        }
    }

    #[test]
    fn periods_before_a_start() {
        let table = [
            ("seven days are exact", "2026-04-02T18:00:00Z", "P7D", "2026-03-26T18:00:00Z"),
            ("a week is seven days", "2026-04-02T18:00:00Z", "P1W", "2026-03-26T18:00:00Z"),
            ("weeks beside days", "2026-04-23T18:00:00Z", "P3W2D", "2026-03-31T18:00:00Z"),
            ("hours", "2026-04-02T18:00:00Z", "PT48H", "2026-03-31T18:00:00Z"),
            ("minutes are not months", "2026-04-02T18:00:00Z", "PT1M", "2026-04-02T17:59:00Z"),
            ("a month", "2026-04-02T18:00:00Z", "P1M", "2026-03-02T18:00:00Z"),
            ("a month's end is clamped", "2026-03-31T18:00:00Z", "P1M", "2026-02-28T18:00:00Z"),
            ("clamped to a leap day", "2028-03-31T18:00:00Z", "P1M", "2028-02-29T18:00:00Z"),
            ("a year before a leap day", "2028-02-29T18:00:00Z", "P1Y", "2027-02-28T18:00:00Z"),
            ("four years before a leap day", "2028-02-29T18:00:00Z", "P4Y", "2024-02-29T18:00:00Z"),
            ("months on the offset's calendar", "2026-04-01T00:30:00+01:00", "P1M", "2026-02-28T23:30:00Z"),
            ("the same instant in UTC", "2026-03-31T23:30:00Z", "P1M", "2026-02-28T23:30:00Z"),
            ("offset calendar clamps elsewhere", "2026-03-31T00:30:00+01:00", "P1M", "2026-02-27T23:30:00Z"),
            ("months first, then days", "2026-03-31T18:00:00Z", "P1M1D", "2026-02-27T18:00:00Z"),
            ("all units", "2026-12-31T23:59:59Z", "P1Y2M3DT4H5M6S", "2025-10-28T19:54:53Z"),
            ("a fraction of the last unit", "2026-04-02T18:00:00Z", "P1.5D", "2026-04-01T06:00:00Z"),
            ("a comma as the point", "2026-04-02T18:00:00Z", "PT0,5S", "2026-04-02T18:00:00Z"),
            ("a start's fraction opens a second later", "2026-04-02T18:00:00.25Z", "P1D", "2026-04-01T18:00:01Z"),
            ("nothing at all", "2026-04-02T18:00:00Z", "P0D", "2026-04-02T18:00:00Z"),
            ("longer than the calendar", "2026-04-02T18:00:00Z", "P99999999999999999999Y", "0001-01-01T00:00:00Z"),
            ("more days than time", "2026-04-02T18:00:00Z", "P99999999999999999999D", "0001-01-01T00:00:00Z"),
        ];
        for (words, start, period, expected) in table {
            assert_eq!(opens(start, period), expected, "{words}: {period} before {start}");
        }
    }

    #[test]
    fn texts_that_are_no_period() {
        for text in [
            "", "P", "PT", "P1DT", "7", "7D", "P7", "p7d", "P 7D", " P7D", "P7D ", "-P7D", "P-7D", "+P7D", "P7DT",
            "P1D1Y", "P1M1Y", "P1D1D", "PT1S1H", "P1H", "PT1D", "P0.5M", "P1.5Y", "P1.5DT1H", "P1.D", "P.5D", "P７D",
            "1 week", "P1X", "P1DT1H1", "PT1H T", "é", "Pé",
        ] {
            assert_eq!(Period::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn minutes_of_a_duration() {
        let minutes = |text: &str| Period::parse(text).unwrap().whole_minutes();
        assert_eq!(minutes("PT1H"), Some(60));
        assert_eq!(minutes("PT3H8M59S"), Some(188));
        assert_eq!(minutes("P1D"), Some(1440));
        assert_eq!(minutes("P1M"), None);
    }
}
