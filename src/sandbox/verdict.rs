//! Whether a session or slot may be booked right now, judged from its published data alone, for the checkout page.
//!
//! Owns the sandbox's own reading of the three rules; it shares no code with the rules in `domain`, so that each can
//! show the other wrong. Fails by giving the reason. May use `domain` for instants.

use chrono::{DateTime, FixedOffset, Months, TimeDelta};
use serde_json::Value;

use crate::domain::Instant;

/// Why the checkout turns a booking away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Whether it will never be bookable again, as far as can be told.
    pub(super) gone: bool,
    pub(super) why: String,
}

/// Judges a session and the series it belongs to.
pub(super) fn judge(session: &Value, series: Option<&Value>, now: Instant) -> Result<(), Refusal> {
    let status = session.get("eventStatus").and_then(Value::as_str).unwrap_or("");
    if status.ends_with("EventCancelled") {
        return gone("this session has been cancelled");
    }
    if status.ends_with("EventPostponed") {
        return gone("this session has been postponed");
    }
    let start_text = session.get("startDate").and_then(Value::as_str).unwrap_or("");
    let Some(starts) = Instant::parse(start_text) else { return not_now("it is not known when this session starts") };
    if now >= starts {
        return gone("this session has started");
    }
    if !flag(session) {
        return not_now("this session is full, or closed for booking");
    }
    let Some(series) = series else { return not_now("the series of this session is not published") };
    let Some(adult) = public_adult(series) else { return not_now("there is no public adult offer") };
    if !flag(adult) {
        return not_now("the public adult offer is closed");
    }
    match adult.get("validFromBeforeStartDate") {
        None | Some(Value::Null) => Ok(()),
        Some(window) => match window.as_str().and_then(|text| opens(starts, start_text, text)) {
            None => not_now("the booking window cannot be read"),
            Some(opens) if now < opens => not_now(&format!("booking opens at {opens}")),
            Some(_) => Ok(()),
        },
    }
}

/// Judges a slot and the facility use it belongs to; the slot's own aggregate offer counts where that has none.
pub(super) fn judge_slot(slot: &Value, facility: Option<&Value>, now: Instant) -> Result<(), Refusal> {
    let own = slot.get("imin:aggregateOffer").map(|own| serde_json::json!({"imin:aggregateOffer": own}));
    let parent = match facility {
        Some(facility) if facility.get("imin:aggregateOffer").is_none() => own.as_ref().or(Some(facility)),
        other => other,
    };
    judge(slot, parent, now)
}

/// The public adult offer of a series, from the series itself or else its event series.
pub(super) fn public_adult(series: &Value) -> Option<&Value> {
    let own = series.get("imin:aggregateOffer");
    let aggregate = own.or_else(|| series.get("superEvent")?.get("imin:aggregateOffer"));
    aggregate?.get("publicAdult").filter(|offer| offer.is_object())
}

fn flag(of: &Value) -> bool {
    of.get("imin:isPotentiallyBookable") == Some(&Value::Bool(true))
}

fn gone(why: &str) -> Result<(), Refusal> {
    Err(Refusal { gone: true, why: why.to_owned() })
}

fn not_now(why: &str) -> Result<(), Refusal> {
    Err(Refusal { gone: false, why: why.to_owned() })
}

/// The start less an ISO 8601 duration; years and months go by the calendar of the start's own offset.
fn opens(starts: Instant, start_text: &str, duration: &str) -> Option<Instant> {
    let (months, seconds) = read_duration(duration)?;
    let offset = start_text.get(start_text.len().checked_sub(6)?..).and_then(|tail| tail.parse::<FixedOffset>().ok());
    let offset = offset.or_else(|| FixedOffset::east_opt(0))?;
    let local: DateTime<FixedOffset> = starts.to_utc().with_timezone(&offset);
    let opens = local.checked_sub_months(Months::new(months))?.checked_sub_signed(TimeDelta::try_seconds(seconds)?)?;
    Some(Instant::from_seconds(opens.timestamp()))
}

/// Months and seconds of `PnYnMnWnDTnHnMnS`, whole numbers only.
fn read_duration(text: &str) -> Option<(u32, i64)> {
    let body = text.strip_prefix('P')?;
    let (days, clock) = body.split_once('T').map_or((body, None), |(days, clock)| (days, Some(clock)));
    if clock == Some("") || (days.is_empty() && clock.is_none()) {
        return None;
    }
    let mut months = 0_u32;
    let mut seconds = 0_i64;
    for (part, in_clock) in [(days, false), (clock.unwrap_or(""), true)] {
        let mut rest = part;
        while let Some(at) = rest.find(|character: char| !character.is_ascii_digit()) {
            let (figure, unit) = rest.split_at_checked(at)?;
            let count: u32 = figure.parse().ok()?;
            let each = match (in_clock, unit.chars().next()?) {
                (false, 'Y') => {
                    months = months.checked_add(count.checked_mul(12)?)?;
                    0
                }
                (false, 'M') => {
                    months = months.checked_add(count)?;
                    0
                }
                (false, 'W') => 604_800,
                (false, 'D') => 86_400,
                (true, 'H') => 3_600,
                (true, 'M') => 60,
                (true, 'S') => 1,
                _ => return None,
            };
            seconds = seconds.checked_add(i64::from(count).checked_mul(each)?)?;
            rest = unit.get(1..)?;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some((months, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_or_refused() {
        let table = [
            ("P7D", Some((0, 604_800))),
            ("P1W", Some((0, 604_800))),
            ("PT48H", Some((0, 172_800))),
            ("P1Y2M3DT4H5M6S", Some((14, 273_906))),
            ("1 week", None),
            ("P", None),
            ("PT", None),
            ("P7", None),
            ("P1.5D", None),
            ("P1H", None),
            ("Pé", None),
        ];
        for (text, meant) in table {
            assert_eq!(read_duration(text), meant, "{text}");
        }
    }

    #[test]
    fn the_rules_in_turn() {
        let session = |more: Value| {
            let mut data = json!({"startDate": "2026-12-01T18:00:00Z", "imin:isPotentiallyBookable": true});
            for (key, value) in more.as_object().unwrap() {
                data[key] = value.clone();
            }
            data
        };
        let series = |window: Value| {
            let adult = json!({"imin:isPotentiallyBookable": true, "validFromBeforeStartDate": window});
            json!({"imin:aggregateOffer": {"publicAdult": adult}})
        };
        let closed = json!({"imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": "true"}}});
        let on_event = json!({"superEvent": series(Value::Null)});
        let open = series(Value::Null);
        let table = [
            (session(json!({})), Some(&open), "ok"),
            (session(json!({})), Some(&on_event), "ok"),
            (session(json!({})), Some(&series(json!("P8D"))), "ok"),
            (session(json!({})), Some(&series(json!("P7D"))), "2026-11-24T18:00:00Z"),
            (session(json!({})), Some(&series(json!("1 week"))), "cannot be read"),
            (session(json!({})), Some(&series(json!(7))), "cannot be read"),
            (session(json!({})), Some(&closed), "offer is closed"),
            (session(json!({})), Some(&json!({})), "no public adult"),
            (session(json!({})), None, "not published"),
            (session(json!({"imin:isPotentiallyBookable": "true"})), Some(&open), "full"),
            (session(json!({"eventStatus": "https://schema.org/EventCancelled"})), Some(&open), "cancelled"),
            (session(json!({"eventStatus": "https://schema.org/EventPostponed"})), Some(&open), "postponed"),
            (session(json!({"startDate": "2026-11-23T10:00:00Z"})), Some(&open), "has started"),
            (session(json!({"startDate": "soon"})), Some(&open), "not known when"),
        ];
        let now = Instant::parse("2026-11-23T18:00:00Z").unwrap();
        for (session, series, meant) in table {
            let found = judge(&session, series, now).map_or_else(|refusal| refusal.why, |()| "ok".to_owned());
            assert!(found.contains(meant), "{found} instead of {meant}: {session}");
        }
    }

    #[test]
    fn months_go_by_the_calendar_of_the_start() {
        let start = "2026-03-31T00:30:00+01:00";
        let opens = opens(Instant::parse(start).unwrap(), start, "P1M").unwrap();
        assert_eq!(opens.to_string(), "2026-02-27T23:30:00Z");
    }
}
