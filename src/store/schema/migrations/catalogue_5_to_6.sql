-- The catalogue, from version 5 to 6: it is derived, so what is there is dropped and made anew from the state.
DROP VIEW IF EXISTS bookable_session;
DROP VIEW IF EXISTS bookable_slot;
DROP VIEW IF EXISTS offer;
DROP VIEW IF EXISTS freshness;
DROP TABLE IF EXISTS listing_words;
DROP TABLE IF EXISTS listing_area;
DROP TABLE IF EXISTS session;
DROP TABLE IF EXISTS slot;
DROP TABLE IF EXISTS pattern;
DROP TABLE IF EXISTS listing;
DROP TABLE IF EXISTS offer_list;
DROP TABLE IF EXISTS dataset;
DROP TABLE IF EXISTS feed;
DROP TABLE IF EXISTS origin;
