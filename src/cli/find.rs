//! Finding sessions in the catalogue: the filters of `search` and `export`, and the query that they become.
//!
//! Where a point is given the join starts at the R*Tree, else, where words or an activity are, at the full-text index (`CROSS JOIN`
//! holds SQLite to that order), because the planner would take the sessions first. Distances are great-circle, and filtered
//! before the limit. What was typed becomes a [`Question`] before the catalogue is opened, so that wrong usage is told first.
//! Rows are given one at a time, so that memory does not grow with them.

use anyhow::Context;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::catalogue::COLUMNS;
use super::failure::Failure;

mod place;
mod question;
mod when;

use place::Near;
pub(super) use question::Question;
use question::phrase;

const EARTH_RADIUS_KM: f64 = 6371.0088;
/// So much of the catalogue is mapped where an index of listings is asked: that reads pages here and there, which then need not be copied.
/// The harvest never cuts the file, so what is mapped stays there.
const MAPPED_BYTES_MAX: i64 = 1 << 30;

/// One session as it was found.
#[derive(Clone)]
pub(super) struct Found {
    /// The view's columns, in its order.
    pub(super) values: Vec<Value>,
    /// From the point that was asked for.
    pub(super) distance_km: Option<f64>,
}

/// Hands each session over, the soonest first, and says how many there were. Stops at the first failure, which may be the taker's.
pub(super) fn each(
    connection: &Connection,
    question: &Question,
    take: &mut dyn FnMut(&Found) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let context = "cannot search the catalogue";
    if question.near.is_some() {
        add_distance(connection).context(context)?;
    }
    let query = Query::of(question);
    if query.first.is_some() {
        connection.pragma_update(None, "mmap_size", MAPPED_BYTES_MAX).context(context)?;
    }
    let mut statement = connection.prepare(&query.sql()).context(context)?;
    let mut rows = statement.query(params_from_iter(query.values)).context(context)?;
    let mut count = 0;
    while let Some(row) = rows.next().context(context)? {
        take(&Found::read(row).context(context)?)?;
        count += 1;
    }
    Ok(count)
}

/// A question in SQL.
struct Query {
    /// What finds the sessions, where that is an index of listings.
    first: Option<&'static str>,
    /// Whether what is asked for of a session is in its listing.
    asks_listing: bool,
    distance: String,
    conditions: Vec<String>,
    values: Vec<Value>,
    limit: Option<u32>,
}

impl Query {
    fn of(question: &Question) -> Self {
        let words = full_text(question);
        let first = if question.near.is_some() {
            Some("listing_area AS a CROSS JOIN session AS s ON s.listing = a.key")
        } else {
            words.as_ref().map(|_| "listing_words AS w CROSS JOIN session AS s ON s.listing = w.rowid")
        };
        // The view's own guard. A plus sign keeps a term from being used with an index: a later start is the better one.
        let plus = if question.from.is_some() { "+" } else { "" };
        let guard = format!(
            "{plus}s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now') \
             AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))"
        );
        let mut query = Self {
            first,
            asks_listing: question.near.is_some() || question.activity.is_some() || question.max_price.is_some(),
            distance: "NULL".to_owned(),
            conditions: vec![guard],
            values: Vec::new(),
            limit: question.limit,
        };
        if let Some(near) = &question.near {
            query.near(near);
        }
        if let Some(words) = words {
            let words = query.mark(Value::Text(words));
            query.when(if question.near.is_some() {
                format!("s.listing IN (SELECT rowid FROM listing_words WHERE listing_words MATCH {words})")
            } else {
                format!("w.listing_words MATCH {words}")
            });
        }
        query.times(question);
        query.terms(question);
        query
    }

    fn times(&mut self, question: &Question) {
        for (instant, sign) in [(question.from, ">="), (question.until, "<")] {
            if let Some(instant) = instant {
                let instant = self.mark(Value::Text(instant.to_string()));
                self.when(format!("s.starts_at {sign} {instant}"));
            }
        }
    }

    /// What no index knows, or not for sure.
    fn terms(&mut self, question: &Question) {
        if let Some(activity) = &question.activity {
            let activity = self.mark(Value::Text(activity.clone()));
            self.when(format!(
                "EXISTS (SELECT 1 FROM json_each(l.activities) AS label WHERE label.value = {activity} COLLATE NOCASE)"
            ));
        }
        if let Some(price) = question.max_price {
            let price = self.mark(Value::Real(price));
            self.when(format!("l.price <= {price}"));
        }
        if let Some(spaces) = question.spaces {
            let spaces = self.mark(Value::Integer(spaces.into()));
            self.when(format!("s.remaining_capacity >= {spaces}"));
        }
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

    /// Where an index of listings finds many sessions and few are wanted, only these are looked up whole.
    fn sql(&self) -> String {
        let (columns, distance, conditions) = (columns(), &self.distance, self.conditions.join(" AND "));
        let (listing, dataset) =
            ("CROSS JOIN listing AS l ON l.key = s.listing", "LEFT JOIN dataset AS d ON d.identifier = l.dataset");
        let order = "ORDER BY s.starts_at, s.key";
        match (self.first, self.limit) {
            (Some(first), Some(limit)) => {
                let asked = if self.asks_listing { listing } else { "" };
                format!(
                    "WITH soonest AS MATERIALIZED (SELECT s.starts_at, s.key, {distance} AS distance FROM {first} {asked} \
                     WHERE {conditions} {order} LIMIT {limit}) \
                     SELECT {columns}, soonest.distance FROM soonest CROSS JOIN session AS s USING (starts_at, key) \
                     {listing} {dataset} {order}"
                )
            }
            (first, limit) => {
                let first = first.unwrap_or("session AS s");
                let limit = limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
                format!(
                    "SELECT {columns}, {distance} FROM {first} {listing} {dataset} WHERE {conditions} {order}{limit}"
                )
            }
        }
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
        "session_id" => format!("coalesce(s.session_id, {})", made("id")),
        "url" => format!("coalesce(s.url, {}, l.url)", made("url")),
        "attribution_name" | "license" => format!("d.{name}"),
        "attribution_url" => "d.url".to_owned(),
        "series_id" => "l.parent_id".to_owned(),
        "identifier" | "starts_at" | "local_start" | "duration_minutes" | "bookable_from" | "remaining_capacity"
        | "maximum_capacity" | "modified" => format!("s.{name}"),
        _ => format!("l.{name}"),
    };
    COLUMNS.iter().map(column).collect::<Vec<_>>().join(", ")
}

/// What a session's pattern makes of its identifier.
fn made(what: &str) -> String {
    format!("(SELECT {what}_before || s.identifier || {what}_after FROM pattern WHERE key = s.pattern)")
}

/// What the full-text index is asked for: the words, and the words of the activity's label in its own column, which every listing
/// with that label has. `None` where it is of no use.
fn full_text(question: &Question) -> Option<String> {
    // A label without plain letters or digits may have no word for the index.
    let label = question.activity.as_ref().filter(|label| label.contains(|c: char| c.is_ascii_alphanumeric()));
    // Written as the column has it.
    let label = label.and_then(|label| serde_json::to_string(label).ok());
    let activity = label.map(|label| format!("activities : {}", phrase(&label)));
    let words = question.words.as_ref().map(|words| format!("({words})"));
    let terms: Vec<String> = [words, activity].into_iter().flatten().collect();
    (!terms.is_empty()).then(|| terms.join(" AND "))
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
    /// Reads a row that begins with the view's columns, in its order, and goes on with the distance.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let values = (0..COLUMNS.len()).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?;
        Ok(Self { values, distance_km: row.get(COLUMNS.len())? })
    }

    /// A column's value as a text.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        let at = COLUMNS.iter().position(|known| *known == column)?;
        match self.values.get(at)? {
            Value::Null | Value::Blob(_) => None,
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
        }
    }

    /// A column's value where it is a real number.
    pub(super) fn number(&self, column: &str) -> Option<f64> {
        let at = COLUMNS.iter().position(|known| *known == column)?;
        if let Some(Value::Real(number)) = self.values.get(at) { Some(*number) } else { None }
    }

    /// The distance to the metre.
    pub(super) fn rounded_km(&self) -> Option<f64> {
        self.distance_km.map(|distance| (distance * 1000.0).round() / 1000.0)
    }
}

/// As JSON: the columns by their names; lists as lists, yes and no as booleans.
impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (column, value) in COLUMNS.iter().zip(&self.values) {
            match (*column, value) {
                ("activities" | "levels", Value::Text(text)) => match serde_json::from_str::<&RawValue>(text) {
                    Ok(list) => map.serialize_entry(column, list)?,
                    Err(_) => map.serialize_entry(column, text)?,
                },
                ("membership_required" | "present_as_slots", Value::Integer(number)) => {
                    map.serialize_entry(column, &(*number != 0))?;
                }
                (_, Value::Integer(number)) => map.serialize_entry(column, number)?,
                (_, Value::Real(number)) => map.serialize_entry(column, number)?,
                (_, Value::Text(text)) => map.serialize_entry(column, text)?,
                (_, Value::Null | Value::Blob(_)) => map.serialize_entry(column, &())?,
            }
        }
        if let Some(distance) = self.rounded_km() {
            map.serialize_entry("distance_km", &distance)?;
        }
        map.end()
    }
}

#[cfg(test)]
pub(super) mod tests;
