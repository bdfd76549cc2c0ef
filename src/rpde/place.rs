//! `location` as JSON: a Place with `geo` and `address`, the address also as plain text.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;

use super::finding::FindingKind;
use super::loose::{Loose, Num, Obj, Shape, Txt};
use crate::domain::{Coordinates, Place, Text};

#[derive(Debug, Deserialize)]
pub(super) struct PlaceData<'a> {
    #[serde(default, borrow)]
    name: Loose<Txt<'a>>,
    #[serde(default)]
    geo: Loose<Obj<GeoData>>,
    #[serde(default, borrow)]
    address: Loose<AddressData<'a>>,
}

#[derive(Debug, Deserialize)]
struct GeoData {
    #[serde(default)]
    latitude: Loose<Num>,
    #[serde(default)]
    longitude: Loose<Num>,
}

#[derive(Debug, Default)]
struct AddressData<'a> {
    line: Option<Text<'a>>,
    postcode: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct PostalAddress<'a> {
    #[serde(default, rename = "imin:fullAddress", borrow)]
    full: Loose<Txt<'a>>,
    #[serde(default, rename = "streetAddress", borrow)]
    street: Loose<Txt<'a>>,
    #[serde(default, rename = "addressLocality", borrow)]
    locality: Loose<Txt<'a>>,
    #[serde(default, rename = "addressRegion", borrow)]
    region: Loose<Txt<'a>>,
    #[serde(default, rename = "postalCode", borrow)]
    postcode: Loose<Txt<'a>>,
}

impl<'de: 'a, 'a> Shape<'de> for AddressData<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        Self { line: Txt::text(text).0, postcode: None }
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let address = PostalAddress::deserialize(MapAccessDeserializer::new(map))?;
        let parts = [address.street.0.0, address.locality.0.0, address.region.0.0];
        let line = address.full.0.0.or_else(|| {
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| Cow::Owned(parts.join(", ")))
        });
        Ok(Self { line, postcode: address.postcode.0.0 })
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
