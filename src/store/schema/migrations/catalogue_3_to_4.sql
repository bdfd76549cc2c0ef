-- The catalogue, from version 3 to 4: place and words are kept in step with the listings by the program (src/store/listing_index.rs).
DROP TRIGGER IF EXISTS listing_added;
DROP TRIGGER IF EXISTS listing_removed;
DROP TRIGGER IF EXISTS listing_reworded;
DROP TRIGGER IF EXISTS listing_moved;
