//! A FacilityUse's `data`, with its courts (`individualFacilityUse`) → [`Parent`].

use super::finding::FindingKind;
use super::json::object;
use super::loose::{Loose, Many, Obj, Txt};
use super::page::{Data, ID_BYTES_MAX};
use super::pieces::{
    AgeRange, AggregateData, DataSource, Image, Label, Offers, Organizer, aggregate_offer, first_image, labels,
};
use super::place::PlaceData;
use crate::domain::{Court, Feed, Gender, Item, Parent};

/// At most this many courts of one facility use are taken.
const COURTS_MAX: usize = 1000;

object! {
    pub(super) struct FacilityData<'a> {
        "@type" => at_type: Loose<Many<Txt<'a>>>,
        "type" => plain_type: Loose<Many<Txt<'a>>>,
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "individualFacilityUse" => individual: Loose<Many<Obj<CourtData<'a>>>>,
        "name" => name: Loose<Txt<'a>>,
        "description" => description: Loose<Txt<'a>>,
        "activity" => activity: Loose<Many<Label<'a>>>,
        "facilityType" => facility_type: Loose<Many<Label<'a>>>,
        "level" => level: Loose<Many<Label<'a>>>,
        "ageRange" => age_range: Loose<Obj<AgeRange>>,
        "genderRestriction" => gender: Loose<Txt<'a>>,
        "provider" => provider: Loose<Obj<Organizer<'a>>>,
        "organizer" => organizer: Loose<Obj<Organizer<'a>>>,
        "location" => location: Loose<Many<Obj<PlaceData<'a>>>>,
        "url" => url: Loose<Txt<'a>>,
        "image" => image: Loose<Many<Image<'a>>>,
        "imin:dataSource" => data_source: Loose<Many<DataSource<'a>>>,
        "imin:aggregateOffer" => aggregate_offer: Loose<Obj<AggregateData<'a>>>,
        "offers" => offers: Loose<Offers<'a>>,
    }
}

object! {
    struct CourtData<'a> {
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "name" => name: Loose<Txt<'a>>,
    }
}

impl<'a> Data<'a> for FacilityData<'a> {
    const FEED: Feed = Feed::FacilityUses;

    fn types(&self) -> &[Txt<'a>] {
        if self.at_type.0.0.is_empty() { &self.plain_type.0.0 } else { &self.at_type.0.0 }
    }

    fn into_item(self, findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind> {
        let id = self.at_id.0.0.or(self.plain_id.0.0).ok_or(FindingKind::NoSeriesId)?;
        if id.len() > ID_BYTES_MAX {
            return Err(FindingKind::TextTooLong);
        }
        let age = self.age_range.0.0;
        let provider = self.provider.0.0.or(self.organizer.0.0);
        let (organizer, organizer_id) = provider.map(Organizer::into_parts).unwrap_or_default();
        let place = self.location.0.into_first().and_then(|place| place.0);
        let activities = labels(self.activity);
        let courts = courts(self.individual, &id);
        Ok(Item::Parent(Box::new(Parent {
            id,
            courts,
            name: self.name.0.0,
            description: self.description.0.0,
            activities: if activities.is_empty() { labels(self.facility_type) } else { activities },
            levels: labels(self.level),
            offer: aggregate_offer(self.aggregate_offer.0.0),
            min_age: age.as_ref().and_then(|age| age.min.0.0),
            max_age: age.as_ref().and_then(|age| age.max.0.0),
            gender: self.gender.0.0.as_deref().and_then(Gender::from_term),
            attendance_mode: None,
            organizer,
            organizer_id,
            place: place.and_then(|place| place.into_place(findings)),
            url: self.url.0.0,
            image_url: first_image(self.image),
            dataset: self.data_source.0.into_first().and_then(|source| source.0),
            present_as_slots: None,
            offers: self.offers.0.0,
        })))
    }
}

/// The courts that slots can link to, each `@id` once.
fn courts<'a>(many: Loose<Many<Obj<CourtData<'a>>>>, facility_id: &str) -> Vec<Court<'a>> {
    let mut courts: Vec<Court<'a>> = Vec::new();
    for data in many.0.0.into_iter().filter_map(|court| court.0).take(COURTS_MAX) {
        let Some(id) = data.at_id.0.0.or(data.plain_id.0.0) else { continue };
        if id.len() <= ID_BYTES_MAX && id != facility_id && courts.iter().all(|court| court.id != id) {
            courts.push(Court { id, name: data.name.0.0 });
        }
    }
    courts
}
