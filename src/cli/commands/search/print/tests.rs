//! Every row here is synthetic.

use serde_json::json;

use super::*;
use crate::cli::find::tests::{catalogue, found_in};

#[test]
fn a_table_shows_what_was_found() {
    let rows = found_in(&catalogue(), &["--near", "53.8,-1.5"]);
    let table = table(&rows, Some(80), false);
    assert!(table.contains("Tue 01 Jan 10:00") && table.contains("£7.50") && table.contains("3.3"), "{table}");
    assert!(table.ends_with("\n  1  https://c.example/a"), "{table}");
}

#[test]
fn a_year_is_shown_where_it_is_another() {
    let connection = catalogue();
    connection.execute("UPDATE session SET local_start = '3000-01-02T10:00' WHERE key = 2", []).unwrap();
    let table = table(&found_in(&connection, &[]), Some(120), false);
    assert!(table.contains("Tue 01 Jan 10:00") && table.contains("Thu 02 Jan 3000 10:00"), "{table}");
}

#[test]
fn tables_fit_the_terminal() {
    let connection = catalogue();
    let long = "Gentle yoga for absolute beginners with 瑜伽 and plenty of breathing ".repeat(3);
    connection.execute("UPDATE listing SET name = ?1, place = ?1", [&long]).unwrap();
    let rows = found_in(&connection, &["--near", "53.8,-1.5", "--within", "100km"]);
    assert_eq!(rows.len(), 2);
    for width in [40, 60, 71, 72, 80, 100, 200] {
        for links in [false, true] {
            let table = table(&rows, Some(width), links);
            let lines = table.lines().filter(|line| !line.contains("https://"));
            let mut lines = lines.map(comfy_table_width);
            assert!(lines.all(|wide| wide <= usize::from(width)), "{width}: {table}");
        }
    }
}

/// The cells of a terminal that a line takes: Han characters take two.
fn comfy_table_width(line: &str) -> usize {
    line.chars().map(|c| if ('\u{4e00}'..='\u{9fff}').contains(&c) { 2 } else { 1 }).sum()
}

#[test]
fn a_terminal_that_knows_links_gets_them() {
    let connection = catalogue();
    connection
        .execute("UPDATE listing SET name = 'book │ book │', place = 'a long place whose name is book'", [])
        .unwrap();
    let rows = found_in(&connection, &[]);
    let table = table(&rows, Some(80), true);
    let link = |name: &str| format!("\u{1b}]8;;https://c.example/{name}\u{1b}\\book\u{1b}]8;;\u{1b}\\");
    assert_eq!(table.matches("\u{1b}]8;;https").count(), 3, "{table}");
    for (name, line) in ["a", "b", "c"].iter().zip(table.lines().filter(|line| line.contains("https://"))) {
        assert!(line.contains(&link(name)) && line.trim_end_matches([' ', '│']).ends_with(&link(name)), "{line}");
    }
    let narrow = super::table(&rows, Some(60), true);
    assert!(narrow.ends_with("\n  3  https://c.example/c"), "{narrow}");
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let connection = catalogue();
    connection.execute("UPDATE listing SET name = ?1 WHERE key = 1", ["Yoga\u{1b}[2J\r\nFlow"]).unwrap();
    let rows = found_in(&connection, &["--limit", "1"]);
    assert!(table(&rows, Some(100), false).contains("Yoga [2J  Flow"));
    assert_eq!(serde_json::to_value(&rows[0]).unwrap()["name"], json!("Yoga\u{1b}[2J\r\nFlow"));
}
