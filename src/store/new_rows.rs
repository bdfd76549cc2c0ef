//! New rows of sessions and slots that wait to be written: several go into one statement, which costs half of as many statements.

use rusqlite::{Connection, Statement};

use super::keys::OpportunityKey;
use super::opportunity_row::{Stamp, verdict_columns};

/// Rows in one statement.
const ROWS: usize = 16;
/// So many do not wait any longer.
const WAITING_MAX: usize = 32 * ROWS;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct NewRows {
    /// With each row's end in `facts`.
    stamps: Vec<(Stamp, usize)>,
    facts: Vec<u8>,
}

impl NewRows {
    /// Puts a row behind the others; its key is the greatest yet, and the one after the last that waits. `pack` appends its facts.
    pub(super) fn push(&mut self, stamp: Stamp, pack: impl FnOnce(&mut Vec<u8>)) {
        pack(&mut self.facts);
        self.stamps.push((stamp, self.facts.len()));
    }

    /// Whether they are to be written now.
    pub(super) fn are_many(&self) -> bool {
        self.stamps.len() >= WAITING_MAX
    }

    /// Whether the row of this key still waits.
    pub(super) fn has(&self, key: OpportunityKey) -> bool {
        self.stamps.first().is_some_and(|(stamp, _)| stamp.key <= key)
    }

    /// Writes all: the first with its key, the others behind it, where SQLite gives them the keys that follow. Then it need not look whether
    /// there is such a row, nor note what one statement would take back.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(((first, to), others)) = self.stamps.split_first() else { return Ok(()) };
        let mut statement = connection.prepare_cached(&insert(&["key", FOLLOWING].join(", "), 1))?;
        statement.raw_bind_parameter(1, first.key)?;
        let mut from = bind(&mut statement, 2, &[(*first, *to)], (&self.facts, 0))?;
        statement.raw_execute()?;
        let (many, rest) = others.as_chunks::<ROWS>();
        for (rows, count) in [(many.as_flattened(), ROWS), (rest, 1)] {
            if rows.is_empty() {
                continue;
            }
            let mut statement = connection.prepare_cached(&insert(FOLLOWING, count))?;
            for rows in rows.chunks_exact(count) {
                from = bind(&mut statement, 1, rows, (&self.facts, from))?;
                statement.raw_execute()?;
            }
        }
        self.stamps.clear();
        self.facts.clear();
        Ok(())
    }
}

/// The columns of a row beside its key.
const FOLLOWING: &str = "link, reason, opens, closes, facts";
const FOLLOWING_COLUMNS: usize = 5;

fn insert(columns: &str, rows: usize) -> String {
    let marks = vec!["?"; columns.split(", ").count()].join(", ");
    format!("INSERT INTO opportunity ({columns}) VALUES {}", vec![format!("({marks})"); rows].join(", "))
}

/// Binds these rows but for their keys, from this parameter on; their facts begin at `from`. Gives where the facts of the next row begin.
fn bind(
    statement: &mut Statement<'_>,
    first: usize,
    rows: &[(Stamp, usize)],
    (facts, mut from): (&[u8], usize),
) -> rusqlite::Result<usize> {
    for ((Stamp { link, verdict, .. }, to), first) in rows.iter().zip((first..).step_by(FOLLOWING_COLUMNS)) {
        let (reason, opens, closes) = verdict_columns(*verdict);
        statement.raw_bind_parameter(first, link)?;
        statement.raw_bind_parameter(first + 1, reason)?;
        statement.raw_bind_parameter(first + 2, opens)?;
        statement.raw_bind_parameter(first + 3, closes)?;
        statement.raw_bind_parameter(first + 4, facts.get(from..*to).unwrap_or_default())?;
        from = *to;
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Instant, Reason, Verdict, Window};
    use crate::store::keys::LinkKey;

    #[test]
    fn every_row_is_written_however_many_wait() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/state.sql")).unwrap();
        let mut rows = NewRows::default();
        let (few, many) = (ROWS - 1, 2 * ROWS + 1);
        for number in (1_i64..).take(few + many) {
            let window = Window { opens: None, closes: Instant::from_seconds(number) };
            let verdict = if number % 2 == 0 { Verdict::During(window) } else { Verdict::Never(Reason::NoStartDate) };
            let link = Some(LinkKey(number)).filter(|_| number % 3 == 0);
            let stamp = Stamp { key: OpportunityKey(number), link, verdict };
            rows.push(stamp, |facts| facts.extend(number.to_string().bytes()));
            assert!(rows.has(stamp.key));
            if rows.stamps.len() == few && number == i64::try_from(few).unwrap() {
                rows.write(&connection).unwrap();
                assert!(!rows.has(stamp.key));
                // The greatest key is given to no other row, also when its own is gone.
                connection.execute("DELETE FROM opportunity WHERE key = ?1", [stamp.key]).unwrap();
            }
        }
        assert!(!rows.has(OpportunityKey(1)));
        rows.write(&connection).unwrap();
        let sql = "SELECT count(*), sum(CAST(CAST(facts AS TEXT) AS INTEGER) = key), sum(closes = key AND reason IS NULL), \
            sum(reason IS NOT NULL AND closes IS NULL), sum(link = key) FROM opportunity";
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<i64>> { (0..5).map(|at| row.get(at)).collect() };
        let all = i64::try_from(few + many).unwrap();
        let (left, windows, reasons, links) = (all - 1, all / 2, all - all / 2 - 1, all / 3 - 1);
        assert_eq!(connection.query_row(sql, [], read).unwrap(), [left, left, windows, reasons, links]);
    }
}
