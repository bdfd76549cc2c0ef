-- Synthetic: every row here is made up for tests.
INSERT INTO origin (id, state_id, batch, as_of, checkout_base) VALUES (1, 'synthetic', 1, 1, 'https://c.example/');
INSERT INTO listing (key, name, activities, levels, place, latitude, longitude, price, currency, membership_required) VALUES
  (1, 'Yoga Flow', '["Yoga"]', '["Beginner"]', 'Leeds Hall', 53.80, -1.55, 7.5, 'GBP', 0),
  (2, 'Spin "45"', '["Cycling","Spin","Tai Chi"]', NULL, 'York Hall', 53.96, -1.08, NULL, NULL, NULL),
  (3, 'Online Yoga', '["yoga","5\" \\ Côté","太极"]', NULL, NULL, NULL, NULL, 0, 'GBP', 1);
INSERT INTO session
  (key, listing, session_id, identifier, checkout_name, starts_at, local_start, bookable_from, modified, remaining_capacity) VALUES
  (1, 1, 'id:a', 'a', NULL, '2999-01-01T10:00:00Z', '2999-01-01T10:00', NULL, 1, 3),
  (2, 2, 'id:b', 'b', NULL, '2999-01-02T10:00:00Z', '2999-01-02T10:00', '2001-01-01T10:00:00Z', 1, NULL),
  (3, 3, 'id:c', 'c', NULL, '2999-01-03T10:00:00Z', '2999-01-03T10:00', NULL, 1, NULL),
  (4, 1, 'id:d', 'started', 'd', '2001-01-01T10:00:00Z', '2001-01-01T10:00', NULL, 1, NULL),
  (5, 1, 'id:e', 'not yet', 'e', '2999-01-01T10:00:00Z', '2999-01-01T10:00', '2998-01-01T10:00:00Z', 1, NULL);
INSERT INTO listing_words (listing_words) VALUES ('rebuild');
INSERT INTO listing_area SELECT key, latitude, latitude, longitude, longitude FROM listing WHERE latitude IS NOT NULL;
