-- What keeps the catalogue in step page by page, beside schema.sql: the sessions of a series, and words that follow the rows.
CREATE INDEX session_by_series ON session (series_id);
CREATE TRIGGER catalogue_added AFTER INSERT ON catalogue BEGIN
  INSERT INTO words (rowid, name, description, activities, organizer, place)
  VALUES (new.rowid, new.name, new.description, new.activities, new.organizer, new.place);
END;
CREATE TRIGGER catalogue_removed AFTER DELETE ON catalogue BEGIN
  INSERT INTO words (words, rowid, name, description, activities, organizer, place)
  VALUES ('delete', old.rowid, old.name, old.description, old.activities, old.organizer, old.place);
END;
