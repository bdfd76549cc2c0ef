//! What many parents say alike, in the state: each group of values kept once, found again by a keyed hash, and dropped when no parent has
//! it any more. In memory are hashes and numbers, no texts.

use hashbrown::HashTable;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::index::{Gathered, ItemHasher};

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
pub(super) type GroupKeys = [Option<u32>; 3];

/// A group in memory.
#[derive(Clone, Copy, Debug)]
struct Group {
    key: u32,
    /// How many parents have it.
    users: u32,
    hash: [u64; 2],
}

/// See the module.
#[derive(Debug)]
struct Book {
    table: Table,
    /// By key.
    groups: HashTable<Group>,
    /// The keys, by the group's hash.
    keys: HashTable<u32>,
    last: u32,
}

/// Spreads a key over the 64 bits that the table looks at.
fn spread(key: u32) -> u64 {
    u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn group(groups: &HashTable<Group>, key: u32) -> Option<&Group> {
    groups.find(spread(key), |group| group.key == key)
}

fn gather(gathered: &mut Gathered, values: &[ValueRef<'_>]) {
    gathered.clear();
    for value in values {
        match *value {
            ValueRef::Null => gathered.byte(0),
            ValueRef::Integer(number) => {
                gathered.byte(1);
                gathered.number(number.cast_unsigned());
            }
            ValueRef::Real(number) => {
                gathered.byte(2);
                gathered.number(number.to_bits());
            }
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                gathered.byte(3);
                gathered.text(bytes);
            }
        }
    }
}

/// What groups are hashed with: the key, and where their values are gathered.
type Hashing<'a> = (&'a ItemHasher, &'a mut Gathered);

fn hash((hasher, gathered): Hashing<'_>, values: &[ValueRef<'_>]) -> [u64; 2] {
    gather(gathered, values);
    hasher.hash_values(gathered).halves()
}

impl Book {
    fn new(table: Table) -> Self {
        Self { table, groups: HashTable::new(), keys: HashTable::new(), last: 0 }
    }

    fn load(&mut self, connection: &Connection, (hasher, gathered): Hashing<'_>) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(self.table.select)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = (1..columns).map(|column| row.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
            self.learn(hash((hasher, gathered), &values), row.get(0)?);
        }
        Ok(())
    }

    fn learn(&mut self, hash: [u64; 2], key: u32) {
        let Self { groups, keys, last, .. } = self;
        groups.insert_unique(spread(key), Group { key, users: 0, hash }, |group| spread(group.key));
        keys.insert_unique(hash[0], key, |key| group(groups, *key).map_or(0, |group| group.hash[0]));
        *last = key.max(*last);
    }

    fn count(&mut self, key: Option<u32>) {
        let found = key.and_then(|key| self.groups.find_mut(spread(key), |group| group.key == key));
        if let Some(group) = found {
            group.users += 1;
        }
    }

    fn take(
        &mut self,
        connection: &Connection,
        hashing: Hashing<'_>,
        values: &[ValueRef<'_>],
    ) -> rusqlite::Result<Option<u32>> {
        if values.iter().all(|value| *value == ValueRef::Null) {
            return Ok(None);
        }
        let hash = hash(hashing, values);
        let same = |key: &u32| group(&self.groups, *key).is_some_and(|group| group.hash == hash);
        let key = if let Some(key) = self.keys.find(hash[0], same) {
            *key
        } else {
            let key = self.last + 1;
            let row = std::iter::once(ValueRef::Integer(key.into())).chain(values.iter().copied());
            let row = params_from_iter(row.map(ToSqlOutput::Borrowed));
            connection.prepare_cached(self.table.insert)?.execute(row)?;
            self.learn(hash, key);
            key
        };
        self.count(Some(key));
        Ok(Some(key))
    }

    fn release(&mut self, connection: &Connection, key: Option<u32>) -> rusqlite::Result<()> {
        let Some(key) = key else { return Ok(()) };
        let Some(group) = self.groups.find_mut(spread(key), |group| group.key == key) else { return Ok(()) };
        group.users = group.users.saturating_sub(1);
        if group.users == 0 { self.forget(connection, key) } else { Ok(()) }
    }

    fn forget(&mut self, connection: &Connection, key: u32) -> rusqlite::Result<()> {
        if let Ok(found) = self.groups.find_entry(spread(key), |group| group.key == key) {
            let (group, _) = found.remove();
            if let Ok(found) = self.keys.find_entry(group.hash[0], |other| *other == key) {
                found.remove();
            }
        }
        connection.prepare_cached(self.table.delete)?.execute([key]).map(drop)
    }

    fn drop_idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let idle: Vec<u32> = self.groups.iter().filter(|group| group.users == 0).map(|group| group.key).collect();
        idle.into_iter().try_for_each(|key| self.forget(connection, key))
    }
}

/// The books of all three tables.
#[derive(Debug)]
pub(super) struct SharedBook {
    books: [Book; 3],
    gathered: Gathered,
}

impl Default for SharedBook {
    fn default() -> Self {
        Self { books: [ABOUT, PROVIDER, PLACE].map(Book::new), gathered: Gathered::default() }
    }
}

impl SharedBook {
    /// Reads what the state holds; the users are counted as the parents are read ([`SharedBook::count`]).
    pub(super) fn load(&mut self, connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
        let Self { books, gathered } = self;
        books.iter_mut().try_for_each(|book| book.load(connection, (hasher, gathered)))
    }

    /// One parent more has these groups.
    pub(super) fn count(&mut self, keys: GroupKeys) {
        for (book, key) in self.books.iter_mut().zip(keys) {
            book.count(key);
        }
    }

    /// Drops the groups that no parent has, after all were counted.
    pub(super) fn drop_idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.books.iter_mut().try_for_each(|book| book.drop_idle(connection))
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
        for ((key, book), values) in keys.iter_mut().zip(&mut self.books).zip(values) {
            *key = book.take(connection, (hasher, &mut self.gathered), values)?;
        }
        Ok(keys)
    }

    /// One parent fewer has these groups; with the last they go.
    pub(super) fn release(&mut self, connection: &Connection, keys: GroupKeys) -> rusqlite::Result<()> {
        self.books.iter_mut().zip(keys).try_for_each(|(book, key)| book.release(connection, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(description: &'static str) -> Groups<'static> {
        let mut groups =
            Groups { about: [ValueRef::Null; 8], provider: [ValueRef::Null; 4], place: [ValueRef::Null; 5] };
        groups.about[0] = ValueRef::Text(description.as_bytes());
        groups.place[3] = ValueRef::Real(53.8);
        groups
    }

    #[test]
    fn a_group_is_kept_once_and_goes_with_the_last_that_has_it() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/state.sql")).unwrap();
        let texts = || {
            let sql =
                "SELECT coalesce(group_concat(description, ' '), '') FROM (SELECT description FROM about ORDER BY key)";
            let places = "SELECT count(*) FROM place";
            let texts: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
            (texts, connection.query_row(places, [], |row| row.get::<_, i64>(0)).unwrap())
        };
        let hasher = ItemHasher::new([7; 16]);
        let mut book = SharedBook::default();
        let keys = ["a", "b", "a"].map(|text| book.take(&connection, &hasher, &groups(text)).unwrap());
        assert_eq!(keys, [[Some(1), None, Some(1)], [Some(2), None, Some(1)], [Some(1), None, Some(1)]]);
        assert_eq!(texts(), ("a b".to_owned(), 1));
        book.release(&connection, keys[0]).unwrap();
        assert_eq!(texts(), ("a b".to_owned(), 1));
        book.release(&connection, keys[2]).unwrap();
        assert_eq!(texts(), ("b".to_owned(), 1));

        // The same after a start: what is there is found again, and what nobody has is dropped.
        let mut book = SharedBook::default();
        book.load(&connection, &hasher).unwrap();
        book.count(keys[1]);
        assert_eq!(book.take(&connection, &hasher, &groups("b")).unwrap(), keys[1]);
        book.take(&connection, &hasher, &groups("c")).unwrap();
        let mut book = SharedBook::default();
        book.load(&connection, &hasher).unwrap();
        book.count([Some(2), None, None]);
        book.drop_idle(&connection).unwrap();
        assert_eq!(texts(), ("b".to_owned(), 0));
        book.release(&connection, [Some(2), None, None]).unwrap();
        assert_eq!(texts(), (String::new(), 0));
    }
}
