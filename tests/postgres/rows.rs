//! The rows: those of SQLite's views, in PostgreSQL's own types, after a first harvest and as things change.

use bookable::sandbox::SandboxOptions;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::rig::{Rig, wait_until};
use crate::server::Server;

/// The views that have the same columns on both sides, and how their rows are put in an order.
const VIEWS: [(&str, &str); 4] = [
    ("bookable_session", "identifier, session_id"),
    ("bookable_slot", "identifier, slot_id"),
    ("offer", "identifier, item_id, position"),
    ("freshness", "feed"),
];

/// Every row of a SQLite view as JSON, whatever goes by the clock left out.
fn in_sqlite(rig: &Rig, view: &str, order: &str) -> Vec<Value> {
    let connection = Connection::open_with_flags(rig.path("catalogue.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection.prepare(&format!("SELECT * FROM {view}")).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut object = serde_json::Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = match row.get_ref(at).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => json!(number),
                ValueRef::Real(number) => json!(number),
                ValueRef::Text(text) => text_of(name, std::str::from_utf8(text).unwrap()),
                ValueRef::Blob(_) => panic!("{name} is a blob"),
            };
            object.insert(name.clone(), value);
        }
        object.remove("age_seconds");
        found.push(object);
    }
    in_order(found, order)
}

fn text_of(name: &str, text: &str) -> Value {
    match name {
        "activities" | "levels" => serde_json::from_str(text).unwrap(),
        _ => json!(text),
    }
}

/// Every row of PostgreSQL's view in the forms that SQLite's has: instants as texts, 1 and 0.
fn in_postgres(server: &Server, view: &str, order: &str) -> Vec<Value> {
    let answer = server.ask(&format!("SELECT coalesce(json_agg(row_to_json(v)), '[]') FROM bookable.{view} AS v"));
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&answer).unwrap();
    let alike = rows.into_iter().map(|row| {
        let alike = row.into_iter().filter(|(name, _)| name != "age_seconds").map(|(name, value)| {
            let value = match (name.as_str(), value) {
                (_, Value::Bool(value)) => json!(i64::from(value)),
                ("starts_at" | "ends_at" | "bookable_from" | "read_to_end_at", Value::String(text)) => {
                    json!(text.replace("+00:00", "Z"))
                }
                ("local_start", Value::String(text)) => json!(text.strip_suffix(":00").unwrap()),
                (_, value) => value,
            };
            (name, value)
        });
        alike.collect()
    });
    in_order(alike.collect(), order)
}

fn in_order(mut rows: Vec<serde_json::Map<String, Value>>, order: &str) -> Vec<Value> {
    // Prices are numbers on both sides, but 5 in one JSON and 5.0 in the other.
    for value in rows.iter_mut().flat_map(serde_json::Map::values_mut) {
        if let Some(number) = value.as_f64() {
            *value = json!(number);
        }
    }
    rows.sort_by_key(|row| order.split(", ").map(|column| row[column].to_string()).collect::<Vec<_>>());
    rows.into_iter().map(Value::Object).collect()
}

/// Whether PostgreSQL shows what SQLite shows, in every view. The clock may pass an instant between the two questions.
pub(crate) fn is_same(rig: &Rig, server: &Server) -> bool {
    VIEWS.iter().all(|(view, order)| in_sqlite(rig, view, order) == in_postgres(server, view, order))
}

/// The same, with the rows that differ where it is not so for longer than the clock can explain.
pub(crate) fn assert_same(rig: &Rig, server: &Server) {
    if (0..5).any(|_| is_same(rig, server)) {
        return;
    }
    for (view, order) in VIEWS {
        let (here, there) = (in_sqlite(rig, view, order), in_postgres(server, view, order));
        assert_eq!(here.len(), there.len(), "{view}");
        for (here, there) in here.iter().zip(&there) {
            assert_eq!(here, there, "{view}");
        }
    }
}

#[test]
fn a_first_harvest_shows_the_same_rows_in_both() {
    let Some(server) = Server::start() else { return };
    let rig =
        Rig::with(SandboxOptions { sessions: 600, slots: 200, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once", "--slots", "--postgres", &server.url()]);
    assert_same(&rig, &server);
    assert!(in_postgres(&server, "bookable_slot", "identifier").len() > 5);
    let rows = |view: &str| server.ask(&format!("SELECT count(*) FROM bookable.{view}")).parse::<i64>().unwrap();
    assert!(rows("bookable_session") > 60 && rows("offer") > 60 && rows("freshness") >= 4);
    // The types are PostgreSQL's own.
    let types = "SELECT string_agg(format_type(atttypid, NULL), ',' ORDER BY attnum) FROM pg_attribute \
        WHERE attrelid = 'bookable.bookable_session'::regclass AND attname IN ('starts_at', 'local_start', 'activities', 'membership_required')";
    assert_eq!(server.ask(types), "jsonb,timestamp with time zone,timestamp without time zone,boolean");
    // A second harvest writes only what differs.
    let output = rig.run(&["harvest", "--once", "--slots", "--postgres", &server.url()]);
    let said = crate::rig::error_text(&output);
    let (_, rows) = said.split_once("is published to; ").unwrap();
    let rows: usize = rows.split(' ').next().unwrap().parse().unwrap();
    assert!(rows < 30, "only what opened or closed meanwhile, feeds and origin: {rows}");
    // And a purge leaves nothing.
    rig.succeed(&["purge", "--yes", "--postgres", &server.url()]);
    assert_eq!(server.ask("SELECT count(*) FROM pg_class WHERE relnamespace = 'bookable'::regnamespace"), "0");
}

#[test]
fn what_changes_is_published_as_it_changes() {
    let Some(server) = Server::start() else { return };
    let options = SandboxOptions { sessions: 400, slots: 100, churn_per_second: 0.0, ..SandboxOptions::default() };
    let rig = Rig::with(options);
    let daemon = rig.daemon_with(&["--slots", "--postgres", &server.url()]);
    wait_until("the first rows", || {
        server.try_ask("SELECT count(*) > 20 FROM bookable.bookable_session").as_deref() == Some("t")
    });
    for _ in 0..3 {
        for _ in 0..300 {
            rig.sandbox.step();
        }
        wait_until("the same rows in both", || is_same(&rig, &server));
    }
    // What a publisher may send and PostgreSQL does not take: NUL characters, in texts and in JSON; and more words than it can hold.
    rig.publish_open_series("odd");
    let words = (0..9000).map(|number| number.to_string()).collect::<Vec<_>>().join(" w");
    let data = json!({"@type": "SessionSeries", "@id": "ss/odd", "name": "a\0b\\\t\n\u{1f3ca}", "description": words,
        "activity": [{"prefLabel": "nul \0 and \\u0000"}, {"prefLabel": words}],
        "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}});
    rig.sandbox.publish(bookable::sandbox::Feed::SessionSeries, "odd", &data);
    rig.publish_session("odd-1", "odd", 86_400);
    let name = "SELECT name FROM bookable.bookable_session WHERE identifier = 'odd-1'";
    wait_until("the odd session", || server.ask(name) == "a\u{fffd}b\\\t\n\u{1f3ca}");
    let label = "SELECT activities ->> 0 FROM bookable.bookable_session WHERE identifier = 'odd-1'";
    assert_eq!(server.ask(label), "nul \u{fffd} and \\u0000");
    drop(daemon);
}

#[test]
fn the_servers_own_clock_guards_and_places_and_words_are_found_by_index() {
    let Some(server) = Server::start() else { return };
    let rig = Rig::with(SandboxOptions { sessions: 300, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.publish_open_series("soon");
    rig.publish_session("soon", "soon", 6);
    rig.succeed(&["harvest", "--once", "--postgres", &server.url()]);
    let shown = "SELECT count(*) FROM bookable.bookable_session WHERE identifier = 'soon'";
    // No harvest runs any more, and still it goes.
    wait_until("the start", || server.ask(shown) == "0");
    assert_eq!(server.ask("SELECT count(*) FROM bookable.session WHERE identifier = 'soon'"), "1");
    // What the README says to PostgreSQL.
    server.ask("CREATE ROLE app");
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```text\n").skip(1).filter_map(|text| text.split("```").next());
    let said: Vec<&str> = blocks.filter(|block| block.contains("bookable.bookable_session")).collect();
    assert_eq!(said.len(), 2);
    for block in said {
        server.ask(block);
    }
    assert!(server.ask("SET ROLE app; SELECT count(*) FROM bookable.bookable_session").parse::<i64>().unwrap() > 30);
    let plan = |sql: &str| server.ask(&format!("SET enable_seqscan = off; EXPLAIN {sql}"));
    let near =
        plan("SELECT key FROM bookable.listing ORDER BY point(longitude, latitude) <-> point(-1.55, 53.8) LIMIT 5");
    assert!(near.contains("listing_by_place"), "{near}");
    let within = plan(
        "SELECT key FROM bookable.listing WHERE point(longitude, latitude) <@ box(point(-1.7, 53.7), point(-1.4, 53.9))",
    );
    assert!(within.contains("listing_by_place"), "{within}");
    let words = plan("SELECT key FROM bookable.listing WHERE words @@ websearch_to_tsquery('english', 'yoga')");
    assert!(words.contains("listing_by_words"), "{words}");
    let found = "SELECT count(*) > 0 FROM bookable.listing WHERE words @@ websearch_to_tsquery('english', ";
    let name = server.ask("SELECT name FROM bookable.listing WHERE name IS NOT NULL ORDER BY key LIMIT 1");
    assert_eq!(server.ask(&format!("{found}$w${name}$w$)")), "t", "{name}");
}
