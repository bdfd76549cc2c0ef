//! Patterns in the catalogue: how `@id`s and URLs are made of identifiers. Each is a shape of the state under its number, as far as the
//! catalogue needs it.
//!
//! Written before the rows that have them. One that no row has any more stays until [`DROP_UNUSED`] takes it away, several times a day.

use std::cell::RefCell;

use hashbrown::HashSet;
use rusqlite::{Connection, params};

use super::keys::ShapeKey;
use super::shape_book::Shapes;

/// Drops the patterns that nothing has any more.
pub(super) const DROP_UNUSED: &str = "DELETE FROM pattern WHERE key NOT IN (SELECT pattern FROM session \
    WHERE pattern IS NOT NULL UNION SELECT pattern FROM slot WHERE pattern IS NOT NULL)";

/// Which patterns are known to be written just as they should be. While a state is open no number comes to stand for another shape.
#[derive(Debug, Default)]
pub(super) struct Patterns(RefCell<HashSet<ShapeKey>>);

impl Patterns {
    /// Writes the pattern of a row, where it is not there just so.
    pub(super) fn show(
        &self,
        catalogue: &Connection,
        shapes: &Shapes,
        pattern: Option<ShapeKey>,
    ) -> rusqlite::Result<()> {
        let Some(key) = pattern.filter(|key| !self.0.borrow().contains(key)) else { return Ok(()) };
        let [(id_before, id_after), (url_before, url_after)] = shapes.get(key)?.around_identifier().map(Option::unzip);
        let sql = "INSERT INTO pattern VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET id_before = excluded.id_before, \
            id_after = excluded.id_after, url_before = excluded.url_before, url_after = excluded.url_after \
            WHERE (id_before, id_after, url_before, url_after) IS NOT (?2, ?3, ?4, ?5)";
        catalogue.prepare_cached(sql)?.execute(params![key, id_before, id_after, url_before, url_after])?;
        self.0.borrow_mut().insert(key);
        Ok(())
    }

    /// Nothing is known of what is written: for when rows were taken away.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
