-- The state's indexes. Apart from the tables, because a first harvest builds them at its end.
CREATE INDEX IF NOT EXISTS opportunity_by_link ON opportunity (link) WHERE link IS NOT NULL;
CREATE INDEX IF NOT EXISTS parent_by_link ON parent (link);
