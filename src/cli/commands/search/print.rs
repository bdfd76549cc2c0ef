//! Found sessions on standard output, in each of the formats. Fails only where standard output does.
//!
//! JSON and CSV carry a publisher's texts as they are; the table makes them harmless to a terminal.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::Found;
use crate::cli::args::Format;
use crate::cli::catalogue::COLUMNS;
use crate::cli::failure::Failure;
use crate::cli::output::{self, printable};

pub(super) fn print(found: &[Found], format: Format, with_distance: bool) -> Result<(), Failure> {
    match format {
        Format::Table if found.is_empty() => Ok(()),
        Format::Table => Ok(output::data(&table(found, None))?),
        Format::Json => {
            let rows = serde_json::Value::Array(found.iter().map(Found::as_json).collect());
            Ok(output::data(&format!("{rows:#}"))?)
        }
        Format::Ndjson => {
            for row in found {
                output::data(&row.as_json().to_string())?;
            }
            Ok(())
        }
        Format::Csv => Ok(output::data(csv(found, with_distance)?.trim_end())?),
    }
}

/// A header and a record a session; with a point, its distance in a last column.
pub(super) fn csv(found: &[Found], with_distance: bool) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let last = with_distance.then_some("distance_km");
    writer.write_record(COLUMNS.into_iter().chain(last)).map_err(anyhow::Error::new)?;
    for row in found {
        let last = with_distance.then(|| row.rounded_km().map(|km| km.to_string()).unwrap_or_default());
        let record = COLUMNS.iter().map(|column| row.text(column).unwrap_or_default()).chain(last);
        writer.write_record(record).map_err(anyhow::Error::new)?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::Error::msg(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A table of sessions; each checkout URL on a line of its own below it, so that it stays whole and can be followed.
pub(super) fn table(found: &[Found], width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    let with_distance = found.iter().any(|row| row.distance_km.is_some());
    let mut header = vec!["#", "starts (London)", "name", "place", "price", "spaces"];
    if with_distance {
        header.push("km");
    }
    table.set_header(header);
    for (number, row) in found.iter().enumerate() {
        let cell = |column: &str| row.text(column).map_or_else(|| "-".to_owned(), |text| printable(&text).into_owned());
        let price = match (row.number("price"), row.text("currency")) {
            (Some(price), Some(currency)) => format!("{price:.2} {}", printable(&currency)),
            (Some(price), None) => format!("{price:.2}"),
            (None, _) => "-".to_owned(),
        };
        let mut cells = vec![
            (number + 1).to_string(),
            cell("local_start").replace('T', " "),
            cell("name"),
            cell("place"),
            price,
            cell("remaining_capacity"),
        ];
        if with_distance {
            cells.push(row.distance_km.map_or_else(|| "-".to_owned(), |distance| format!("{distance:.1}")));
        }
        table.add_row(cells);
    }
    let mut text = table.to_string();
    for (number, row) in found.iter().enumerate() {
        let url = row.text("checkout_url").unwrap_or_default();
        let _ = write!(text, "\n{:>3}  {}", number + 1, printable(&url));
    }
    text
}
