//! Every row here is synthetic.

use clap::Parser;

use super::*;
use crate::cli::args::{Arguments, Command};
use crate::cli::catalogue::tests::fill;
use crate::domain::Instant;

fn catalogue() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    fill(&connection);
    connection
}

fn question(flags: &[&str]) -> Result<Question, String> {
    let arguments = Arguments::parse_from(["bookable", "search"].iter().chain(flags));
    let Command::Search(arguments) = arguments.command else { panic!("not a search") };
    let now = Instant::parse("2026-11-23T12:00:00Z").unwrap();
    Question::understand(&arguments, now).map_err(|failure| {
        assert_eq!(failure.exit_code(), 2);
        failure.line().unwrap()
    })
}

fn found(flags: &[&str]) -> Vec<Found> {
    find(&catalogue(), &question(flags).unwrap()).unwrap()
}

fn search(flags: &[&str]) -> Vec<String> {
    found(flags).iter().map(|row| row.text("identifier").unwrap()).collect()
}

#[test]
fn each_filter_finds_what_it_says() {
    let table: [(&str, &[&str], &[&str]); 15] = [
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
        ("words of the query language", &["--words", "NEAR(yoga) OR name:flow*"], &[]),
        ("signs beside a word", &["--words", "yoga & ^ ' ;"], &["a", "c"]),
        (
            "the limit comes after the distance",
            &["--near", "53.96,-1.08", "--within", "40km", "--limit", "2"],
            &["a", "b"],
        ),
        ("an activity in any case", &["--activity", "YOGA"], &["a", "c"]),
        ("an activity is a whole label", &["--activity", "yog"], &[]),
    ];
    for (words, flags, expected) in table {
        assert_eq!(search(flags), expected, "{words}");
    }
}

#[test]
fn filters_that_mean_nothing_are_refused() {
    let table: [(&[&str], &str); 9] = [
        (&["--near", "Leeds"], "--near"),
        (&["--near", "95,0"], "--near"),
        (&["--near", "nan,0"], "--near"),
        (&["--near", "53.8,-1.5", "--within", "far"], "--within"),
        (&["--near", "53.8,-1.5", "--within", "5"], "--within"),
        (&["--near", "53.8,-1.5", "--within=-5km"], "--within"),
        (&["--from", "tomorrow-ish"], "--from"),
        (&["--until", "2026-02-30"], "--until"),
        (&["--words", " -*( "], "--words"),
    ];
    for (flags, named) in table {
        assert!(question(flags).unwrap_err().starts_with(named), "{flags:?}");
    }
}

#[test]
fn instants_are_read_on_the_clocks_of_london() {
    let table = [
        ("now", "2026-11-23T12:00:00Z"),
        ("2026-12-01T18:00:00+01:00", "2026-12-01T17:00:00Z"),
        ("2026-07-01", "2026-06-30T23:00:00Z"),
        ("2026-07-01T18:30", "2026-07-01T17:30:00Z"),
        ("2026-12-01", "2026-12-01T00:00:00Z"),
        ("2026-03-29T01:30", "2026-03-29T01:30:00Z"),
        ("2026-10-25T01:30", "2026-10-25T00:30:00Z"),
    ];
    for (text, expected) in table {
        assert_eq!(question(&["--from", text]).unwrap().from.unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn a_box_holds_everything_within_the_distance() {
    for latitude in [-89.99, -60.0, 0.0, 53.8, 75.0, 89.9] {
        for longitude in [-180.0, -179.9, -1.5, 0.0, 179.99] {
            for within_km in [0.5, 25.0, 900.0, 25_000.0] {
                let near = Near { latitude, longitude, within_km };
                let [low_lat, high_lat, low_lon, high_lon] = near.bounds();
                for (lat, lon) in (-18..=18).flat_map(|a| (-36..=36).map(move |o| (a, o))) {
                    // Points all over the globe, and as many close by.
                    let globe = (f64::from(lat) * 5.0, f64::from(lon) * 5.0);
                    let by = (
                        latitude + f64::from(lat) * within_km / 1500.0,
                        longitude + f64::from(lon) * within_km / 1500.0,
                    );
                    for (lat, lon) in [globe, (by.0.clamp(-90.0, 90.0), (by.1 + 540.0).rem_euclid(360.0) - 180.0)] {
                        if distance_km([latitude, longitude, lat, lon]) <= within_km {
                            let inside = low_lat <= lat && lat <= high_lat && low_lon <= lon && lon <= high_lon;
                            assert!(inside, "{near:?}: {lat},{lon}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_joins_begin_where_the_answer_is_smallest() {
    let connection = catalogue();
    let plan = |flags: &[&str]| {
        add_distance(&connection).unwrap();
        let query = Query::of(&question(flags).unwrap());
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql())).unwrap();
        let rows = statement.query_map(params_from_iter(query.values), |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let near = plan(&["--near", "53.8,-1.5"]);
    assert!(near.starts_with("SCAN a VIRTUAL TABLE") && near.contains("session_by_listing"), "{near}");
    let soonest = plan(&[]);
    assert!(soonest.starts_with("SEARCH s USING INDEX session_by_start"), "{soonest}");
    assert!(!soonest.contains("TEMP B-TREE"), "{soonest}");
    let words = plan(&["--words", "yoga"]);
    assert!(words.starts_with("SCAN w VIRTUAL TABLE") && words.contains("session_by_listing"), "{words}");
}

#[test]
fn every_format_shows_what_was_found() {
    let rows = found(&["--near", "53.8,-1.5"]);
    let json = rows[0].as_json();
    assert_eq!(json["activities"], json!(["Yoga"]));
    assert_eq!(json["levels"], json!(["Beginner"]));
    assert_eq!(json["membership_required"], json!(false));
    assert_eq!(json["bookable_from"], serde_json::Value::Null);
    assert_eq!(json["distance_km"], json!(3.284));
    assert!(COLUMNS.iter().all(|column| json.get(column).is_some()));
    let csv = print::csv(&rows, true).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), [&COLUMNS[..], &["distance_km"]].concat());
    let record = reader.records().next().unwrap().unwrap();
    assert_eq!((&record[5], &record[37]), ("[\"Yoga\"]", "3.284"));
    let table = print::table(&rows, Some(80));
    assert!(table.contains("2999-01-01 10:00") && table.contains("7.50 GBP") && table.contains("3.3"), "{table}");
    assert!(table.ends_with("\n  1  https://c.example/a"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let connection = catalogue();
    connection.execute("UPDATE listing SET name = ?1 WHERE key = 1", ["Yoga\u{1b}[2J\r\nFlow"]).unwrap();
    let rows = find(&connection, &question(&["--limit", "1"]).unwrap()).unwrap();
    assert!(print::table(&rows, Some(100)).contains("Yoga [2J  Flow"));
    assert_eq!(rows[0].as_json()["name"], json!("Yoga\u{1b}[2J\r\nFlow"));
}

#[test]
fn the_columns_are_the_views_own() {
    let connection = catalogue();
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('bookable_session')").unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(names, COLUMNS);
    let sql = format!(
        "SELECT {} FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset WHERE s.key = 1",
        columns()
    );
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
