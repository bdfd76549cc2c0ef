//! `bookable search`: filters the catalogue; a table on a terminal, JSON, NDJSON or CSV on request.
//!
//! Where a point is given the join starts at the R*Tree (`CROSS JOIN` holds SQLite to that order), because the planner
//! would take the sessions first. Distances are great-circle, and filtered before the limit. What was typed becomes a
//! [`Question`] before the catalogue is opened, so that wrong usage is told first.

use anyhow::Context;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use serde_json::json;

use crate::cli::args::{Format, Search};
use crate::cli::catalogue::{COLUMNS, open, staleness};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;

mod filter;
mod print;

use filter::{Near, Question};

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
    let question = Question::understand(arguments, Clock::system().now())?;
    let connection = open(&settings.catalogue())?;
    let found = find(&connection, &question).context("cannot search the catalogue")?;
    if let Some(why) = staleness(&connection)? {
        output::say(&format!("bookable: note: the catalogue may be out of date: {why}"));
    }
    if found.is_empty() {
        output::say("bookable: nothing found");
    }
    print::print(&found, format, question.near.is_some())
}

fn find(connection: &Connection, question: &Question) -> rusqlite::Result<Vec<Found>> {
    if question.near.is_some() {
        add_distance(connection)?;
    }
    let query = Query::of(question);
    let mut statement = connection.prepare(&query.sql())?;
    let rows = statement.query_map(params_from_iter(query.values), read)?;
    rows.collect()
}

/// A question in SQL.
struct Query {
    tables: &'static str,
    distance: String,
    conditions: Vec<String>,
    values: Vec<Value>,
    limit: u32,
}

impl Query {
    fn of(question: &Question) -> Self {
        let tables = if question.near.is_some() {
            "listing_area AS a CROSS JOIN session AS s ON s.listing = a.key CROSS JOIN listing AS l ON l.key = s.listing"
        } else if question.words.is_some() {
            "listing_words AS w CROSS JOIN session AS s ON s.listing = w.rowid CROSS JOIN listing AS l ON l.key = s.listing"
        } else {
            "session AS s CROSS JOIN listing AS l ON l.key = s.listing"
        };
        // The view's own guard. A plus sign keeps a term from being used with an index: a later start is the better one.
        let plus = if question.from.is_some() { "+" } else { "" };
        let guard = format!(
            "{plus}s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now') \
             AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))"
        );
        let mut query = Self {
            tables,
            distance: "NULL".to_owned(),
            conditions: vec![guard],
            values: Vec::new(),
            limit: question.limit,
        };
        if let Some(near) = &question.near {
            query.near(near);
        }
        if let Some(words) = &question.words {
            let words = query.mark(Value::Text(words.clone()));
            query.when(if question.near.is_some() {
                format!("s.listing IN (SELECT rowid FROM listing_words WHERE listing_words MATCH {words})")
            } else {
                format!("w.listing_words MATCH {words}")
            });
        }
        for (instant, sign) in [(question.from, ">="), (question.until, "<")] {
            if let Some(instant) = instant {
                let instant = query.mark(Value::Text(instant.to_string()));
                query.when(format!("s.starts_at {sign} {instant}"));
            }
        }
        if let Some(activity) = &question.activity {
            let activity = query.mark(Value::Text(activity.clone()));
            query.when(format!(
                "EXISTS (SELECT 1 FROM json_each(l.activities) AS label WHERE label.value = {activity} COLLATE NOCASE)"
            ));
        }
        query
    }

    fn near(&mut self, near: &Near) {
        let [low_lat, high_lat, low_lon, high_lon] = near.bounds().map(|bound| self.mark(Value::Real(bound)));
        self.when(format!(
            "a.max_latitude >= {low_lat} AND a.min_latitude <= {high_lat} AND a.max_longitude >= {low_lon} \
             AND a.min_longitude <= {high_lon}"
        ));
        let (latitude, longitude) = (self.mark(Value::Real(near.latitude)), self.mark(Value::Real(near.longitude)));
        self.distance = format!("distance_km({latitude}, {longitude}, l.latitude, l.longitude)");
        let within = self.mark(Value::Real(near.within_km));
        self.when(format!("{} <= {within}", self.distance));
    }

    /// Keeps a value and gives the mark that stands for it.
    fn mark(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn when(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    fn sql(&self) -> String {
        format!(
            "SELECT {}, {} FROM {} LEFT JOIN dataset AS d ON d.identifier = l.dataset WHERE {} ORDER BY s.starts_at, s.key LIMIT {}",
            columns(),
            self.distance,
            self.tables,
            self.conditions.join(" AND "),
            self.limit,
        )
    }
}

/// The view's columns, from the tables behind it.
fn columns() -> String {
    let column = |name: &&str| match *name {
        "attendance_mode" => "CASE s.attendance_mode WHEN 1 THEN 'OfflineEventAttendanceMode' \
            WHEN 2 THEN 'OnlineEventAttendanceMode' WHEN 3 THEN 'MixedEventAttendanceMode' ELSE l.attendance_mode END"
            .to_owned(),
        "checkout_url" => "(SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier)".to_owned(),
        "ends_at" => {
            "coalesce(s.ends_at, strftime('%Y-%m-%dT%H:%M:%SZ', s.starts_at, s.duration_minutes || ' minutes'))"
                .to_owned()
        }
        "url" => format!("coalesce(s.{name}, l.{name})"),
        "attribution_name" | "license" => format!("d.{name}"),
        "attribution_url" => "d.url".to_owned(),
        "series_id" => "l.parent_id".to_owned(),
        "session_id" | "identifier" | "starts_at" | "local_start" | "duration_minutes" | "bookable_from"
        | "remaining_capacity" | "maximum_capacity" | "modified" => format!("s.{name}"),
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

    fn number(&self, column: &str) -> Option<f64> {
        let at = COLUMNS.iter().position(|known| *known == column)?;
        if let Some(Value::Real(number)) = self.values.get(at) { Some(*number) } else { None }
    }

    /// The distance to the metre.
    fn rounded_km(&self) -> Option<f64> {
        self.distance_km.map(|distance| (distance * 1000.0).round() / 1000.0)
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
        if let Some(distance) = self.rounded_km() {
            object.insert("distance_km".to_owned(), json!(distance));
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
