//! Where listings are and which words they hold: `listing_area` and `listing_words`, kept in step with `listing` row by row.
//!
//! By statements of our own, because FTS5 writes out all that it has gathered at the beginning of every statement that may have to be
//! taken back in part, and one with a trigger is such a statement.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::area;

/// The columns of `listing` that are looked for, in the order that [`Indexed::read`] wants.
pub(super) const INDEXED: [&str; 7] =
    ["name", "description", "activities", "organizer", "place", "latitude", "longitude"];

/// What both indexes know of a listing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Indexed {
    words: [Value; 5],
    /// Latitude and longitude.
    point: [Value; 2],
}

impl Indexed {
    /// From [`INDEXED`], the first of which is this column.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let mut values = [const { Value::Null }; 7];
        for (at, value) in values.iter_mut().enumerate() {
            *value = row.get(first + at)?;
        }
        Ok(Self::new(values))
    }

    /// From the values of [`INDEXED`].
    pub(super) fn new(values: [Value; 7]) -> Self {
        let [name, description, activities, organizer, place, latitude, longitude] = values;
        Self { words: [name, description, activities, organizer, place], point: [latitude, longitude] }
    }

    /// Where it is, if that is known.
    fn point(&self) -> Option<&[Value; 2]> {
        Some(&self.point).filter(|point| !point.contains(&Value::Null))
    }
}

/// Puts what a listing says in the place of what it said before; `None` where it is not there.
pub(super) fn replace(
    catalogue: &Connection,
    key: i64,
    before: Option<&Indexed>,
    after: Option<&Indexed>,
) -> rusqlite::Result<()> {
    let (words, words_after) = (before.map(|before| &before.words), after.map(|after| &after.words));
    if words != words_after {
        if let Some([name, description, activities, organizer, place]) = words {
            let sql = "INSERT INTO listing_words (listing_words, rowid, name, description, activities, organizer, place) \
                VALUES ('delete', ?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![key, name, description, activities, organizer, place];
            catalogue.prepare_cached(sql)?.execute(values)?;
        }
        if let Some([name, description, activities, organizer, place]) = words_after {
            let sql = "INSERT INTO listing_words (rowid, name, description, activities, organizer, place) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![key, name, description, activities, organizer, place];
            catalogue.prepare_cached(sql)?.execute(values)?;
        }
    }
    let (before, after) = (before.and_then(Indexed::point), after.and_then(Indexed::point));
    if before == after {
        return Ok(());
    }
    if before.is_some() {
        catalogue.prepare_cached("DELETE FROM listing_area WHERE key = ?1")?.execute([key])?;
    }
    if let Some([latitude, longitude]) = after {
        let sql = "INSERT INTO listing_area VALUES (?1, ?2, ?2, ?3, ?3)";
        catalogue.prepare_cached(sql)?.execute(params![key, latitude, longitude])?;
    }
    Ok(())
}

/// Drops those of these listings that nothing uses any more.
pub(super) fn drop_unused_of(catalogue: &Connection, keys: &BTreeSet<i64>) -> rusqlite::Result<()> {
    // Most are used: an index says so, without a look at the listing.
    let unused = "SELECT value FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM session WHERE listing = value) \
        AND NOT EXISTS (SELECT 1 FROM slot WHERE listing = value)";
    let list: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let mut unused = catalogue.prepare_cached(unused)?;
    let unused = unused.query_map([format!("[{}]", list.join(","))], |row| row.get(0))?;
    let unused = unused.collect::<rusqlite::Result<Vec<i64>>>()?;
    let sql = format!("SELECT {} FROM listing WHERE key = ?1", INDEXED.join(", "));
    let mut select = catalogue.prepare_cached(&sql)?;
    for key in unused {
        if let Some(unused) = select.query_row([key], |row| Indexed::read(row, 0)).optional()? {
            drop_listing(catalogue, key, &unused)?;
        }
    }
    Ok(())
}

fn drop_listing(catalogue: &Connection, key: i64, before: &Indexed) -> rusqlite::Result<()> {
    replace(catalogue, key, Some(before), None)?;
    catalogue.prepare_cached("DELETE FROM listing WHERE key = ?1")?.execute([key]).map(drop)
}

/// Drops every listing that nothing uses, and says whether there was one; a whole catalogue has none. Place and words do not follow.
pub(super) fn drop_unused(catalogue: &Connection) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM listing AS l WHERE NOT EXISTS (SELECT 1 FROM session WHERE listing = l.key) \
        AND NOT EXISTS (SELECT 1 FROM slot WHERE listing = l.key)";
    Ok(catalogue.execute(sql, [])? > 0)
}

/// The words are gathered in 8 MB before they are written, and not in FTS5's usual 1 MB: then there is nothing to merge.
const FILL_WORDS: &str = "INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', 8388608); \
    INSERT INTO listing_words (listing_words) VALUES ('rebuild'); \
    INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', 1048576);";

/// Empties both.
pub(super) fn clear(catalogue: &Connection) -> rusqlite::Result<()> {
    catalogue.execute_batch("INSERT INTO listing_words (listing_words) VALUES ('delete-all')")?;
    area::clear(catalogue)
}

/// Fills both, which are empty, from the listings.
pub(super) fn fill(catalogue: &Connection) -> rusqlite::Result<()> {
    area::fill(catalogue)?;
    catalogue.execute_batch(FILL_WORDS)
}

/// Makes both anew from the listings, whatever they hold.
pub(super) fn make_anew(catalogue: &Connection) -> rusqlite::Result<()> {
    clear(catalogue)?;
    fill(catalogue)
}
