-- The state's indexes. Apart from the tables, because a first harvest builds them at its end.
CREATE INDEX IF NOT EXISTS session_by_link ON session (link) WHERE link IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_by_opens ON session (opens) WHERE opens IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_by_closes ON session (closes) WHERE closes IS NOT NULL;
CREATE INDEX IF NOT EXISTS series_by_link ON series (link);
