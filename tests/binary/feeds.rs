//! The feeds behind sessions and series: sellers, datasets, facility uses and slots.

use std::collections::BTreeSet;
use std::sync::Arc;

use bookable::clock::Clock;
use bookable::domain::CheckoutBase;
use bookable::engine::{Mode, Progress, Setup, harvest};
use bookable::rpde::{ApiKey, Limits, RetryTimes};
use bookable::sandbox::{Feed, SandboxOptions};
use bookable::store::{CheckoutUrls, FeedSetup, StoreSetup, WhenStale};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, error_text, now, wait_until};

const BROKER: [&str; 2] = ["--broker", "sandbox-broker"];

fn catalogue(rig: &Rig) -> Connection {
    Connection::open_with_flags(rig.path("catalogue.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn texts(rig: &Rig, sql: &str) -> Vec<String> {
    let connection = catalogue(rig);
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn status(rig: &Rig, more: &[&str]) -> Value {
    let output = rig.run(&[&["status", "--json"], more].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn publish_series_of(rig: &Rig, id: &str, organizer: &str) {
    let data = json!({"@type": "SessionSeries", "@id": format!("ss/{id}"), "organizer": {"@id": organizer, "name": "O"},
        "imin:dataSource": {"identifier": format!("set-{id}")},
        "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}});
    rig.sandbox.publish(Feed::SessionSeries, id, &data);
    rig.publish_session(&format!("session-{id}"), id, 86_400);
}

fn publish_seller(rig: &Rig, id: &str) {
    rig.sandbox.publish(Feed::BookableSellers, id, &json!({"@type": "Organization", "@id": id}));
}

#[test]
fn sellers_come_and_go_and_their_sessions_follow() {
    let rig = Rig::empty();
    publish_series_of(&rig, "a", "org/a");
    publish_series_of(&rig, "b", "org/b");
    publish_seller(&rig, "org/a");
    let daemon = rig.daemon_with(&BROKER);
    rig.wait_for(&["session-a"]);
    publish_seller(&rig, "org/b");
    rig.wait_for(&["session-a", "session-b"]);
    assert!(rig.sandbox.withdraw_seller("org/a"));
    rig.wait_for(&["session-b"]);
    let told = rig.succeed(&["explain", "session-a", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["verdict"], &told["organizer_id"]), (&json!("not_a_seller"), &json!("org/a")));
    let rule = told["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "seller").unwrap();
    assert_eq!((&rule["holds"], &rule["fact"]), (&json!(false), &json!("the organizer org/a is not in the feed")));
    drop(daemon);
    // Without a broker the rule does not apply.
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(rig.shown(), ["session-a", "session-b"]);
    assert_eq!(status(&rig, &[])["sellers"], Value::Null);
}

#[test]
fn nothing_is_published_before_the_sellers_are_known() {
    let rig = Rig::empty();
    publish_series_of(&rig, "a", "org/a");
    publish_seller(&rig, "org/a");
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(rig.shown(), ["session-a"]);
    rig.sandbox.set_faults("status=404:1@bookable-sellers".parse().unwrap());
    let output = rig.run(&["harvest", "--once", "--broker", "sandbox-broker"]);
    assert_eq!(output.status.code(), Some(1), "{}", error_text(&output));
    assert!(rig.shown().is_empty());
    let told = rig.succeed(&["explain", "session-a"]);
    assert!(told.starts_with("sellers_unknown:") && told.contains("the organizer org/a is asked for"), "{told}");
    rig.succeed(&["harvest", "--once", "--broker", "sandbox-broker"]);
    assert_eq!(rig.shown(), ["session-a"]);
    // Another broker's feed is another list: what the first said counts no more.
    rig.sandbox.set_faults("status=404:1@bookable-sellers".parse().unwrap());
    assert_eq!(rig.run(&["harvest", "--once", "--broker", "another"]).status.code(), Some(1));
    assert!(rig.shown().is_empty());
}

#[test]
fn datasets_fill_the_attribution_and_are_asked_for_conditionally() {
    let rig = Rig::empty();
    publish_series_of(&rig, "a", "org/a");
    publish_series_of(&rig, "b", "org/b");
    let set = json!({"identifier": "set-a", "name": "A's data", "publisher": {"name": "A"}, "url": "https://a.example/",
        "license": "https://l.example/"});
    rig.sandbox.set_datasets(json!([set]));
    rig.succeed(&["harvest", "--once"]);
    let columns = "SELECT coalesce(attribution_name || ' ' || attribution_url || ' ' || license, 'null') \
        FROM bookable_session ORDER BY identifier";
    assert_eq!(texts(&rig, columns), ["A https://a.example/ https://l.example/", "null"]);
    assert_eq!(status(&rig, &[])["missing_datasets"], json!([{"identifier": "set-b", "items": 1}]));
    // The second start asks whether there is another, and is told that there is none.
    rig.succeed(&["harvest", "--once"]);
    let asked = rig.sandbox.requests().iter().filter(|request| request.path.ends_with("/datasets")).count();
    assert_eq!((asked, texts(&rig, columns).len()), (2, 2));
    assert_eq!(rig.sandbox.not_modified(), 1);
    rig.sandbox.set_datasets(json!({"dataset": [{"identifier": "set-b", "name": "B's data"}]}));
    rig.succeed(&["harvest", "--once"]);
    let names = "SELECT coalesce(attribution_name, 'null') FROM bookable_session ORDER BY identifier";
    assert_eq!(texts(&rig, names), ["null", "B's data"]);
    assert_eq!(texts(&rig, "SELECT identifier FROM dataset"), ["set-b"]);
}

/// With a clock that the test holds: a day later it is asked again, and not before.
#[test]
fn datasets_are_fetched_once_a_day() {
    let rig = Rig::empty();
    let feed =
        |feed: bookable::domain::Feed| FeedSetup { feed, start_url: format!("{}/firehose/standard/{feed}", rig.base) };
    let clock = Clock::held(now());
    let setup = Setup {
        store: StoreSetup {
            change_log: None,
            log_bytes_max: StoreSetup::LOG_BYTES_MAX,
            state: rig.path("state.db"),
            catalogue: rig.path("catalogue.db"),
            checkout: CheckoutUrls { base: CheckoutBase::parse(&rig.base).unwrap(), slot_path: None },
            when_stale: WhenStale::Keep,
            feeds: Some(vec![feed(bookable::domain::Feed::Datasets), feed(bookable::domain::Feed::SessionSeries)]),
        },
        key: ApiKey::new("sandbox-key").unwrap(),
        poll_interval: std::time::Duration::from_millis(50),
        limits: Limits::default(),
        retry_times: RetryTimes::default(),
        clock: clock.clone(),
        mode: Mode::UntilStopped,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stop = CancellationToken::new();
    let harvesting = runtime.spawn(harvest(setup, stop.clone(), Arc::new(Progress::default())));
    let asked = |path: &str| rig.sandbox.requests().iter().filter(|request| request.path.contains(path)).count();
    // Not only asked for but taken in: the day counts from the answer.
    let taken = || {
        let state = Connection::open_with_flags(rig.path("state.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        let sql = "SELECT read_to_end_at FROM feed WHERE name = 'datasets'";
        state.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok()?
    };
    wait_until("the first fetch", || taken().is_some());
    assert_eq!(asked("datasets"), 1);
    clock.set(clock.now().plus_seconds(86_400 - 60));
    // The other feed is polled on, which shows that time passes.
    let polled = asked("session-series");
    wait_until("polls", || asked("session-series") > polled + 60);
    assert_eq!(asked("datasets"), 1, "not before a day has passed");
    clock.set(clock.now().plus_seconds(60));
    wait_until("the second fetch", || asked("datasets") == 2);
    stop.cancel();
    runtime.block_on(harvesting).unwrap().unwrap();
}

#[test]
fn a_harvest_does_not_fail_for_want_of_datasets() {
    let rig = Rig::empty();
    publish_series_of(&rig, "a", "org/a");
    rig.sandbox.set_faults("status=404:1@datasets".parse().unwrap());
    rig.succeed(&["harvest", "--once"]);
    let told = status(&rig, &[]);
    assert_eq!((&told["fresh"], &told["missing_datasets"][0]["identifier"]), (&json!(true), &json!("set-a")));
    let datasets = told["feeds"].as_array().unwrap().iter().find(|feed| feed["feed"] == "datasets").unwrap();
    assert!(datasets["fault"].as_str().unwrap().contains("404"), "{datasets}");
}

/// Two ways to the same answer: a slot is in the view if and only if its page says that it can be booked.
#[test]
fn slots_are_shown_just_when_they_can_be_booked() {
    let rig = Rig::with(SandboxOptions { sessions: 0, slots: 240, churn_per_second: 0.0, ..SandboxOptions::default() });
    let template = ["--slot-checkout-path", "/v1/slots/{identifier}"];
    rig.succeed(&[&["harvest", "--once", "--slots"][..], &template].concat());
    let shown: BTreeSet<String> = texts(&rig, "SELECT checkout_url FROM bookable_slot").into_iter().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = reqwest::Client::new();
    let mut open = BTreeSet::new();
    for number in 0..240 {
        let url = format!("{}/v1/slots/SLOT-{}", rig.base, 1_000_000_000_u64 + number);
        let status = runtime.block_on(async { client.get(&url).send().await.unwrap().status().as_u16() });
        if status == 200 {
            open.insert(url);
        }
    }
    assert_eq!(shown, open);
    assert!(open.len() > 60, "{}", open.len());
    let courts = texts(&rig, "SELECT DISTINCT coalesce(court, 'none') FROM bookable_slot ORDER BY 1");
    assert_eq!(courts, ["Court 1", "Court 2", "Court 3", "none"]);
    let unpriced = texts(&rig, "SELECT identifier FROM bookable_slot WHERE price IS NULL OR place IS NULL");
    assert_eq!(unpriced, Vec::<String>::new(), "a price comes from the facility use, else from the slot");
    let marked = texts(&rig, "SELECT DISTINCT name FROM offer WHERE type = 'Slot' AND public_adult");
    assert_eq!(marked, ["Adult"]);
    // Without a template there is no URL: imin documents none.
    rig.succeed(&["harvest", "--once", "--slots"]);
    assert_eq!(texts(&rig, "SELECT DISTINCT coalesce(checkout_url, 'none') FROM bookable_slot"), ["none"]);
    let told = rig.succeed(&["explain", "SLOT-1000000000"]);
    assert!(told.contains("facility use"), "{told}");
}

#[test]
fn slots_that_are_no_longer_harvested_are_forgotten() {
    let rig = Rig::with(SandboxOptions { sessions: 0, slots: 80, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once", "--slots"]);
    assert!(texts(&rig, "SELECT identifier FROM slot").len() > 20);
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(texts(&rig, "SELECT identifier FROM slot").len(), 0);
    assert_eq!(texts(&rig, "SELECT feed FROM freshness"), ["scheduled-sessions", "session-series"]);
    let told = status(&rig, &[]);
    assert_eq!((&told["slots"], &told["facility_uses"]), (&json!(0), &json!(0)));
    let asked = rig.sandbox.requests().iter().filter(|request| request.path.contains("slots")).count();
    rig.succeed(&["harvest", "--once"]);
    let again = rig.sandbox.requests().iter().filter(|request| request.path.contains("slots")).count();
    assert_eq!(asked, again, "off means off");
}

#[test]
fn a_slot_follows_its_facility_use_its_court_and_the_clock() {
    let rig = Rig::empty();
    let facility = |courts: Value| {
        let data = json!({"@type": "FacilityUse", "@id": "fu", "name": "Hall", "individualFacilityUse": courts,
            "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true, "price": 8}}});
        rig.sandbox.publish(Feed::FacilityUses, "fu", &data);
    };
    let slot = |id: &str, parent: &str, starts_in: i64| {
        let data = json!({"@type": "Slot", "@id": format!("sl/{id}"), "identifier": id, "facilityUse": parent,
            "startDate": now().plus_seconds(starts_in).to_string(), "imin:isPotentiallyBookable": true});
        rig.sandbox.publish(Feed::Slots, id, &data);
    };
    facility(json!([{"@id": "fu/1", "name": "One"}]));
    slot("hall", "fu", 86_400);
    slot("one", "fu/1", 86_400);
    slot("two", "fu/2", 86_400);
    slot("soon", "fu", 4);
    let _daemon = rig.daemon_with(&["--slots"]);
    let shown = |expected: &[&str]| {
        wait_until(&format!("{expected:?}"), || {
            let path = rig.path("catalogue.db");
            let Ok(connection) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
                return false;
            };
            let Ok(mut statement) = connection.prepare("SELECT identifier FROM bookable_slot ORDER BY 1") else {
                return false;
            };
            let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            rows == expected
        });
    };
    shown(&["hall", "one"]);
    facility(json!([{"@id": "fu/2", "name": "Two"}]));
    shown(&["hall", "two"]);
    assert!(rig.sandbox.delete(Feed::FacilityUses, "fu"));
    shown(&[]);
}

/// A state that version 1 wrote is brought up to date, and nothing is asked for again.
#[test]
fn files_of_the_first_version_are_migrated() {
    let rig = Rig::empty();
    let start = now().plus_seconds(86_400).as_seconds();
    let feeds = ["session-series", "scheduled-sessions"].map(|name| format!("{}/firehose/standard/{name}", rig.base));
    let state = Connection::open(rig.path("catalogue.state.db")).unwrap();
    state.execute_batch(include_str!("../data/schema_1/state.sql")).unwrap();
    let rows = format!(
        "PRAGMA application_id = 1112232788; PRAGMA user_version = 1;
         INSERT INTO state VALUES (1, 'name', zeroblob(16), 7, 0, NULL);
         INSERT INTO feed (key, name, start_url, next_url, walk, walk_complete, restart, read_to_end_at, failures, pages,
           updated, deleted) VALUES
           (2, 'session-series', '{0}', '{0}?afterTimestamp=9999999999999&afterId=', 1, 1, 0, {2}, 0, 1, 1, 0),
           (1, 'scheduled-sessions', '{1}', '{1}?afterTimestamp=9999999999999&afterId=', 1, 1, 0, {2}, 0, 1, 1, 0);
         INSERT INTO finding VALUES (1, 'no_data', 3, 'x', 5);
         INSERT INTO series_link VALUES (1, 'ss/a');
         INSERT INTO series (key, item_id, modified, walk, link, potentially_bookable, name) VALUES (1, 'a', 5, 1, 1, 1, 'Old');
         INSERT INTO session (key, item_id, modified, walk, link, closes, potentially_bookable, status, start, start_millis,
           start_offset, id, identifier, name, own_place) VALUES
           (1, 's', 5, 1, 1, {3}, 1, 0, {3}, 0, 0, 's/1', 'kept', NULL, 0),
           (2, 't', 5, 1, 1, {3}, 1, 0, {3}, 0, 0, 's/2', 'named', 'Own name', 0);",
        feeds[0],
        feeds[1],
        now().as_seconds(),
        start
    );
    state.execute_batch(&rows).unwrap();
    drop(state);
    let old = Connection::open(rig.path("catalogue.db")).unwrap();
    old.execute_batch(include_str!("../data/schema_1/catalogue.sql")).unwrap();
    old.execute_batch("PRAGMA application_id = 1112228428; PRAGMA user_version = 1").unwrap();
    drop(old);
    let refused = rig.run(&["status"]);
    assert!(
        error_text(&refused).contains("older schema version 1; run `bookable harvest`"),
        "{}",
        error_text(&refused)
    );
    // Killed before each step of the way, it begins with that step the next time.
    #[cfg(feature = "crash-points")]
    for nth in [1, 2, 1, 2, 1, 2, 1, 2, 1] {
        let at = format!("migration:{nth}");
        let output = rig.command(&["harvest", "--once"]).env("BOOKABLE_CRASH_AT", &at).output().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(9), "{at}");
    }
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(rig.shown(), ["kept", "named"]);
    assert_eq!(texts(&rig, "SELECT name FROM bookable_session ORDER BY 1"), ["Old", "Own name"]);
    let told = status(&rig, &[]);
    assert_eq!((&told["sessions"], &told["findings"][0]["count"]), (&json!(2), &json!(3)));
    let asked: Vec<String> = rig.sandbox.requests().into_iter().map(|request| request.path).collect();
    assert!(asked.iter().all(|path| path.contains("afterTimestamp") || path.ends_with("datasets")), "{asked:?}");
}

/// A state that version 3 wrote: every row is carried over, what parents say alike is kept once, and nothing is asked for again.
#[test]
fn a_state_of_the_third_version_is_migrated() {
    let rig = Rig::empty();
    let base = format!("{}/firehose/standard", rig.base);
    let sql = include_str!("../data/schema_3/state.sql").replace("BASE", &base);
    let state = Connection::open(rig.path("catalogue.state.db")).unwrap();
    state.execute_batch(&sql.replace("NOW", &now().as_seconds().to_string())).unwrap();
    state.execute_batch("PRAGMA application_id = 1112232788; PRAGMA user_version = 3").unwrap();
    drop(state);
    // Killed before and after each of SQL's parts, it begins with what is missing the next time.
    #[cfg(feature = "crash-points")]
    for nth in [1, 2, 1, 2, 1] {
        let at = format!("migration:{nth}");
        let output = rig.command(&["harvest", "--once", "--slots"]).env("BOOKABLE_CRASH_AT", &at).output().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(9), "{at}");
    }
    rig.succeed(&["harvest", "--once", "--slots"]);
    assert_eq!(rig.shown(), ["007", "10000123", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "word"]);
    let all = "SELECT concat_ws(' ', name, session_id, url, description, activities, levels, min_age, organizer, organizer_id, place, \
        address, postcode, latitude, longitude, image_url, dataset, starts_at, ends_at, remaining_capacity, maximum_capacity, price, \
        modified) FROM bookable_session WHERE identifier = '10000123'";
    assert_eq!(
        texts(&rig, all),
        [
            "Yoga 1 https://a.example/api/scheduled-sessions/10000123 https://a.example/book/10000123 About class 1 [\"Yoga\"] [\"All\"] \
          16 A Leisure https://a.example/org Centre 1 Road LS1 1AB 53.8 -1.5 https://a.example/i.jpg a 2099-01-01T00:00:00Z \
          2099-01-01T01:00:00Z 5 20 5.0 1790000000003"
        ]
    );
    assert_eq!(texts(&rig, "SELECT name FROM bookable_session ORDER BY 1"), ["Own name", "Yoga 1", "Yoga 1", "Yoga 2"]);
    assert_eq!(texts(&rig, "SELECT court FROM bookable_slot"), ["Court"]);
    let state = Connection::open(rig.path("catalogue.state.db")).unwrap();
    let count = |table: &str| -> i64 {
        state.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(["parent", "about", "provider", "place", "opportunity"].map(count), [5, 2, 2, 1, 7]);
    let told = status(&rig, &["--slots"]);
    assert_eq!((&told["sessions"], &told["slots"], &told["orphans"]), (&json!(6), &json!(1), &json!(1)));
    let asked: Vec<String> = rig.sandbox.requests().into_iter().map(|request| request.path).collect();
    assert!(asked.iter().all(|path| path.contains("afterTimestamp") || path.ends_with("datasets")), "{asked:?}");
}
