-- The state, from version 1 to 2: sessions and slots in one table, their parents in another; sellers and datasets.
-- Offers were not kept in version 1: they come as the feed updates its series, or all at once by `bookable resync`.
ALTER TABLE state ADD COLUMN selling INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN etag TEXT;
ALTER TABLE feed ADD COLUMN last_modified TEXT;
ALTER TABLE finding RENAME TO finding_1;
CREATE TABLE finding (
  feed    INTEGER NOT NULL REFERENCES feed (key) ON DELETE CASCADE,
  code    TEXT NOT NULL,
  count   INTEGER NOT NULL,
  item    TEXT NOT NULL,                 -- the RPDE id of the last such item
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (feed, code)
) STRICT, WITHOUT ROWID;
INSERT INTO finding SELECT feed, code, count, item, seen_at FROM finding_1;
DROP TABLE finding_1;

CREATE TABLE link (
  key  INTEGER PRIMARY KEY,
  pair INTEGER NOT NULL,
  id   TEXT NOT NULL
) STRICT;

CREATE TABLE parent (
  key                 INTEGER PRIMARY KEY,
  pair                INTEGER NOT NULL,
  item_id             TEXT NOT NULL,
  modified            INTEGER NOT NULL,
  walk                INTEGER NOT NULL,
  link                INTEGER NOT NULL,
  id                  TEXT,
  court               TEXT,
  public_adult        INTEGER NOT NULL,
  valid_from          TEXT,
  offer_id            TEXT,
  price               REAL,
  currency            TEXT,
  membership_required INTEGER,
  name                TEXT,
  description         TEXT,
  activities          TEXT,
  levels              TEXT,
  min_age             INTEGER,
  max_age             INTEGER,
  gender              TEXT,
  attendance_mode     TEXT,
  organizer           TEXT,
  organizer_id        TEXT,
  place               TEXT,
  address             TEXT,
  postcode            TEXT,
  latitude            REAL,
  longitude           REAL,
  url                 TEXT,
  image_url           TEXT,
  dataset             TEXT,
  present_as_slots    INTEGER,
  offers              INTEGER
) STRICT;

CREATE TABLE opportunity (
  key                  INTEGER PRIMARY KEY,
  pair                 INTEGER NOT NULL,
  item_id              TEXT NOT NULL,
  modified             INTEGER NOT NULL,
  walk                 INTEGER NOT NULL,
  link                 INTEGER,
  reason               INTEGER,
  opens                INTEGER,
  closes               INTEGER,
  potentially_bookable INTEGER NOT NULL,
  status               INTEGER NOT NULL,
  start                INTEGER,
  start_millis         INTEGER NOT NULL,
  start_offset         INTEGER NOT NULL,
  id                   TEXT,
  identifier           TEXT,
  ends                 INTEGER,
  duration_minutes     INTEGER,
  remaining            INTEGER,
  maximum              INTEGER,
  attendance_mode      TEXT,
  url                  TEXT,
  offers               INTEGER,
  own                  INTEGER NOT NULL
) STRICT;

CREATE TABLE own (
  key                 INTEGER PRIMARY KEY,
  name                TEXT,
  has_place           INTEGER NOT NULL,
  place               TEXT,
  address             TEXT,
  postcode            TEXT,
  latitude            REAL,
  longitude           REAL,
  public_adult        INTEGER NOT NULL,
  valid_from          TEXT,
  offer_id            TEXT,
  price               REAL,
  currency            TEXT,
  membership_required INTEGER
) STRICT;

CREATE TABLE offer_list (
  key  INTEGER PRIMARY KEY,
  list TEXT NOT NULL
) STRICT;

CREATE TABLE seller (
  item_id  TEXT PRIMARY KEY,
  modified INTEGER NOT NULL,
  walk     INTEGER NOT NULL,
  id       TEXT NOT NULL,
  name     TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset (
  identifier TEXT PRIMARY KEY,
  name       TEXT,
  publisher  TEXT,
  url        TEXT,
  license    TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO link (key, pair, id) SELECT key, 0, id FROM series_link;
INSERT INTO parent (key, pair, item_id, modified, walk, link, public_adult, valid_from, price, currency,
  membership_required, name, description, activities, levels, min_age, max_age, gender, attendance_mode, organizer,
  organizer_id, place, address, postcode, latitude, longitude, url, image_url, dataset, present_as_slots)
SELECT key, 0, item_id, modified, walk, link, coalesce(potentially_bookable + 2, 1), valid_from, price, currency,
  membership_required, name, description, activities, levels, min_age, max_age, gender, attendance_mode, organizer,
  organizer_id, place, address, postcode, latitude, longitude, url, image_url, dataset, present_as_slots
FROM series;
INSERT INTO opportunity (key, pair, item_id, modified, walk, link, reason, opens, closes, potentially_bookable, status,
  start, start_millis, start_offset, id, identifier, ends, duration_minutes, remaining, maximum, attendance_mode, url, own)
SELECT key, 0, item_id, modified, walk, link, reason, opens, closes, potentially_bookable, status,
  start, start_millis, start_offset, id, identifier, ends, duration_minutes, remaining_capacity, maximum_capacity,
  attendance_mode, url, name IS NOT NULL OR own_place
FROM session;
INSERT INTO own (key, name, has_place, place, address, postcode, latitude, longitude, public_adult)
SELECT key, name, own_place, place, address, postcode, latitude, longitude, 0
FROM session WHERE name IS NOT NULL OR own_place;
DROP TABLE session;
DROP TABLE series;
DROP TABLE series_link;
-- The indexes of a state whose first harvest was still going on are built at its end; building them now does no harm.
CREATE INDEX IF NOT EXISTS opportunity_by_link ON opportunity (link) WHERE link IS NOT NULL;
CREATE INDEX IF NOT EXISTS opportunity_by_opens ON opportunity (opens) WHERE opens IS NOT NULL;
CREATE INDEX IF NOT EXISTS opportunity_by_closes ON opportunity (closes) WHERE closes IS NOT NULL;
CREATE INDEX IF NOT EXISTS parent_by_link ON parent (link);
