//! What the filters' texts mean.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Europe::London;

use crate::cli::failure::Failure;
use crate::domain::Instant;

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
        let high = (self.within_km / 110.5).min(180.0);
        let nearest_pole = (self.latitude.abs() + high).min(89.9);
        let wide = (self.within_km / (110.5 * nearest_pole.to_radians().cos())).min(360.0);
        [self.latitude - high, self.latitude + high, self.longitude - wide, self.longitude + wide]
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

/// An instant with an offset, or a date (and time) on the clocks of Europe/London, or `now`.
pub(super) fn instant(text: &str, now: Instant) -> Result<Instant, Failure> {
    if text == "now" {
        return Ok(now);
    }
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN));
    let date_time = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok();
    let local = || London.from_local_datetime(&date().or_else(date_time)?).earliest();
    Instant::parse(text).or_else(|| local().map(|local| Instant::from_seconds(local.timestamp()))).ok_or_else(|| {
        Failure::settings(format!("{text:?} is no instant; write 2026-12-01T18:00:00Z, 2026-12-01T18:00 or 2026-12-01"))
    })
}

/// A full-text query that asks for each of these words, whatever signs they hold.
pub(super) fn words(text: &str) -> String {
    text.split_whitespace().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect::<Vec<_>>().join(" ")
}
