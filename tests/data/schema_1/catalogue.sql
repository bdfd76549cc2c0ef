-- The catalogue: the sessions that can be booked now, and nothing else. Schema version 1.
-- Anyone may read it while it is written: open it read-only (file:catalogue.db?mode=ro) and use the views.
-- Instants are UTC text, YYYY-MM-DDTHH:MM:SSZ. A value that the feed does not give is null.

-- One row: which state this catalogue was made from and how far it follows it.
CREATE TABLE origin (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  state_id TEXT NOT NULL,      -- the state's random name; another name means another state
  batch    INTEGER NOT NULL,   -- the last batch of the state that is shown here
  as_of    INTEGER NOT NULL    -- the instant for which the rows are right, in seconds since 1970
) STRICT;

-- What the sessions of one series share. A session that says something of its own (name, place) has a row to itself.
CREATE TABLE listing (
  key                 INTEGER PRIMARY KEY, -- the series' key in the state; for a session's own listing, minus its key
  series_id           TEXT,                -- the series' @id
  name                TEXT,
  description         TEXT,
  activities          TEXT,                -- JSON array of labels
  levels              TEXT,                -- JSON array of labels
  price               REAL,                -- public adult price; where a range is given, its lower end
  currency            TEXT,                -- ISO 4217
  membership_required INTEGER,             -- 1, 0 or null
  min_age             INTEGER,             -- years, inclusive
  max_age             INTEGER,             -- years, inclusive
  gender              TEXT,                -- NoRestriction, FemaleOnly or MaleOnly
  attendance_mode     TEXT,                -- the session's own, in session.attendance_mode, comes first
  organizer           TEXT,
  organizer_id        TEXT,
  place               TEXT,
  address             TEXT,
  postcode            TEXT,
  latitude            REAL,                -- WGS 84 degrees
  longitude           REAL,                -- WGS 84 degrees
  url                 TEXT,                -- the session's own, in session.url, comes first
  image_url           TEXT,
  dataset             TEXT,                -- imin:dataSource identifier, for attribution
  present_as_slots    INTEGER              -- 1, 0 or null
) STRICT;

CREATE TABLE session (
  key                INTEGER PRIMARY KEY,  -- the session's key in the state
  listing            INTEGER NOT NULL REFERENCES listing (key),
  session_id         TEXT,                 -- @id
  identifier         TEXT NOT NULL,
  checkout_url       TEXT NOT NULL,
  starts_at          TEXT NOT NULL,        -- the window closes at this instant
  ends_at            TEXT,
  local_start        TEXT NOT NULL,        -- Europe/London, YYYY-MM-DDTHH:MM
  duration_minutes   INTEGER,
  bookable_from      TEXT,                 -- null: no opening end
  remaining_capacity INTEGER,
  maximum_capacity   INTEGER,
  attendance_mode    TEXT,
  url                TEXT,
  modified           INTEGER NOT NULL      -- as the feed gives it
) STRICT;

-- One row a feed.
CREATE TABLE feed (
  name           TEXT PRIMARY KEY,
  read_to_end_at TEXT,                     -- when its last page was last read; null: not yet
  license        TEXT                      -- the licence that the feed's pages name
) STRICT, WITHOUT ROWID;

-- Where the listings with coordinates are. Boxes are rounded outward to 32-bit floats: compare listing.latitude and
-- listing.longitude as well.
CREATE VIRTUAL TABLE listing_area USING rtree (key, min_latitude, max_latitude, min_longitude, max_longitude);

-- The words of a listing: SELECT rowid FROM listing_words WHERE listing_words MATCH 'yoga'.
CREATE VIRTUAL TABLE listing_words USING fts5 (
  name, description, activities, organizer, place,
  content = 'listing', content_rowid = 'key', tokenize = 'porter unicode61 remove_diacritics 2'
);
-- FTS5's own secure-delete is left off: indexes written with it cannot be read by SQLite before 3.42. The harvester
-- runs 'optimize' instead, several times a day, which drops the words of deleted rows.

-- The guard compares with SQLite's own clock, so that a stopped daemon never leaves a started session on show.
CREATE VIEW bookable_session AS
SELECT
  s.session_id,
  s.identifier,
  s.checkout_url,
  l.name,
  l.description,
  l.activities,
  s.starts_at,
  s.ends_at,
  s.local_start,
  s.duration_minutes,
  s.bookable_from,
  s.remaining_capacity,
  s.maximum_capacity,
  l.price,
  l.currency,
  l.membership_required,
  l.min_age,
  l.max_age,
  l.gender,
  l.levels,
  coalesce(s.attendance_mode, l.attendance_mode) AS attendance_mode,
  l.organizer,
  l.organizer_id,
  l.place,
  l.address,
  l.postcode,
  l.latitude,
  l.longitude,
  coalesce(s.url, l.url) AS url,
  l.image_url,
  l.series_id,
  l.dataset,
  CAST(NULL AS TEXT) AS attribution_name,
  CAST(NULL AS TEXT) AS attribution_url,
  CAST(NULL AS TEXT) AS license,
  l.present_as_slots,
  s.modified
FROM session AS s
JOIN listing AS l ON l.key = s.listing
WHERE s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

-- For each feed: when it was last read to its end, and how old what it gave may be.
CREATE VIEW freshness AS
SELECT
  name AS feed,
  read_to_end_at,
  strftime('%s', 'now') - strftime('%s', read_to_end_at) AS age_seconds,                   -- null: not yet
  coalesce(strftime('%s', 'now') - strftime('%s', read_to_end_at) > 86400, 1) AS stale,    -- 1: older than 24 hours
  license
FROM feed;
