//! A SessionSeries' `data`, with the EventSeries embedded in it, → [`Parent`].

use super::finding::FindingKind;
use super::json::object;
use super::loose::{Flag, Loose, Many, Obj, Txt};
use super::page::{Data, ID_BYTES_MAX};
use super::pieces::{
    AgeRange, AggregateData, DataSource, Image, Label, Offers, Organizer, aggregate_offer, first_image, labels,
};
use super::place::PlaceData;
use crate::domain::{AttendanceMode, Feed, Gender, Item, Parent};

object! {
    pub(super) struct SeriesData<'a> {
        "@type" => at_type: Loose<Many<Txt<'a>>>,
        "type" => plain_type: Loose<Many<Txt<'a>>>,
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "superEvent" => super_event: Loose<Obj<Described<'a>>>,
        "location" => location: Loose<Many<Obj<PlaceData<'a>>>>,
        "url" => url: Loose<Txt<'a>>,
        "imin:dataSource" => data_source: Loose<Many<DataSource<'a>>>,
        "imin:presentAsSlots" => present_as_slots: Loose<Flag>,
        // What the EventSeries says comes first; these stand in for it.
        "name" => name: Loose<Txt<'a>>,
        "description" => description: Loose<Txt<'a>>,
        "activity" => activity: Loose<Many<Label<'a>>>,
        "level" => level: Loose<Many<Label<'a>>>,
        "ageRange" => age_range: Loose<Obj<AgeRange>>,
        "genderRestriction" => gender: Loose<Txt<'a>>,
        "eventAttendanceMode" => attendance_mode: Loose<Txt<'a>>,
        "organizer" => organizer: Loose<Obj<Organizer<'a>>>,
        "image" => image: Loose<Many<Image<'a>>>,
        "imin:aggregateOffer" => aggregate_offer: Loose<Obj<AggregateData<'a>>>,
        "offers" => offers: Loose<Offers<'a>>,
    }
}

object! {
    /// What both an EventSeries and a SessionSeries can say.
    struct Described<'a> {
        "name" => name: Loose<Txt<'a>>,
        "description" => description: Loose<Txt<'a>>,
        "activity" => activity: Loose<Many<Label<'a>>>,
        "level" => level: Loose<Many<Label<'a>>>,
        "ageRange" => age_range: Loose<Obj<AgeRange>>,
        "genderRestriction" => gender: Loose<Txt<'a>>,
        "eventAttendanceMode" => attendance_mode: Loose<Txt<'a>>,
        "organizer" => organizer: Loose<Obj<Organizer<'a>>>,
        "image" => image: Loose<Many<Image<'a>>>,
        "imin:aggregateOffer" => aggregate_offer: Loose<Obj<AggregateData<'a>>>,
        "offers" => offers: Loose<Offers<'a>>,
    }
}

impl<'a> Data<'a> for SeriesData<'a> {
    const FEED: Feed = Feed::SessionSeries;

    fn types(&self) -> &[Txt<'a>] {
        if self.at_type.0.0.is_empty() { &self.plain_type.0.0 } else { &self.at_type.0.0 }
    }

    fn into_item(self, findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind> {
        let id = self.at_id.0.0.or(self.plain_id.0.0).ok_or(FindingKind::NoSeriesId)?;
        if id.len() > ID_BYTES_MAX {
            return Err(FindingKind::TextTooLong);
        }
        let event = self.super_event.0.0.unwrap_or_default();
        // Where the aggregate offer is present on the series, it is the one that counts, also when it is poorer.
        let aggregate = self.aggregate_offer.0.0.or(event.aggregate_offer.0.0);
        let age = event.age_range.0.0.or(self.age_range.0.0);
        let organizer = event.organizer.0.0.or(self.organizer.0.0);
        let (organizer, organizer_id) = organizer.map(Organizer::into_parts).unwrap_or_default();
        let place = self.location.0.into_first().and_then(|place| place.0);
        let term = |first: Loose<Txt<'a>>, second: Loose<Txt<'a>>| first.0.0.or(second.0.0);
        let series = Parent {
            id,
            courts: Vec::new(),
            name: term(event.name, self.name),
            description: term(event.description, self.description),
            activities: either(labels(event.activity), labels(self.activity)),
            levels: either(labels(event.level), labels(self.level)),
            offer: aggregate_offer(aggregate),
            min_age: age.as_ref().and_then(|age| age.min.0.0),
            max_age: age.as_ref().and_then(|age| age.max.0.0),
            gender: term(event.gender, self.gender).as_deref().and_then(Gender::from_term),
            attendance_mode: term(event.attendance_mode, self.attendance_mode)
                .as_deref()
                .and_then(AttendanceMode::from_term),
            organizer,
            organizer_id,
            place: place.and_then(|place| place.into_place(findings)),
            url: self.url.0.0,
            image_url: first_image(event.image).or_else(|| first_image(self.image)),
            dataset: self.data_source.0.into_first().and_then(|source| source.0),
            present_as_slots: self.present_as_slots.0.0,
            offers: either(self.offers.0.0, event.offers.0.0),
        };
        Ok(Item::Parent(Box::new(series)))
    }
}

/// The first list, or the second where the first is empty.
fn either<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    if first.is_empty() { second } else { first }
}
