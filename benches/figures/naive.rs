//! What the plain scripts do (`benches/compare`), in Rust as it comes to mind first: reqwest, `serde_json::Value`, rusqlite with text keys,
//! a page a commit; then the join and the three rules.

use std::path::Path;

use bookable::domain::Instant;
use chrono::{DateTime, Months, TimeDelta, Utc};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use serde_json::Value;

use crate::kept;

const SCHEMA: &str = include_str!("../compare/schema.sql");
pub(crate) const JOIN: &str = include_str!("../compare/join.sql");
/// A row of the catalogue.
pub(crate) const INSERT: &str =
    "INSERT INTO catalogue VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const CHECKOUT: &str = "https://checkout.example.org/v1/scheduled-sessions/";
const SESSION: &str = "id modified session_id identifier series_id starts_at ends_at duration status bookable remaining_capacity \
    maximum_capacity attendance_mode url offers";
const SERIES: &str = "id modified series_id name description activities levels bookable opening price currency membership_required \
    min_age max_age gender organizer organizer_id place address postcode latitude longitude url image_url dataset offers";

pub(crate) type Cell = Box<dyn ToSql>;

/// Reads both feeds to their ends into `naive.db` and fills its catalogue, at the end or (`kept`) with every page; how many rows that has.
pub(crate) fn harvest(origin: &str, directory: &Path, now: Instant, kept: bool) -> i64 {
    let now = DateTime::from_timestamp(now.as_seconds(), 0).expect("an instant");
    let database = Connection::open(directory.join("naive.db")).expect("a file");
    database.execute_batch(SCHEMA).expect("tables");
    if kept {
        database.execute_batch(kept::SCHEMA).expect("triggers");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = reqwest::Client::new();
    for (feed, table, columns) in [("session-series", "series", SERIES), ("scheduled-sessions", "session", SESSION)] {
        let sql = upsert(table, columns);
        let mut url = format!("{origin}/{feed}");
        loop {
            let body = runtime.block_on(async {
                let answer = client.get(&url).header("X-API-KEY", "synthetic").send().await?;
                answer.error_for_status()?.bytes().await
            });
            let page: Value = serde_json::from_slice(&body.expect("a page")).expect("JSON");
            let items = page["items"].as_array().expect("items");
            let next = page["next"].as_str().expect("next");
            let page = Page { table, sql: &sql, items, position: (feed, next) };
            store(&database, &page, kept.then_some(now));
            if items.is_empty() && next == url {
                break;
            }
            next.clone_into(&mut url);
        }
    }
    if !kept {
        publish(&database, now);
    }
    database.query_row("SELECT count(*) FROM catalogue", [], |row| row.get(0)).expect("a count")
}

fn upsert(table: &str, columns: &str) -> String {
    let names: Vec<&str> = columns.split_whitespace().collect();
    let sets: Vec<String> = names[1..].iter().map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {} WHERE excluded.modified >= {table}.modified",
        names.join(", "),
        vec!["?"; names.len()].join(", "),
        sets.join(", ")
    )
}

/// A page on its way into a table.
struct Page<'a> {
    table: &'a str,
    sql: &'a str,
    items: &'a [Value],
    position: (&'a str, &'a str),
}

/// One page: its items, the position after it and, where it is kept as of an instant, the catalogue, in one transaction.
fn store(database: &Connection, page: &Page<'_>, kept: Option<DateTime<Utc>>) {
    let Page { table, sql, items, position } = *page;
    let transaction = database.unchecked_transaction().expect("a transaction");
    let touched = kept.map(|now| (kept::touched(&transaction, table, items), now));
    let mut put = transaction.prepare_cached(sql).expect("SQL");
    for item in items {
        if item["state"] == "updated" {
            let row = if table == "series" { series_row(item) } else { session_row(item) };
            put.execute(params_from_iter(row)).expect("a row");
        } else {
            let delete = format!("DELETE FROM {table} WHERE id = ?1");
            transaction.execute(&delete, [item["id"].as_str()]).expect("a row less");
        }
    }
    drop(put);
    if let Some((touched, now)) = touched {
        kept::settle(&transaction, touched, now);
    }
    transaction.execute("INSERT OR REPLACE INTO position VALUES (?1, ?2)", position).expect("a position");
    transaction.commit().expect("a commit");
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Box::new(None::<String>),
        Value::Bool(flag) => Box::new(*flag),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Box::new(number.as_f64()) as Cell, |whole| Box::new(whole))
        }
        Value::String(text) => Box::new(text.clone()),
        other => Box::new(other.to_string()),
    }
}

fn cells(values: &[&Value]) -> Vec<Cell> {
    values.iter().map(|value| cell(value)).collect()
}

fn session_row(item: &Value) -> Vec<Cell> {
    let data = &item["data"];
    let mut row = cells(&[&item["id"], &item["modified"]]);
    row.extend(
        ["@id", "identifier", "superEvent", "startDate", "endDate", "duration", "eventStatus"]
            .map(|name| cell(&data[name])),
    );
    row.push(Box::new(data["imin:isPotentiallyBookable"] == true));
    row.extend(
        ["remainingAttendeeCapacity", "maximumAttendeeCapacity", "eventAttendanceMode", "url", "offers"]
            .map(|name| cell(&data[name])),
    );
    row
}

fn series_row(item: &Value) -> Vec<Cell> {
    let (data, event) = (&item["data"], &item["data"]["superEvent"]);
    let either = |name: &str| if data[name].is_null() { &event[name] } else { &data[name] };
    let labels: Vec<&Value> =
        either("activity").as_array().into_iter().flatten().map(|one| &one["prefLabel"]).collect();
    let (place, offer) = (&data["location"], &either("imin:aggregateOffer")["publicAdult"]);
    let lines: Vec<&str> = ["streetAddress", "addressLocality", "addressRegion"]
        .iter()
        .filter_map(|line| place["address"][line].as_str())
        .collect();
    let mut row = cells(&[&item["id"], &item["modified"], &data["@id"]]);
    row.push(cell(if event["name"].is_null() { &data["name"] } else { &event["name"] }));
    row.push(cell(either("description")));
    row.push(Box::new(serde_json::to_string(&labels).expect("JSON")));
    row.push(Box::new(either("level").to_string()));
    row.push(Box::new(offer["imin:isPotentiallyBookable"] == true));
    row.extend(
        ["validFromBeforeStartDate", "price", "priceCurrency", "imin:membershipRequired"]
            .map(|name| cell(&offer[name])),
    );
    row.extend(cells(&[
        &either("ageRange")["minValue"],
        &either("ageRange")["maxValue"],
        either("genderRestriction"),
        &either("organizer")["name"],
        &either("organizer")["@id"],
        &place["name"],
    ]));
    row.push(Box::new(lines.join(", ")));
    row.extend(cells(&[
        &place["address"]["postalCode"],
        &place["geo"]["latitude"],
        &place["geo"]["longitude"],
        &data["url"],
        &either("image")[0]["url"],
        &data["imin:dataSource"]["identifier"],
        either("offers"),
    ]));
    row
}

/// The parts of an ISO 8601 duration: months, and what is exact.
fn duration(text: &str) -> Option<(u32, TimeDelta)> {
    let (mut months, mut exact, mut digits, mut clock) = (0, TimeDelta::zero(), String::new(), false);
    for letter in text.strip_prefix('P')?.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if letter == 'T' {
            clock = true;
            continue;
        }
        let number: u32 = digits.parse().ok()?;
        digits.clear();
        match (letter, clock) {
            ('Y', false) => months += 12 * number,
            ('M', false) => months += number,
            ('W', false) => exact += TimeDelta::weeks(number.into()),
            ('D', false) => exact += TimeDelta::days(number.into()),
            ('H', true) => exact += TimeDelta::hours(number.into()),
            ('M', true) => exact += TimeDelta::minutes(number.into()),
            ('S', true) => exact += TimeDelta::seconds(number.into()),
            _ => return None,
        }
    }
    Some((months, exact))
}

/// Fills the catalogue in one transaction: rules 1 and 2 by the join, rule 3 here.
fn publish(database: &Connection, now: DateTime<Utc>) {
    let transaction = database.unchecked_transaction().expect("a transaction");
    transaction.execute("DELETE FROM catalogue", []).expect("nothing");
    let mut insert = transaction.prepare(INSERT).expect("SQL");
    let mut join = transaction.prepare(JOIN).expect("SQL");
    let mut rows = join.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        if let Some(cells) = shown(row, now) {
            insert.execute(params_from_iter(cells)).expect("a row");
        }
    }
    drop(rows);
    drop((join, insert));
    transaction.execute("INSERT INTO words (words) VALUES ('rebuild')", []).expect("words");
    transaction.commit().expect("a commit");
}

/// A row of the catalogue, where its window holds `now`.
pub(crate) fn shown(row: &Row<'_>, now: DateTime<Utc>) -> Option<Vec<Cell>> {
    let text = |column: usize| row.get::<_, Option<String>>(column).expect("a text");
    let read = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|date| date.with_timezone(&Utc));
    let utc = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let start = read(&text(5)?)?;
    let opens = match text(31) {
        None => None,
        Some(text) => {
            let (months, exact) = duration(&text)?;
            Some(start.checked_sub_months(Months::new(months))? - exact)
        }
    };
    if start <= now || opens.is_some_and(|opens| opens > now || opens == start) {
        return None;
    }
    let keep = |column: usize| Box::new(row.get::<_, rusqlite::types::Value>(column).expect("a value")) as Cell;
    let identifier = text(1)?;
    let local = start.with_timezone(&chrono_tz::Europe::London).format("%Y-%m-%dT%H:%M").to_string();
    let minutes = text(7).and_then(|text| duration(&text)).map(|(_, exact)| exact.num_minutes());
    let name = percent_encoding::utf8_percent_encode(&identifier, percent_encoding::NON_ALPHANUMERIC);
    let url = format!("{CHECKOUT}{name}");
    let mut cells: Vec<Cell> = vec![keep(0), keep(1), Box::new(url), keep(2), keep(3), keep(4), Box::new(utc(start))];
    cells.push(Box::new(text(6).and_then(|text| read(&text)).map(utc)));
    cells.extend([Box::new(local) as Cell, Box::new(minutes), Box::new(opens.map(utc))]);
    cells.extend((8..31).map(keep));
    Some(cells)
}
