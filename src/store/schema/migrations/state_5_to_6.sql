-- The state, from version 5 to 6: verdicts are kept as if no parent were shut; -1 has all of them made anew at the start.
UPDATE state SET selling = -1;
