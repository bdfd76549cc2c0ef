//! `bookable export`: sessions of the catalogue as a file, or on standard output.
//!
//! Rows go from one read of the catalogue to the writer one at a time, so memory does not grow with them.

use crate::cli::args::{Export, ExportFormat};
use crate::cli::catalogue::{open, staleness};
use crate::cli::failure::Failure;
use crate::cli::find::{Question, each};
use crate::cli::form::{Csv, Form, GeoJson, Ical, Ndjson, Parquet};
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::cli::target::Target;
use crate::clock::Clock;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Export) -> Result<(), Failure> {
    let now = Clock::system().now();
    let question = Question::understand(&arguments.filters, arguments.limit, now)?;
    let to_output = arguments.output.as_os_str() == "-";
    if arguments.format == ExportFormat::Parquet && to_output && output::is_terminal() {
        return Err(Failure::settings("Parquet is nothing for a terminal; name a file with --output"));
    }
    let connection = open(&settings.catalogue())?;
    if let Some(note) = &question.note {
        output::say(&format!("bookable: note: {note}"));
    }
    if let Some(why) = staleness(&connection)? {
        output::say(&format!("bookable: note: the catalogue may be out of date: {why}"));
    }
    let target = Target::open(&arguments.output)?;
    let (writer, with_distance) = (target.writer()?, question.has_distance());
    let form: std::io::Result<Box<dyn Form>> = match arguments.format {
        ExportFormat::Csv => Csv::new(writer, with_distance).map(|form| Box::new(form) as _),
        ExportFormat::Ndjson => Ok(Box::new(Ndjson::new(writer))),
        ExportFormat::Parquet => Parquet::new(writer, with_distance).map(|form| Box::new(form) as _),
        ExportFormat::Ical => Ical::new(writer, now).map(|form| Box::new(form) as _),
        ExportFormat::Geojson => GeoJson::new(writer).map(|form| Box::new(form) as _),
    };
    let mut form = form.map_err(|error| target.failure(error))?;
    let count = each(&connection, &question, &mut |row| form.take(row).map_err(|error| target.failure(error)))?;
    form.finish().map_err(|error| target.failure(error))?;
    target.finish()?;
    if !to_output {
        output::say(&format!(
            "{count} sessions are in {}; make it anew or delete it within a day: the licence wants what was deleted to be gone",
            arguments.output.display()
        ));
    }
    Ok(())
}
