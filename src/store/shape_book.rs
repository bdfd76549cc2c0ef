//! Shapes in the state: each kept once, found again by a keyed hash, and dropped when no row has it any more, since it may hold a
//! piece of a text of a row that was deleted.

use hashbrown::HashMap;
use rusqlite::{Connection, params};

use super::index::{Gathered, ItemHash, ItemHasher};
use super::keys::{LinkKey, ShapeKey};
use super::packed::{Packed, Part, Shape, Texts};

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
        self.get(packed.shape)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ShapeBook {
    pub(super) shapes: Shapes,
    keys: HashMap<ItemHash, ShapeKey>,
    users: HashMap<ShapeKey, (ItemHash, u64)>,
    next: i64,
    gathered: Gathered,
    /// The key of the shape that a row with a link last had, by the link's number; 0 is no link, and no shape.
    by_link: Vec<u32>,
}

/// A part of a shape as it stands in a text: `None` absent, `Err` whole, else what stands before and after the token.
type Piece<'a> = Option<Result<(&'a str, &'a str), &'a str>>;

fn gather<'a>(gathered: &mut Gathered, pieces: impl IntoIterator<Item = Piece<'a>>) {
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
            self.keys.insert(hash, *key);
            self.users.insert(*key, (hash, 0));
            self.next = self.next.max(key.0);
        }
        Ok(())
    }

    /// So many rows more have this shape.
    pub(super) fn count(&mut self, key: ShapeKey, rows: u64) {
        if let Some((_, users)) = self.users.get_mut(&key) {
            *users += rows;
        }
    }

    /// Drops the shapes that no row has, after all were counted.
    pub(super) fn drop_idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let idle: Vec<ShapeKey> =
            self.users.iter().filter(|(_, (_, users))| *users == 0).map(|(key, _)| *key).collect();
        idle.into_iter().try_for_each(|key| self.forget(connection, key))
    }

    /// The key of the shape of these texts, for one more row that has it; the shape is written where it is new. Rows with one link mostly
    /// have the same shape, so that one is tried first.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        hasher: &ItemHasher,
        texts: &Texts<'_>,
        link: Option<LinkKey>,
    ) -> rusqlite::Result<ShapeKey> {
        let place = link.map_or(0, |link| usize::try_from(link.0).unwrap_or(0));
        let guess = self.by_link.get(place).map(|key| ShapeKey(i64::from(*key)));
        let fitting = guess.filter(|key| self.shapes.0.get(key).is_some_and(|shape| shape.fits(texts)));
        let key = if let Some(key) = fitting { key } else { self.find(connection, hasher, texts)? };
        if fitting.is_none() {
            self.by_link.resize(self.by_link.len().max(place + 1), 0);
            if let Some(guess) = self.by_link.get_mut(place) {
                *guess = u32::try_from(key.0).unwrap_or(0);
            }
        }
        self.count(key, 1);
        Ok(key)
    }

    fn find(&mut self, connection: &Connection, hasher: &ItemHasher, texts: &Texts<'_>) -> rusqlite::Result<ShapeKey> {
        gather(&mut self.gathered, texts.pieces());
        if let Some(key) = self.keys.get(&hasher.hash_values(&self.gathered)) {
            return Ok(*key);
        }
        let shape = if self.keys.len() < SHAPES_MAX { texts.shape() } else { texts.whole_shape() };
        self.learn(connection, hasher, shape)
    }

    fn learn(&mut self, connection: &Connection, hasher: &ItemHasher, shape: Shape) -> rusqlite::Result<ShapeKey> {
        gather(&mut self.gathered, shape.0.iter().map(piece));
        let hash = hasher.hash_values(&self.gathered);
        if let Some(key) = self.keys.get(&hash) {
            return Ok(*key);
        }
        self.next += 1;
        let key = ShapeKey(self.next);
        let text = serde_json::to_string(&shape).map_err(|_| damaged())?;
        let sql = "INSERT INTO shape (key, shape) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![key, text])?;
        self.keys.insert(hash, key);
        self.users.insert(key, (hash, 0));
        self.shapes.0.insert(key, shape);
        Ok(key)
    }

    /// One row fewer has this shape; with the last the shape goes.
    pub(super) fn release(&mut self, connection: &Connection, key: ShapeKey) -> rusqlite::Result<()> {
        let Some((_, users)) = self.users.get_mut(&key) else { return Ok(()) };
        *users = users.saturating_sub(1);
        if *users == 0 { self.forget(connection, key) } else { Ok(()) }
    }

    fn forget(&mut self, connection: &Connection, key: ShapeKey) -> rusqlite::Result<()> {
        if let Some((hash, _)) = self.users.remove(&key) {
            self.keys.remove(&hash);
        }
        self.shapes.0.remove(&key);
        connection.prepare_cached("DELETE FROM shape WHERE key = ?1")?.execute([key]).map(drop)
    }
}
