//! What the filters' texts mean. Pure; a text that means nothing is wrong usage (exit code 2).

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Europe::London;

use crate::cli::args::Search;
use crate::cli::failure::Failure;
use crate::domain::Instant;

/// A kilometre's share of a degree of latitude is at most one of this many; a little less than the truth, to be safe.
const KM_A_DEGREE: f64 = 110.5;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    /// Around a point.
    pub(super) near: Option<Near>,
    /// Starting at or after this instant.
    pub(super) from: Option<Instant>,
    /// Starting before this instant.
    pub(super) until: Option<Instant>,
    /// A full-text query.
    pub(super) words: Option<String>,
    /// An activity's whole label, in any case.
    pub(super) activity: Option<String>,
    /// At most this many.
    pub(super) limit: u32,
}

impl Question {
    /// Makes a question of what was typed.
    pub(super) fn understand(typed: &Search, now: Instant) -> Result<Self, Failure> {
        let near = typed.near.as_deref().map(|point| Near::parse(point, &typed.within)).transpose()?;
        let read = |flag: &str, text: &Option<String>| text.as_deref().map(|text| instant(flag, text, now)).transpose();
        Ok(Self {
            near,
            from: read("--from", &typed.from)?,
            until: read("--until", &typed.until)?,
            words: typed.words.as_deref().map(words).transpose()?,
            activity: typed.activity.as_deref().map(|label| label.trim().to_owned()),
            limit: typed.limit,
        })
    }
}

/// A point and a distance around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) within_km: f64,
}

impl Near {
    pub(super) fn parse(point: &str, within: &str) -> Result<Self, Failure> {
        let wrong = || Failure::settings(format!("--near {point:?} is no LATITUDE,LONGITUDE, such as 53.80,-1.55"));
        let (latitude, longitude) = point.split_once(',').ok_or_else(wrong)?;
        let latitude: f64 = latitude.trim().parse().map_err(|_| wrong())?;
        let longitude: f64 = longitude.trim().parse().map_err(|_| wrong())?;
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Err(wrong());
        }
        Ok(Self { latitude, longitude, within_km: kilometres(within)? })
    }

    /// Lowest and highest latitude, lowest and highest longitude of a box that holds everything within the distance.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let high = self.within_km / KM_A_DEGREE;
        let (low_latitude, high_latitude) = (self.latitude - high, self.latitude + high);
        // Over a pole every longitude is near; over the 180th meridian the box would be two, so it goes all round.
        if low_latitude <= -89.0 || high_latitude >= 89.0 {
            return [low_latitude, high_latitude, -180.0, 180.0];
        }
        let nearest_pole = self.latitude.abs() + high;
        let wide = high / nearest_pole.to_radians().cos();
        let (low_longitude, high_longitude) = (self.longitude - wide, self.longitude + wide);
        if low_longitude < -180.0 || high_longitude > 180.0 {
            return [low_latitude, high_latitude, -180.0, 180.0];
        }
        [low_latitude, high_latitude, low_longitude, high_longitude]
    }
}

fn kilometres(text: &str) -> Result<f64, Failure> {
    let wrong = || Failure::settings(format!("--within {text:?} is no distance; write 500m, 5km or 3mi"));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "km" => 1.0,
        "m" => 0.001,
        "mi" => 1.609_344,
        _ => return Err(wrong()),
    };
    if number.is_finite() && number > 0.0 { Ok(number * factor) } else { Err(wrong()) }
}

/// An instant with an offset, or a date (and time) on the clocks of Europe/London, or `now`. A time that comes twice is
/// the earlier one; a time that is left out when the clocks go forward is the hour after.
fn instant(flag: &str, text: &str, now: Instant) -> Result<Instant, Failure> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN));
    let date_time = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok();
    let local = || {
        let local = date().or_else(date_time)?;
        let instant = London.from_local_datetime(&local).earliest();
        instant.or_else(|| London.from_local_datetime(&local.checked_add_signed(TimeDelta::hours(1))?).earliest())
    };
    Instant::parse(text).or_else(|| local().map(|local| Instant::from_seconds(local.timestamp()))).ok_or_else(|| {
        let forms = "2026-12-01T18:00:00Z, 2026-12-01T18:00, 2026-12-01 or now";
        Failure::settings(format!("{flag} {text:?} is no instant; write {forms}"))
    })
}

/// A full-text query that asks for each of these words, whatever signs they hold.
fn words(text: &str) -> Result<String, Failure> {
    if !text.contains(char::is_alphanumeric) {
        return Err(Failure::settings(format!("--words {text:?} holds no word")));
    }
    Ok(text.split_whitespace().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect::<Vec<_>>().join(" "))
}
