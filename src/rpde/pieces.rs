//! JSON shapes that several kinds of items have in common: labels, links, organizers, age ranges, offers.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess};

use super::json::{Object, Read, Reader, object};
use super::loose::{Flag, Int, Loose, Many, Num, Obj, Said, Shape, Txt, read_any, read_elements};
use crate::domain::{Aggregate, AggregateOffer, Offer, Opening, PublicAdult, Text};

object! {
    pub(super) struct AgeRange {
        "minValue" => pub(super) min: Loose<Int>,
        "maxValue" => pub(super) max: Loose<Int>,
    }
}

object! {
    pub(super) struct Organizer<'a> {
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "name" => name: Loose<Txt<'a>>,
    }
}

impl<'a> Organizer<'a> {
    /// Its name and its `@id`.
    pub(super) fn into_parts(self) -> (Option<Text<'a>>, Option<Text<'a>>) {
        (self.name.0.0, self.at_id.0.0.or(self.plain_id.0.0))
    }
}

/// Defines a text that may also stand inside an object, under the first of these members that says something.
macro_rules! text_or_member {
    ($(#[$doc:meta])* $name:ident, $members:ident, $first:literal, $second:literal) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a>(pub(super) Option<Text<'a>>);

        object! {
            struct $members<'a> {
                $first => first: Loose<Txt<'a>>,
                $second => second: Loose<Txt<'a>>,
            }
        }

        impl<'a> From<$members<'a>> for $name<'a> {
            fn from(members: $members<'a>) -> Self {
                Self(members.first.0.0.or(members.second.0.0))
            }
        }

        impl<'de: 'a, 'a> Shape<'de> for $name<'a> {
            fn text(text: Cow<'de, str>) -> Self {
                Self(Txt::text(text).0)
            }
            fn integer(number: i128) -> Self {
                Self(Txt::integer(number).0)
            }
            fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
                $members::deserialize(MapAccessDeserializer::new(map)).map(Self::from)
            }
            fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
                *self = if reader.peek() == Some(b'{') { Self::from($members::read(reader)?) } else { read_any(reader)? };
                Ok(())
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

text_or_member!(
    /// A link to another object: its id, or the object with its `@id` or `id`.
    Link, Linked, "@id", "id"
);

/// The texts of all labels.
pub(super) fn labels(many: Loose<Many<Label<'_>>>) -> Vec<Text<'_>> {
    many.0.0.into_iter().filter_map(|label| label.0).collect()
}

/// The first image that has an address.
pub(super) fn first_image(images: Loose<Many<Image<'_>>>) -> Option<Text<'_>> {
    images.0.0.into_iter().find_map(|image| image.0)
}

object! {
    /// `imin:aggregateOffer`.
    pub(super) struct AggregateData<'a> {
        "publicAdult" => public_adult: Loose<Obj<PublicAdultData<'a>>>,
    }
}

object! {
    struct PublicAdultData<'a> {
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "price" => price: Loose<Num>,
        "lowPrice" => low_price: Loose<Num>,
        "priceCurrency" => currency: Loose<Txt<'a>>,
        "imin:isPotentiallyBookable" => potentially_bookable: Loose<Flag>,
        "imin:membershipRequired" => membership_required: Loose<Flag>,
        "validFromBeforeStartDate" => valid_from: Loose<Said<'a>>,
    }
}

/// The facts of an aggregate offer; `None` where the item has none.
pub(super) fn aggregate_offer(data: Option<AggregateData<'_>>) -> AggregateOffer<'_> {
    let Some(data) = data else { return AggregateOffer::default() };
    let Obj(Some(offer)) = data.public_adult.0 else {
        return AggregateOffer { terms: Aggregate::WithoutPublicAdult, ..AggregateOffer::default() };
    };
    let (opening, valid_from) = match offer.valid_from.0 {
        Said::Absent => (Opening::Always, None),
        Said::Text(text) => (Opening::parse(Some(&text)), Some(text)),
        // Kept as a text that is no duration, so that what the state says is what was judged.
        Said::Other => (Opening::Unreadable, Some(Cow::Borrowed("(not a text)"))),
    };
    let potentially_bookable = offer.potentially_bookable.0.0 == Some(true);
    AggregateOffer {
        terms: Aggregate::PublicAdult(PublicAdult { potentially_bookable, opening }),
        valid_from,
        id: offer.at_id.0.0.or(offer.plain_id.0.0),
        price: offer.price.0.0.or(offer.low_price.0.0),
        currency: offer.currency.0.0,
        membership_required: offer.membership_required.0.0,
    }
}

object! {
    /// One of `offers`.
    struct OfferData<'a> {
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "name" => name: Loose<Txt<'a>>,
        "price" => price: Loose<Num>,
        "priceCurrency" => currency: Loose<Txt<'a>>,
        "ageRange" => age_range: Loose<Obj<AgeRange>>,
        "ageRestriction" => age_restriction: Loose<Obj<AgeRange>>,
    }
}

/// At most this many of an item's offers are kept.
const OFFERS_MAX: usize = 100;

/// The offers that say something; what is not an object is passed by.
#[derive(Debug, Default)]
pub(super) struct Offers<'a>(pub(super) Vec<Offer<'a>>);

impl<'a> Offers<'a> {
    fn add(&mut self, data: OfferData<'a>) {
        let offer = into_offer(data);
        if self.0.len() < OFFERS_MAX && says_something(&offer) {
            self.0.push(offer);
        }
    }

    /// Reads one more.
    fn fill_next<'de: 'a>(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        if reader.peek() == Some(b'{') {
            self.add(OfferData::read(reader)?);
            return Ok(());
        }
        read_any::<Obj<OfferData<'a>>>(reader).map(drop)
    }
}

impl<'de: 'a, 'a> Shape<'de> for Offers<'a> {
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let mut offers = Self::default();
        offers.add(OfferData::deserialize(MapAccessDeserializer::new(map))?);
        Ok(offers)
    }
    fn array<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut offers = Self::default();
        while let Some(Loose(Obj(data))) = seq.next_element::<Loose<Obj<OfferData<'a>>>>()? {
            if let Some(data) = data {
                offers.add(data);
            }
        }
        Ok(offers)
    }
    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        if !read_elements(reader, |reader| self.fill_next(reader))? {
            *self = read_any(reader)?;
        }
        Ok(())
    }
}

fn into_offer(data: OfferData<'_>) -> Offer<'_> {
    let age = data.age_range.0.0.or(data.age_restriction.0.0);
    Offer {
        id: data.at_id.0.0.or(data.plain_id.0.0),
        name: data.name.0.0,
        price: data.price.0.0,
        currency: data.currency.0.0,
        min_age: age.as_ref().and_then(|age| age.min.0.0),
        max_age: age.as_ref().and_then(|age| age.max.0.0),
    }
}

fn says_something(offer: &Offer<'_>) -> bool {
    *offer != Offer::default()
}
