-- What the comparisons write, the same tables for each: facts by text keys, positions, and a catalogue
-- with the columns of bookable's view and the offers, indexes for the same questions.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE position (feed TEXT PRIMARY KEY, next TEXT NOT NULL);
CREATE TABLE session (
  id TEXT PRIMARY KEY, modified INTEGER NOT NULL,
  session_id TEXT, identifier TEXT, series_id TEXT, starts_at TEXT, ends_at TEXT, duration TEXT, status TEXT, bookable INTEGER NOT NULL,
  remaining_capacity INTEGER, maximum_capacity INTEGER, attendance_mode TEXT, url TEXT, offers TEXT
);
CREATE TABLE series (
  id TEXT PRIMARY KEY, modified INTEGER NOT NULL,
  series_id TEXT, name TEXT, description TEXT, activities TEXT, levels TEXT, bookable INTEGER NOT NULL, opening TEXT, price REAL,
  currency TEXT, membership_required INTEGER, min_age INTEGER, max_age INTEGER, gender TEXT, organizer TEXT, organizer_id TEXT, place TEXT,
  address TEXT, postcode TEXT, latitude REAL, longitude REAL, url TEXT, image_url TEXT, dataset TEXT, offers TEXT
);
CREATE INDEX series_by_series_id ON series (series_id);
CREATE TABLE catalogue (
  session_id TEXT PRIMARY KEY, identifier TEXT NOT NULL, checkout_url TEXT NOT NULL, name TEXT, description TEXT, activities TEXT,
  starts_at TEXT NOT NULL, ends_at TEXT, local_start TEXT NOT NULL, duration_minutes INTEGER, bookable_from TEXT,
  remaining_capacity INTEGER, maximum_capacity INTEGER, price REAL, currency TEXT, membership_required INTEGER, min_age INTEGER,
  max_age INTEGER, gender TEXT, levels TEXT, attendance_mode TEXT, organizer TEXT, organizer_id TEXT, place TEXT, address TEXT,
  postcode TEXT, latitude REAL, longitude REAL, url TEXT, image_url TEXT, series_id TEXT, dataset TEXT, modified INTEGER NOT NULL, offers TEXT
);
CREATE INDEX catalogue_by_start ON catalogue (starts_at);
CREATE INDEX catalogue_by_identifier ON catalogue (identifier);
CREATE INDEX catalogue_by_series ON catalogue (series_id, starts_at);
CREATE INDEX catalogue_by_place ON catalogue (latitude, longitude);
CREATE VIRTUAL TABLE words USING fts5 (
  name, description, activities, organizer, place,
  content = 'catalogue', tokenize = 'porter unicode61 remove_diacritics 2'
);
