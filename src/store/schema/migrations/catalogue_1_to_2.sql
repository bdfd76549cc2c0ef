-- The catalogue, from version 1 to 2: it is derived, so what is there is dropped and made anew from the state.
DROP VIEW bookable_session;
DROP VIEW freshness;
DROP TABLE listing_words;
DROP TABLE listing_area;
DROP TABLE session;
DROP TABLE listing;
DROP TABLE feed;
DROP TABLE origin;
