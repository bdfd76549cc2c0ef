CREATE TRIGGER IF NOT EXISTS listing_added AFTER INSERT ON listing BEGIN
  INSERT INTO listing_words (rowid, name, description, activities, organizer, place)
  VALUES (new.key, new.name, new.description, new.activities, new.organizer, new.place);
  INSERT INTO listing_area SELECT new.key, new.latitude, new.latitude, new.longitude, new.longitude
  WHERE new.latitude IS NOT NULL AND new.longitude IS NOT NULL;
END;
CREATE TRIGGER IF NOT EXISTS listing_removed AFTER DELETE ON listing BEGIN
  INSERT INTO listing_words (listing_words, rowid, name, description, activities, organizer, place)
  VALUES ('delete', old.key, old.name, old.description, old.activities, old.organizer, old.place);
  DELETE FROM listing_area WHERE key = old.key;
END;
CREATE TRIGGER IF NOT EXISTS listing_reworded AFTER UPDATE OF name, description, activities, organizer, place ON listing
WHEN (new.name, new.description, new.activities, new.organizer, new.place)
  IS NOT (old.name, old.description, old.activities, old.organizer, old.place) BEGIN
  INSERT INTO listing_words (listing_words, rowid, name, description, activities, organizer, place)
  VALUES ('delete', old.key, old.name, old.description, old.activities, old.organizer, old.place);
  INSERT INTO listing_words (rowid, name, description, activities, organizer, place)
  VALUES (new.key, new.name, new.description, new.activities, new.organizer, new.place);
END;
CREATE TRIGGER IF NOT EXISTS listing_moved AFTER UPDATE OF latitude, longitude ON listing
WHEN (new.latitude, new.longitude) IS NOT (old.latitude, old.longitude) BEGIN
  DELETE FROM listing_area WHERE key = old.key;
  INSERT INTO listing_area SELECT new.key, new.latitude, new.latitude, new.longitude, new.longitude
  WHERE new.latitude IS NOT NULL AND new.longitude IS NOT NULL;
END;
