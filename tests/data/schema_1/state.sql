-- The state: the feeds' positions and the facts that verdicts are made from. Private; only the harvester writes it.
-- Schema version 1. Instants are seconds since 1970-01-01T00:00:00Z. A value that the feed does not give is null.

CREATE TABLE state (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  state_id   TEXT NOT NULL,              -- a random name, which the catalogue carries too
  hash_key   BLOB NOT NULL,              -- 16 random bytes that key the hashes of item ids
  batch      INTEGER NOT NULL,           -- counts the committed batches
  loading    INTEGER NOT NULL,           -- 1: a first harvest goes on, indexes and catalogue are still to be made
  resync_at  INTEGER                     -- when a resync was last asked for
) STRICT;

CREATE TABLE feed (
  key            INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  start_url      TEXT NOT NULL,          -- where a walk of this feed begins
  next_url       TEXT NOT NULL,          -- the position: the page to be asked for next
  walk           INTEGER NOT NULL,       -- counts the walks from the start
  walk_complete  INTEGER NOT NULL,       -- 1: this walk has come to the feed's end
  restart        INTEGER NOT NULL,       -- 1: a new walk is to begin
  read_to_end_at INTEGER,                -- when the last page was last read
  wait_until     INTEGER,                -- not to be asked before this instant
  failures       INTEGER NOT NULL,       -- requests that failed since the last that did not
  fault          TEXT,                   -- what the last of them met: a stable code
  fault_text     TEXT,                   -- the same for people
  license        TEXT,                   -- as the pages name it
  pages          INTEGER NOT NULL,       -- pages read since the state was made
  updated        INTEGER NOT NULL,       -- items read that said `updated`
  deleted        INTEGER NOT NULL        -- items read that said `deleted`, or that could not be used
) STRICT;

CREATE TABLE finding (
  feed    INTEGER NOT NULL REFERENCES feed (key),
  code    TEXT NOT NULL,
  count   INTEGER NOT NULL,
  item    TEXT NOT NULL,                 -- the RPDE id of the last such item
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (feed, code)
) STRICT, WITHOUT ROWID;

-- Every series' @id that a session or a series names, as a number. Sessions and series meet here, in whatever order
-- they come.
CREATE TABLE series_link (
  key INTEGER PRIMARY KEY,
  id  TEXT NOT NULL
) STRICT;

-- One row a SessionSeries item that is published.
CREATE TABLE series (
  key                  INTEGER PRIMARY KEY,
  item_id              TEXT NOT NULL,    -- the RPDE id
  modified             INTEGER NOT NULL, -- as the feed gives it
  walk                 INTEGER NOT NULL, -- the walk in which it was last seen
  link                 INTEGER NOT NULL,
  potentially_bookable INTEGER,          -- publicAdult's flag; null: no publicAdult
  valid_from           TEXT,             -- publicAdult's validFromBeforeStartDate
  name                 TEXT,
  description          TEXT,
  activities           TEXT,             -- JSON array of labels
  levels               TEXT,             -- JSON array of labels
  price                REAL,
  currency             TEXT,
  membership_required  INTEGER,
  min_age              INTEGER,
  max_age              INTEGER,
  gender               TEXT,
  attendance_mode      TEXT,
  organizer            TEXT,
  organizer_id         TEXT,
  place                TEXT,
  address              TEXT,
  postcode             TEXT,
  latitude             REAL,
  longitude            REAL,
  url                  TEXT,
  image_url            TEXT,
  dataset              TEXT,
  present_as_slots     INTEGER
) STRICT;

-- One row a ScheduledSession item that is published, with its verdict: a reason, or the window [opens, closes).
CREATE TABLE session (
  key                  INTEGER PRIMARY KEY,
  item_id              TEXT NOT NULL,    -- the RPDE id
  modified             INTEGER NOT NULL, -- as the feed gives it
  walk                 INTEGER NOT NULL, -- the walk in which it was last seen
  link                 INTEGER,          -- series_link.key; null: names no series
  reason               INTEGER,          -- why it can never be booked (its number in domain::Reason); null: a window
  opens                INTEGER,          -- null: no opening end, or a reason
  closes               INTEGER,          -- null: a reason
  potentially_bookable INTEGER NOT NULL,
  status               INTEGER NOT NULL, -- 0 scheduled, 1 cancelled, 2 postponed
  start                INTEGER,          -- null: missing or unusable
  start_millis         INTEGER NOT NULL, -- the fraction of the start, 0 to 999
  start_offset         INTEGER NOT NULL, -- seconds east, as written; without a start: 0 missing, 1 unreadable, 2 no offset
  id                   TEXT,             -- @id
  identifier           TEXT,
  ends                 INTEGER,
  duration_minutes     INTEGER,
  remaining_capacity   INTEGER,
  maximum_capacity     INTEGER,
  attendance_mode      TEXT,
  url                  TEXT,
  name                 TEXT,             -- from here on: only what the session says differently from its series
  place                TEXT,
  address              TEXT,
  postcode             TEXT,
  latitude             REAL,
  longitude            REAL,
  own_place            INTEGER NOT NULL  -- 1: the session has a location of its own
) STRICT;

-- What is left of a deleted item: a keyed hash, so that a stale repeat of it is known for what it is, and no bytes.
CREATE TABLE tombstone (
  hash     BLOB PRIMARY KEY,             -- 16 bytes, of feed and RPDE id
  modified INTEGER NOT NULL,
  walk     INTEGER NOT NULL,
  at       INTEGER NOT NULL              -- when it was seen; dropped eight days later
) STRICT, WITHOUT ROWID;
