-- The state: the feeds' positions and the facts that verdicts are made from. Private; only the harvester writes it.
-- Schema version 3. Instants are seconds since 1970-01-01T00:00:00Z. A value that the feed does not give is null.

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
  deleted        INTEGER NOT NULL        -- items read that said `deleted`, or that could not be used
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
-- (individualFacilityUse), because slots may link to any of them.
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
  description         TEXT,
  activities          TEXT,              -- JSON array of labels
  levels              TEXT,              -- JSON array of labels
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
  offers              INTEGER            -- offer_list.key; null: none
) STRICT;

-- One row a published ScheduledSession or Slot, with its verdict: a reason, or the window [opens, closes).
CREATE TABLE opportunity (
  key      INTEGER PRIMARY KEY,
  pair     INTEGER NOT NULL,             -- 0 a session, 1 a slot
  modified INTEGER NOT NULL,             -- as the feed gives it
  walk     INTEGER NOT NULL,             -- the walk in which it was last seen
  link     INTEGER,                      -- link.key; null: names no parent
  reason   INTEGER,                      -- why it can never be booked (its number in domain::Reason); null: a window
  opens    INTEGER,                      -- null: no opening end, or a reason
  closes   INTEGER,                      -- null: a reason
  facts    BLOB NOT NULL                 -- everything else, in few bytes: src/store/packed.rs
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
-- The state's indexes. Apart from the tables, because a first harvest builds them at its end.
CREATE INDEX IF NOT EXISTS opportunity_by_link ON opportunity (link) WHERE link IS NOT NULL;
CREATE INDEX IF NOT EXISTS opportunity_by_opens ON opportunity (opens) WHERE opens IS NOT NULL;
CREATE INDEX IF NOT EXISTS opportunity_by_closes ON opportunity (closes) WHERE closes IS NOT NULL;
CREATE INDEX IF NOT EXISTS parent_by_link ON parent (link);
-- A state as version 3 wrote it after a small synthetic harvest; BASE stands for the address of the feeds, NOW for the present.
INSERT INTO feed VALUES(1,'scheduled-sessions','BASE/scheduled-sessions','BASE/scheduled-sessions?afterTimestamp=9999999999999&afterId=',1,1,0,NOW,NOW,0,NULL,NULL,'https://creativecommons.org/licenses/by/4.0/',NULL,NULL,2,6,0);
INSERT INTO feed VALUES(2,'session-series','BASE/session-series','BASE/session-series?afterTimestamp=9999999999999&afterId=',1,1,0,NOW,NOW,0,NULL,NULL,'https://creativecommons.org/licenses/by/4.0/',NULL,NULL,2,3,0);
INSERT INTO feed VALUES(3,'facility-uses','BASE/facility-uses','BASE/facility-uses?afterTimestamp=9999999999999&afterId=',1,1,0,NOW,NOW,0,NULL,NULL,'https://creativecommons.org/licenses/by/4.0/',NULL,NULL,2,1,0);
INSERT INTO feed VALUES(4,'slots','BASE/slots','BASE/slots?afterTimestamp=9999999999999&afterId=',1,1,0,NOW,NOW,0,NULL,NULL,'https://creativecommons.org/licenses/by/4.0/',NULL,NULL,2,1,0);
INSERT INTO link VALUES(1,0,'https://a.example/api/session-series/1');
INSERT INTO link VALUES(2,0,'https://a.example/api/session-series/2');
INSERT INTO link VALUES(3,0,'https://a.example/api/session-series/3');
INSERT INTO link VALUES(4,0,'https://a.example/api/session-series/9');
INSERT INTO link VALUES(5,1,'fu/1');
INSERT INTO link VALUES(6,1,'fu/1/c');
INSERT INTO offer_list VALUES(1,'[[0,"o",null,3.0,null,null,null]]');
INSERT INTO offer_list VALUES(2,'[[1,"#adult","Adult",5.0,"GBP",null,null]]');
INSERT INTO opportunity VALUES(1,0,1790000000003,1,1,NULL,NULL,4070908800,X'5403010831303030303132338092860F300B29');
INSERT INTO opportunity VALUES(2,0,3,1,2,NULL,NULL,4070908800,X'540301033030378092860F300B29');
INSERT INTO opportunity VALUES(3,0,1790000000005,1,3,NULL,NULL,4070908800,X'5603012433663235303465302D346638392D343164332D396130632D3033303565383263333330318092860F300B29');
INSERT INTO opportunity VALUES(4,0,1790000000006,1,1,NULL,NULL,4070905200,X'6C030104776F7264D091860F00A03860780B29');
INSERT INTO opportunity VALUES(5,0,1790000000007,1,1,4,NULL,NULL,X'5003010466756C6C8092860F300B29');
INSERT INTO opportunity VALUES(6,0,1790000000008,1,4,8,NULL,NULL,X'55030201066F727068616E8092860F300B29');
INSERT INTO opportunity VALUES(7,1,6,1,6,NULL,NULL,4070908800,X'04030204736C6F748092860F0000');
INSERT INTO own VALUES(3,'Own name',0,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO parent VALUES(1,1,'fu',5,1,5,NULL,NULL,3,NULL,NULL,NULL,NULL,NULL,'Hall',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'A Leisure','https://a.example/org',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO parent VALUES(2,1,'fu',5,1,6,'fu/1','Court',3,NULL,NULL,NULL,NULL,NULL,'Hall',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'A Leisure','https://a.example/org',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO parent VALUES(3,0,'1',1790000000001,1,1,NULL,NULL,3,NULL,'#adult',5.0,'GBP',NULL,'Yoga 1','About class 1','["Yoga"]','["All"]',16,NULL,NULL,NULL,'A Leisure','https://a.example/org','Centre','1 Road','LS1 1AB',53.8,-1.5,'https://a.example/series/1','https://a.example/i.jpg','a',NULL,2);
INSERT INTO parent VALUES(4,0,'2',1790000000002,1,2,NULL,NULL,3,NULL,'#adult',5.0,'GBP',NULL,'Yoga 2','About class 1','["Yoga"]','["All"]',16,NULL,NULL,NULL,'A Leisure','https://a.example/org','Centre','1 Road','LS1 1AB',53.8,-1.5,'https://a.example/series/2','https://a.example/i.jpg','a',NULL,2);
INSERT INTO parent VALUES(5,0,'3',7,1,3,NULL,NULL,3,NULL,'#adult',5.0,'GBP',NULL,'Yoga 3','About class 2','["Yoga"]','["All"]',16,NULL,NULL,NULL,'A Leisure','https://a.example/org','Centre','1 Road','LS1 1AB',53.8,-1.5,'https://a.example/series/3','https://a.example/i.jpg','a',NULL,2);
INSERT INTO shape VALUES(1,'[{"around":["",""]},{"around":["https://a.example/api/scheduled-sessions/",""]},{"around":["",""]},{"around":["https://a.example/book/",""]}]');
INSERT INTO shape VALUES(2,'[{"around":["",""]},{"around":["","/1"]},{"around":["",""]},"absent"]');
INSERT INTO state VALUES(1,'56036c785ea764c15fc902b9f65a7e1b',X'B3ECB0172E8E65CA0E0801EF763E7FBA',5,0,0,NULL);
