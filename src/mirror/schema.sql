-- The catalogue in PostgreSQL (12 or later): the same tables and views as in SQLite (src/store/schema/catalogue.sql), in
-- PostgreSQL's own types. Only `bookable harvest --postgres` writes here; read the views.

CREATE TABLE bookable.mirror (version integer NOT NULL);
INSERT INTO bookable.mirror (version) VALUES (1);

CREATE TABLE bookable.origin (
  id            integer PRIMARY KEY,
  state_id      text NOT NULL,
  batch         bigint NOT NULL,
  as_of         timestamptz,
  checkout_base text NOT NULL,
  published_at  timestamptz NOT NULL DEFAULT now()
);

-- hash: what the row looked like to the harvest; it is compared when a harvest starts.
CREATE TABLE bookable.listing (
  key                 bigint PRIMARY KEY,
  hash                bigint NOT NULL,
  parent_id           text,
  court_id            text,
  court               text,
  name                text,
  description         text,
  activities          jsonb,
  levels              jsonb,
  price               double precision,
  currency            text,
  membership_required boolean,
  min_age             bigint,
  max_age             bigint,
  gender              text,
  attendance_mode     text,
  organizer           text,
  organizer_id        text,
  place               text,
  address             text,
  postcode            text,
  latitude            double precision,
  longitude           double precision,
  url                 text,
  image_url           text,
  dataset             text,
  present_as_slots    boolean,
  offers              bigint,
  -- Cut, because PostgreSQL refuses a row with more words than it can hold.
  words               tsvector GENERATED ALWAYS AS (to_tsvector('english',
    coalesce(left(name, 20000), '') || ' ' || coalesce(left(description, 20000), '') || ' ' ||
    coalesce(left(activities::text, 20000), '') || ' ' || coalesce(left(organizer, 20000), '') || ' ' ||
    coalesce(left(place, 20000), ''))) STORED
);

CREATE TABLE bookable.session (
  key                bigint PRIMARY KEY,
  hash               bigint NOT NULL,
  listing            bigint NOT NULL,
  session_id         text,
  identifier         text NOT NULL,
  checkout_name      text,
  starts_at          timestamptz NOT NULL,
  ends_at            timestamptz,
  local_start        timestamp NOT NULL,
  duration_minutes   bigint,
  bookable_from      timestamptz,
  remaining_capacity bigint,
  maximum_capacity   bigint,
  attendance_mode    bigint,
  url                text,
  modified           bigint NOT NULL,
  offers             bigint
);

CREATE TABLE bookable.slot (
  key                 bigint PRIMARY KEY,
  hash                bigint NOT NULL,
  listing             bigint NOT NULL,
  slot_id             text,
  identifier          text NOT NULL,
  checkout_url        text,
  starts_at           timestamptz NOT NULL,
  ends_at             timestamptz,
  local_start         timestamp NOT NULL,
  duration_minutes    bigint,
  bookable_from       timestamptz,
  remaining_uses      bigint,
  maximum_uses        bigint,
  price               double precision,
  currency            text,
  membership_required boolean,
  url                 text,
  modified            bigint NOT NULL,
  offers              bigint
);

CREATE TABLE bookable.offer_list (
  list         bigint NOT NULL,
  position     bigint NOT NULL,
  hash         bigint NOT NULL,
  relative     boolean NOT NULL,
  id           text,
  name         text,
  price        double precision,
  currency     text,
  min_age      bigint,
  max_age      bigint,
  public_adult boolean NOT NULL,
  PRIMARY KEY (list, position)
);

CREATE TABLE bookable.dataset (
  identifier text NOT NULL,
  name       text,
  publisher  text,
  url        text,
  license    text
);

CREATE TABLE bookable.feed (
  name           text NOT NULL,
  read_to_end_at timestamptz,
  license        text
);

-- Hash indexes, where a text may be too long for a B-tree.
CREATE INDEX session_by_start ON bookable.session (starts_at);
CREATE INDEX session_by_listing ON bookable.session (listing, starts_at);
CREATE INDEX session_by_identifier ON bookable.session USING hash (identifier);
CREATE INDEX slot_by_start ON bookable.slot (starts_at);
CREATE INDEX slot_by_listing ON bookable.slot (listing, starts_at);
CREATE INDEX slot_by_identifier ON bookable.slot USING hash (identifier);
CREATE INDEX dataset_by_identifier ON bookable.dataset USING hash (identifier);
-- Where: point(longitude, latitude) <@ box(…), or ORDER BY point(longitude, latitude) <-> point(…).
CREATE INDEX listing_by_place ON bookable.listing USING gist (point(longitude, latitude));
-- Words: words @@ websearch_to_tsquery('english', …).
CREATE INDEX listing_by_words ON bookable.listing USING gin (words);

-- The guard compares with the server's own clock, so that a harvest that stopped never leaves a started session on show.
CREATE VIEW bookable.bookable_session AS
SELECT
  s.session_id,
  s.identifier,
  (SELECT checkout_base FROM bookable.origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
  l.name,
  l.description,
  l.activities,
  s.starts_at,
  -- Ten years, at the most: whatever is longer is no end.
  coalesce(s.ends_at, CASE WHEN s.duration_minutes BETWEEN 0 AND 5260000
    THEN s.starts_at + s.duration_minutes * interval '1 minute' END) AS ends_at,
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
  coalesce(s.url, l.url) AS url,
  l.image_url,
  l.parent_id AS series_id,
  l.dataset,
  coalesce(d.publisher, d.name) AS attribution_name,
  d.url AS attribution_url,
  d.license,
  l.present_as_slots,
  s.modified
FROM bookable.session AS s
JOIN bookable.listing AS l ON l.key = s.listing
LEFT JOIN bookable.dataset AS d ON d.identifier = l.dataset
WHERE s.starts_at > now() AND (s.bookable_from IS NULL OR s.bookable_from <= now());

CREATE VIEW bookable.bookable_slot AS
SELECT
  s.slot_id,
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
  coalesce(s.url, l.url) AS url,
  l.image_url,
  l.parent_id AS facility_id,
  l.court_id,
  l.dataset,
  coalesce(d.publisher, d.name) AS attribution_name,
  d.url AS attribution_url,
  d.license,
  s.modified
FROM bookable.slot AS s
JOIN bookable.listing AS l ON l.key = s.listing
LEFT JOIN bookable.dataset AS d ON d.identifier = l.dataset
WHERE s.starts_at > now() AND (s.bookable_from IS NULL OR s.bookable_from <= now());

CREATE VIEW bookable.offer AS
SELECT
  'ScheduledSession' AS type,
  s.session_id AS item_id,
  s.identifier,
  o.position,
  CASE WHEN o.relative THEN CASE WHEN s.offers IS NULL THEN l.parent_id ELSE s.session_id END || o.id ELSE o.id END AS id,
  o.name,
  o.price,
  o.currency,
  o.min_age,
  o.max_age,
  o.public_adult
FROM bookable.session AS s
JOIN bookable.listing AS l ON l.key = s.listing
JOIN bookable.offer_list AS o ON o.list = coalesce(s.offers, l.offers)
WHERE s.starts_at > now() AND (s.bookable_from IS NULL OR s.bookable_from <= now())
UNION ALL
SELECT
  'Slot',
  s.slot_id,
  s.identifier,
  o.position,
  CASE WHEN o.relative THEN CASE WHEN s.offers IS NULL THEN l.parent_id ELSE s.slot_id END || o.id ELSE o.id END,
  o.name,
  o.price,
  o.currency,
  o.min_age,
  o.max_age,
  o.public_adult
FROM bookable.slot AS s
JOIN bookable.listing AS l ON l.key = s.listing
JOIN bookable.offer_list AS o ON o.list = coalesce(s.offers, l.offers)
WHERE s.starts_at > now() AND (s.bookable_from IS NULL OR s.bookable_from <= now());

-- How old what is here may be: it grows too where the harvest goes on but does not reach this database.
CREATE VIEW bookable.freshness AS
SELECT
  name AS feed,
  read_to_end_at,
  extract(epoch FROM now() - read_to_end_at)::bigint AS age_seconds,
  coalesce(now() - read_to_end_at > interval '24 hours', true) AS stale,
  license
FROM bookable.feed;
