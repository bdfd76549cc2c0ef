-- The catalogue: the sessions and slots that can be booked now, and nothing else. Schema version 6.
-- Anyone may read it while it is written: open it read-only (file:catalogue.db?mode=ro) and use the views.
-- Instants are UTC text, YYYY-MM-DDTHH:MM:SSZ. A value that the feed does not give is null.

-- One row: which state this catalogue was made from and how far it follows it.
CREATE TABLE origin (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  state_id TEXT NOT NULL,      -- the state's random name; another name means another state
  batch    INTEGER NOT NULL,   -- the last batch of the state that is shown here
  as_of    INTEGER NOT NULL,   -- the instant for which the rows are right, in seconds since 1970
  checkout_base TEXT NOT NULL  -- what a session's checkout URL begins with
) STRICT;

-- What the sessions of one series, or the slots of one facility use or court, share. A session that says something of its
-- own (name, place) has a row to itself.
CREATE TABLE listing (
  key                 INTEGER PRIMARY KEY, -- the parent's key in the state; for a session's own listing, minus its key
  parent_id           TEXT,                -- the @id of the SessionSeries or FacilityUse
  court_id            TEXT,                -- the @id of the IndividualFacilityUse, for slots that link to one
  court               TEXT,                -- its name
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
  url                 TEXT,                -- the session's own comes first
  image_url           TEXT,
  dataset             TEXT,                -- imin:dataSource identifier, for attribution
  present_as_slots    INTEGER,             -- 1, 0 or null
  offers              INTEGER              -- offer_list.list; null: none
) STRICT;

-- How @ids and URLs are made of identifiers, each way once: what stands before the identifier and what stands after it.
CREATE TABLE pattern (
  key        INTEGER PRIMARY KEY,
  id_before  TEXT,                         -- null: the @id is not made so
  id_after   TEXT,
  url_before TEXT,                         -- null: the url is not made so
  url_after  TEXT
) STRICT;

-- Rows lie in the order of their starts: those that start together, and so go together, lie together.
CREATE TABLE session (
  key                INTEGER NOT NULL,     -- the session's key in the state; no two rows have the same
  listing            INTEGER NOT NULL REFERENCES listing (key),
  pattern            INTEGER REFERENCES pattern (key),
  session_id         TEXT,                 -- @id, where its pattern does not make it
  identifier         TEXT NOT NULL,
  checkout_name      TEXT,                 -- the end of its checkout URL, after origin.checkout_base; null: the identifier
  starts_at          TEXT NOT NULL,        -- the window closes at this instant
  ends_at            TEXT,                 -- null: starts_at and duration_minutes
  local_start        TEXT NOT NULL,        -- Europe/London, YYYY-MM-DDTHH:MM
  duration_minutes   INTEGER,
  bookable_from      TEXT,                 -- null: no opening end
  remaining_capacity INTEGER,
  maximum_capacity   INTEGER,
  attendance_mode    INTEGER,              -- 1 offline, 2 online, 3 mixed; null: the listing's
  url                TEXT,                 -- where its pattern does not make it
  modified           INTEGER NOT NULL,     -- as the feed gives it
  offers             INTEGER,              -- offer_list.list, where it has offers of its own
  PRIMARY KEY (starts_at, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE slot (
  key                 INTEGER NOT NULL,    -- the slot's key in the state; no two rows have the same
  listing             INTEGER NOT NULL REFERENCES listing (key),
  pattern             INTEGER REFERENCES pattern (key),
  slot_id             TEXT,                -- @id, where its pattern does not make it
  identifier          TEXT NOT NULL,
  checkout_url        TEXT,                -- null: imin documents none; made where the operator gave a template
  starts_at           TEXT NOT NULL,       -- the window closes at this instant
  ends_at             TEXT,
  local_start         TEXT NOT NULL,       -- Europe/London, YYYY-MM-DDTHH:MM
  duration_minutes    INTEGER,
  bookable_from       TEXT,                -- null: no opening end
  remaining_uses      INTEGER,
  maximum_uses        INTEGER,
  price               REAL,                -- the slot's own public adult price, where the facility use gives none
  currency            TEXT,
  membership_required INTEGER,
  url                 TEXT,                -- where its pattern does not make it
  modified            INTEGER NOT NULL,    -- as the feed gives it
  offers              INTEGER,             -- offer_list.list, where it has offers of its own
  PRIMARY KEY (starts_at, key)
) STRICT, WITHOUT ROWID;

-- Lists of offers, each once; the view `offer` puts them together with what they are the offers of.
CREATE TABLE offer_list (
  list         INTEGER NOT NULL,
  position     INTEGER NOT NULL,           -- in the feed's order, from 1
  relative     INTEGER NOT NULL,           -- 1: id is what follows the @id of whatever it is an offer of
  id           TEXT,
  name         TEXT,
  price        REAL,
  currency     TEXT,
  min_age      INTEGER,
  max_age      INTEGER,
  public_adult INTEGER NOT NULL,
  PRIMARY KEY (list, position)
) STRICT, WITHOUT ROWID;

-- The source datasets, for attribution: joined on listing.dataset.
CREATE TABLE dataset (
  identifier       TEXT PRIMARY KEY,
  name             TEXT,
  publisher        TEXT,
  url              TEXT,
  license          TEXT,
  attribution_name TEXT AS (coalesce(publisher, name)) VIRTUAL
) STRICT, WITHOUT ROWID;

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
-- FTS5 would merge what batches have left, now and then all of it, as one of them is committed: the harvester has it do so between two,
-- long before there are so many pieces that FTS5 does it all the same.
INSERT INTO listing_words (listing_words, rank) VALUES ('automerge', 0), ('crisismerge', 64), ('usermerge', 8);
-- FTS5's own secure-delete is left off: indexes written with it cannot be read by SQLite before 3.42. The harvester
-- runs 'optimize' instead, several times a day, which drops the words of deleted rows.

-- The guard compares with SQLite's own clock, so that a stopped daemon never leaves a started session on show. The plus sign leaves
-- the choice of an index to what is asked: nearly every row passes the guard. Patterns are looked up, not joined, so that a question
-- that asks for neither session_id nor url can be answered from an index.
CREATE VIEW bookable_session AS
SELECT
  coalesce(s.session_id, (SELECT id_before || s.identifier || id_after FROM pattern WHERE key = s.pattern)) AS session_id,
  s.identifier,
  (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
  l.name,
  l.description,
  l.activities,
  s.starts_at,
  coalesce(s.ends_at, strftime('%Y-%m-%dT%H:%M:%SZ', s.starts_at, s.duration_minutes || ' minutes')) AS ends_at,
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
  CASE s.attendance_mode
    WHEN 1 THEN 'OfflineEventAttendanceMode'
    WHEN 2 THEN 'OnlineEventAttendanceMode'
    WHEN 3 THEN 'MixedEventAttendanceMode'
    ELSE l.attendance_mode
  END AS attendance_mode,
  l.organizer,
  l.organizer_id,
  l.place,
  l.address,
  l.postcode,
  l.latitude,
  l.longitude,
  coalesce(s.url, (SELECT url_before || s.identifier || url_after FROM pattern WHERE key = s.pattern), l.url) AS url,
  l.image_url,
  l.parent_id AS series_id,
  l.dataset,
  d.attribution_name,
  d.url AS attribution_url,
  d.license,
  l.present_as_slots,
  s.modified
FROM session AS s
JOIN listing AS l ON l.key = s.listing
LEFT JOIN dataset AS d ON d.identifier = l.dataset
WHERE +s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

-- The same for slots.
CREATE VIEW bookable_slot AS
SELECT
  coalesce(s.slot_id, (SELECT id_before || s.identifier || id_after FROM pattern WHERE key = s.pattern)) AS slot_id,
  s.identifier,
  s.checkout_url,
  l.name,
  l.court,
  l.description,
  l.activities,
  s.starts_at,
  s.ends_at,
  s.local_start,
  s.duration_minutes,
  s.bookable_from,
  s.remaining_uses,
  s.maximum_uses,
  coalesce(s.price, l.price) AS price,
  coalesce(s.currency, l.currency) AS currency,
  coalesce(s.membership_required, l.membership_required) AS membership_required,
  l.min_age,
  l.max_age,
  l.gender,
  l.levels,
  l.organizer,
  l.organizer_id,
  l.place,
  l.address,
  l.postcode,
  l.latitude,
  l.longitude,
  coalesce(s.url, (SELECT url_before || s.identifier || url_after FROM pattern WHERE key = s.pattern), l.url) AS url,
  l.image_url,
  l.parent_id AS facility_id,
  l.court_id,
  l.dataset,
  d.attribution_name,
  d.url AS attribution_url,
  d.license,
  s.modified
FROM slot AS s
JOIN listing AS l ON l.key = s.listing
LEFT JOIN dataset AS d ON d.identifier = l.dataset
WHERE +s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

-- The offers of everything that can be booked now: its own, else its series' or facility use's. An offer's id is what an
-- authenticated checkout names; ages are years, inclusive; public_adult is 1 for the one that is taken where nobody chooses.
CREATE VIEW offer AS
SELECT
  'ScheduledSession' AS type,
  coalesce(s.session_id, (SELECT id_before || s.identifier || id_after FROM pattern WHERE key = s.pattern)) AS item_id,
  s.identifier,
  o.position,
  iif(
    o.relative,
    iif(
      s.offers IS NULL,
      l.parent_id,
      coalesce(s.session_id, (SELECT id_before || s.identifier || id_after FROM pattern WHERE key = s.pattern))
    ) || o.id,
    o.id
  ) AS id,
  o.name,
  o.price,
  o.currency,
  o.min_age,
  o.max_age,
  o.public_adult
FROM session AS s
JOIN listing AS l ON l.key = s.listing
JOIN offer_list AS o ON o.list = coalesce(s.offers, l.offers)
WHERE s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  AND (s.bookable_from IS NULL OR s.bookable_from <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
UNION ALL
SELECT
  'Slot',
  coalesce(s.slot_id, (SELECT id_before || s.identifier || id_after FROM pattern WHERE key = s.pattern)),
  s.identifier,
  o.position,
  iif(
    o.relative,
    iif(
      s.offers IS NULL,
      l.parent_id,
      coalesce(s.slot_id, (SELECT id_before || s.identifier || id_after FROM pattern WHERE key = s.pattern))
    ) || o.id,
    o.id
  ),
  o.name,
  o.price,
  o.currency,
  o.min_age,
  o.max_age,
  o.public_adult
FROM slot AS s
JOIN listing AS l ON l.key = s.listing
JOIN offer_list AS o ON o.list = coalesce(s.offers, l.offers)
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
