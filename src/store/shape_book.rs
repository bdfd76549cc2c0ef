//! Shapes in the state: each kept once, found again by a keyed hash, and dropped when no row has it any more, since it may hold a
//! piece of a text of a row that was deleted.

use hashbrown::HashMap;
use rusqlite::{Connection, params};

use super::index::{Gathered, ItemHash, ItemHasher};
use super::keys::ShapeKey;
use super::packed::{Packed, Part, Piece, Shape, Texts};

/// So many shapes save space; with more of them the publishers' texts have none worth the name.
const SHAPES_MAX: usize = 1 << 16;

/// Every shape of a state, to read its rows.
#[derive(Debug, Default)]
pub(super) struct Shapes(HashMap<ShapeKey, Shape>);

/// The error for bytes that are no row.
pub(super) fn damaged() -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, "facts".to_owned(), rusqlite::types::Type::Blob)
}

impl Shapes {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT key, shape FROM shape")?;
        let read = |row: &rusqlite::Row<'_>| {
            let shape = serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|_| damaged())?;
            Ok((row.get(0)?, shape))
        };
        statement.query_map([], read)?.collect::<rusqlite::Result<_>>().map(Self)
    }

    /// The shape of this key.
    pub(super) fn get(&self, key: ShapeKey) -> rusqlite::Result<&Shape> {
        self.0.get(&key).ok_or_else(damaged)
    }

    /// The shape of a row.
    pub(super) fn of(&self, packed: &Packed<'_>) -> rusqlite::Result<&Shape> {
        self.get(packed.keys.shape)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ShapeBook {
    pub(super) shapes: Shapes,
    /// With how many rows have each.
    keys: HashMap<ItemHash, (ShapeKey, u64)>,
    hashes: HashMap<ShapeKey, ItemHash>,
    next: i64,
    gathered: Gathered,
}

/// What makes a shape the same as another.
pub(super) fn gather<'a>(gathered: &mut Gathered, pieces: impl IntoIterator<Item = Piece<'a>>) {
    gathered.clear();
    for piece in pieces {
        match piece {
            None => gathered.byte(0),
            Some(Err(_)) => gathered.byte(1),
            Some(Ok((before, after))) => {
                gathered.byte(2);
                gathered.text(before.as_bytes());
                gathered.text(after.as_bytes());
            }
        }
    }
}

fn piece(part: &Part) -> Piece<'_> {
    match part {
        Part::Absent => None,
        Part::Whole => Some(Err("")),
        Part::Around(before, after) => Some(Ok((before, after))),
    }
}

impl ShapeBook {
    /// Reads what the state holds; the users are counted as their rows are read ([`ShapeBook::count`]).
    pub(super) fn load(&mut self, connection: &Connection, hasher: &ItemHasher) -> rusqlite::Result<()> {
        self.shapes = Shapes::load(connection)?;
        for (key, shape) in &self.shapes.0 {
            gather(&mut self.gathered, shape.0.iter().map(piece));
            let hash = hasher.hash_values(&self.gathered);
            self.keys.insert(hash, (*key, 0));
            self.hashes.insert(*key, hash);
            self.next = self.next.max(key.0);
        }
        Ok(())
    }

    /// So many rows more have this shape.
    pub(super) fn count(&mut self, key: ShapeKey, rows: u64) {
        if let Some((_, users)) = self.users(key) {
            *users += rows;
        }
    }

    fn users(&mut self, key: ShapeKey) -> Option<&mut (ShapeKey, u64)> {
        self.keys.get_mut(self.hashes.get(&key)?)
    }

    /// Drops the shapes that no row has, after all were counted.
    pub(super) fn drop_idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let idle: Vec<ShapeKey> = self.keys.values().filter(|(_, users)| *users == 0).map(|(key, _)| *key).collect();
        idle.into_iter().try_for_each(|key| self.forget(connection, key))
    }

    /// The key of the shape of these texts, for one more row that has it; the shape is written where it is new.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        texts: &Texts<'_>,
    ) -> rusqlite::Result<ShapeKey> {
        gather(&mut self.gathered, texts.pieces());
        let hash = hasher.hash_values(&self.gathered);
        match self.take_known(hash) {
            Some(key) => Ok(key),
            None => self.take_new(connection, hasher, texts),
        }
    }

    /// Whether there is a shape with this hash.
    pub(super) fn knows(&self, hash: ItemHash) -> bool {
        self.keys.contains_key(&hash)
    }

    /// The key of the shape with this hash, for one more row that has it.
    pub(super) fn take_known(&mut self, hash: ItemHash) -> Option<ShapeKey> {
        let (key, users) = self.keys.get_mut(&hash)?;
        *users += 1;
        Some(*key)
    }

    /// The key of the shape of these texts, which is new; one that has them whole where there are shapes enough.
    pub(super) fn take_new(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        texts: &Texts<'_>,
    ) -> rusqlite::Result<ShapeKey> {
        let shape = if self.keys.len() < SHAPES_MAX { texts.shape() } else { texts.whole_shape() };
        let key = self.learn(connection, hasher, shape)?;
        self.count(key, 1);
        Ok(key)
    }

    fn learn(&mut self, connection: &Connection, hasher: &ItemHasher, shape: Shape) -> rusqlite::Result<ShapeKey> {
        gather(&mut self.gathered, shape.0.iter().map(piece));
        let hash = hasher.hash_values(&self.gathered);
        if let Some((key, _)) = self.keys.get(&hash) {
            return Ok(*key);
        }
        self.next += 1;
        let key = ShapeKey(self.next);
        let text = serde_json::to_string(&shape).map_err(|_| damaged())?;
        let sql = "INSERT INTO shape (key, shape) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![key, text])?;
        self.keys.insert(hash, (key, 0));
        self.hashes.insert(key, hash);
        self.shapes.0.insert(key, shape);
        Ok(key)
    }

    /// One row fewer has this shape; with the last the shape goes.
    pub(super) fn release(&mut self, connection: &Connection, key: ShapeKey) -> rusqlite::Result<()> {
        let Some((_, users)) = self.users(key) else { return Ok(()) };
        *users = users.saturating_sub(1);
        if *users == 0 { self.forget(connection, key) } else { Ok(()) }
    }

    fn forget(&mut self, connection: &Connection, key: ShapeKey) -> rusqlite::Result<()> {
        if let Some(hash) = self.hashes.remove(&key) {
            self.keys.remove(&hash);
        }
        self.shapes.0.remove(&key);
        connection.prepare_cached("DELETE FROM shape WHERE key = ?1")?.execute([key]).map(drop)
    }
}
