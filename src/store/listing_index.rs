//! Where listings are and which words they hold: `listing_area` and `listing_words`, kept in step with `listing` row by row.
//!
//! By statements of our own, and the words of a batch at its end, in the order of their keys: FTS5 writes out all that it has gathered, as a
//! segment, at the beginning of every statement that may have to be taken back in part (one with a trigger, for example), and wherever a key
//! is less than the one before it.

use std::collections::{BTreeMap, BTreeSet};

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

/// What listings said before a batch and say after it, by their keys, for the index of words; `None` where there was or is none.
#[derive(Debug, Default)]
pub(super) struct Rewordings(BTreeMap<i64, [Option<[Value; 5]>; 2]>);

impl Rewordings {
    /// Writes them, one after another in the order of their keys; whether there were any.
    pub(super) fn write(self, catalogue: &Connection) -> rusqlite::Result<bool> {
        for (key, [before, after]) in &self.0 {
            if let Some([name, description, activities, organizer, place]) = before {
                let sql = "INSERT INTO listing_words (listing_words, rowid, name, description, activities, organizer, place) \
                    VALUES ('delete', ?1, ?2, ?3, ?4, ?5, ?6)";
                let values = params![key, name, description, activities, organizer, place];
                catalogue.prepare_cached(sql)?.execute(values)?;
            }
            if let Some([name, description, activities, organizer, place]) = after {
                let sql = "INSERT INTO listing_words (rowid, name, description, activities, organizer, place) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let values = params![key, name, description, activities, organizer, place];
                catalogue.prepare_cached(sql)?.execute(values)?;
            }
        }
        Ok(!self.0.is_empty())
    }
}

/// Puts what a listing says in the place of what it said before, `None` where it is not there; the words wait for the end of the batch.
pub(super) fn replace(
    catalogue: &Connection,
    key: i64,
    [before, after]: [Option<Indexed>; 2],
    rewordings: &mut Rewordings,
) -> rusqlite::Result<()> {
    let (was, is) = (before.as_ref().and_then(Indexed::point), after.as_ref().and_then(Indexed::point));
    if was != is {
        if was.is_some() {
            catalogue.prepare_cached("DELETE FROM listing_area WHERE key = ?1")?.execute([key])?;
        }
        if let Some([latitude, longitude]) = is {
            let sql = "INSERT INTO listing_area VALUES (?1, ?2, ?2, ?3, ?3)";
            catalogue.prepare_cached(sql)?.execute(params![key, latitude, longitude])?;
        }
    }
    let [before, after] = [before, after].map(|indexed| indexed.map(|indexed| indexed.words));
    if before != after {
        // What it said before the batch is what is in the index.
        rewordings.0.entry(key).or_insert([before, None])[1] = after;
    }
    Ok(())
}

/// Drops those of these listings that nothing uses any more.
pub(super) fn drop_unused_of(
    catalogue: &Connection,
    keys: &BTreeSet<i64>,
    rewordings: &mut Rewordings,
) -> rusqlite::Result<()> {
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
            replace(catalogue, key, [Some(unused), None], rewordings)?;
            catalogue.prepare_cached("DELETE FROM listing WHERE key = ?1")?.execute([key])?;
        }
    }
    Ok(())
}

/// Each batch that writes words leaves a segment of FTS5's. So many are merged to one (`usermerge` in the schema).
pub(super) const SEGMENTS_MAX: usize = 8;

/// Merges segments of words, some pages at a time; whether there is more to merge.
pub(super) fn merge(catalogue: &Connection) -> rusqlite::Result<bool> {
    let before = catalogue.total_changes();
    catalogue.execute("INSERT INTO listing_words (listing_words, rank) VALUES ('merge', 32)", [])?;
    // FTS5's own sign: it counts one change where it found nothing to do.
    Ok(catalogue.total_changes() - before >= 2)
}

/// Drops every listing that nothing uses, and says whether there was one; a whole catalogue has none. Place and words do not follow.
pub(super) fn drop_unused(catalogue: &Connection) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM listing AS l WHERE NOT EXISTS (SELECT 1 FROM session WHERE listing = l.key) \
        AND NOT EXISTS (SELECT 1 FROM slot WHERE listing = l.key)";
    Ok(catalogue.execute(sql, [])? > 0)
}

/// Empties both.
pub(super) fn clear(catalogue: &Connection) -> rusqlite::Result<()> {
    catalogue.execute_batch("INSERT INTO listing_words (listing_words) VALUES ('delete-all')")?;
    area::clear(catalogue)
}

/// Makes both anew from the listings, whatever they hold.
pub(super) fn make_anew(catalogue: &Connection) -> rusqlite::Result<()> {
    clear(catalogue)?;
    area::fill(catalogue, area::listings(catalogue)?)?;
    catalogue.execute_batch("INSERT INTO listing_words (listing_words) VALUES ('rebuild')")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(catalogue: &Connection, sql: &str) -> i64 {
        catalogue.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn segments(catalogue: &Connection) -> i64 {
        number(catalogue, "SELECT count(DISTINCT segid) FROM listing_words_idx")
    }

    fn named(name: &str) -> Indexed {
        let mut values = [const { Value::Null }; 7];
        values[0] = Value::Text(name.to_owned());
        Indexed::new(values)
    }

    /// Renames listings in one batch, as the writer does.
    fn rename(catalogue: &Connection, names: &[(i64, Option<&str>, &str)]) {
        let batch = catalogue.unchecked_transaction().unwrap();
        let mut rewordings = Rewordings::default();
        for (key, before, after) in names {
            let sql = "INSERT INTO listing (key, name) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = ?2";
            catalogue.execute(sql, params![key, after]).unwrap();
            replace(catalogue, *key, [before.map(named), Some(named(after))], &mut rewordings).unwrap();
        }
        assert!(rewordings.write(catalogue).unwrap());
        batch.commit().unwrap();
    }

    #[test]
    fn a_batch_leaves_one_segment_and_segments_are_merged_between_batches() {
        let catalogue = Connection::open_in_memory().unwrap();
        catalogue.execute_batch(include_str!("schema/catalogue.sql")).unwrap();
        let keys = [7, 3, 9, -4, 1];
        rename(&catalogue, &keys.map(|key| (key, None, "name0")));
        assert_eq!(segments(&catalogue), 1, "in whatever order the keys come");
        assert!(!merge(&catalogue).unwrap(), "one is nothing to merge");
        let reword = |batch: usize| {
            let (before, after) = (format!("name{batch}"), format!("name{}", batch + 1));
            // One listing is reworded twice in a batch.
            rename(&catalogue, &keys.map(|key| (key, Some(before.as_str()), "passing")));
            rename(
                &catalogue,
                &[(3, Some("passing"), "again"), (7, Some("passing"), &after), (3, Some("again"), &after)],
            );
            rename(&catalogue, &[9, -4, 1].map(|key| (key, Some("passing"), after.as_str())));
        };
        (0..20).for_each(reword);
        assert_eq!(segments(&catalogue), 61, "none is merged as a batch is committed");
        (20..100).for_each(reword);
        assert!(segments(&catalogue) < 128, "but where nobody merges they do not grow without end");
        let steps = (0..1000).take_while(|_| merge(&catalogue).unwrap()).count();
        assert!(steps < 1000 && segments(&catalogue) < 2 * i64::try_from(SEGMENTS_MAX).unwrap(), "{steps}");
        let found = |word: &str| {
            number(&catalogue, &format!("SELECT count(*) FROM listing_words WHERE listing_words MATCH '{word}'"))
        };
        assert_eq!([found("name100"), found("name99"), found("passing"), found("again")], [5, 0, 0, 0]);
        let check = "INSERT INTO listing_words (listing_words, rank) VALUES ('integrity-check', 1)";
        catalogue.execute(check, []).unwrap();
    }
}
