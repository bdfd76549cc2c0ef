//! `bookable search`: filters the catalogue; a table on a terminal, JSON, NDJSON or CSV on request.
//!
//! Where a point is given the join starts at the R*Tree (`CROSS JOIN` holds SQLite to that order), because the planner
//! would take the sessions first. Distances are great-circle, and filtered before the limit.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use serde_json::json;

use crate::cli::args::{Format, Search};
use crate::cli::catalogue::{COLUMNS, open};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::domain::Instant;

mod filter;
mod print;

use filter::Near;

const EARTH_RADIUS_KM: f64 = 6371.0088;

/// One session as it was found.
struct Found {
    /// The view's columns, in its order.
    values: Vec<Value>,
    /// From the point that was asked for.
    distance_km: Option<f64>,
}

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Search) -> Result<(), Failure> {
    let format = arguments.format.unwrap_or(if output::is_terminal() { Format::Table } else { Format::Json });
    let connection = open(&settings.catalogue())?;
    let found = find(&connection, arguments, Clock::system().now())?;
    if found.is_empty() {
        output::say("bookable: nothing found");
    }
    print::print(&found, format)
}

fn find(connection: &Connection, arguments: &Search, now: Instant) -> Result<Vec<Found>, Failure> {
    let mut values: Vec<Value> = Vec::new();
    let mut mark = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let guard = "s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now') \
        AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))";
    let mut conditions = vec![guard.to_owned()];
    let mut distance = "NULL".to_owned();
    let mut tables = "session AS s CROSS JOIN listing AS l ON l.key = s.listing";
    let words = arguments.words.as_deref().map(filter::words);
    if let Some(near) = arguments.near.as_deref().map(|near| Near::parse(near, &arguments.within)).transpose()? {
        add_distance(connection)?;
        let [low_lat, high_lat, low_lon, high_lon] = near.bounds().map(|bound| mark(Value::Real(bound)));
        let (latitude, longitude) = (mark(Value::Real(near.latitude)), mark(Value::Real(near.longitude)));
        distance = format!("distance_km({latitude}, {longitude}, l.latitude, l.longitude)");
        tables =
            "listing_area AS a CROSS JOIN listing AS l ON l.key = a.key CROSS JOIN session AS s ON s.listing = l.key";
        conditions.push(format!(
            "a.max_latitude >= {low_lat} AND a.min_latitude <= {high_lat} AND a.max_longitude >= {low_lon} \
             AND a.min_longitude <= {high_lon}"
        ));
        conditions.push(format!("{distance} <= {}", mark(Value::Real(near.within_km))));
    } else if words.is_some() {
        tables = "listing AS l CROSS JOIN session AS s ON s.listing = l.key";
    }
    if let Some(words) = words {
        let words = mark(Value::Text(words));
        conditions.push(format!("l.key IN (SELECT rowid FROM listing_words WHERE listing_words MATCH {words})"));
    }
    for (text, sign) in [(&arguments.from, ">="), (&arguments.until, "<")] {
        if let Some(text) = text {
            let instant = filter::instant(text, now)?;
            conditions.push(format!("s.starts_at {sign} {}", mark(Value::Text(instant.to_string()))));
        }
    }
    if let Some(activity) = &arguments.activity {
        let activity = mark(Value::Text(activity.clone()));
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM json_each(l.activities) AS label WHERE label.value = {activity} COLLATE NOCASE)"
        ));
    }
    let limit = mark(Value::Integer(i64::from(arguments.limit)));
    let sql = format!(
        "SELECT {}, {distance} FROM {tables} WHERE {} ORDER BY s.starts_at, s.key LIMIT {limit}",
        columns(),
        conditions.join(" AND "),
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The view's columns, from the tables behind it.
fn columns() -> String {
    let column = |name: &&str| match *name {
        "attendance_mode" | "url" => format!("coalesce(s.{name}, l.{name})"),
        "attribution_name" | "attribution_url" | "license" => "NULL".to_owned(),
        "session_id" | "identifier" | "checkout_url" | "starts_at" | "ends_at" | "local_start" | "duration_minutes"
        | "bookable_from" | "remaining_capacity" | "maximum_capacity" | "modified" => format!("s.{name}"),
        _ => format!("l.{name}"),
    };
    COLUMNS.iter().map(column).collect::<Vec<_>>().join(", ")
}

fn read(row: &Row<'_>) -> rusqlite::Result<Found> {
    let values = (0..COLUMNS.len()).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?;
    Ok(Found { values, distance_km: row.get(COLUMNS.len())? })
}

/// Gives the connection `distance_km(latitude, longitude, latitude, longitude)`; null where a coordinate is.
fn add_distance(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("distance_km", 4, flags, |context| {
        let mut degrees = [0.0; 4];
        for (at, slot) in degrees.iter_mut().enumerate() {
            match context.get_raw(at) {
                ValueRef::Real(number) => *slot = number,
                _ => return Ok(None),
            }
        }
        Ok(Some(distance_km(degrees)))
    })
}

/// The great-circle distance between two points, given as latitude, longitude, latitude, longitude (haversine).
fn distance_km(degrees: [f64; 4]) -> f64 {
    let [latitude_1, longitude_1, latitude_2, longitude_2] = degrees.map(f64::to_radians);
    let across = ((latitude_2 - latitude_1) / 2.0).sin().powi(2);
    let along = ((longitude_2 - longitude_1) / 2.0).sin().powi(2);
    let part = across + latitude_1.cos() * latitude_2.cos() * along;
    2.0 * EARTH_RADIUS_KM * part.sqrt().min(1.0).asin()
}

impl Found {
    fn text(&self, column: &str) -> Option<String> {
        let at = COLUMNS.iter().position(|known| *known == column)?;
        match self.values.get(at)? {
            Value::Null | Value::Blob(_) => None,
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
        }
    }

    fn as_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        for (column, value) in COLUMNS.iter().zip(&self.values) {
            let value = match (*column, value) {
                ("activities" | "levels", Value::Text(text)) => {
                    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
                }
                ("membership_required" | "present_as_slots", Value::Integer(number)) => json!(*number != 0),
                (_, Value::Integer(number)) => json!(number),
                (_, Value::Real(number)) => json!(number),
                (_, Value::Text(text)) => json!(text),
                (_, Value::Null | Value::Blob(_)) => serde_json::Value::Null,
            };
            object.insert((*column).to_owned(), value);
        }
        if let Some(distance) = self.distance_km {
            object.insert("distance_km".to_owned(), json!((distance * 1000.0).round() / 1000.0));
        }
        serde_json::Value::Object(object)
    }
}

/// The next sessions, as the demo shows them.
pub(super) fn soonest_table(connection: &Connection, limit: u32, width: Option<u16>) -> Result<String, Failure> {
    let sql = format!("SELECT {}, NULL FROM bookable_session ORDER BY starts_at LIMIT ?1", COLUMNS.join(", "));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map([limit], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(print::table(&found, width))
}

#[cfg(test)]
mod tests;
