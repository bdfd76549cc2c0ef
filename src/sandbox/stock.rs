//! The stock of invented names and real towns that the world is made from, read from `data/sandbox/world.toml`.
//!
//! Owns the file's shape. Fails when the embedded file cannot be read or a list in it is empty. May use nothing of ours.

use serde::Deserialize;

use super::SandboxError;

const TEXT: &str = include_str!("../../data/sandbox/world.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stock {
    pub(super) centres: Vec<String>,
    pub(super) streets: Vec<String>,
    pub(super) name_prefixes: Vec<String>,
    pub(super) name_suffixes: Vec<String>,
    pub(super) sentences: Vec<String>,
    pub(super) leaders: Vec<String>,
    pub(super) operators: Vec<Operator>,
    pub(super) towns: Vec<Town>,
    pub(super) activities: Vec<Activity>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operator {
    /// Used as a host name label under `.example`.
    pub(super) key: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Town {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) postcode_district: String,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activity {
    pub(super) label: String,
    pub(super) id: String,
    /// The kind of room it is held in.
    pub(super) facility: String,
}

impl Stock {
    pub(super) fn load() -> Result<Self, SandboxError> {
        let stock: Self = toml::from_str(TEXT).map_err(|error| SandboxError::Stock(error.to_string()))?;
        let lists = [&stock.centres, &stock.streets, &stock.name_prefixes, &stock.name_suffixes];
        let more = [&stock.sentences, &stock.leaders];
        let empty = lists.iter().chain(&more).any(|list| list.is_empty())
            || stock.operators.is_empty()
            || stock.towns.is_empty()
            || stock.activities.is_empty();
        if empty { Err(SandboxError::Stock("a list in it is empty".to_owned())) } else { Ok(stock) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_loads_and_its_places_lie_in_the_united_kingdom() {
        let stock = Stock::load().unwrap();
        assert!(TEXT.starts_with("# SYNTHETIC"));
        assert!(stock.operators.len() > 7, "five operators have habits, up to the eighth");
        for town in &stock.towns {
            assert!((49.8..60.9).contains(&town.latitude), "{}", town.name);
            assert!((-8.2..1.8).contains(&town.longitude), "{}", town.name);
        }
    }
}
