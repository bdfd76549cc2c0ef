//! A Slot's `data` → [`Opportunity`].

use super::finding::FindingKind;
use super::json::{Raw, object};
use super::loose::{Flag, Int, Loose, Many, Obj, Said, Txt};
use super::page::Data;
use super::pieces::{AggregateData, Link, Offers, aggregate_offer};
use super::session::{check_lengths, end_and_duration, read_identifier, start};
use crate::domain::{EventStatus, Feed, Item, Opportunity, OpportunityTerms, Period};

object! {
    pub(super) struct SlotData<'a> {
        "@type" => at_type: Loose<Many<Txt<'a>>>,
        "type" => plain_type: Loose<Many<Txt<'a>>>,
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "identifier" => identifier: Raw<'a>,
        "facilityUse" => facility_use: Loose<Many<Link<'a>>>,
        "startDate" => start_date: Loose<Said<'a>>,
        "endDate" => end_date: Loose<Txt<'a>>,
        "duration" => duration: Loose<Txt<'a>>,
        "imin:isPotentiallyBookable" => potentially_bookable: Loose<Flag>,
        "eventStatus" => event_status: Loose<Txt<'a>>,
        "remainingUses" => remaining_uses: Loose<Int>,
        "maximumUses" => maximum_uses: Loose<Int>,
        "url" => url: Loose<Txt<'a>>,
        "imin:aggregateOffer" => aggregate_offer: Loose<Obj<AggregateData<'a>>>,
        "offers" => offers: Loose<Offers<'a>>,
    }
}

impl<'a> Data<'a> for SlotData<'a> {
    const FEED: Feed = Feed::Slots;

    fn types(&self) -> &[Txt<'a>] {
        if self.at_type.0.0.is_empty() { &self.plain_type.0.0 } else { &self.at_type.0.0 }
    }

    #[inline]
    fn into_item(self, findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind> {
        let identifier = self
            .identifier
            .0
            .and_then(|raw| read_identifier(raw).inspect_err(|finding| findings.push(*finding)).ok().flatten());
        let parent_id = self.facility_use.0.into_first().and_then(|link| link.0);
        let id = self.at_id.0.0.or(self.plain_id.0.0);
        check_lengths([&parent_id, &id])?;
        let start = start(&self.start_date.0);
        let offer = aggregate_offer(self.aggregate_offer.0.0);
        let terms = OpportunityTerms {
            has_identifier: identifier.is_some(),
            status: self.event_status.0.0.as_deref().map_or(EventStatus::Scheduled, EventStatus::from_term),
            potentially_bookable: self.potentially_bookable.0.0 == Some(true),
            start,
            names_parent: parent_id.is_some(),
            aggregate: offer.terms,
        };
        let period = self.duration.0.0.as_deref().and_then(Period::parse);
        let (ends, duration_minutes) = end_and_duration(start, self.end_date.0.0.as_deref(), period);
        Ok(Item::Opportunity(Box::new(Opportunity {
            id,
            identifier,
            parent_id,
            terms,
            ends,
            duration_minutes,
            remaining: self.remaining_uses.0.0,
            maximum: self.maximum_uses.0.0,
            attendance_mode: None,
            url: self.url.0.0,
            name: None,
            place: None,
            offer,
            offers: self.offers.0.0,
        })))
    }
}
