//! Facility uses, their courts and slots, and the sellers: what each is, and its JSON.
//!
//! Owns the shapes of `FacilityUse`, `Slot` and of the sellers' `Organization` data. All are handed in at the start, as a
//! test would do it. Cannot fail. May use `world` and below.

use serde_json::{Value, json};

use super::series::pounds;
use super::world::{World, number};

/// One facility use for so many slots.
const SLOTS_PER_FACILITY: u32 = 40;
/// Facility uses are numbered behind the series, so that they have places of their own.
const FIRST_FACILITY: u32 = 500_000_000;
/// The operator with this number may not be sold by any broker.
const UNSOLD_OPERATOR: usize = 2;
const WINDOWS: [Option<&str>; 4] = [Some("P7D"), Some("P14D"), None, Some("PT48H")];
const PRICES_PENCE: [u32; 4] = [850, 1100, 950, 1400];

/// How many facility uses there are.
pub(super) fn facilities(world: &World) -> u32 {
    world.slots.div_ceil(SLOTS_PER_FACILITY)
}

fn facility_link(world: &World, facility: u32) -> String {
    let at = FIRST_FACILITY + facility;
    format!("{}/api/facility-uses/{}", world.host(at), number(facility))
}

fn courts(facility: u32) -> u32 {
    if facility % 4 == 3 { 0 } else { 1 + facility % 3 }
}

/// Whether the facility use carries the aggregate offer; else each of its slots does.
fn has_offer(facility: u32) -> bool {
    facility % 3 != 2
}

fn price_pence(facility: u32) -> u32 {
    PRICES_PENCE[facility as usize % PRICES_PENCE.len()]
}

fn aggregate_offer(facility: u32, link: &str) -> Value {
    let mut adult = json!({"@type": "AggregateOffer", "price": pounds(price_pence(facility)), "priceCurrency": "GBP",
        "imin:isPotentiallyBookable": true, "imin:membershipRequired": false});
    if let Some(window) = WINDOWS[facility as usize % WINDOWS.len()] {
        adult["validFromBeforeStartDate"] = json!(window);
    }
    if facility.is_multiple_of(2) {
        adult["@id"] = json!(format!("{link}#/offers/adult"));
    }
    json!({"publicAdult": adult})
}

fn offers(facility: u32, link: &str) -> Value {
    let offer = |name: &str, pence: u32| {
        let id = format!("{link}#/offers/{}", name.to_ascii_lowercase());
        json!({"@type": "Offer", "@id": id, "name": name, "price": pounds(pence), "priceCurrency": "GBP"})
    };
    json!([offer("Adult", price_pence(facility)), offer("Junior", price_pence(facility) / 2)])
}

/// The RPDE id and the data of a facility use.
pub(super) fn facility(world: &World, facility: u32) -> (String, Value) {
    let at = FIRST_FACILITY + facility;
    let link = facility_link(world, facility);
    let activity = world.stock.activities.get(facility as usize % world.stock.activities.len().max(1));
    let name = activity.map_or("Court", |activity| activity.facility.as_str());
    let mut data = json!({
        "@context": ["https://openactive.io/", "https://imin.co/"],
        "@type": "FacilityUse",
        "@id": link,
        "identifier": format!("FAC-{}", number(facility)),
        "name": name,
        "description": format!("{name}, to be booked by the hour."),
        "provider": organization(world, at),
        "imin:dataSource": {"@type": "Dataset", "identifier": world.operator(at).map(|operator| &operator.key)},
        "url": format!("{}/facilities/{}", world.host(at), number(facility)),
        "offers": offers(facility, &link),
    });
    if let Some(activity) = activity {
        data["activity"] = json!([{"@type": "Concept", "@id": activity.id, "prefLabel": activity.label}]);
    }
    if let Some(centre) = world.centre(world.centre_of_series(at))
        && let Some(town) = world.town(centre)
    {
        data["location"] = json!({"@type": "Place", "name": centre.name, "address": {"@type": "PostalAddress",
            "streetAddress": centre.street, "addressLocality": town.name, "postalCode": town.postcode_district}});
        if let Some((latitude, longitude)) = centre.position {
            data["location"]["geo"] = json!({"latitude": latitude, "longitude": longitude});
        }
    }
    if courts(facility) > 0 {
        let court = |court: u32| json!({"@type": "IndividualFacilityUse", "@id": format!("{link}#/courts/{court}"), "name": format!("Court {court}")});
        data["individualFacilityUse"] = (1..=courts(facility)).map(court).collect();
    }
    if has_offer(facility) {
        data["imin:aggregateOffer"] = aggregate_offer(facility, &link);
    }
    (format!("facility:{}", number(facility)), data)
}

/// The RPDE id and the data of a slot.
pub(super) fn slot(world: &World, slot: u32) -> (String, Value) {
    let facility = slot % facilities(world).max(1);
    let turn = slot / facilities(world).max(1);
    let link = facility_link(world, facility);
    let id = format!("{}/api/slots/{}", world.host(FIRST_FACILITY + facility), number(slot));
    let court = courts(facility);
    let parent = match () {
        () if slot % 97 == 13 => format!("{link}-which-nobody-publishes"),
        () if court > 0 && !turn.is_multiple_of(7) => format!("{link}#/courts/{}", 1 + turn % court),
        () => link,
    };
    let midnight = world.start.plus_seconds(-world.start.as_seconds().rem_euclid(86_400));
    let starts = midnight.plus_seconds(i64::from(turn / 8) * 86_400 - 86_400 + i64::from(8 + turn % 8) * 5400);
    let left = i64::from(turn % 9 != 4);
    let mut data = json!({
        "@type": "Slot",
        "@id": id,
        "identifier": format!("SLOT-{}", number(slot)),
        "facilityUse": if turn % 11 == 5 { json!({"@id": parent}) } else { json!(parent) },
        "startDate": starts.to_string(),
        "endDate": starts.plus_seconds(3600).to_string(),
        "duration": "PT1H",
        "remainingUses": left,
        "maximumUses": 1,
        "imin:isPotentiallyBookable": left > 0,
    });
    if !has_offer(facility) {
        data["imin:aggregateOffer"] = aggregate_offer(facility, &id);
    }
    if turn.is_multiple_of(5) {
        data["offers"] = offers(facility, &id);
    }
    (format!("slot:{}", number(slot)), data)
}

/// Somebody takes a slot, or gives it back.
pub(super) fn toggle(data: &mut Value) {
    let left = i64::from(data["remainingUses"] != json!(1));
    data["remainingUses"] = json!(left);
    data["imin:isPotentiallyBookable"] = json!(left > 0);
}

fn organization(world: &World, at: u32) -> Value {
    let name = world.operator(at).map_or("", |operator| operator.name.as_str());
    json!({"@type": "Organization", "@id": format!("{}/api/organizations/1", world.host(at)), "name": name})
}

/// The sellers: all operators but one. Each has its `@id` as RPDE id.
pub(super) fn sellers(world: &World) -> Vec<(String, Value)> {
    let operators = world.stock.operators.iter().enumerate().filter(|(at, _)| *at != UNSOLD_OPERATOR);
    let seller = |(_, operator): (usize, &super::stock::Operator)| {
        let id = format!("https://{}.example/api/organizations/1", operator.key);
        (id.clone(), json!({"@type": "Organization", "@id": id, "name": operator.name}))
    };
    operators.map(seller).collect()
}

/// The attribution catalogue: a dataset for each operator but the last.
pub(super) fn datasets(world: &World) -> Value {
    let named = world.stock.operators.iter().take(world.stock.operators.len().saturating_sub(1));
    let dataset = |operator: &super::stock::Operator| {
        json!({"@type": "Dataset", "identifier": operator.key, "name": format!("{} Sessions and Facilities", operator.name),
            "url": format!("https://{}.example/openactive", operator.key),
            "license": "https://creativecommons.org/licenses/by/4.0/",
            "publisher": {"@type": "Organization", "name": operator.name, "url": format!("https://{}.example", operator.key)}})
    };
    let list: Vec<Value> = named.map(dataset).collect();
    json!({"@context": "https://schema.org/", "@type": "DataCatalog", "name": "Synthetic datasets", "dataset": list})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::Instant;
    use crate::sandbox::SandboxOptions;

    #[test]
    fn every_sort_of_slot_and_facility_occurs() {
        let options = SandboxOptions { slots: 400, ..SandboxOptions::default() };
        let world = World::new(&options, Instant::parse("2026-11-23T10:00:00Z").unwrap()).unwrap();
        let facilities: Vec<Value> = (0..facilities(&world)).map(|at| facility(&world, at).1).collect();
        assert!(facilities.iter().any(|data| data.get("imin:aggregateOffer").is_none()));
        assert!(facilities.iter().any(|data| data.get("individualFacilityUse").is_none()));
        let slots: Vec<(String, Value)> = (0..400).map(|at| slot(&world, at)).collect();
        assert_eq!(slots.iter().map(|slot| &slot.0).collect::<BTreeSet<_>>().len(), 400);
        for wanted in ["/courts/", "which-nobody-publishes", "\"facilityUse\":{", "\"offers\"", "\"remainingUses\":0"] {
            assert!(slots.iter().any(|slot| slot.1.to_string().contains(wanted)), "{wanted}");
        }
        let mut taken = slots[0].1.clone();
        toggle(&mut taken);
        assert_ne!(taken["imin:isPotentiallyBookable"], slots[0].1["imin:isPotentiallyBookable"]);
        assert_eq!(sellers(&world).len() + 1, world.stock.operators.len());
    }
}
