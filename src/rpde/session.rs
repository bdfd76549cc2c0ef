//! A ScheduledSession's `data` → [`Opportunity`].

use std::borrow::Cow;

use serde::Deserialize;

use super::finding::FindingKind;
use super::json::{Raw, object};
use super::loose::{Flag, Int, Loose, Many, Obj, Said, Txt};
use super::page::{Data, ID_BYTES_MAX};
use super::pieces::{Link, Offers};
use super::place::PlaceData;
use crate::domain::{
    Aggregate, AggregateOffer, AttendanceMode, EventStatus, Feed, FeedDate, Instant, Item, Opportunity,
    OpportunityTerms, Period, Start, Text,
};

object! {
    pub(super) struct SessionData<'a> {
        "@type" => at_type: Loose<Many<Txt<'a>>>,
        "type" => plain_type: Loose<Many<Txt<'a>>>,
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "identifier" => identifier: Raw<'a>,
        "superEvent" => super_event: Loose<Many<Link<'a>>>,
        "startDate" => start_date: Loose<Said<'a>>,
        "endDate" => end_date: Loose<Txt<'a>>,
        "duration" => duration: Loose<Txt<'a>>,
        "imin:isPotentiallyBookable" => potentially_bookable: Loose<Flag>,
        "eventStatus" => event_status: Loose<Txt<'a>>,
        "remainingAttendeeCapacity" => remaining_capacity: Loose<Int>,
        "maximumAttendeeCapacity" => maximum_capacity: Loose<Int>,
        "eventAttendanceMode" => attendance_mode: Loose<Txt<'a>>,
        "url" => url: Loose<Txt<'a>>,
        "name" => name: Loose<Txt<'a>>,
        "location" => location: Loose<Many<Obj<PlaceData<'a>>>>,
        "offers" => offers: Loose<Offers<'a>>,
    }
}

impl<'a> Data<'a> for SessionData<'a> {
    const FEED: Feed = Feed::ScheduledSessions;

    fn types(&self) -> &[Txt<'a>] {
        if self.at_type.0.0.is_empty() { &self.plain_type.0.0 } else { &self.at_type.0.0 }
    }

    #[inline]
    fn into_item(self, findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind> {
        let identifier = self
            .identifier
            .0
            .and_then(|raw| read_identifier(raw).inspect_err(|finding| findings.push(*finding)).ok().flatten());
        let series_id = self.super_event.0.into_first().and_then(|link| link.0);
        let id = self.at_id.0.0.or(self.plain_id.0.0);
        check_lengths([&series_id, &id])?;
        let start = start(&self.start_date.0);
        let terms = OpportunityTerms {
            has_identifier: identifier.is_some(),
            status: self.event_status.0.0.as_deref().map_or(EventStatus::Scheduled, EventStatus::from_term),
            potentially_bookable: self.potentially_bookable.0.0 == Some(true),
            start,
            names_parent: series_id.is_some(),
            aggregate: Aggregate::Absent,
        };
        let period = self.duration.0.0.as_deref().and_then(Period::parse);
        let (ends, duration_minutes) = end_and_duration(start, self.end_date.0.0.as_deref(), period);
        let place = self.location.0.into_first().and_then(|place| place.0);
        Ok(Item::Opportunity(Box::new(Opportunity {
            id,
            identifier,
            parent_id: series_id,
            terms,
            ends,
            duration_minutes,
            remaining: self.remaining_capacity.0.0,
            maximum: self.maximum_capacity.0.0,
            attendance_mode: self.attendance_mode.0.0.as_deref().and_then(AttendanceMode::from_term),
            url: self.url.0.0,
            name: self.name.0.0,
            place: place.and_then(|place| place.into_place(findings)),
            offer: AggregateOffer::default(),
            offers: self.offers.0.0,
        })))
    }
}

/// Refuses ids that nobody means.
pub(super) fn check_lengths<'a>(ids: impl IntoIterator<Item = &'a Option<Text<'a>>>) -> Result<(), FindingKind> {
    let too_long = ids.into_iter().flatten().any(|id| id.len() > ID_BYTES_MAX);
    if too_long { Err(FindingKind::TextTooLong) } else { Ok(()) }
}

/// `startDate`.
pub(super) fn start(said: &Said<'_>) -> Start {
    match said {
        Said::Absent => Start::Missing,
        Said::Text(text) => Start::parse(text),
        Said::Other => Start::Bad(crate::domain::DateError::Unreadable),
    }
}

/// `endDate` and `duration`, each also from the other and the start.
pub(super) fn end_and_duration(
    start: Start,
    end: Option<&str>,
    period: Option<Period>,
) -> (Option<Instant>, Option<i64>) {
    let start = match start {
        Start::At(date) => Some(date.instant()),
        Start::Missing | Start::Bad(_) => None,
    };
    let given_end = end.and_then(|text| FeedDate::parse(text).ok()).map(FeedDate::instant);
    let given_minutes = period.and_then(Period::whole_minutes);
    let ends = given_end.or_else(|| Some(start?.plus_seconds(given_minutes?.saturating_mul(60))));
    let between = || start.zip(given_end).map(|(start, end)| end.seconds_since(start) / 60).filter(|m| *m >= 0);
    (ends, given_minutes.or_else(between))
}

/// The text from which the checkout URL is made: a text as it is, whole digits as they are written.
pub(super) fn read_identifier(raw: &str) -> Result<Option<Text<'_>>, FindingKind> {
    let text: Text<'_> = match raw.as_bytes() {
        b"null" => return Ok(None),
        // A text without escapes is what stands between its quotes.
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default())
        }
        [b'"', ..] => {
            let mut reader = serde_json::Deserializer::from_str(raw);
            let Loose(said) = Loose::<Said<'_>>::deserialize(&mut reader).map_err(|_| FindingKind::BadIdentifier)?;
            match said {
                Said::Text(text) => text,
                Said::Absent | Said::Other => return Err(FindingKind::TextTooLong),
            }
        }
        [b'-', digits @ ..] | digits if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            Cow::Borrowed(raw)
        }
        _ => return Err(FindingKind::BadIdentifier),
    };
    if text.len() > ID_BYTES_MAX {
        return Err(FindingKind::TextTooLong);
    }
    Ok((!text.is_empty()).then_some(text))
}
