-- The state, from version 4 to 5: when windows open and close is kept in memory (src/store/calendar.rs).
DROP INDEX IF EXISTS opportunity_by_opens;
DROP INDEX IF EXISTS opportunity_by_closes;
