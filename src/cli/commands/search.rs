//! `bookable search`: filters the catalogue; a table on a terminal, JSON, NDJSON or CSV on request.
//!
//! Finding nothing is exit code 1, as with `grep`.

use rusqlite::Connection;

use crate::cli::args::{Format, Search};
use crate::cli::catalogue::{COLUMNS, open, staleness};
use crate::cli::failure::Failure;
use crate::cli::find::{Found, Question, each};
use crate::cli::output;
use crate::cli::settings::{Settings, terminal_has_links};
use crate::clock::Clock;

mod print;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Search) -> Result<(), Failure> {
    let format = arguments.format.unwrap_or(if output::is_terminal() { Format::Table } else { Format::Json });
    let question = Question::understand(&arguments.filters, Some(arguments.limit), Clock::system().now())?;
    let connection = open(&settings.catalogue())?;
    if let Some(note) = &question.note {
        output::say(&format!("bookable: note: {note}"));
    }
    let mut found = Vec::new();
    each(&connection, &question, &mut |row| {
        found.push(row.clone());
        Ok(())
    })?;
    if let Some(why) = staleness(&connection)? {
        output::say(&format!("bookable: note: the catalogue may be out of date: {why}"));
    }
    let links = output::is_terminal() && terminal_has_links();
    print::print(&found, format, question.has_distance(), links)?;
    if found.is_empty() { Err(Failure::failed("nothing found")) } else { Ok(()) }
}

/// The next sessions, as the demo shows them.
pub(super) fn soonest_table(connection: &Connection, limit: u32, width: Option<u16>) -> Result<String, Failure> {
    let sql = format!("SELECT {}, NULL FROM bookable_session ORDER BY starts_at LIMIT ?1", COLUMNS.join(", "));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map([limit], Found::read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(print::table(&found, width, false))
}
