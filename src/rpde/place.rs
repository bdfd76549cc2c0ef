//! `location` as JSON: a Place with `geo` and `address`, the address also as plain text.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;

use super::finding::FindingKind;
use super::json::{Object, Read, Reader, object};
use super::loose::{Loose, Num, Obj, Shape, Txt, read_any};
use crate::domain::{Coordinates, Place, Text};

object! {
    pub(super) struct PlaceData<'a> {
        "name" => name: Loose<Txt<'a>>,
        "geo" => geo: Loose<Obj<GeoData>>,
        "address" => address: Loose<AddressData<'a>>,
    }
}

object! {
    struct GeoData {
        "latitude" => latitude: Loose<Num>,
        "longitude" => longitude: Loose<Num>,
    }
}

#[derive(Debug, Default)]
struct AddressData<'a> {
    line: Option<Text<'a>>,
    postcode: Option<Text<'a>>,
}

object! {
    struct PostalAddress<'a> {
        "imin:fullAddress" => full: Loose<Txt<'a>>,
        "streetAddress" => street: Loose<Txt<'a>>,
        "addressLocality" => locality: Loose<Txt<'a>>,
        "addressRegion" => region: Loose<Txt<'a>>,
        "postalCode" => postcode: Loose<Txt<'a>>,
    }
}

impl<'de: 'a, 'a> Shape<'de> for AddressData<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        Self { line: Txt::text(text).0, postcode: None }
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        PostalAddress::deserialize(MapAccessDeserializer::new(map)).map(Self::from)
    }

    fn fill(&mut self, reader: &mut Reader<'de>) -> Read<()> {
        *self = if reader.peek() == Some(b'{') { Self::from(PostalAddress::read(reader)?) } else { read_any(reader)? };
        Ok(())
    }
}

impl<'a> From<PostalAddress<'a>> for AddressData<'a> {
    fn from(address: PostalAddress<'a>) -> Self {
        let parts = [address.street.0.0, address.locality.0.0, address.region.0.0];
        let line = address.full.0.0.or_else(|| {
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| Cow::Owned(parts.join(", ")))
        });
        Self { line, postcode: address.postcode.0.0 }
    }
}

impl<'a> PlaceData<'a> {
    /// The place, or nothing where it says nothing.
    pub(super) fn into_place(self, findings: &mut Vec<FindingKind>) -> Option<Place<'a>> {
        let coordinates = self.geo.0.0.and_then(|geo| Some((geo.latitude.0.0?, geo.longitude.0.0?))).and_then(
            |(latitude, longitude)| {
                Coordinates::checked(latitude, longitude)
                    .inspect_err(|_| findings.push(FindingKind::BadCoordinates))
                    .ok()
            },
        );
        let Loose(AddressData { line, postcode }) = self.address;
        let place = Place { name: self.name.0.0, address: line, postcode, coordinates };
        (place != Place::default()).then_some(place)
    }
}
