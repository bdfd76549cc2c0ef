//! Where something happens, and which coordinates are believed.

use super::facts::Text;

/// A `location`, as far as the catalogue shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place<'a> {
    /// `name`.
    pub name: Option<Text<'a>>,
    /// `imin:fullAddress`, else the parts of `address` in one line, without the postcode.
    pub address: Option<Text<'a>>,
    /// `postalCode`.
    pub postcode: Option<Text<'a>>,
    /// `geo`, where it is believed.
    pub coordinates: Option<Coordinates>,
}

/// A point in WGS 84 degrees that is believed to be meant as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

/// Why a pair of coordinates is not believed. It is then left out, not mended: the catalogue invents nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoordinateFault {
    /// 0, 0: nobody filled it in.
    Zero,
    /// Not on the globe, or not a number.
    OutOfRange,
    /// Far from the United Kingdom as written, but in it when latitude and longitude change places.
    Swapped,
}

impl Coordinates {
    /// Checks a pair as a feed gives it.
    ///
    /// # Errors
    /// The reason why the pair is not believed.
    pub fn checked(latitude: f64, longitude: f64) -> Result<Self, CoordinateFault> {
        let on_globe = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        if in_united_kingdom(longitude, latitude) && !in_united_kingdom(latitude, longitude) {
            return Err(CoordinateFault::Swapped);
        }
        if !on_globe {
            return Err(CoordinateFault::OutOfRange);
        }
        if latitude.abs() < 1e-6 && longitude.abs() < 1e-6 {
            return Err(CoordinateFault::Zero);
        }
        Ok(Self { latitude, longitude })
    }
}

/// A box around the United Kingdom, the Channel Islands and the Isle of Man.
fn in_united_kingdom(latitude: f64, longitude: f64) -> bool {
    (49.0..=61.5).contains(&latitude) && (-9.0..=2.5).contains(&longitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_believed_or_left_out() {
        let table = [
            ("Leeds", 53.8, -1.55, Ok(())),
            ("Melbourne stands as written", -37.8, 144.96, Ok(())),
            ("Tbilisi stands as written", 41.7, 44.8, Ok(())),
            ("nobody filled it in", 0.0, 0.0, Err(CoordinateFault::Zero)),
            ("swapped", -0.71382, 51.51039, Err(CoordinateFault::Swapped)),
            ("swapped, east of Greenwich", 1.2121, 52.9665, Err(CoordinateFault::Swapped)),
            ("off the globe", 153.8, -1.55, Err(CoordinateFault::OutOfRange)),
            ("not a number", f64::NAN, 1.0, Err(CoordinateFault::OutOfRange)),
        ];
        for (words, latitude, longitude, expected) in table {
            assert_eq!(Coordinates::checked(latitude, longitude).map(|_| ()), expected, "{words}");
        }
    }
}
