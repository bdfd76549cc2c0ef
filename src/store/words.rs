//! The index of words, filled at once: built by another thread in a database of its own while the catalogue's other tables are written, and
//! then put in its place.
//!
//! What is put there are the rows of FTS5's own tables, as SQLite's `.dump` would write them; FTS5's integrity check holds of the result.
//! Fails where one of the two databases cannot be written.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params};

/// FTS5's tables behind the index, and how many columns each has.
const TABLES: [(&str, usize); 4] =
    [("listing_words_config", 2), ("listing_words_data", 2), ("listing_words_docsize", 2), ("listing_words_idx", 3)];

/// So much is gathered in memory before it is written, and not FTS5's usual 1 MB: then there are few segments.
const BYTES_GATHERED: i64 = 4 * BYTES_GATHERED_USUALLY;
const BYTES_GATHERED_USUALLY: i64 = 1024 * 1024;

/// How the catalogue's index is made.
#[derive(Debug)]
pub(super) struct Making {
    create: String,
    settings: Vec<(String, Value)>,
    /// Where another one is made: in a temporary file, or in memory.
    place: &'static str,
}

impl Making {
    /// As the catalogue has it; in memory where that keeps what is temporary there.
    pub(super) fn of(catalogue: &Connection) -> rusqlite::Result<Self> {
        const MEMORY: i64 = 2;
        let create = "SELECT sql FROM sqlite_schema WHERE name = 'listing_words'";
        let mut settings = catalogue.prepare("SELECT k, v FROM listing_words_config WHERE k <> 'version'")?;
        let settings = settings.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let temporary: i64 = catalogue.query_row("PRAGMA temp_store", [], |row| row.get(0))?;
        Ok(Self {
            create: catalogue.query_row(create, [], |row| row.get(0))?,
            settings: settings.collect::<rusqlite::Result<_>>()?,
            place: if temporary == MEMORY { ":memory:" } else { "" },
        })
    }

    /// Begins one.
    pub(super) fn begin(&self) -> rusqlite::Result<Index> {
        let index = Index(Connection::open(self.place)?);
        index
            .0
            .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -256; BEGIN")?;
        index.0.execute_batch(&self.create)?;
        self.settings.iter().try_for_each(|(name, value)| index.set(name, value))?;
        index.set("hashsize", &Value::Integer(BYTES_GATHERED))?;
        Ok(index)
    }

    /// Puts one in the place of the catalogue's. For one transaction.
    pub(super) fn put_in_place(&self, Finished(aside): &Finished, catalogue: &Connection) -> rusqlite::Result<()> {
        // FTS5 remembers what its tables hold; of a table that is made anew it remembers nothing.
        catalogue.execute_batch("DROP TABLE listing_words")?;
        catalogue.execute_batch(&self.create)?;
        for (table, columns) in TABLES {
            catalogue.execute(&format!("DELETE FROM {table}"), [])?;
            let marks = (1..=columns).map(|n| format!("?{n}")).collect::<Vec<String>>().join(", ");
            let mut insert = catalogue.prepare(&format!("INSERT INTO {table} VALUES ({marks})"))?;
            let mut select = aside.prepare(&format!("SELECT * FROM {table}"))?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                for at in 0..columns {
                    insert.raw_bind_parameter(at + 1, rusqlite::types::ToSqlOutput::Borrowed(row.get_ref(at)?))?;
                }
                insert.raw_execute()?;
            }
        }
        Ok(())
    }
}

/// An index that is being made, in a database of its own.
#[derive(Debug)]
pub(super) struct Index(Connection);

impl Index {
    fn set(&self, name: &str, value: &Value) -> rusqlite::Result<()> {
        let sql = "INSERT INTO listing_words (listing_words, rank) VALUES (?1, ?2)";
        self.0.execute(sql, params![name, value]).map(drop)
    }

    /// Adds the words of a listing: its name, description, activities, organizer and place. Their keys come in order.
    pub(super) fn add(&self, key: i64, words: [ValueRef<'_>; 5]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO listing_words (rowid, name, description, activities, organizer, place) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let [name, description, activities, organizer, place] = words.map(ToSqlOutput::Borrowed);
        let values = params![key, name, description, activities, organizer, place];
        self.0.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// When all words are in it.
    pub(super) fn finish(self) -> rusqlite::Result<Finished> {
        self.set("hashsize", &Value::Integer(BYTES_GATHERED_USUALLY))?;
        self.0.execute_batch("COMMIT")?;
        Ok(Finished(self.0))
    }
}

/// An index that is made.
#[derive(Debug)]
pub(super) struct Finished(Connection);

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Connection {
        let catalogue = Connection::open_in_memory().unwrap();
        catalogue.execute_batch(include_str!("schema/catalogue.sql")).unwrap();
        let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000) \
            INSERT INTO listing (key, name, description, place) \
            SELECT n - 100, 'Name ' || (n % 7), 'words of ' || (n % 50) || ' kinds', iif(n % 3, NULL, 'Place ' || n) FROM n";
        catalogue.execute_batch(sql).unwrap();
        catalogue
    }

    fn listings(catalogue: &Connection) -> Vec<(i64, [Value; 5])> {
        let sql = "SELECT key, name, description, activities, organizer, place FROM listing ORDER BY key";
        let mut select = catalogue.prepare(sql).unwrap();
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]))
        };
        select.query_map([], read).unwrap().map(Result::unwrap).collect()
    }

    /// Each word with where it stands.
    fn held(catalogue: &Connection) -> Vec<String> {
        catalogue
            .execute_batch(
                "CREATE VIRTUAL TABLE IF NOT EXISTS temp.held USING fts5vocab (main, listing_words, instance)",
            )
            .unwrap();
        let mut select = catalogue.prepare("SELECT concat_ws(' ', term, doc, col, offset) FROM temp.held").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn check(catalogue: &Connection) {
        let check = "INSERT INTO listing_words (listing_words, rank) VALUES ('integrity-check', 1)";
        catalogue.execute(check, []).unwrap();
    }

    fn settings(catalogue: &Connection) -> Vec<(String, Value)> {
        let mut settings = Making::of(catalogue).unwrap().settings;
        settings.retain(|(name, _)| name != "hashsize");
        settings
    }

    #[test]
    fn what_is_made_aside_is_what_sqlite_would_have() {
        for (temporary, place) in [("FILE", ""), ("MEMORY", ":memory:")] {
            let [ours, theirs] = [catalogue(), catalogue()];
            ours.pragma_update(None, "temp_store", temporary).unwrap();
            theirs.execute_batch("INSERT INTO listing_words (listing_words) VALUES ('rebuild')").unwrap();
            // Another index was there before, which FTS5 remembers; it is emptied first, as where a catalogue is filled.
            ours.execute_batch("INSERT INTO listing_words (rowid, name) VALUES (7, 'of before')").unwrap();
            let making = Making::of(&ours).unwrap();
            assert_eq!(making.place, place);
            let batch = ours.unchecked_transaction().unwrap();
            ours.execute_batch("INSERT INTO listing_words (listing_words) VALUES ('delete-all')").unwrap();
            let index = making.begin().unwrap();
            for (key, words) in listings(&ours) {
                index.add(key, words.each_ref().map(ValueRef::from)).unwrap();
            }
            let aside = index.finish().unwrap();
            making.put_in_place(&aside, &ours).unwrap();
            batch.commit().unwrap();
            let sql = "INSERT INTO listing (key, name) VALUES (8000, 'soon'); \
                INSERT INTO listing_words (rowid, name) VALUES (8000, 'soon');";
            // Before anything else has looked at it.
            ours.execute_batch(sql).unwrap();
            theirs.execute_batch(sql).unwrap();
            assert_eq!(held(&ours), held(&theirs));
            assert_eq!(settings(&ours), settings(&theirs));
            check(&ours);
            let sql = "DELETE FROM listing WHERE key = 7; INSERT INTO listing_words (listing_words, rowid, name, description) \
                VALUES ('delete', 7, 'Name 2', 'words of 7 kinds'); INSERT INTO listing (key, name) VALUES (9000, 'late'); \
                INSERT INTO listing_words (rowid, name) VALUES (9000, 'late');";
            for one in [&ours, &theirs] {
                one.execute_batch(sql).unwrap();
            }
            assert_eq!(held(&ours), held(&theirs));
            check(&ours);
        }
    }

    #[test]
    fn an_index_of_nothing_can_be_put_in_place() {
        let ours = Connection::open_in_memory().unwrap();
        ours.execute_batch(include_str!("schema/catalogue.sql")).unwrap();
        let making = Making::of(&ours).unwrap();
        making.put_in_place(&making.begin().unwrap().finish().unwrap(), &ours).unwrap();
        assert_eq!(held(&ours), Vec::<String>::new());
        check(&ours);
    }
}
