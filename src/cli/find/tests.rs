//! Every row here is synthetic.

use clap::Parser;
use serde_json::json;

use super::*;
use crate::cli::args::{Arguments, Command};
use crate::cli::catalogue::tests::fill;
use crate::domain::Instant;

pub(in crate::cli) fn catalogue() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    fill(&connection);
    connection
}

/// The question that these flags of `search` ask at noon on Monday 23 November 2026.
pub(in crate::cli) fn question(flags: &[&str]) -> Result<Question, String> {
    let arguments = Arguments::parse_from(["bookable", "search"].iter().chain(flags));
    let Command::Search(arguments) = arguments.command else { panic!("not a search") };
    let now = Instant::parse("2026-11-23T12:00:00Z").unwrap();
    Question::understand(&arguments.filters, Some(arguments.limit), now).map_err(|failure| {
        assert_eq!(failure.exit_code(), 2);
        failure.line().unwrap()
    })
}

pub(in crate::cli) fn found_in(connection: &Connection, flags: &[&str]) -> Vec<Found> {
    let mut found = Vec::new();
    let count = each(connection, &question(flags).unwrap(), &mut |row| {
        found.push(row.clone());
        Ok(())
    });
    assert_eq!(count.unwrap(), found.len() as u64);
    found
}

fn search(flags: &[&str]) -> Vec<String> {
    found_in(&catalogue(), flags).iter().map(|row| row.text("identifier").unwrap()).collect()
}

#[test]
fn each_filter_finds_what_it_says() {
    let table: [(&str, &[&str], &[&str]); 26] = [
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
        ("not a word of one", &["--activity", "tai"], &[]),
        ("an activity of two words", &["--activity", " tai CHI "], &["b"]),
        ("an activity with signs", &["--activity", "5\" \\ Côté"], &["c"]),
        ("an activity in no letters of ours", &["--activity", "太极"], &["c"]),
        ("an activity and words", &["--activity", "yoga", "--words", "online OR"], &[]),
        ("an activity and a word", &["--activity", "yoga", "--words", "online"], &["c"]),
        ("an activity near a point", &["--activity", "yoga", "--near", "LS1"], &["a"]),
        ("a postcode", &["--near", "YO1 7HH", "--within", "3mi"], &["b"]),
        ("a price that is known and not above", &["--max-price", "5"], &["c"]),
        ("exactly that price", &["--max-price", "7.50"], &["a", "c"]),
        ("places left that are known", &["--spaces", "2"], &["a"]),
    ];
    for (words, flags, expected) in table {
        assert_eq!(search(flags), expected, "{words}");
    }
}

#[test]
fn filters_that_mean_nothing_are_refused() {
    let table: [(&[&str], &str); 13] = [
        (&["--near", "Leeds"], "--near"),
        (&["--near", "95,0"], "--near"),
        (&["--near", "nan,0"], "--near"),
        (&["--near", "53.8,-1.5", "--within", "far"], "--within"),
        (&["--near", "53.8,-1.5", "--within", "5"], "--within"),
        (&["--near", "53.8,-1.5", "--within=-5km"], "--within"),
        (&["--from", "tomorrow-ish"], "--from"),
        (&["--until", "2026-02-30"], "--until"),
        (&["--words", " -*( "], "--words"),
        (&["--activity", " "], "--activity"),
        (&["--from", "sunday", "--until", "now"], "--until"),
        (&["--from", "18:00", "--until", "2026-11-23T18:00"], "--until"),
        (&["--from", "tomorrow", "--until", "today"], "--until"),
    ];
    for (flags, named) in table {
        assert!(question(flags).unwrap_err().starts_with(named), "{flags:?}");
    }
}

#[test]
fn a_day_that_is_named_last_is_in_it() {
    // Asked on a Monday at noon.
    let table = [
        ("tonight", "sunday", "2026-11-23T18:00:00Z", "2026-11-30T00:00:00Z"),
        ("friday", "monday", "2026-11-27T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("weekend", "weekend", "2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("today", "today", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("today", "+2h", "2026-11-23T00:00:00Z", "2026-11-23T14:00:00Z"),
        ("tomorrow", "18:00", "2026-11-24T00:00:00Z", "2026-11-24T18:00:00Z"),
        ("18:00", "+90m", "2026-11-23T18:00:00Z", "2026-11-23T19:30:00Z"),
        ("now", "2026-12-01", "2026-11-23T12:00:00Z", "2026-12-02T00:00:00Z"),
        ("now", "2026-12-01T18:00", "2026-11-23T12:00:00Z", "2026-12-01T18:00:00Z"),
    ];
    for (from, until, begin, end) in table {
        let question = question(&["--from", from, "--until", until]).unwrap();
        let texts = [question.from, question.until].map(|instant| instant.unwrap().to_string());
        assert_eq!(texts, [begin, end], "--from {from} --until {until}");
    }
    let alone = question(&["--until", "sunday"]).unwrap();
    assert_eq!((alone.from, alone.until.unwrap().to_string().as_str()), (None, "2026-11-30T00:00:00Z"));
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
    assert!(
        near.starts_with("MATERIALIZE soonest; SCAN a VIRTUAL TABLE") && near.contains("session_by_listing"),
        "{near}"
    );
    let soonest = plan(&[]);
    assert!(soonest.starts_with("SEARCH s USING PRIMARY KEY (starts_at>?)"), "{soonest}");
    assert!(!soonest.contains("TEMP B-TREE"), "{soonest}");
    let words = plan(&["--words", "yoga"]);
    assert!(
        words.starts_with("MATERIALIZE soonest; SCAN w VIRTUAL TABLE") && words.contains("session_by_listing"),
        "{words}"
    );
    let activity = plan(&["--activity", "Yoga", "--max-price", "5", "--spaces", "2"]);
    assert!(
        activity.starts_with("MATERIALIZE soonest; SCAN w VIRTUAL TABLE") && activity.contains("session_by_listing"),
        "{activity}"
    );
    let evening = plan(&["--from", "tonight", "--until", "sunday", "--max-price", "5", "--spaces", "2"]);
    assert!(evening.starts_with("SEARCH s USING PRIMARY KEY (starts_at>? AND starts_at<?)"), "{evening}");
    assert!(!evening.contains("TEMP B-TREE"), "{evening}");
    let all = plan(&["--near", "LS6", "--words", "yoga", "--activity", "Yoga", "--from", "tonight"]);
    assert!(
        all.starts_with("MATERIALIZE soonest; SCAN a VIRTUAL TABLE") && all.contains("session_by_listing"),
        "{all}"
    );
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

#[test]
fn json_has_each_column_in_its_own_form() {
    let found = found_in(&catalogue(), &["--near", "53.8,-1.5"]);
    let json = serde_json::to_value(&found[0]).unwrap();
    assert_eq!(json["activities"], json!(["Yoga"]));
    assert_eq!(json["levels"], json!(["Beginner"]));
    assert_eq!(json["membership_required"], json!(false));
    assert_eq!(json["bookable_from"], serde_json::Value::Null);
    assert_eq!(json["distance_km"], json!(3.284));
    assert!(COLUMNS.iter().all(|column| json.get(column).is_some()));
    let text = serde_json::to_string(&found[0]).unwrap();
    assert!(
        text.starts_with(r#"{"session_id":"id:a","identifier":"a","checkout_url":"#),
        "in the view's order: {text}"
    );
}
