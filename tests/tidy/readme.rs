//! README against what it tells of: the columns of the catalogue's views, in their order; the commands.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use rusqlite::Connection;

const README: &str = include_str!("../../README.md");

/// The columns of a view, in its order.
fn columns(view: &str) -> Vec<String> {
    let catalogue = Connection::open_in_memory().unwrap();
    catalogue.execute_batch(bookable::store::CATALOGUE_SCHEMA).unwrap();
    let mut statement = catalogue.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    statement.query_map([view], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// What stands in README between two texts.
fn between(start: &str, end: &str) -> &'static str {
    let (_, after) = README.split_once(start).unwrap_or_else(|| panic!("README lacks {start:?}"));
    after.split_once(end).unwrap_or_else(|| panic!("README lacks {end:?} after {start:?}")).0
}

/// The names in code quotes, in their order.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_columns_of_the_views_are_in_the_readme_in_their_order() {
    let table = between("### The columns of `bookable_session`", "\n### ");
    let first_cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let listed: Vec<String> =
        first_cells.flat_map(|(cell, _)| cell.split(", ").map(|name| name.trim_matches('`').to_owned())).collect();
    assert_eq!(listed, columns("bookable_session"));
    for (view, start, end) in [
        ("bookable_slot", "Its columns, in their order: ", ". "),
        ("offer", "one row for each offer of whatever can be booked now (", ")"),
    ] {
        assert_eq!(quoted(between(start, end)), columns(view), "{view}");
    }
    let freshness = columns("freshness");
    let told = between("- **Freshness.** The view `freshness` tells", "\n- ");
    assert!(freshness.iter().all(|name| name == "feed" || told.contains(&format!("`{name}`"))), "{told}");
}

#[test]
fn every_command_is_in_the_readme() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_bookable")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let names: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 10, "{help}");
    let table = between("| command | does |\n", "\n\n");
    for name in names {
        let told = table.lines().any(|line| {
            line.strip_prefix("| `bookable ").is_some_and(|rest| rest.split([' ', '`']).next() == Some(name))
        });
        assert!(told, "README has no line for `bookable {name}`");
    }
}
