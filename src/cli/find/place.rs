//! Where: a point, or a UK postcode that is looked up in the bundled table, and a distance around it. Pure.
//!
//! A whole postcode is looked up by its district, a district that the table does not have by its area; then a note says so.

use crate::cli::failure::Failure;

/// A kilometre's share of a degree of latitude is at most one of this many; a little less than the truth, to be safe.
const KM_A_DEGREE: f64 = 110.5;

/// Approximate places of postcode areas and districts; the file says how approximate.
const POSTCODES: &str = include_str!("../../../data/postcodes.csv");

/// A point and a distance around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) within_km: f64,
}

impl Near {
    /// Reads both; with what people should be told of how they were understood.
    pub(super) fn parse(place: &str, within: &str) -> Result<(Self, Option<String>), Failure> {
        let (latitude, longitude, note) = match point(place) {
            Some((latitude, longitude)) => (latitude, longitude, None),
            None => postcode(place)?,
        };
        Ok((Self { latitude, longitude, within_km: kilometres(within)? }, note))
    }

    /// Lowest and highest latitude, lowest and highest longitude of a box that holds everything within the distance.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let high = self.within_km / KM_A_DEGREE;
        let (low_latitude, high_latitude) = (self.latitude - high, self.latitude + high);
        // Over a pole every longitude is near; over the 180th meridian the box would be two, so it goes all round.
        if low_latitude <= -89.0 || high_latitude >= 89.0 {
            return [low_latitude, high_latitude, -180.0, 180.0];
        }
        let nearest_pole = self.latitude.abs() + high;
        let wide = high / nearest_pole.to_radians().cos();
        let (low_longitude, high_longitude) = (self.longitude - wide, self.longitude + wide);
        if low_longitude < -180.0 || high_longitude > 180.0 {
            return [low_latitude, high_latitude, -180.0, 180.0];
        }
        [low_latitude, high_latitude, low_longitude, high_longitude]
    }
}

fn point(text: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = text.split_once(',')?;
    let (latitude, longitude): (f64, f64) = (latitude.trim().parse().ok()?, longitude.trim().parse().ok()?);
    let on_the_globe = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    on_the_globe.then_some((latitude, longitude))
}

fn postcode(text: &str) -> Result<(f64, f64, Option<String>), Failure> {
    let forms = "a postcode (\"LS6 2AB\"), its district (LS6) or area (LS), or LATITUDE,LONGITUDE, such as 53.80,-1.55";
    let (area, district) = outward(text)
        .ok_or_else(|| Failure::settings(format!("--near {text:?} is neither place nor point; write {forms}")))?;
    // London's districts go on with a letter in places (W1D, EC1A): the table has them without.
    let shorter = district.trim_end_matches(|c: char| c.is_ascii_uppercase());
    if let Some((_, latitude, longitude)) = look_up(&district).or_else(|| look_up(shorter)) {
        return Ok((latitude, longitude, None));
    }
    let (name, latitude, longitude) = look_up(&area).ok_or_else(|| {
        Failure::settings(format!("--near {text:?}: there is no postcode area {area}; write {forms}"))
    })?;
    let note = format!(
        "the postcode district {district} is not in the table of places, so --near means the middle of the area {area}: {name}, \
         about {latitude:.2},{longitude:.2}"
    );
    Ok((latitude, longitude, (district != area).then_some(note)))
}

/// `LS6 2AB`, `ls62ab`, `LS6 2`, `LS6` and `LS` → the area, and the district (where there is none, the area again).
fn outward(text: &str) -> Option<(String, String)> {
    let text = text.trim().to_ascii_uppercase();
    let is_inward = |text: &str| {
        let [sector, unit @ ..] = text.as_bytes() else { return false };
        sector.is_ascii_digit() && unit.len() == 2 && unit.iter().all(u8::is_ascii_uppercase)
    };
    let is_sector = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
    let district = match text.split_once(char::is_whitespace) {
        Some((district, inward)) => {
            let inward = inward.trim_start();
            (is_inward(inward) || is_sector(inward)).then_some(district)?
        }
        None => match text.split_at_checked(text.len().saturating_sub(3)) {
            Some((district, inward)) if district.len() >= 2 && is_inward(inward) => district,
            _ => text.as_str(),
        },
    };
    let digit_at = district.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(district.len());
    let (area, rest) = district.split_at_checked(digit_at)?;
    let good_rest = match rest.as_bytes() {
        [] => true,
        [first] => first.is_ascii_digit(),
        [first, second] => first.is_ascii_digit() && second.is_ascii_alphanumeric(),
        _ => false,
    };
    (matches!(area.len(), 1 | 2) && good_rest).then(|| (area.to_owned(), district.to_owned()))
}

/// A code's name, latitude and longitude.
fn look_up(code: &str) -> Option<(&'static str, f64, f64)> {
    table().find(|(known, ..)| *known == code).map(|(_, name, latitude, longitude)| (name, latitude, longitude))
}

fn table() -> impl Iterator<Item = (&'static str, &'static str, f64, f64)> {
    POSTCODES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split(',');
        Some((cells.next()?, cells.next()?, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
    })
}

fn kilometres(text: &str) -> Result<f64, Failure> {
    let wrong = || Failure::settings(format!("--within {text:?} is no distance; write 500m, 5km or 3mi"));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "km" => 1.0,
        "m" => 0.001,
        "mi" => 1.609_344,
        _ => return Err(wrong()),
    };
    if number.is_finite() && number > 0.0 { Ok(number * factor) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::find::distance_km;

    #[test]
    fn the_table_is_what_its_head_says() {
        let rows: Vec<_> = table().collect();
        assert_eq!(rows.len(), POSTCODES.lines().filter(|line| !line.starts_with('#')).count());
        let known: BTreeMap<_, _> = rows.iter().map(|row| (row.0, *row)).collect();
        assert_eq!(known.len(), rows.len(), "each code once");
        assert_eq!(rows.iter().filter(|row| row.0.bytes().all(|byte| byte.is_ascii_uppercase())).count(), 124);
        for (code, name, latitude, longitude) in rows {
            let (area, district) = outward(code).unwrap();
            assert_eq!(district, code);
            assert!((49.1..60.9).contains(&latitude) && (-8.2..1.8).contains(&longitude), "{code} {name}");
            let (_, middle_latitude, middle_longitude) = look_up(&area).unwrap();
            let apart = distance_km([latitude, longitude, middle_latitude, middle_longitude]);
            assert!(apart < 25.0, "{code} {name} is {apart:.0} km from the middle of {area}");
        }
    }

    #[test]
    fn postcodes_are_looked_up_by_district_or_area() {
        let (leeds, headingley, west_end) = ((53.80, -1.55), (53.82, -1.57), (51.51, -0.15));
        let table = [
            ("LS6", headingley, None),
            ("ls6 2ab", headingley, None),
            ("LS62AB", headingley, None),
            (" LS6  2AB ", headingley, None),
            ("LS6 2", headingley, None),
            ("LS", leeds, None),
            ("LS99", leeds, Some("LS99")),
            ("LS99 1AA", leeds, Some("LS99")),
            ("W1D 3QU", west_end, None),
            ("w1d", west_end, None),
            ("W1 1AA", west_end, None),
            ("M1 1AE", (53.48, -2.23), None),
            ("53.80,-1.55", leeds, None),
            (" 53.80 , -1.55 ", leeds, None),
        ];
        for (text, (latitude, longitude), noted) in table {
            let (near, note) = Near::parse(text, "5km").unwrap();
            assert_eq!((near.latitude, near.longitude), (latitude, longitude), "{text}");
            assert_eq!(note.is_some(), noted.is_some(), "{text}: {note:?}");
            assert!(noted.is_none_or(|district| note.unwrap().contains(district)), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let table = [
            "",
            " ",
            "Leeds",
            "ZZ1",
            "QQ",
            "95,0",
            "nan,0",
            "53.8",
            "53,8,-1,5",
            "LS6 2ABC",
            "LS6 A",
            "LS6-2AB",
            "1AA",
            "LSXX6",
            "LS6é",
            "L😀",
            "LS123",
            "6LS",
        ];
        for text in table {
            let failure = Near::parse(text, "5km").unwrap_err();
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.line().unwrap().starts_with("--near"), "{text}");
        }
    }
}
