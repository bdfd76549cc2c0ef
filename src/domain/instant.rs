//! Instants and dates: reading ISO 8601 texts as OpenActive publishers write them, and writing UTC text.
//!
//! An [`Instant`] is a whole second of UTC. A [`FeedDate`] is what a feed's text says: an instant with its fraction and
//! the offset it was written in, because years and months are subtracted on that offset's calendar.

use std::fmt;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};

/// A whole second of UTC, counted from 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// 0001-01-01T00:00:00Z, the earliest instant that the catalogue's text form can show in full.
    pub const EARLIEST: Self = Self(-62_135_596_800);
    /// 9999-12-31T23:59:59Z, the latest instant that the catalogue's text form can show in full.
    pub const LATEST: Self = Self(253_402_300_799);

    /// From seconds since 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }

    /// This instant moved by `seconds`, which may be negative; stops at the ends of the representable range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this instant; negative when `earlier` is the later one.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads a date with an offset, dropping its fraction of a second; `None` where [`FeedDate::parse`] refuses it.
    pub fn parse(text: &str) -> Option<Self> {
        FeedDate::parse(text).ok().map(FeedDate::instant)
    }

    /// The date that an RPDE `modified` is, where it plausibly counts milliseconds since 1970, as most publishers have it:
    /// after 2005, and not a day ahead of `now`. RPDE itself asks only for a number that grows.
    pub fn from_modified(modified: i64, now: Self) -> Option<Self> {
        const PLAUSIBLE_FROM: Instant = Instant(1_104_537_600);
        let date = Self(modified.div_euclid(1000));
        (date >= PLAUSIBLE_FROM && date <= now.plus_seconds(86_400)).then_some(date)
    }

    /// As a chrono date, for calendar work; clamped to the years 1 to 9999.
    pub fn to_utc(self) -> DateTime<Utc> {
        let clamped = self.0.clamp(Self::EARLIEST.0, Self::LATEST.0);
        DateTime::from_timestamp(clamped, 0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`; instants outside the years 1 to 9999 are shown as the nearest one inside.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = digits_of(self.to_utc().naive_utc());
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())?;
        f.write_str("Z")
    }
}

/// `YYYY-MM-DDTHH:MM:SS`. Digit by digit, because millions are written.
fn digits_of(date: NaiveDateTime) -> [u8; 19] {
    let mut text = *b"0000-00-00T00:00:00";
    let year = u32::try_from(date.year()).unwrap_or(0);
    let pairs = [year / 100, year % 100, date.month(), date.day(), date.hour(), date.minute(), date.second()];
    for (at, number) in [0, 2, 5, 8, 11, 14, 17].into_iter().zip(pairs) {
        for (place, digit) in [number / 10 % 10, number % 10].into_iter().enumerate() {
            if let Some(byte) = text.get_mut(at + place) {
                *byte += u8::try_from(digit).unwrap_or(0);
            }
        }
    }
    text
}

/// Why a date text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateError {
    /// Not a date and time in one of the forms of the RPDE profile.
    Unreadable,
    /// A date and time, but without `Z` or an offset, so that it names no instant.
    WithoutOffset,
}

/// A date as a feed wrote it: its instant to the millisecond and the UTC offset of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedDate {
    instant: Instant,
    millis: u16,
    offset_seconds: i32,
}

impl FeedDate {
    /// Reads `YYYY-MM-DDTHH:MM[:SS[.fraction]]` followed by `Z`, `±HH:MM`, `±HHMM` or `±HH` (RPDE 1.0, "Date and time
    /// formats"; fractions are outside the profile but seen). `T` and `Z` may be lower case. A second of 60 is the
    /// first of the next minute. Fractions finer than a millisecond are dropped.
    ///
    /// # Errors
    /// [`DateError::WithoutOffset`] for a date (and time) that would be readable but has no offset, else
    /// [`DateError::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let (date_text, rest) = text.as_bytes().split_at_checked(10).ok_or(DateError::Unreadable)?;
        let date = parse_date(date_text).ok_or(DateError::Unreadable)?;
        let (mark, clock_text) = rest.split_first().ok_or(DateError::WithoutOffset)?;
        if !matches!(mark, b'T' | b't') {
            return Err(DateError::Unreadable);
        }
        let zone_at = clock_text.iter().position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
        let zone_at = zone_at.unwrap_or(clock_text.len());
        let (clock_text, zone_text) = clock_text.split_at_checked(zone_at).ok_or(DateError::Unreadable)?;
        let time = parse_clock(clock_text).ok_or(DateError::Unreadable)?;
        if zone_text.is_empty() {
            return Err(DateError::WithoutOffset);
        }
        let offset_seconds = parse_offset(zone_text).ok_or(DateError::Unreadable)?;
        let midnight = date.and_hms_opt(0, 0, 0).ok_or(DateError::Unreadable)?.and_utc().timestamp();
        let instant = Instant(midnight + time.seconds - i64::from(offset_seconds));
        if instant < Instant::EARLIEST || instant > Instant::LATEST {
            return Err(DateError::Unreadable);
        }
        Ok(Self { instant, millis: time.millis, offset_seconds })
    }

    /// Puts a stored date together again; a fraction of 1,000 or more is taken as 999.
    pub fn from_parts(instant: Instant, millis: u16, offset_seconds: i32) -> Self {
        Self { instant, millis: millis.min(999), offset_seconds }
    }

    /// The whole second in which this date lies.
    pub fn instant(self) -> Instant {
        self.instant
    }

    /// The milliseconds after [`FeedDate::instant`], 0 to 999.
    pub fn millis(self) -> u16 {
        self.millis
    }

    /// The UTC offset of the text, in seconds east.
    pub fn offset_seconds(self) -> i32 {
        self.offset_seconds
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(super) fn as_millis(self) -> i64 {
        self.instant.0.saturating_mul(1000).saturating_add(i64::from(self.millis))
    }

    /// Date and time on the calendar of the text's own offset, without the fraction.
    pub(super) fn local(self) -> Option<NaiveDateTime> {
        let utc = DateTime::from_timestamp(self.instant.0, 0)?.naive_utc();
        utc.checked_add_signed(TimeDelta::seconds(i64::from(self.offset_seconds)))
    }
}

/// `YYYY-MM-DDTHH:MM` on the clocks of Europe/London, for `local_start`.
pub fn london_text(instant: Instant) -> String {
    let local = chrono_tz::Europe::London.from_utc_datetime(&instant.to_utc().naive_utc());
    let digits = digits_of(local.naive_local());
    digits.get(..16).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default().to_owned()
}

/// An instant in RFC 3339 with an offset given in seconds, for explanations.
pub fn offset_text(date: FeedDate) -> String {
    match FixedOffset::east_opt(date.offset_seconds) {
        Some(offset) => date.instant.to_utc().with_timezone(&offset).to_rfc3339(),
        None => date.instant.to_string(),
    }
}

struct ClockTime {
    seconds: i64,
    millis: u16,
}

fn digits(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 9 {
        return None;
    }
    bytes.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn parse_date(bytes: &[u8]) -> Option<NaiveDate> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else { return None };
    let year = i32::try_from(digits(&[y1, y2, y3, y4])?).ok()?;
    let month = u32::try_from(digits(&[m1, m2])?).ok()?;
    let day = u32::try_from(digits(&[d1, d2])?).ok()?;
    NaiveDate::from_ymd_opt(year, month, day)
}

fn parse_clock(bytes: &[u8]) -> Option<ClockTime> {
    let (hour_minute, rest) = bytes.split_at_checked(5)?;
    let [h1, h2, b':', m1, m2] = *hour_minute else { return None };
    let (hour, minute) = (digits(&[h1, h2])?, digits(&[m1, m2])?);
    let (second, millis) = match rest {
        [] => (0, 0),
        [b':', s1, s2] => (digits(&[*s1, *s2])?, 0),
        [b':', s1, s2, b'.' | b',', fraction @ ..] => (digits(&[*s1, *s2])?, parse_fraction(fraction)?),
        _ => return None,
    };
    let valid = hour < 24 && minute < 60 && second <= 60;
    valid.then_some(ClockTime { seconds: hour * 3600 + minute * 60 + second, millis })
}

fn parse_fraction(bytes: &[u8]) -> Option<u16> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| bytes.get(at).map_or(0, |byte| u16::from(byte - b'0'));
    Some(digit(0) * 100 + digit(1) * 10 + digit(2))
}

fn parse_offset(bytes: &[u8]) -> Option<i32> {
    let (sign, hours, minutes) = match *bytes {
        [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, [h1, h2], [b'0', b'0']),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, [h1, h2], [m1, m2]),
        _ => return None,
    };
    let (hours, minutes) = (digits(&hours)?, digits(&minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> String {
        match FeedDate::parse(text) {
            Ok(date) => format!("{}+{}ms", date.instant(), date.millis()),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn dates_are_read_as_the_table_says() {
        let table = [
            ("utc", "2026-11-23T18:00:00Z", "2026-11-23T18:00:00Z+0ms"),
            ("without seconds", "2026-11-23T18:00Z", "2026-11-23T18:00:00Z+0ms"),
            ("milliseconds", "2026-11-23T18:00:00.250Z", "2026-11-23T18:00:00Z+250ms"),
            ("finer fractions are cut", "2026-11-23T18:00:00.1239999Z", "2026-11-23T18:00:00Z+123ms"),
            ("one digit of fraction", "2026-11-23T18:00:00.5+00:00", "2026-11-23T18:00:00Z+500ms"),
            ("offset east", "2026-07-01T18:00:00+01:00", "2026-07-01T17:00:00Z+0ms"),
            ("offset west over midnight", "2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z+0ms"),
            ("offset without colon", "2026-07-01T18:00:00+0100", "2026-07-01T17:00:00Z+0ms"),
            ("offset of hours", "2026-07-01T18:00+01", "2026-07-01T17:00:00Z+0ms"),
            ("odd offset", "2026-07-01T18:00:00+05:45", "2026-07-01T12:15:00Z+0ms"),
            ("leap day", "2028-02-29T10:00:00Z", "2028-02-29T10:00:00Z+0ms"),
            ("leap second", "2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z+0ms"),
            ("no leap day", "2026-02-29T10:00:00Z", "Unreadable"),
            ("no offset", "2026-11-23T18:00:00", "WithoutOffset"),
            ("a date alone", "2026-11-23", "WithoutOffset"),
            ("empty", "", "Unreadable"),
            ("hour 24", "2026-11-23T24:00:00Z", "Unreadable"),
            ("a blank for T", "2026-11-23 18:00:00Z", "Unreadable"),
            ("month 13", "2026-13-23T18:00:00Z", "Unreadable"),
            ("offset out of range", "2026-11-23T18:00:00+24:00", "Unreadable"),
            ("year 0", "0000-12-31T18:00:00Z", "Unreadable"),
            ("words", "next Tuesday at 6", "Unreadable"),
            ("not ascii", "２０２６-11-23T18:00:00Z", "Unreadable"),
            ("trailing text", "2026-11-23T18:00:00Z ", "Unreadable"),
            ("fraction without digits", "2026-11-23T18:00:00.Z", "Unreadable"),
        ];
        for (words, text, expected) in table {
            assert_eq!(instant(text), expected, "{words}: {text}");
        }
    }

    #[test]
    fn london_goes_with_summer_time() {
        let text = |t: &str| london_text(Instant::parse(t).unwrap());
        assert_eq!(text("2026-07-01T17:00:00Z"), "2026-07-01T18:00");
        assert_eq!(text("2026-12-01T17:00:00Z"), "2026-12-01T17:00");
    }

    #[test]
    fn a_modified_that_counts_milliseconds_is_a_date() {
        let now = Instant::parse("2026-11-24T21:00:00Z").unwrap();
        let read = |modified| Instant::from_modified(modified, now).map(|date| date.to_string());
        assert_eq!(read(1_795_000_000_999).as_deref(), Some("2026-11-18T11:06:40Z"));
        let others =
            [("seconds", 1_795_000_000), ("microseconds", 1_795_000_000_000_000), ("a counter", 41), ("odd", -1)];
        for (words, modified) in others.into_iter().chain([("the least", i64::MIN), ("the greatest", i64::MAX)]) {
            assert_eq!(read(modified), None, "{words}");
        }
    }

    #[test]
    fn text_form_is_clamped_to_four_digit_years() {
        assert_eq!(Instant::from_seconds(i64::MIN).to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Instant::from_seconds(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }
}
