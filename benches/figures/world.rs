//! A synthetic world in pages, rendered before anything is timed: sessions of about 1.2 KB, series of about 4 KB, the shapes of both feeds.
//!
//! Of a million sessions about 225,000 can be booked at the moment of rendering. Sessions come in the order in which they were changed, so
//! those of one series lie scattered; the exceptions are two series of 200 sessions (one with all side by side, one with each start its own),
//! and 5,000 sessions that start at one instant.

use std::fmt::Write as _;

use bookable::domain::Instant;

/// Items on a page.
pub(crate) const PAGE_ITEMS: usize = 500;
/// How many sessions start at [`World::rush`].
pub(crate) const RUSH_SESSIONS: usize = 5000;
/// How many sessions the two large series have.
pub(crate) const LARGE: usize = 200;

const ACTIVITIES: [&str; 24] = [
    "Yoga",
    "Pilates",
    "Aqua Aerobics",
    "Indoor Cycling",
    "Badminton",
    "Body Pump",
    "Boxercise",
    "Circuit Training",
    "Zumba",
    "Swimming",
    "Table Tennis",
    "Walking Football",
    "Tai Chi",
    "HIIT",
    "Spin",
    "Stretching",
    "Netball",
    "Squash",
    "Kettlebells",
    "Gymnastics",
    "Parkour",
    "Tennis",
    "Running",
    "Strength Training",
];
/// How many towns there are; Leeds is the first.
const TOWNS: usize = 64;

const WINDOWS: [Option<&str>; 10] =
    [None, None, None, Some("P7D"), Some("P7D"), Some("P14D"), Some("P1W"), Some("PT48H"), Some("P3D"), Some("P1M")];

/// How large the world is, and at which moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) sessions: usize,
    pub(crate) series: usize,
    pub(crate) now: Instant,
}

/// Numbers that look random and are the same each time (`SplitMix64`).
fn mix(number: usize) -> usize {
    let mut z = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((z ^ (z >> 31)) >> 8).unwrap_or(0)
}

/// A town's name, the letters of its postcodes and its middle.
fn town(number: usize) -> (String, String, f64, f64) {
    if number == 0 {
        return ("Leeds".to_owned(), "LS".to_owned(), 53.80, -1.55);
    }
    let (north, east) = ((mix(number) % 700) as f64 / 100.0, (mix(number ^ 0x44) % 400) as f64 / 100.0);
    let letter = |at: usize| char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    (format!("Town {number}"), format!("{}{}", letter(number), letter(number / 26 + 7)), 50.5 + north, -3.5 + east)
}

impl World {
    /// The instant at which [`RUSH_SESSIONS`] sessions start.
    pub(crate) fn rush(&self) -> Instant {
        Instant::from_seconds(self.now.as_seconds().div_euclid(3600) * 3600 + 2 * 86_400)
    }

    /// The series of a session: the first [`LARGE`] sessions and every 1,000th belong to two large ones.
    pub(crate) fn series_of(&self, session: usize) -> usize {
        match session {
            number if number < LARGE => 0,
            number if number % 1000 == 999 && number / 1000 < LARGE => 1,
            number => 2 + mix(number) % (self.series - 2),
        }
    }

    fn is_rush(&self, session: usize) -> bool {
        let every = (self.sessions / RUSH_SESSIONS).max(2);
        session >= LARGE && session % every == 1
    }

    fn start(&self, session: usize) -> i64 {
        if self.series_of(session) == 1 {
            let quarter = i64::try_from(mix(session ^ 0xABCD) % (28 * 96)).unwrap_or(0);
            return self.rush().as_seconds() + quarter * 900;
        }
        if session < LARGE || self.is_rush(session) || session % 1000 == 999 {
            return self.rush().as_seconds();
        }
        let slot = mix(session ^ 0xABCD) % (36 * 56);
        let (day, quarter) = (slot / 56, slot % 56);
        let midnight = self.now.as_seconds().div_euclid(86_400) * 86_400;
        midnight - 4 * 86_400 + i64::try_from(day * 86_400 + 6 * 3600 + quarter * 900).unwrap_or(0)
    }

    fn operator(series: usize) -> usize {
        mix(series ^ 0x0F0F) % 300
    }

    /// A session as it is when it was changed for the `version`th time.
    pub(crate) fn session(&self, number: usize, version: usize, out: &mut String) {
        let (series, start) = (self.series_of(number), self.start(number));
        let operator = Self::operator(series);
        let (host, local) = (format!("https://operator{operator}.leisure.example/OpenActive/api"), 10_000_000 + number);
        let minutes = [30, 45, 60, 90][mix(series) % 4];
        let (starts, ends) = (Instant::from_seconds(start), Instant::from_seconds(start + minutes * 60));
        let always = number < LARGE || number % 1000 == 999 || self.is_rush(number);
        let bookable = always || mix(number ^ 0x77) % 100 < 55;
        let maximum = 8 + mix(series) % 25;
        let remaining = if bookable { (mix(number) + version) % maximum + 1 } else { 0 };
        let modified = 1_700_000_000_000_u64 + (number + version * self.sessions) as u64 * 37;
        let price = 3 + mix(series) % 9;
        let _ = write!(
            out,
            r#"{{"state":"updated","kind":"ScheduledSession","id":"{local}","modified":{modified},"data":{{"@context":["https://openactive.io/","https://openactive.io/ns-beta","https://imin.co/ns/"],"@type":"ScheduledSession","@id":"{host}/scheduled-sessions/{local}","identifier":"{local}","superEvent":"{host}/session-series/{series}","startDate":"{starts}","endDate":"{ends}","duration":"PT{minutes}M","eventStatus":"https://schema.org/EventScheduled","eventAttendanceMode":"https://schema.org/OfflineEventAttendanceMode","maximumAttendeeCapacity":{maximum},"remainingAttendeeCapacity":{remaining},"url":"{host}/book/{local}","imin:isPotentiallyBookable":{bookable},"offers":[{{"@type":"Offer","@id":"{host}/scheduled-sessions/{local}#adult","name":"Adult","price":{price}.5,"priceCurrency":"GBP","ageRange":{{"@type":"QuantitativeValue","minValue":16}},"url":"{host}/book/{local}"}},{{"@type":"Offer","@id":"{host}/scheduled-sessions/{local}#junior","name":"Junior","price":{price},"priceCurrency":"GBP","ageRange":{{"@type":"QuantitativeValue","maxValue":15}},"url":"{host}/book/{local}"}}]}}}}"#
        );
    }

    /// A series as it is when it was changed for the `version`th time; an odd version of a large one is closed.
    pub(crate) fn one_series(&self, number: usize, version: usize, out: &mut String) {
        let operator = Self::operator(number);
        let host = format!("https://operator{operator}.leisure.example/OpenActive/api");
        let activity = ACTIVITIES[mix(number ^ 0x31) % ACTIVITIES.len()];
        let venue = operator * 8 + mix(number ^ 0x99) % 8;
        let (town, area, latitude, longitude) = town(venue % TOWNS);
        let offset = |salt: usize| (mix(venue ^ salt) % 2000) as f64 / 10_000.0 - 0.1;
        let (latitude, longitude) = (latitude + offset(5), longitude + offset(6));
        let flag = if number < 2 { version.is_multiple_of(2) } else { mix(number ^ 0x55) % 100 < 88 };
        let window = if number < 2 { None } else { WINDOWS[mix(number ^ 0x66) % WINDOWS.len()] };
        let window = window.map_or(String::new(), |text| format!(r#","validFromBeforeStartDate":"{text}""#));
        let price = 3 + mix(number) % 9;
        let modified = 1_700_000_000_000_u64 + (number + version * self.series) as u64 * 41;
        let class = operator * 24 + mix(number ^ 0x31) % ACTIVITIES.len();
        let description = format!(
            "{activity} with operator {operator}: a class for everybody, led by a qualified coach, in which you move at a pace of your \
             own and go home refreshed. Please bring water and a towel, arrive ten minutes early, and tell the coach of any injury. \
             Equipment is provided, beginners are welcome at any time, and you can join without a membership. Class plan {class}."
        );
        let padding =
            "The centre has changing rooms, showers, lockers, a cafe and free parking for two hours. ".repeat(12);
        let (postcode, place) =
            (format!("{area}{} {}AB", 1 + venue % 20, venue % 9), format!("{town} Leisure Centre {venue}"));
        let start = 6 + number % 14;
        let _ = write!(
            out,
            r#"{{"state":"updated","kind":"SessionSeries","id":"{number}","modified":{modified},"data":{{"@context":["https://openactive.io/","https://openactive.io/ns-beta","https://imin.co/ns/"],"@type":"SessionSeries","@id":"{host}/session-series/{number}","identifier":"{number}","name":"{activity} {start}:15","url":"{host}/series/{number}","duration":"PT60M","eventSchedule":[{{"@type":"PartialSchedule","byDay":["http://schema.org/Monday"],"duration":"PT60M","startTime":"{start}:15","endTime":"{start}:59","beta:timeZone":"Europe/London"}}],"superEvent":{{"@type":"EventSeries","@id":"{host}/event-series/{class}","name":"{activity}","description":"{description}","activity":[{{"@type":"Concept","@id":"https://openactive.io/activity-list#{class}","prefLabel":"{activity}","inScheme":"https://openactive.io/activity-list"}}],"organizer":{{"@type":"Organization","@id":"{host}/organizations/{operator}","name":"Operator {operator} Leisure","url":"https://operator{operator}.leisure.example"}},"ageRange":{{"@type":"QuantitativeValue","minValue":16}},"genderRestriction":"https://openactive.io/NoRestriction","level":["All levels"],"image":[{{"@type":"ImageObject","url":"https://images.operator{operator}.leisure.example/{class}.jpg","thumbnail":[{{"@type":"ImageObject","url":"https://images.operator{operator}.leisure.example/{class}-small.jpg"}}]}}]}},"location":{{"@type":"Place","@id":"{host}/places/{venue}","name":"{place}","description":"{padding}","address":{{"@type":"PostalAddress","streetAddress":"{venue} Park Road","addressLocality":"{town}","addressRegion":"{town}","postalCode":"{postcode}","addressCountry":"GB"}},"geo":{{"@type":"GeoCoordinates","latitude":{latitude:.6},"longitude":{longitude:.6}}},"telephone":"01632 960000"}},"offers":[{{"@type":"Offer","@id":"{host}/session-series/{number}#adult","name":"Adult","price":{price}.5,"priceCurrency":"GBP","ageRange":{{"@type":"QuantitativeValue","minValue":16}}}},{{"@type":"Offer","@id":"{host}/session-series/{number}#junior","name":"Junior","price":{price},"priceCurrency":"GBP","ageRange":{{"@type":"QuantitativeValue","maxValue":15}}}}],"imin:dataSource":{{"@type":"Dataset","identifier":"operator-{operator}"}},"imin:aggregateOffer":{{"publicAdult":{{"@type":"AggregateOffer","price":{price}.5,"priceCurrency":"GBP","imin:isPotentiallyBookable":{flag},"imin:membershipRequired":false{window}}}}}}}}}"#
        );
    }

    /// The pages of both feeds, the empty last one included; `origin` is `http://host:port`.
    pub(crate) fn pages(&self, origin: &str) -> [Vec<Vec<u8>>; 2] {
        let pages = |feed: &str, items: usize, one: &dyn Fn(usize, &mut String)| {
            let mut pages = Vec::new();
            for first in (0..items).step_by(PAGE_ITEMS) {
                let mut body = format!(r#"{{"next":"{origin}/{feed}?page={}","items":["#, pages.len() + 1);
                for number in first..(first + PAGE_ITEMS).min(items) {
                    if number > first {
                        body.push(',');
                    }
                    one(number, &mut body);
                }
                body.push_str(r#"],"license":"https://creativecommons.org/licenses/by/4.0/"}"#);
                pages.push(body.into_bytes());
            }
            let last = format!(
                r#"{{"next":"{origin}/{feed}?page={}","items":[],"license":"https://creativecommons.org/licenses/by/4.0/"}}"#,
                pages.len()
            );
            pages.push(last.into_bytes());
            pages
        };
        [
            pages("session-series", self.series, &|number, out| self.one_series(number, 0, out)),
            pages("scheduled-sessions", self.sessions, &|number, out| self.session(number, 0, out)),
        ]
    }
}
