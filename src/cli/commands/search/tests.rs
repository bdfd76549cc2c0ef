//! Every row here is synthetic.

use clap::Parser;

use super::*;
use crate::cli::args::{Arguments, Command};

const ROWS: &str = "
INSERT INTO listing (key, name, activities, place, latitude, longitude) VALUES
  (1, 'Yoga Flow', '[\"Yoga\"]', 'Leeds Hall', 53.80, -1.55),
  (2, 'Spin \"45\"', '[\"Cycling\",\"Spin\"]', 'York Hall', 53.96, -1.08),
  (3, 'Online Yoga', '[\"yoga\"]', NULL, NULL, NULL);
INSERT INTO session (key, listing, identifier, checkout_url, starts_at, local_start, modified) VALUES
  (1, 1, 'a', 'https://c.example/a', '2999-01-01T10:00:00Z', '2999-01-01T10:00', 1),
  (2, 2, 'b', 'https://c.example/b', '2999-01-02T10:00:00Z', '2999-01-02T10:00', 1),
  (3, 3, 'c', 'https://c.example/c', '2999-01-03T10:00:00Z', '2999-01-03T10:00', 1),
  (4, 1, 'started', 'https://c.example/d', '2001-01-01T10:00:00Z', '2001-01-01T10:00', 1);
INSERT INTO session (key, listing, identifier, checkout_url, starts_at, local_start, bookable_from, modified) VALUES
  (5, 1, 'not yet', 'https://c.example/e', '2999-01-01T10:00:00Z', '2999-01-01T10:00', '2998-01-01T10:00:00Z', 1);";

fn catalogue() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../../../store/schema/catalogue.sql")).unwrap();
    connection.execute_batch(include_str!("../../../store/schema/catalogue_indexes.sql")).unwrap();
    connection.execute_batch(ROWS).unwrap();
    connection
}

fn search(flags: &[&str]) -> Result<Vec<String>, String> {
    let arguments = Arguments::parse_from(["bookable", "search"].iter().chain(flags));
    let Command::Search(arguments) = arguments.command else { panic!("not a search") };
    let now = Instant::parse("2026-11-23T12:00:00Z").unwrap();
    let found = find(&catalogue(), &arguments, now).map_err(|failure| failure.line().unwrap())?;
    Ok(found.iter().map(|row| row.text("identifier").unwrap()).collect())
}

#[test]
fn each_filter_finds_what_it_says() {
    let table: [(&str, &[&str], &[&str]); 12] = [
        ("everything that can be booked, soonest first", &[], &["a", "b", "c"]),
        ("a limit", &["--limit", "1"], &["a"]),
        ("near", &["--near", "53.8,-1.5"], &["a"]),
        ("near, farther", &["--near", "53.8,-1.5", "--within", "50km"], &["a", "b"]),
        ("just outside a circle but inside its box", &["--near", "53.75,-1.47", "--within", "7km"], &[]),
        ("from", &["--from", "2999-01-02"], &["b", "c"]),
        ("until is exclusive", &["--until", "2999-01-02T10:00:00Z"], &["a"]),
        ("words", &["--words", "yoga"], &["a", "c"]),
        ("words near a point", &["--words", "yoga", "--near", "53.8,-1.5"], &["a"]),
        ("words with signs", &["--words", "spin \"45\" -*("], &["b"]),
        ("an activity in any case", &["--activity", "YOGA"], &["a", "c"]),
        ("an activity is a whole label", &["--activity", "yog"], &[]),
    ];
    for (words, flags, expected) in table {
        assert_eq!(search(flags).unwrap(), expected, "{words}");
    }
}

#[test]
fn filters_that_mean_nothing_are_refused() {
    for flags in [["--near", "Leeds"], ["--near", "95,0"], ["--from", "tomorrow-ish"]] {
        assert!(search(&flags).is_err(), "{flags:?}");
    }
    assert!(search(&["--near", "53.8,-1.5", "--within", "far"]).is_err());
}

#[test]
fn the_columns_are_the_views_own() {
    let connection = catalogue();
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('bookable_session')").unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(names, COLUMNS);
    let sql = format!("SELECT {} FROM session AS s JOIN listing AS l ON l.key = s.listing WHERE s.key = 1", columns());
    let tables: Vec<Value> = connection.query_row(&sql, [], |row| (0..37).map(|at| row.get(at)).collect()).unwrap();
    let sql = format!("SELECT {} FROM bookable_session WHERE identifier = 'a'", COLUMNS.join(", "));
    let view: Vec<Value> = connection.query_row(&sql, [], |row| (0..37).map(|at| row.get(at)).collect()).unwrap();
    assert_eq!(tables, view);
}

#[test]
fn distances_are_great_circle() {
    let leeds_to_york = distance_km([53.7997, -1.5492, 53.9590, -1.0815]);
    assert!((leeds_to_york - 35.4).abs() < 0.3, "{leeds_to_york}");
    assert!(distance_km([0.0, 0.0, 0.0, 180.0]) > 20_000.0);
}
