//! What was typed of `search` and `export`: the filters that both have, and each one's own flags.

use std::path::PathBuf;

use clap::Args;

/// Which sessions.
#[derive(Args, Debug)]
#[command(next_help_heading = "Filters")]
pub(in crate::cli) struct Filters {
    /// Near a point or a UK postcode: 53.80,-1.55, "LS6 2AB", LS6 (postcodes by their district, about)
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    pub(in crate::cli) near: Option<String>,
    /// Within this distance of it: 500m, 5km, 3mi
    #[arg(long, value_name = "DISTANCE", default_value = "10km", requires = "near")]
    pub(in crate::cli) within: String,
    /// Starting at or after: now, tonight, tomorrow, sunday, weekend, 18:00, "sunday 18:00", +2h, 2026-12-01,
    /// 2026-12-01T18:00 (on the clocks of Europe/London)
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<String>,
    /// Starting before this time, or on this day; weekdays, times and +2h count from --from
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<String>,
    /// With this activity, by its whole label in any case
    #[arg(long, value_name = "LABEL")]
    pub(in crate::cli) activity: Option<String>,
    /// With these words in name, description, activities, organizer or place
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) words: Option<String>,
    /// For this much or less, in whatever currency; 0 is free of charge
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub(in crate::cli) max_price: Option<f64>,
    /// With this many places left, or more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) spaces: Option<u32>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Search {
    #[command(flatten)]
    pub(in crate::cli) filters: Filters,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) limit: u32,
    /// How to print them [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    pub(in crate::cli) filters: Filters,
    /// At most this many, the soonest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) limit: Option<u32>,
    /// In which form
    #[arg(long, value_enum)]
    pub(in crate::cli) format: ExportFormat,
    /// The file, put in place when it is complete; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(in crate::cli) output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Ndjson,
    /// Apache Parquet
    Parquet,
    /// iCalendar (RFC 5545)
    Ical,
    /// GeoJSON (RFC 7946)
    Geojson,
}

fn price(text: &str) -> Result<f64, String> {
    let number =
        text.trim().trim_start_matches('£').parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
    number.ok_or_else(|| "write an amount, such as 5 or 7.50".to_owned())
}
