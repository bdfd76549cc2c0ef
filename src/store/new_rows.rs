//! New rows of sessions and slots that wait to be written: several go into one statement, which costs half of as many statements.

use rusqlite::{Connection, Statement};

use super::keys::OpportunityKey;
use super::opportunity_row::{COLUMNS, Stamp, verdict_columns};

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
    /// Puts a row, whose key is the greatest yet, behind the others; `pack` appends its facts.
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

    /// Writes all.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut from = 0;
        let (many, rest) = self.stamps.as_chunks::<ROWS>();
        if !many.is_empty() {
            let mut statement = connection.prepare_cached(&insert(ROWS))?;
            for rows in many {
                from = bind(&mut statement, rows, (&self.facts, from))?;
                statement.raw_execute()?;
            }
        }
        if !rest.is_empty() {
            let mut statement = connection.prepare_cached(&insert(1))?;
            for row in rest {
                from = bind(&mut statement, std::slice::from_ref(row), (&self.facts, from))?;
                statement.raw_execute()?;
            }
        }
        self.stamps.clear();
        self.facts.clear();
        Ok(())
    }
}

fn insert(rows: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    // OR FAIL: a failure takes back the whole batch, so that SQLite need not note what one statement would take back.
    format!("INSERT OR FAIL INTO opportunity VALUES {}", vec![row; rows].join(", "))
}

/// Binds these rows, whose facts begin at `from`; gives where the facts of the next row begin.
fn bind(
    statement: &mut Statement<'_>,
    rows: &[(Stamp, usize)],
    (facts, mut from): (&[u8], usize),
) -> rusqlite::Result<usize> {
    for ((Stamp { key, link, verdict }, to), first) in rows.iter().zip((1..).step_by(COLUMNS)) {
        let (reason, opens, closes) = verdict_columns(*verdict);
        statement.raw_bind_parameter(first, key)?;
        statement.raw_bind_parameter(first + 1, link)?;
        statement.raw_bind_parameter(first + 2, reason)?;
        statement.raw_bind_parameter(first + 3, opens)?;
        statement.raw_bind_parameter(first + 4, closes)?;
        statement.raw_bind_parameter(first + 5, facts.get(from..*to).unwrap_or_default())?;
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
            }
        }
        assert!(!rows.has(OpportunityKey(1)));
        rows.write(&connection).unwrap();
        let sql = "SELECT count(*), sum(CAST(CAST(facts AS TEXT) AS INTEGER) = key), sum(closes = key AND reason IS NULL), \
            sum(reason IS NOT NULL AND closes IS NULL), sum(link = key) FROM opportunity";
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<i64>> { (0..5).map(|at| row.get(at)).collect() };
        let all = i64::try_from(few + many).unwrap();
        assert_eq!(connection.query_row(sql, [], read).unwrap(), [all, all, all / 2, all - all / 2, all / 3]);
    }
}
