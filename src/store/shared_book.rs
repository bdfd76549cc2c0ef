//! What many parents say alike, in the state: each group of values kept once, found again by a keyed hash, and dropped when no parent has
//! it any more. In memory are hashes and numbers, no texts.

use hashbrown::HashMap;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::index::{Gathered, ItemHash, ItemHasher};

/// One of the tables, with the SQL that it is read and written by.
#[derive(Debug)]
struct Table {
    select: &'static str,
    insert: &'static str,
    delete: &'static str,
}

macro_rules! table {
    ($name:literal, $columns:literal, $marks:literal) => {
        Table {
            select: concat!("SELECT key, ", $columns, " FROM ", $name),
            insert: concat!("INSERT INTO ", $name, " (key, ", $columns, ") VALUES (?1, ", $marks, ")"),
            delete: concat!("DELETE FROM ", $name, " WHERE key = ?1"),
        }
    };
}

const ABOUT: Table = table!(
    "about",
    "description, activities, levels, min_age, max_age, gender, attendance_mode, image_url",
    "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
);
const PROVIDER: Table = table!("provider", "organizer, organizer_id, dataset, url_base", "?2, ?3, ?4, ?5");
const PLACE: Table = table!("place", "place, address, postcode, latitude, longitude", "?2, ?3, ?4, ?5, ?6");

/// The groups of one parent, in the order of their tables' columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups<'a> {
    pub(super) about: [ValueRef<'a>; 8],
    pub(super) provider: [ValueRef<'a>; 4],
    pub(super) place: [ValueRef<'a>; 5],
}

/// The keys of a parent's groups: `about`, `provider`, `place`; nothing where it says nothing.
pub(super) type GroupKeys = [Option<i64>; 3];

/// See the module.
#[derive(Debug)]
struct Book {
    table: Table,
    keys: HashMap<ItemHash, i64>,
    /// By key: the hash, and how many parents have it.
    users: HashMap<i64, (ItemHash, u32)>,
    next: i64,
}

fn hash(hasher: &ItemHasher, values: &[ValueRef<'_>]) -> ItemHash {
    let mut gathered = Gathered::default();
    for value in values {
        match *value {
            ValueRef::Null => gathered.byte(0),
            ValueRef::Integer(number) => gathered.number(Some(number.cast_unsigned())),
            ValueRef::Real(number) => gathered.number(Some(number.to_bits())),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                gathered.byte(2);
                gathered.text(bytes);
            }
        }
    }
    hasher.hash_values(&gathered)
}

impl Book {
    fn new(table: Table) -> Self {
        Self { table, keys: HashMap::new(), users: HashMap::new(), next: 0 }
    }

    fn load(&mut self, connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(self.table.select)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = (1..columns).map(|column| row.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
            self.learn(hash(hasher, &values), row.get(0)?);
        }
        Ok(())
    }

    fn learn(&mut self, hash: ItemHash, key: i64) {
        self.keys.insert(hash, key);
        self.users.insert(key, (hash, 0));
        self.next = self.next.max(key);
    }

    fn count(&mut self, key: Option<i64>) {
        if let Some((_, users)) = key.and_then(|key| self.users.get_mut(&key)) {
            *users += 1;
        }
    }

    fn take(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        values: &[ValueRef<'_>],
    ) -> rusqlite::Result<Option<i64>> {
        if values.iter().all(|value| *value == ValueRef::Null) {
            return Ok(None);
        }
        let hash = hash(hasher, values);
        let key = if let Some(key) = self.keys.get(&hash) {
            *key
        } else {
            let key = self.next + 1;
            let row = std::iter::once(ValueRef::Integer(key)).chain(values.iter().copied()).map(ToSqlOutput::Borrowed);
            connection.prepare_cached(self.table.insert)?.execute(params_from_iter(row))?;
            self.learn(hash, key);
            key
        };
        self.count(Some(key));
        Ok(Some(key))
    }

    fn release(&mut self, connection: &Connection, key: Option<i64>) -> rusqlite::Result<()> {
        let Some(key) = key else { return Ok(()) };
        let Some((_, users)) = self.users.get_mut(&key) else { return Ok(()) };
        *users = users.saturating_sub(1);
        if *users == 0 { self.forget(connection, key) } else { Ok(()) }
    }

    fn forget(&mut self, connection: &Connection, key: i64) -> rusqlite::Result<()> {
        if let Some((hash, _)) = self.users.remove(&key) {
            self.keys.remove(&hash);
        }
        connection.prepare_cached(self.table.delete)?.execute([key]).map(drop)
    }

    fn drop_idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let idle: Vec<i64> = self.users.iter().filter(|(_, (_, users))| *users == 0).map(|(key, _)| *key).collect();
        idle.into_iter().try_for_each(|key| self.forget(connection, key))
    }
}

/// The books of all three tables.
#[derive(Debug)]
pub(super) struct SharedBook([Book; 3]);

impl Default for SharedBook {
    fn default() -> Self {
        Self([ABOUT, PROVIDER, PLACE].map(Book::new))
    }
}

impl SharedBook {
    /// Reads what the state holds; the users are counted as the parents are read ([`SharedBook::count`]).
    pub(super) fn load(&mut self, connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
        self.0.iter_mut().try_for_each(|book| book.load(connection, hasher))
    }

    /// One parent more has these groups.
    pub(super) fn count(&mut self, keys: GroupKeys) {
        self.0.iter_mut().zip(keys).for_each(|(book, key)| book.count(key));
    }

    /// Drops the groups that no parent has, after all were counted.
    pub(super) fn drop_idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.0.iter_mut().try_for_each(|book| book.drop_idle(connection))
    }

    /// The keys of these groups for one more parent that has them; those that are new are written.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        groups: &Groups<'_>,
    ) -> rusqlite::Result<GroupKeys> {
        let mut keys = [None; 3];
        let values: [&[ValueRef<'_>]; 3] = [&groups.about, &groups.provider, &groups.place];
        for ((key, book), values) in keys.iter_mut().zip(&mut self.0).zip(values) {
            *key = book.take(connection, hasher, values)?;
        }
        Ok(keys)
    }

    /// One parent fewer has these groups; with the last they go.
    pub(super) fn release(&mut self, connection: &Connection, keys: GroupKeys) -> rusqlite::Result<()> {
        self.0.iter_mut().zip(keys).try_for_each(|(book, key)| book.release(connection, key))
    }
}
