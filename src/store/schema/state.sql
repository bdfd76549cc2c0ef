-- The state: the feeds' positions and the facts that verdicts are made from. Private; only the harvester writes it.
-- Schema version 6. Instants are seconds since 1970-01-01T00:00:00Z. A value that the feed does not give is null.

CREATE TABLE state (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  state_id   TEXT NOT NULL,              -- a random name, which the catalogue carries too
  hash_key   BLOB NOT NULL,              -- 16 random bytes that key the hashes of item ids
  batch      INTEGER NOT NULL,           -- counts the committed batches
  loading    INTEGER NOT NULL,           -- 1: a first harvest goes on, indexes and catalogue are still to be made
  selling    INTEGER NOT NULL,           -- what verdicts say of sellers: 0 no broker, 1 feed not read yet, 2 as the feed says
  resync_at  INTEGER                     -- when a resync was last asked for
) STRICT;

CREATE TABLE feed (
  key            INTEGER PRIMARY KEY,    -- the feed's number in domain::Feed
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
  etag           TEXT,                   -- of a document: what its server calls the version that is held
  last_modified  TEXT,                   -- likewise
  pages          INTEGER NOT NULL,       -- pages read since the state was made
  updated        INTEGER NOT NULL,       -- items read that said `updated`
  deleted        INTEGER NOT NULL,       -- items read that said `deleted`, or that could not be used
  polled_at      INTEGER                 -- when a request was last answered, or met a fault
) STRICT;

CREATE TABLE finding (
  feed    INTEGER NOT NULL REFERENCES feed (key) ON DELETE CASCADE,
  code    TEXT NOT NULL,
  count   INTEGER NOT NULL,
  item    TEXT NOT NULL,                 -- the RPDE id of the last such item
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (feed, code)
) STRICT, WITHOUT ROWID;

-- Every @id of a series, facility use or court that anything names, as a number. Parents and children meet here, in
-- whatever order they come.
CREATE TABLE link (
  key  INTEGER PRIMARY KEY,
  pair INTEGER NOT NULL,                 -- 0 series and sessions, 1 facility uses and slots
  id   TEXT NOT NULL
) STRICT;

-- One row a published SessionSeries; for a FacilityUse one row, and one more for each of its courts
-- (individualFacilityUse), because slots may link to any of them. What many of them say alike is in about, provider and place;
-- the view whole_parent puts it together.
CREATE TABLE parent (
  key                 INTEGER PRIMARY KEY,
  pair                INTEGER NOT NULL,
  item_id             TEXT NOT NULL,     -- the RPDE id
  modified            INTEGER NOT NULL,  -- as the feed gives it
  walk                INTEGER NOT NULL,  -- the walk in which it was last seen
  link                INTEGER NOT NULL,  -- link.key of its @id, or of the court's
  id                  TEXT,              -- of a court: its facility use's @id
  court               TEXT,              -- of a court: its name
  public_adult        INTEGER NOT NULL,  -- 0 no aggregate offer, 1 one without publicAdult, 2 flag not true, 3 flag true
  valid_from          TEXT,              -- publicAdult's validFromBeforeStartDate
  offer_id            TEXT,              -- publicAdult's @id
  price               REAL,
  currency            TEXT,
  membership_required INTEGER,
  name                TEXT,
  url                 TEXT,              -- what follows provider.url_base
  present_as_slots    INTEGER,
  offers              INTEGER,           -- offer_list.key; null: none
  about               INTEGER,           -- about.key; null: nothing said
  provider            INTEGER,           -- provider.key; likewise
  place               INTEGER            -- place.key; likewise
) STRICT;

-- What the series of one EventSeries say alike, once. A row goes with the last parent that has it; so in the next two.
CREATE TABLE about (
  key             INTEGER PRIMARY KEY,
  description     TEXT,
  activities      TEXT,                  -- JSON array of labels
  levels          TEXT,                  -- JSON array of labels
  min_age         INTEGER,
  max_age         INTEGER,
  gender          TEXT,
  attendance_mode TEXT,
  image_url       TEXT
) STRICT;

-- What the series of one organizer say alike.
CREATE TABLE provider (
  key          INTEGER PRIMARY KEY,
  organizer    TEXT,
  organizer_id TEXT,
  dataset      TEXT,
  url_base     TEXT                      -- of their urls, up to the last slash
) STRICT;

CREATE TABLE place (
  key       INTEGER PRIMARY KEY,
  place     TEXT,                        -- its name
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

-- One row a published ScheduledSession or Slot, with its verdict: a reason, or the window [opens, closes). It is made as if its parent were
-- flagged: whether that is, its own row says, so that a flag that comes and goes changes none of these.
CREATE TABLE opportunity (
  key    INTEGER PRIMARY KEY,
  link   INTEGER,                        -- link.key; null: names no parent
  reason INTEGER,                        -- why it can never be booked (its number in domain::Reason); null: a window
  opens  INTEGER,                        -- null: no opening end, or a reason
  closes INTEGER,                        -- null: a reason
  facts  BLOB NOT NULL                   -- everything else, in few bytes: src/store/packed.rs
) STRICT;

-- How the RPDE id, @id, identifier and url of rows are made of the one word in which they differ from those of others.
CREATE TABLE shape (
  key   INTEGER PRIMARY KEY,
  shape TEXT NOT NULL                    -- JSON: for each of the four "absent", "whole" (the row has it) or {"around": [before, after]}
) STRICT;

-- What a session or slot says for itself where most leave it to their parent.
CREATE TABLE own (
  key                 INTEGER PRIMARY KEY, -- opportunity.key
  name                TEXT,
  has_place           INTEGER NOT NULL,    -- 1: a location of its own
  place               TEXT,
  address             TEXT,
  postcode            TEXT,
  latitude            REAL,
  longitude           REAL,
  public_adult        INTEGER NOT NULL,    -- as in parent
  valid_from          TEXT,
  offer_id            TEXT,
  price               REAL,
  currency            TEXT,
  membership_required INTEGER
) STRICT;

-- Lists of offers, each once: the sessions of a series mostly have the same, but for the beginning of each offer's @id.
CREATE TABLE offer_list (
  key  INTEGER PRIMARY KEY,
  list TEXT NOT NULL                     -- JSON array of [relative, id, name, price, currency, min_age, max_age]; with
                                         -- relative 1 the id is what follows its owner's @id
) STRICT;

-- The Organizations of the broker's bookable-sellers feed.
CREATE TABLE seller (
  item_id  TEXT PRIMARY KEY,             -- the RPDE id
  modified INTEGER NOT NULL,
  walk     INTEGER NOT NULL,
  id       TEXT NOT NULL,                -- @id
  name     TEXT
) STRICT, WITHOUT ROWID;

-- The attribution catalogue.
CREATE TABLE dataset (
  identifier TEXT PRIMARY KEY,
  name       TEXT,
  publisher  TEXT,
  url        TEXT,
  license    TEXT
) STRICT, WITHOUT ROWID;

-- What is left of a deleted item: a keyed hash, so that a stale repeat of it is known for what it is, and no bytes.
CREATE TABLE tombstone (
  hash     BLOB PRIMARY KEY,             -- 16 bytes, of feed and RPDE id
  modified INTEGER NOT NULL,
  walk     INTEGER NOT NULL,
  at       INTEGER NOT NULL              -- when it was seen; dropped eight days later
) STRICT, WITHOUT ROWID;

-- The snapshots that were made of the catalogue, so that none outlives what a publisher deleted.
CREATE TABLE snapshot (
  path     BLOB PRIMARY KEY,             -- absolute, as the operating system has it
  fresh_at INTEGER NOT NULL              -- the instant up to which the feeds had been read for it
) STRICT, WITHOUT ROWID;
