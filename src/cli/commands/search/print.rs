//! Found sessions on standard output, in each of the formats. Fails only where standard output does.
//!
//! JSON and CSV carry a publisher's texts as they are; the table makes them harmless to a terminal.

use std::fmt::Write as _;

use anyhow::Context;
use chrono::NaiveDateTime;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use crate::cli::args::Format;
use crate::cli::failure::Failure;
use crate::cli::find::Found;
use crate::cli::form::{Csv, Form, Ndjson};
use crate::cli::output::{self, printable};

/// A terminal narrower than this has its links below the table, because every column may be broken into lines.
const WIDTH_MIN: u16 = 72;
/// What is shown in place of a checkout's URL where a terminal knows links.
const LINK: &str = "book";

pub(super) fn print(found: &[Found], format: Format, with_distance: bool, links: bool) -> Result<(), Failure> {
    let to_json = "cannot write JSON";
    match format {
        Format::Table if found.is_empty() => Ok(()),
        Format::Table => Ok(output::data(&table(found, None, links))?),
        Format::Json => Ok(output::data(&serde_json::to_string_pretty(found).context(to_json)?)?),
        Format::Ndjson => write(&mut Ndjson::new(output::stream()), found),
        Format::Csv => write(&mut Csv::new(output::stream(), with_distance)?, found),
    }
}

fn write(form: &mut dyn Form, found: &[Found]) -> Result<(), Failure> {
    for row in found {
        form.take(row)?;
    }
    Ok(form.finish()?)
}

/// A table of sessions as wide as the terminal, or as `width` says. With `links` the last column is a link to each checkout; else
/// each checkout's URL is on a line of its own below, so that it stays whole and can be followed.
pub(super) fn table(found: &[Found], width: Option<u16>, links: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    let is_wide = table.width().is_none_or(|width| width >= WIDTH_MIN);
    let links = links && is_wide;
    let with_distance = found.iter().any(|row| row.distance_km.is_some());
    let year =
        found.first().and_then(|row| row.text("local_start")).and_then(|start| start.get(..4).map(str::to_owned));
    let mut header = vec!["starts (London)", "name", "place", "price", "spaces"];
    header.extend(with_distance.then_some("km"));
    if links {
        header.push("link");
    } else {
        header.insert(0, "#");
    }
    let names = header.iter().position(|name| *name == "name").unwrap_or_default();
    table.set_header(&header);
    for (number, row) in found.iter().enumerate() {
        let mut cells = cells(row, year.as_deref());
        if with_distance {
            cells.push(row.distance_km.map_or_else(|| "-".to_owned(), |distance| format!("{distance:.1}")));
        }
        if links {
            cells.push(LINK.to_owned());
        } else {
            cells.insert(0, (number + 1).to_string());
        }
        table.add_row(cells);
    }
    if is_wide {
        // Names and places take what is left.
        let others = |(at, _): &(usize, _)| *at != names && *at != names + 1;
        for (_, column) in table.column_iter_mut().enumerate().filter(others) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let text = table.to_string();
    let urls = found.iter().map(|row| printable(&row.text("checkout_url").unwrap_or_default()).into_owned());
    if links { linked(&text, urls) } else { listed(text, urls) }
}

/// Start, name, place, price and places left. The year stands where it is not `year`.
fn cells(row: &Found, year: Option<&str>) -> Vec<String> {
    let cell = |column: &str| row.text(column).map_or_else(|| "-".to_owned(), |text| printable(&text).into_owned());
    let price = match (row.number("price"), row.text("currency").as_deref()) {
        (Some(price), Some("GBP")) => format!("£{price:.2}"),
        (Some(price), Some(currency)) => format!("{price:.2} {}", printable(currency)),
        (Some(price), None) => format!("{price:.2}"),
        (None, _) => "-".to_owned(),
    };
    let starts = cell("local_start");
    let form = if starts.get(..4) == year { "%a %d %b %H:%M" } else { "%a %d %b %Y %H:%M" };
    let starts = NaiveDateTime::parse_from_str(&starts, "%Y-%m-%dT%H:%M")
        .map_or(starts, |starts| starts.format(form).to_string());
    vec![starts, cell("name"), cell("place"), price, cell("remaining_capacity")]
}

/// The table with each row's last cell made a hyperlink (OSC 8). That cell holds nothing of a publisher's, and stands on the row's
/// first line only.
fn linked(table: &str, mut urls: impl Iterator<Item = String>) -> String {
    let lines = table.lines().map(|line| {
        let link = line.rsplit_once(LINK).filter(|(_, end)| end.chars().all(|c| matches!(c, ' ' | '│')));
        match link.and_then(|link| Some((link, urls.next()?))) {
            Some(((before, after), url)) => format!("{before}\u{1b}]8;;{url}\u{1b}\\{LINK}\u{1b}]8;;\u{1b}\\{after}"),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn listed(mut table: String, urls: impl Iterator<Item = String>) -> String {
    for (number, url) in urls.enumerate() {
        let _ = write!(table, "\n{:>3}  {url}", number + 1);
    }
    table
}

#[cfg(test)]
mod tests;
