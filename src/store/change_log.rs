//! The change log: which rows of the catalogue came, changed and went, for programs that follow it step by step.
//!
//! Triggers write it, in the transaction of the change; they, the table `change` and two indexes by key are there only where the
//! setting asks for them, so without it nothing is paid. A catalogue that is made anew is not logged row by row: one line says `reset`.
//!
//! It holds no text of any item, only the number of its row: what a publisher deletes must be gone within 24 hours, and a log is kept
//! for longer. Why something was withdrawn is not in it either, because the catalogue does not know: `explain` does.

use std::fmt::Write as _;
use std::time::Duration;

use rusqlite::Connection;

/// The table, and its numbers: they begin above those of any log before it, so that a follower sees when it missed something.
const TABLE: &str = "CREATE TABLE change (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  kind     TEXT NOT NULL, -- added, updated, removed; reset: the catalogue was made anew, read all of it
  type     TEXT,          -- ScheduledSession or Slot; null for reset
  key      INTEGER,       -- session.key or slot.key; null for reset
  reason   TEXT           -- of a removal: started, or withdrawn (deleted, full, cancelled, its series closed, and so on)
) STRICT;
INSERT INTO sqlite_sequence (name, seq) VALUES ('change', strftime('%s', 'now') * 1000);";

const RESET: &str = "INSERT INTO change (kind) VALUES ('reset')";

/// What is logged beside the rows themselves: their listing, and the Checkout that their URLs lead to.
const OTHER_TRIGGERS: &str = "CREATE TRIGGER IF NOT EXISTS change_of_listing AFTER UPDATE ON listing BEGIN
  INSERT INTO change (kind, type, key) SELECT 'updated', 'ScheduledSession', key FROM session WHERE listing = new.key;
  INSERT INTO change (kind, type, key) SELECT 'updated', 'Slot', key FROM slot WHERE listing = new.key;
END;
CREATE TRIGGER IF NOT EXISTS change_of_checkout BEFORE INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin WHERE checkout_base <> new.checkout_base) BEGIN
  INSERT INTO change (kind) VALUES ('reset');
END;";

/// What finds the row of a line, which has no text by which it could be found.
const INDEXES: &str = "CREATE INDEX IF NOT EXISTS session_by_key ON session (key); \
    CREATE INDEX IF NOT EXISTS slot_by_key ON slot (key);";
const DROP_INDEXES: &str = "DROP INDEX IF EXISTS session_by_key; DROP INDEX IF EXISTS slot_by_key;";

const NAMES: [&str; 8] = [
    "change_of_listing",
    "change_of_checkout",
    "session_change_added",
    "session_change_updated",
    "session_change_removed",
    "slot_change_added",
    "slot_change_updated",
    "slot_change_removed",
];

/// Makes the log be there or not, as `keep` says, and forgets what is older than that.
pub(super) fn set_up(catalogue: &Connection, keep: Option<Duration>) -> rusqlite::Result<()> {
    let is_kept = is_kept(catalogue)?;
    if keep.is_none() && !is_kept {
        return Ok(());
    }
    let transaction = catalogue.unchecked_transaction()?;
    if keep.is_none() {
        pause(catalogue)?;
        catalogue.execute_batch("DROP TABLE change")?;
        return transaction.commit();
    }
    if !is_kept {
        catalogue.execute_batch(TABLE)?;
        catalogue.execute(RESET, [])?;
    }
    catalogue.execute_batch(INDEXES)?;
    catalogue.execute_batch(&triggers())?;
    prune(catalogue, keep)?;
    transaction.commit()
}

/// Takes the triggers and indexes off, before the catalogue is emptied or made anew.
pub(super) fn pause(catalogue: &Connection) -> rusqlite::Result<()> {
    catalogue.execute_batch(DROP_INDEXES)?;
    NAMES.iter().try_for_each(|name| catalogue.execute_batch(&format!("DROP TRIGGER IF EXISTS {name}")))
}

/// Logs that the catalogue is another, and goes on, where there is a log.
pub(super) fn resume(catalogue: &Connection) -> rusqlite::Result<()> {
    if !is_kept(catalogue)? {
        return Ok(());
    }
    catalogue.execute(RESET, [])?;
    catalogue.execute_batch(INDEXES)?;
    catalogue.execute_batch(&triggers())
}

/// Forgets what is older than `keep`, but for the last line, by which a follower sees where the log stands.
pub(super) fn prune(catalogue: &Connection, keep: Option<Duration>) -> rusqlite::Result<()> {
    let Some(keep) = keep else { return Ok(()) };
    let sql = "DELETE FROM change WHERE at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?1) \
        AND sequence < (SELECT max(sequence) FROM change)";
    catalogue.execute(sql, [format!("-{} seconds", keep.as_secs())]).map(drop)
}

fn is_kept(catalogue: &Connection) -> rusqlite::Result<bool> {
    catalogue.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'change'")?.exists([])
}

fn triggers() -> String {
    let mut sql = OTHER_TRIGGERS.to_owned();
    for (table, kind_of_row) in [("session", "ScheduledSession"), ("slot", "Slot")] {
        for (kind, event, row) in
            [("added", "INSERT", "new"), ("updated", "UPDATE", "new"), ("removed", "DELETE", "old")]
        {
            let reason = if kind == "removed" {
                "iif(old.starts_at <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), 'started', 'withdrawn')"
            } else {
                "NULL"
            };
            let _ = write!(
                sql,
                "\nCREATE TRIGGER IF NOT EXISTS {table}_change_{kind} AFTER {event} ON {table} BEGIN
  INSERT INTO change (kind, type, key, reason) VALUES ('{kind}', '{kind_of_row}', {row}.key, {reason});
END;"
            );
        }
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Option<Duration> = Some(Duration::from_hours(7 * 24));

    fn catalogue() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/catalogue.sql")).unwrap();
        connection.execute_batch(include_str!("schema/catalogue_indexes.sql")).unwrap();
        connection
    }

    /// Kind, type, key and reason of each line, and that the numbers rise without a gap.
    fn lines(connection: &Connection) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', kind, type, key, reason), sequence FROM change ORDER BY sequence";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows: Vec<(String, i64)> = rows.map(Result::unwrap).collect();
        assert!(rows.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "{rows:?}");
        rows.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn what_happens_to_rows_is_logged() {
        let connection = catalogue();
        set_up(&connection, WEEK).unwrap();
        connection
            .execute_batch(
                "INSERT INTO listing (key, name) VALUES (1, 'A'), (2, 'B');
                INSERT INTO session (key, listing, identifier, starts_at, local_start, modified) VALUES
                  (7, 1, 'a', '2999-01-01T10:00:00Z', '', 1), (8, 1, 'b', '2001-01-01T10:00:00Z', '', 1);
                INSERT INTO slot (key, listing, identifier, starts_at, local_start, modified) VALUES
                  (9, 2, 'c', '2999-01-01T10:00:00Z', '', 1);
                UPDATE session SET remaining_capacity = 1 WHERE key = 7;
                UPDATE listing SET name = 'C' WHERE key = 1;
                DELETE FROM session; DELETE FROM slot;",
            )
            .unwrap();
        let expected = [
            "reset",
            "added ScheduledSession 7",
            "added ScheduledSession 8",
            "added Slot 9",
            "updated ScheduledSession 7",
            "updated ScheduledSession 7",
            "updated ScheduledSession 8",
            "removed ScheduledSession 8 started",
            "removed ScheduledSession 7 withdrawn",
            "removed Slot 9 withdrawn",
        ];
        let mut found = lines(&connection);
        // Rows of one listing come in no order of their own.
        found[5..7].sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_catalogue_made_anew_is_one_line() {
        let connection = catalogue();
        set_up(&connection, WEEK).unwrap();
        pause(&connection).unwrap();
        connection.execute("INSERT INTO listing (key) VALUES (1)", []).unwrap();
        let row = "INSERT INTO session (key, listing, identifier, starts_at, local_start, modified) VALUES (?1, 1, '', '', '', 1)";
        connection.execute(row, [7]).unwrap();
        resume(&connection).unwrap();
        connection.execute(row, [8]).unwrap();
        let origin =
            "INSERT OR REPLACE INTO origin (id, state_id, batch, as_of, checkout_base) VALUES (1, '', 1, 1, ?1)";
        for base in ["https://a/", "https://a/", "https://b/"] {
            connection.execute(origin, [base]).unwrap();
        }
        assert_eq!(lines(&connection), ["reset", "reset", "added ScheduledSession 8", "reset"]);
    }

    #[test]
    fn it_is_there_only_while_it_is_asked_for() {
        let connection = catalogue();
        let count =
            "SELECT count(*) FROM sqlite_master WHERE name = 'change' OR name LIKE '%change%' AND type = 'trigger'";
        let things = || connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap();
        let greatest =
            || connection.query_row("SELECT max(sequence) FROM change", [], |row| row.get::<_, i64>(0)).unwrap();
        resume(&connection).unwrap();
        assert_eq!(things(), 0);
        set_up(&connection, WEEK).unwrap();
        set_up(&connection, WEEK).unwrap();
        assert_eq!((things(), lines(&connection).len()), (9, 1), "and once only");
        let before = greatest();
        set_up(&connection, None).unwrap();
        assert_eq!(things(), 0);
        set_up(&connection, WEEK).unwrap();
        assert!(greatest() >= before, "a new log goes on above the old");
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let connection = catalogue();
        set_up(&connection, WEEK).unwrap();
        let add = |ago: &str| {
            let sql = "INSERT INTO change (at, kind) VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?1), ?1)";
            connection.execute(sql, [ago]).unwrap();
        };
        connection.execute("UPDATE change SET at = '2001-01-01T00:00:00Z'", []).unwrap();
        for ago in ["-8 days", "-6 days", "-9 days"] {
            add(ago);
        }
        prune(&connection, WEEK).unwrap();
        let mut statement = connection.prepare("SELECT kind FROM change ORDER BY sequence").unwrap();
        let left: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(left, ["-6 days", "-9 days"], "the last line stays");
    }
}
