//! A SessionSeries' `data`, with the EventSeries embedded in it, → [`Series`].

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;

use super::finding::FindingKind;
use super::loose::{Flag, Int, Loose, Many, Num, Obj, Said, Shape, Txt};
use super::page::{Data, ID_BYTES_MAX};
use super::place::PlaceData;
use crate::domain::{AttendanceMode, Gender, Item, Opening, PublicAdult, Series, SeriesTerms, Text};

#[derive(Deserialize)]
pub(super) struct SeriesData<'a> {
    #[serde(default, rename = "@type", borrow)]
    at_type: Loose<Many<Txt<'a>>>,
    #[serde(default, rename = "type", borrow)]
    plain_type: Loose<Many<Txt<'a>>>,
    #[serde(default, rename = "@id", borrow)]
    at_id: Loose<Txt<'a>>,
    #[serde(default, rename = "id", borrow)]
    plain_id: Loose<Txt<'a>>,
    #[serde(default, rename = "superEvent", borrow)]
    super_event: Loose<Obj<Described<'a>>>,
    #[serde(default, borrow)]
    location: Loose<Many<Obj<PlaceData<'a>>>>,
    #[serde(default, borrow)]
    url: Loose<Txt<'a>>,
    #[serde(default, rename = "imin:dataSource", borrow)]
    data_source: Loose<Many<DataSource<'a>>>,
    #[serde(default, rename = "imin:presentAsSlots")]
    present_as_slots: Loose<Flag>,
    // What the EventSeries says comes first; these stand in for it.
    #[serde(default, borrow)]
    name: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    description: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    activity: Loose<Many<Label<'a>>>,
    #[serde(default, borrow)]
    level: Loose<Many<Label<'a>>>,
    #[serde(default, rename = "ageRange")]
    age_range: Loose<Obj<AgeRange>>,
    #[serde(default, rename = "genderRestriction", borrow)]
    gender: Loose<Txt<'a>>,
    #[serde(default, rename = "eventAttendanceMode", borrow)]
    attendance_mode: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    organizer: Loose<Obj<Organizer<'a>>>,
    #[serde(default, borrow)]
    image: Loose<Many<Image<'a>>>,
    #[serde(default, rename = "imin:aggregateOffer", borrow)]
    aggregate_offer: Loose<Obj<Aggregate<'a>>>,
}

/// What both an EventSeries and a SessionSeries can say.
#[derive(Default, Deserialize)]
struct Described<'a> {
    #[serde(default, borrow)]
    name: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    description: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    activity: Loose<Many<Label<'a>>>,
    #[serde(default, borrow)]
    level: Loose<Many<Label<'a>>>,
    #[serde(default, rename = "ageRange")]
    age_range: Loose<Obj<AgeRange>>,
    #[serde(default, rename = "genderRestriction", borrow)]
    gender: Loose<Txt<'a>>,
    #[serde(default, rename = "eventAttendanceMode", borrow)]
    attendance_mode: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    organizer: Loose<Obj<Organizer<'a>>>,
    #[serde(default, borrow)]
    image: Loose<Many<Image<'a>>>,
    #[serde(default, rename = "imin:aggregateOffer", borrow)]
    aggregate_offer: Loose<Obj<Aggregate<'a>>>,
}

#[derive(Deserialize)]
struct AgeRange {
    #[serde(default, rename = "minValue")]
    min: Loose<Int>,
    #[serde(default, rename = "maxValue")]
    max: Loose<Int>,
}

#[derive(Deserialize)]
struct Organizer<'a> {
    #[serde(default, rename = "@id", borrow)]
    at_id: Loose<Txt<'a>>,
    #[serde(default, rename = "id", borrow)]
    plain_id: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    name: Loose<Txt<'a>>,
}

#[derive(Deserialize)]
struct Aggregate<'a> {
    #[serde(default, rename = "publicAdult", borrow)]
    public_adult: Loose<Obj<Offer<'a>>>,
}

#[derive(Deserialize)]
struct Offer<'a> {
    #[serde(default)]
    price: Loose<Num>,
    #[serde(default, rename = "lowPrice")]
    low_price: Loose<Num>,
    #[serde(default, rename = "priceCurrency", borrow)]
    currency: Loose<Txt<'a>>,
    #[serde(default, rename = "imin:isPotentiallyBookable")]
    potentially_bookable: Loose<Flag>,
    #[serde(default, rename = "imin:membershipRequired")]
    membership_required: Loose<Flag>,
    #[serde(default, rename = "validFromBeforeStartDate", borrow)]
    valid_from: Loose<Said<'a>>,
}

/// Defines a text that may also stand inside an object, under the first of these members that says something.
macro_rules! text_or_member {
    ($(#[$doc:meta])* $name:ident, $members:ident, $first:literal, $second:literal) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        struct $name<'a>(Option<Text<'a>>);

        #[derive(Deserialize)]
        struct $members<'a> {
            #[serde(default, rename = $first, borrow)]
            first: Loose<Txt<'a>>,
            #[serde(default, rename = $second, borrow)]
            second: Loose<Txt<'a>>,
        }

        impl<'de: 'a, 'a> Shape<'de> for $name<'a> {
            fn text(text: Cow<'de, str>) -> Self {
                Self(Txt::text(text).0)
            }
            fn integer(number: i128) -> Self {
                Self(Txt::integer(number).0)
            }
            fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
                let members = $members::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Self(members.first.0.0.or(members.second.0.0)))
            }
        }
    };
}

text_or_member!(
    /// The label of an activity or level: a Concept's `prefLabel`, or a plain text.
    Label, Concept, "prefLabel", "name"
);
text_or_member!(
    /// An image's address.
    Image, ImageObject, "url", "contentUrl"
);
text_or_member!(
    /// The source dataset's identifier.
    DataSource, DataSourceObject, "identifier", "@id"
);

impl<'a> Data<'a> for SeriesData<'a> {
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
        let offer = aggregate.and_then(|aggregate| aggregate.public_adult.0.0);
        let age = event.age_range.0.0.or(self.age_range.0.0);
        let organizer = event.organizer.0.0.or(self.organizer.0.0);
        let (organizer, organizer_id) = organizer
            .map_or((None, None), |organizer| (organizer.name.0.0, organizer.at_id.0.0.or(organizer.plain_id.0.0)));
        let place = self.location.0.into_first().and_then(|place| place.0);
        let term = |first: Loose<Txt<'a>>, second: Loose<Txt<'a>>| first.0.0.or(second.0.0);
        let mut series = Series {
            id,
            terms: SeriesTerms { public_adult: None },
            valid_from: None,
            name: term(event.name, self.name),
            description: term(event.description, self.description),
            activities: labels(event.activity, self.activity),
            levels: labels(event.level, self.level),
            price: None,
            currency: None,
            membership_required: None,
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
            image_url: first_label(event.image).or_else(|| first_label(self.image)),
            dataset: self.data_source.0.into_first().and_then(|source| source.0),
            present_as_slots: self.present_as_slots.0.0,
        };
        if let Some(offer) = offer {
            take_offer(&mut series, offer);
        }
        Ok(Item::Series(Box::new(series)))
    }
}

fn take_offer<'a>(series: &mut Series<'a>, offer: Offer<'a>) {
    series.price = offer.price.0.0.or(offer.low_price.0.0);
    series.currency = offer.currency.0.0;
    series.membership_required = offer.membership_required.0.0;
    let (opening, valid_from) = match offer.valid_from.0 {
        Said::Absent => (Opening::Always, None),
        Said::Text(text) => (Opening::parse(Some(&text)), Some(text)),
        // Kept as a text that is no duration, so that what the state says is what was judged.
        Said::Other => (Opening::Unreadable, Some(Cow::Borrowed("(not a text)"))),
    };
    series.valid_from = valid_from;
    let potentially_bookable = offer.potentially_bookable.0.0 == Some(true);
    series.terms = SeriesTerms { public_adult: Some(PublicAdult { potentially_bookable, opening }) };
}

fn labels<'a>(first: Loose<Many<Label<'a>>>, second: Loose<Many<Label<'a>>>) -> Vec<Text<'a>> {
    let texts = |many: Loose<Many<Label<'a>>>| many.0.0.into_iter().filter_map(|label| label.0).collect::<Vec<_>>();
    let first = texts(first);
    if first.is_empty() { texts(second) } else { first }
}

fn first_label(images: Loose<Many<Image<'_>>>) -> Option<Text<'_>> {
    images.0.0.into_iter().find_map(|image| image.0)
}
