//! When: the words, times and dates that people write, on the clocks of Europe/London. Pure: `now` is an argument.
//!
//! A time that the clocks show twice is the first of the two; one that they leave out is the hour after.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Weekday};
use chrono_tz::{Europe::London, Tz};

use crate::domain::Instant;

/// What may be written, for people.
pub(super) const FORMS: &str = "now, today, tonight, tomorrow, a weekday, weekend, 18:00, \"sunday 18:00\", +2h, \
    2026-12-01, 2026-12-01T18:00 or 2026-12-01T18:00:00Z";

/// Tonight begins at this hour.
const EVENING_HOUR: u32 = 18;

/// What a text names: of a day or days all of it, from midnight to midnight; of an instant nothing but itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) begins: Instant,
    /// Not in it any more, where it has a length.
    pub(super) ends: Instant,
}

impl Span {
    const fn at(instant: Instant) -> Self {
        Self { begins: instant, ends: instant }
    }

    /// The days from `first` on.
    fn days(first: NaiveDate, days: u64) -> Option<Self> {
        let midnight = |date: NaiveDate| at(date.and_time(NaiveTime::MIN));
        let end = first.checked_add_days(Days::new(days)).and_then(midnight).unwrap_or(Instant::LATEST);
        Some(Self { begins: midnight(first)?, ends: end })
    }
}

/// Reads a text; `None` where it means nothing. Today, tonight and tomorrow follow from `now`; weekdays, times of day and `+2h`
/// are the next after `anchor`, which is `now` or later.
pub(super) fn span(text: &str, now: Instant, anchor: Instant) -> Option<Span> {
    let text = text.trim().to_ascii_lowercase();
    let today = local(now).date_naive();
    match text.as_str() {
        "now" => return Some(Span::at(now)),
        "tonight" => {
            let evening = at(today.and_hms_opt(EVENING_HOUR, 0, 0)?)?;
            return Some(Span { begins: evening, ..Span::days(today, 1)? });
        }
        "weekend" => {
            let day = local(anchor).date_naive();
            let saturday = if day.weekday() == Weekday::Sun { day.pred_opt()? } else { next_day(day, Weekday::Sat)? };
            return Span::days(saturday, 2);
        }
        _ => {}
    }
    if let Some(ahead) = text.strip_prefix('+') {
        return plus(ahead, anchor).map(Span::at);
    }
    if let Some(instant) = Instant::parse(&text) {
        return Some(Span::at(instant));
    }
    if let Some(time) = time_of_day(&text) {
        return next_time(time, anchor).map(Span::at);
    }
    if let Some(date) = day(&text, today, anchor) {
        return Span::days(date, 1);
    }
    let (date, time) = text.rsplit_once([' ', 't'])?;
    at(day(date.trim_end(), today, anchor)?.and_time(time_of_day(time)?)).map(Span::at)
}

fn day(text: &str, today: NaiveDate, anchor: Instant) -> Option<NaiveDate> {
    match text {
        "today" => return Some(today),
        "tomorrow" => return today.succ_opt(),
        _ => {}
    }
    if let Ok(weekday) = text.parse::<Weekday>() {
        return next_day(local(anchor).date_naive(), weekday);
    }
    let digits_first = text.starts_with(|c: char| c.is_ascii_digit());
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| digits_first && date.year() <= 9999)
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(hours.len(), 1 | 2) || minutes.len() != 2 || !digits(hours) || !digits(minutes) {
        return None;
    }
    NaiveTime::from_hms_opt(hours.parse().ok()?, minutes.parse().ok()?, 0)
}

/// `30m` and `2h` are as long as they are; `3d` and `1w` lead to the same time of day.
fn plus(text: &str, anchor: Instant) -> Option<Instant> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let number: u32 = number.parse().ok()?;
    let days = |days: u64| {
        let local = local(anchor).naive_local().checked_add_days(Days::new(days))?;
        at(local)
    };
    let instant = match unit {
        "m" | "min" => anchor.plus_seconds(i64::from(number) * 60),
        "h" => anchor.plus_seconds(i64::from(number) * 3600),
        "d" => days(u64::from(number))?,
        "w" => days(u64::from(number) * 7)?,
        _ => return None,
    };
    (instant <= Instant::LATEST).then_some(instant)
}

/// The first day of that name that is not before `day`.
fn next_day(day: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    let ahead = weekday.days_since(day.weekday());
    day.checked_add_days(Days::new(u64::from(ahead)))
}

/// When the clocks next show that time, `anchor` included.
fn next_time(time: NaiveTime, anchor: Instant) -> Option<Instant> {
    let today = local(anchor).date_naive();
    let shown = [today, today.succ_opt()?].into_iter().flat_map(|date| {
        let shown = London.from_local_datetime(&date.and_time(time));
        let second = shown.latest().map(|second| Instant::from_seconds(second.timestamp()));
        [at(date.and_time(time)), second].into_iter().flatten()
    });
    shown.into_iter().find(|instant| *instant >= anchor)
}

fn local(instant: Instant) -> DateTime<Tz> {
    instant.to_utc().with_timezone(&London)
}

/// The instant at which the clocks of London show this.
fn at(shown: NaiveDateTime) -> Option<Instant> {
    let first = |shown: &NaiveDateTime| London.from_local_datetime(shown).earliest();
    let instant = first(&shown).or_else(|| first(&shown.checked_add_signed(TimeDelta::hours(1))?))?;
    Some(Instant::from_seconds(instant.timestamp())).filter(|instant| *instant <= Instant::LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, now: &str, anchor: &str) -> Option<(String, String)> {
        let instant = |text: &str| Instant::parse(text).unwrap();
        span(text, instant(now), instant(anchor)).map(|span| (span.begins.to_string(), span.ends.to_string()))
    }

    #[test]
    fn what_people_write_is_understood() {
        // Monday 23 November 2026, winter; Friday 17 July 2026, summer (one hour ahead of UTC).
        let (winter, summer) = ("2026-11-23T12:00:00Z", "2026-07-17T22:30:00Z");
        let table = [
            (winter, "now", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            (winter, "today", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
            (winter, "Tonight", "2026-11-23T18:00:00Z", "2026-11-24T00:00:00Z"),
            (winter, " tomorrow ", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"),
            (winter, "monday", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
            (winter, "Sun", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"),
            (winter, "weekend", "2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z"),
            (winter, "18:00", "2026-11-23T18:00:00Z", "2026-11-23T18:00:00Z"),
            (winter, "9:30", "2026-11-24T09:30:00Z", "2026-11-24T09:30:00Z"),
            (winter, "12:00", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            (winter, "sunday 18:00", "2026-11-29T18:00:00Z", "2026-11-29T18:00:00Z"),
            (winter, "tomorrow  7:15", "2026-11-24T07:15:00Z", "2026-11-24T07:15:00Z"),
            (winter, "+90m", "2026-11-23T13:30:00Z", "2026-11-23T13:30:00Z"),
            (winter, "+2h", "2026-11-23T14:00:00Z", "2026-11-23T14:00:00Z"),
            (winter, "+1w", "2026-11-30T12:00:00Z", "2026-11-30T12:00:00Z"),
            (winter, "2026-12-01", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
            (winter, "2026-12-01T18:00:00+01:00", "2026-12-01T17:00:00Z", "2026-12-01T17:00:00Z"),
            (winter, "2026-12-01t18:00", "2026-12-01T18:00:00Z", "2026-12-01T18:00:00Z"),
            (winter, "2026-07-01", "2026-06-30T23:00:00Z", "2026-07-01T23:00:00Z"),
            (winter, "2026-07-01 18:30", "2026-07-01T17:30:00Z", "2026-07-01T17:30:00Z"),
            (winter, "9999-12-31", "9999-12-31T00:00:00Z", "9999-12-31T23:59:59Z"),
            (summer, "today", "2026-07-16T23:00:00Z", "2026-07-17T23:00:00Z"),
            (summer, "tonight", "2026-07-17T17:00:00Z", "2026-07-17T23:00:00Z"),
            (summer, "weekend", "2026-07-17T23:00:00Z", "2026-07-19T23:00:00Z"),
            ("2026-07-17T23:30:00Z", "today", "2026-07-17T23:00:00Z", "2026-07-18T23:00:00Z"),
            ("2026-07-17T23:30:00Z", "weekend", "2026-07-17T23:00:00Z", "2026-07-19T23:00:00Z"),
            ("2026-07-19T12:00:00Z", "weekend", "2026-07-17T23:00:00Z", "2026-07-19T23:00:00Z"),
            ("2026-12-31T12:00:00Z", "tomorrow", "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
        ];
        for (now, text, begins, ends) in table {
            assert_eq!(read(text, now, now), Some((begins.to_owned(), ends.to_owned())), "{text} at {now}");
        }
    }

    #[test]
    fn the_clocks_change() {
        // Forward on Sunday 29 March 2026 at 01:00 UTC, back on Sunday 25 October 2026 at 01:00 UTC.
        let (saturday, october) = ("2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z");
        let table = [
            (saturday, "sunday", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"),
            (saturday, "weekend", "2026-03-28T00:00:00Z", "2026-03-29T23:00:00Z"),
            (saturday, "tomorrow 01:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"),
            (saturday, "01:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"),
            (saturday, "+1d", "2026-03-29T11:00:00Z", "2026-03-29T11:00:00Z"),
            (saturday, "+24h", "2026-03-29T12:00:00Z", "2026-03-29T12:00:00Z"),
            ("2026-03-29T00:59:00Z", "2:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            ("2026-03-29T00:30:00Z", "tonight", "2026-03-29T17:00:00Z", "2026-03-29T23:00:00Z"),
            (october, "sunday", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"),
            (october, "tomorrow 01:30", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),
            (october, "+1d", "2026-10-25T13:00:00Z", "2026-10-25T13:00:00Z"),
            (october, "+24h", "2026-10-25T12:00:00Z", "2026-10-25T12:00:00Z"),
            // 01:45 on the clocks, for the first time and for the second.
            ("2026-10-25T00:45:00Z", "01:30", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"),
            ("2026-10-25T01:45:00Z", "01:30", "2026-10-26T01:30:00Z", "2026-10-26T01:30:00Z"),
            ("2026-10-25T00:45:00Z", "today", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"),
        ];
        for (now, text, begins, ends) in table {
            let found = read(text, now, now).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found, (begins.to_owned(), ends.to_owned()), "{text} at {now}");
        }
    }

    #[test]
    fn what_comes_after_an_anchor_counts_from_it() {
        // On a Tuesday, after the Friday that was asked for.
        let (now, friday) = ("2026-11-24T20:00:00Z", "2026-11-27T00:00:00Z");
        let table = [
            ("monday", "2026-11-30T00:00:00Z"),
            ("weekend", "2026-11-28T00:00:00Z"),
            ("18:00", "2026-11-27T18:00:00Z"),
            ("+2h", "2026-11-27T02:00:00Z"),
            ("today", "2026-11-24T00:00:00Z"),
            ("tomorrow", "2026-11-25T00:00:00Z"),
        ];
        for (text, begins) in table {
            assert_eq!(read(text, now, friday).unwrap().0, begins, "{text}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let now = "2026-11-24T20:00:00Z";
        let table = [
            "",
            "tomorrow-ish",
            "2026-02-30",
            "24:00",
            "18",
            "18:5",
            "18:000",
            "+",
            "+2",
            "+h",
            "+2y",
            "-2h",
            "+4294967295w",
            "+99999999999h",
            "sunday sunday",
            "18:00 sunday",
            "+12026-12-01",
            "99999-01-01",
            "sun day",
            "é:30",
            "2026-12-01T25:00",
        ];
        for text in table {
            assert_eq!(read(text, now, now), None, "{text}");
        }
    }
}
