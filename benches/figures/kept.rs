//! The naive harvest as a daemon would go about it: the catalogue is right after every page, not only at the end. Each session of the page, and
//! each session of a series on it, is judged anew in the page's transaction, with every index in place.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde_json::Value;

use crate::naive::{INSERT, JOIN, shown};

/// What keeps the catalogue in step beside the tables.
pub(crate) const SCHEMA: &str = include_str!("../compare/kept.sql");

/// The ids of the sessions on which these items bear, with their `@id`s as they were shown until now.
pub(crate) fn touched(database: &Connection, table: &str, items: &[Value]) -> Vec<(String, Option<String>)> {
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    if table == "session" {
        let mut shown_as = database.prepare_cached("SELECT session_id FROM session WHERE id = ?1").expect("SQL");
        let mut one =
            |item: &Value| shown_as.query_row([id(item)], |row| row.get(0)).optional().expect("a row").flatten();
        return items.iter().map(|item| (id(item), one(item))).collect();
    }
    let mut sessions = database
        .prepare_cached(
            "SELECT id, session_id FROM session \
            WHERE series_id IN (?1, (SELECT series_id FROM series WHERE id = ?2))",
        )
        .expect("SQL");
    let mut found = Vec::new();
    for item in items {
        let rows = sessions.query_map((item["data"]["@id"].as_str(), id(item)), |row| Ok((row.get(0)?, row.get(1)?)));
        found.extend(rows.expect("rows").map(|row| row.expect("a row")));
    }
    found
}

/// Shows or hides each of these sessions as it stands now.
pub(crate) fn settle(database: &Connection, touched: Vec<(String, Option<String>)>, now: DateTime<Utc>) {
    let mut hide = database.prepare_cached("DELETE FROM catalogue WHERE session_id = ?1").expect("SQL");
    let mut join = database.prepare_cached(&format!("{JOIN} AND s.id = ?1")).expect("SQL");
    let mut insert = database.prepare_cached(INSERT).expect("SQL");
    for (id, shown_as) in touched {
        if let Some(session_id) = shown_as {
            hide.execute([session_id]).expect("a row less");
        }
        let cells = join.query_row([id], |row| Ok(shown(row, now))).optional().expect("a row").flatten();
        if let Some(cells) = cells {
            insert.execute(params_from_iter(cells)).expect("a row");
        }
    }
}
