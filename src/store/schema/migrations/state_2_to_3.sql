-- The state, from version 2 to 3: the snapshots that were made are remembered.
CREATE TABLE snapshot (
  path     BLOB PRIMARY KEY,
  fresh_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
