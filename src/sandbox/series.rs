//! Series: what each one offers in each of its versions, and its JSON.
//!
//! Owns the shape of `SessionSeries` data. Cannot fail. May use `world` and below.

use super::dice::Stream;
use super::json::Json;
use super::world::{Habit, World, number};

const PRICES_PENCE: [u32; 10] = [350, 450, 500, 525, 600, 675, 750, 820, 900, 1200];
const MINUTES: [u32; 6] = [30, 45, 45, 60, 60, 90];
const CAPACITIES: [u16; 8] = [6, 8, 10, 12, 15, 20, 24, 40];
const LEVELS: [&str; 4] = ["Beginner", "Intermediate", "Advanced", "All levels"];

/// The one way in which a series is odd, by its number: 10 to 22 of every 53, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    NoPublicAdult,
    FlagFalse,
    /// `validFromBeforeStartDate` is "1 week".
    BadDuration,
    /// The series is never published, so its sessions are orphans.
    Unpublished,
    NoPrice,
    NoGeo,
    /// Online, with `beta:affiliatedLocation`.
    Virtual,
    NoAggregateOffer,
    /// `eventSchedule` is an object written as a JSON string.
    ScheduleAsText,
    NoDataSource,
    MembershipRequired,
    LocationNull,
    PriceRange,
}

const ODDITIES: [Oddity; 13] = [
    Oddity::NoPublicAdult,
    Oddity::FlagFalse,
    Oddity::BadDuration,
    Oddity::Unpublished,
    Oddity::NoPrice,
    Oddity::NoGeo,
    Oddity::Virtual,
    Oddity::NoAggregateOffer,
    Oddity::ScheduleAsText,
    Oddity::NoDataSource,
    Oddity::MembershipRequired,
    Oddity::LocationNull,
    Oddity::PriceRange,
];

/// The oddity of a series, if it has one.
pub(super) fn oddity(series: u32) -> Option<Oddity> {
    ODDITIES.get((series % 53).checked_sub(10)? as usize).copied()
}

/// What a series offers.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) oddity: Option<Oddity>,
    pub(super) minutes: u32,
    pub(super) second_of_day: u32,
    pub(super) capacity: u16,
    pub(super) price_pence: u32,
    activity: usize,
    window: Option<&'static str>,
    flag: bool,
}

/// The facts of a series; `version` counts its edits, which change the price, the window or the flag.
pub(super) fn facts(world: &World, series: u32, version: u32) -> Facts {
    let mut dice = world.dice(Stream::Series, series);
    let oddity = oddity(series);
    let activities = u32::try_from(world.stock.activities.len()).unwrap_or(u32::MAX);
    let mut facts = Facts {
        oddity,
        minutes: dice.one_of(&MINUTES).copied().unwrap_or(60),
        // From 06:00 to 20:55, every five minutes.
        second_of_day: (72 + dice.below(180)) * 300,
        capacity: dice.one_of(&CAPACITIES).copied().unwrap_or(10),
        price_pence: dice.one_of(&PRICES_PENCE).copied().unwrap_or(500),
        activity: dice.below(activities) as usize,
        window: window(dice.below(100)),
        flag: oddity != Some(Oddity::FlagFalse),
    };
    if version > 0 {
        let mut edit = world.dice(Stream::SeriesEdit, series ^ version.rotate_left(20));
        facts.price_pence += 5 * edit.below(30);
        if edit.percent(30) {
            facts.window = window(edit.below(100));
        }
        facts.flag = facts.flag && !edit.percent(25);
    }
    if oddity == Some(Oddity::BadDuration) {
        facts.window = Some("1 week");
    }
    facts
}

fn window(percent: u32) -> Option<&'static str> {
    match percent {
        0..25 => Some("P7D"),
        25..40 => Some("P14D"),
        40..50 => Some("P1W"),
        50..60 => Some("PT48H"),
        60..65 => Some("P1M"),
        65..70 => Some("P3D"),
        _ => None,
    }
}

/// The display name of a series.
pub(super) fn name(world: &World, series: u32, facts: &Facts) -> String {
    let mut dice = world.dice(Stream::Places, series);
    dice.next();
    let label = world.stock.activities.get(facts.activity).map_or("Session", |activity| activity.label.as_str());
    format!("{}{label}{}", dice.pick(&world.stock.name_prefixes), dice.pick(&world.stock.name_suffixes))
}

/// Writes the `data` of a series.
pub(super) fn write(world: &World, series: u32, version: u32, json: &mut Json) {
    let facts = facts(world, series, version);
    let habit = world.habit(series);
    let link = world.series_link(series);
    json.begin();
    write_head(habit, "SessionSeries", &link, json);
    json.text("identifier", &format!("SER-{}", number(series)));
    write_event_series(world, series, &facts, habit, json);
    if habit != Habit::OfferOnEvent {
        write_aggregate_offer(&facts, json);
    }
    write_offers(&facts, &link, json);
    write_location(world, series, &facts, json);
    if facts.oddity != Some(Oddity::NoDataSource) {
        json.object("imin:dataSource");
        json.text("@type", "Dataset");
        json.text("identifier", world.operator(series).map_or("", |operator| operator.key.as_str()));
        json.end();
    }
    json.plain("imin:presentAsSlots", false);
    if facts.oddity == Some(Oddity::ScheduleAsText) {
        json.text("eventSchedule", "{\"@type\":\"Schedule\",\"repeatFrequency\":\"P1W\"}");
    }
    json.text("url", &format!("{}/book/{}", world.host(series), number(series)));
    write_leader(world, series, json);
    json.end();
}

/// `@context`, the type and the link, under the names of the operator's time.
pub(super) fn write_head(habit: Habit, kind: &str, link: &str, json: &mut Json) {
    json.array("@context");
    json.element("https://openactive.io/");
    json.element("https://openactive.io/ns-beta");
    json.element("https://imin.co/");
    json.end_array();
    let (type_name, id_name) = if habit == Habit::OldNames { ("type", "id") } else { ("@type", "@id") };
    json.text(type_name, kind);
    json.text(id_name, link);
}

fn write_event_series(world: &World, series: u32, facts: &Facts, habit: Habit, json: &mut Json) {
    let mut dice = world.dice(Stream::Centre, series.wrapping_add(1 << 31));
    json.object("superEvent");
    json.text("@type", "EventSeries");
    json.text("@id", &format!("{}/api/event-series/{}", world.host(series), number(series)));
    json.text("name", &name(world, series, facts));
    let sentences = 8 + dice.below(10);
    let description: Vec<&str> = (0..sentences).map(|_| dice.pick(&world.stock.sentences)).collect();
    json.text("description", &description.join(" "));
    json.object("organizer");
    json.text("@type", "Organization");
    json.text("@id", &format!("{}/api/organizations/1", world.host(series)));
    json.text("name", world.operator(series).map_or("", |operator| operator.name.as_str()));
    json.end();
    json.array("activity");
    if let Some(activity) = world.stock.activities.get(facts.activity) {
        json.begin();
        json.text("@type", "Concept");
        json.text("@id", &activity.id);
        json.text("prefLabel", &activity.label);
        json.text("inScheme", "https://openactive.io/activity-list");
        json.end();
    }
    json.end_array();
    write_audience(&mut dice, json);
    json.text("eventAttendanceMode", attendance(facts));
    json.array("image");
    json.begin();
    json.text("@type", "ImageObject");
    json.text("url", &format!("{}/images/{}.jpg", world.host(series), facts.activity));
    json.end();
    json.end_array();
    if habit == Habit::OfferOnEvent {
        write_aggregate_offer(facts, json);
    }
    json.end();
}

fn write_audience(dice: &mut super::dice::Dice, json: &mut Json) {
    match dice.below(4) {
        0 => {}
        1 => json.plain("ageRange", r#"{"@type":"QuantitativeValue","minValue":16}"#),
        2 => json.plain("ageRange", r#"{"@type":"QuantitativeValue","minValue":50,"maxValue":99}"#),
        _ => json.plain("ageRange", r#"{"@type":"QuantitativeValue","minValue":18,"maxValue":null}"#),
    }
    let gender = match dice.below(10) {
        0 => "https://openactive.io/FemaleOnly",
        1 => "https://openactive.io/MaleOnly",
        _ => "https://openactive.io/NoRestriction",
    };
    json.text("genderRestriction", gender);
    if dice.percent(70) {
        json.array("level");
        json.element(dice.one_of(&LEVELS).copied().unwrap_or("All levels"));
        json.end_array();
    }
    json.plain("isAccessibleForFree", false);
}

/// Where a session of this series takes place, as schema.org says it.
pub(super) fn attendance(facts: &Facts) -> &'static str {
    if facts.oddity == Some(Oddity::Virtual) {
        "https://schema.org/OnlineEventAttendanceMode"
    } else {
        "https://schema.org/OfflineEventAttendanceMode"
    }
}

fn write_aggregate_offer(facts: &Facts, json: &mut Json) {
    if facts.oddity == Some(Oddity::NoAggregateOffer) {
        return;
    }
    json.object("imin:aggregateOffer");
    if facts.oddity != Some(Oddity::NoPublicAdult) {
        json.object("publicAdult");
        json.text("@type", "AggregateOffer");
        write_price(facts, json);
        json.plain("imin:isPotentiallyBookable", facts.flag);
        json.plain("imin:membershipRequired", facts.oddity == Some(Oddity::MembershipRequired));
        if let Some(window) = facts.window {
            json.text("validFromBeforeStartDate", window);
        }
        json.end();
    }
    if facts.price_pence.is_multiple_of(2) {
        json.object("publicJunior");
        json.text("@type", "AggregateOffer");
        json.plain("price", pounds(facts.price_pence / 2));
        json.text("priceCurrency", "GBP");
        json.plain("imin:isPotentiallyBookable", facts.flag);
        json.plain("imin:membershipRequired", false);
        json.end();
    }
    json.end();
}

fn write_price(facts: &Facts, json: &mut Json) {
    match facts.oddity {
        Some(Oddity::NoPrice) => return,
        Some(Oddity::PriceRange) => {
            json.plain("lowPrice", pounds(facts.price_pence));
            json.plain("highPrice", pounds(facts.price_pence * 2));
        }
        _ => json.plain("price", pounds(facts.price_pence)),
    }
    json.text("priceCurrency", "GBP");
}

fn write_offers(facts: &Facts, link: &str, json: &mut Json) {
    json.array("offers");
    let offers = [("Adult", facts.price_pence), ("Junior", facts.price_pence / 2), ("Member", 0)];
    for (name, pence) in offers {
        json.begin();
        json.text("@type", "Offer");
        json.text("@id", &format!("{link}#/offers/{}", name.to_ascii_lowercase()));
        json.text("name", name);
        json.plain("price", pounds(pence));
        json.text("priceCurrency", "GBP");
        if let Some(window) = facts.window {
            json.text("validFromBeforeStartDate", window);
        }
        json.end();
    }
    json.end_array();
}

fn write_location(world: &World, series: u32, facts: &Facts, json: &mut Json) {
    if facts.oddity == Some(Oddity::LocationNull) {
        json.plain("location", "null");
        return;
    }
    let virtual_place = facts.oddity == Some(Oddity::Virtual);
    let Some(centre) = world.centre(world.centre_of_series(series)) else { return };
    let Some(town) = world.town(centre) else { return };
    json.object(if virtual_place { "beta:affiliatedLocation" } else { "location" });
    json.text("@type", "Place");
    json.text("name", &centre.name);
    if let (Some((latitude, longitude)), true) = (centre.position, facts.oddity != Some(Oddity::NoGeo)) {
        json.object("geo");
        json.text("@type", "GeoCoordinates");
        json.plain("latitude", latitude);
        json.plain("longitude", longitude);
        json.end();
    }
    json.object("address");
    json.text("@type", "PostalAddress");
    json.text("streetAddress", &centre.street);
    json.text("addressLocality", &town.name);
    json.text("addressRegion", &town.region);
    json.text("postalCode", &town.postcode_district);
    json.text("addressCountry", "GB");
    let full = format!("{}, {}, {}", centre.street, town.name, town.postcode_district);
    json.text("imin:fullAddress", &full);
    json.end();
    if let Some(activity) = world.stock.activities.get(facts.activity) {
        json.array("amenityFeature");
        json.begin();
        json.text("@type", "LocationFeatureSpecification");
        json.text("name", &activity.facility);
        json.plain("value", true);
        json.end();
        json.end_array();
    }
    json.end();
}

fn write_leader(world: &World, series: u32, json: &mut Json) {
    let mut dice = world.dice(Stream::Parent, series.wrapping_add(1 << 31));
    if dice.percent(40) {
        json.array("leader");
        json.begin();
        json.text("@type", "Person");
        json.text("name", dice.pick(&world.stock.leaders));
        json.end();
        json.end_array();
    }
}

/// A price in pounds; pence are small, so the division is exact enough to print as written on a poster.
pub(super) fn pounds(pence: u32) -> f64 {
    f64::from(pence) / 100.0
}
