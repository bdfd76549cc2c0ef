-- The state, from version 2 to 3: sessions and slots take fewer bytes, and the snapshots that were made are remembered. The rows of
-- opportunity_2 are packed by the program (src/store/old_rows.rs), which then drops it.
DROP INDEX IF EXISTS opportunity_by_link;
DROP INDEX IF EXISTS opportunity_by_opens;
DROP INDEX IF EXISTS opportunity_by_closes;
ALTER TABLE opportunity RENAME TO opportunity_2;
CREATE TABLE opportunity (
  key      INTEGER PRIMARY KEY,
  pair     INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  walk     INTEGER NOT NULL,
  link     INTEGER,
  reason   INTEGER,
  opens    INTEGER,
  closes   INTEGER,
  facts    BLOB NOT NULL
) STRICT;
CREATE TABLE shape (
  key   INTEGER PRIMARY KEY,
  shape TEXT NOT NULL
) STRICT;
CREATE TABLE snapshot (
  path     BLOB PRIMARY KEY,
  fresh_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
