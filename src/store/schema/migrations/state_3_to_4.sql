-- The state, from version 3 to 4: what parents say alike is kept once, sessions and slots take fewer bytes still, and a feed says when it
-- was last asked. The rows of parent_3 and opportunity_3 are carried over by the program (src/store/old_rows.rs), which then drops both.
ALTER TABLE feed ADD COLUMN polled_at INTEGER;
DROP INDEX IF EXISTS opportunity_by_link;
DROP INDEX IF EXISTS opportunity_by_opens;
DROP INDEX IF EXISTS opportunity_by_closes;
DROP INDEX IF EXISTS parent_by_link;
ALTER TABLE parent RENAME TO parent_3;
ALTER TABLE opportunity RENAME TO opportunity_3;
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
  url                 TEXT,
  present_as_slots    INTEGER,
  offers              INTEGER,
  about               INTEGER,
  provider            INTEGER,
  place               INTEGER
) STRICT;
CREATE TABLE about (
  key             INTEGER PRIMARY KEY,
  description     TEXT,
  activities      TEXT,
  levels          TEXT,
  min_age         INTEGER,
  max_age         INTEGER,
  gender          TEXT,
  attendance_mode TEXT,
  image_url       TEXT
) STRICT;
CREATE TABLE provider (
  key          INTEGER PRIMARY KEY,
  organizer    TEXT,
  organizer_id TEXT,
  dataset      TEXT,
  url_base     TEXT
) STRICT;
CREATE TABLE place (
  key       INTEGER PRIMARY KEY,
  place     TEXT,
  address   TEXT,
  postcode  TEXT,
  latitude  REAL,
  longitude REAL
) STRICT;
CREATE VIEW whole_parent AS
SELECT p.key, p.pair, p.item_id, p.modified, p.walk, p.link, p.id, p.court, p.public_adult, p.valid_from, p.offer_id, p.price,
  p.currency, p.membership_required, p.name, about.description, about.activities, about.levels, about.min_age, about.max_age,
  about.gender, about.attendance_mode, provider.organizer, provider.organizer_id, place.place, place.address, place.postcode,
  place.latitude, place.longitude, provider.url_base || p.url AS url, about.image_url, provider.dataset, p.present_as_slots,
  p.offers
FROM parent AS p
LEFT JOIN about ON about.key = p.about
LEFT JOIN provider ON provider.key = p.provider
LEFT JOIN place ON place.key = p.place;
CREATE TABLE opportunity (
  key    INTEGER PRIMARY KEY,
  link   INTEGER,
  reason INTEGER,
  opens  INTEGER,
  closes INTEGER,
  facts  BLOB NOT NULL
) STRICT;
