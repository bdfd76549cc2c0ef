-- The catalogue's indexes. Apart from the tables, so that a load in bulk can drop them, fill the tables, and build them once.
-- What starts between two instants is found in the tables themselves, which lie in that order.
CREATE INDEX IF NOT EXISTS session_by_listing ON session (listing, starts_at, bookable_from);
CREATE INDEX IF NOT EXISTS session_by_identifier ON session (identifier);
CREATE INDEX IF NOT EXISTS slot_by_listing ON slot (listing, starts_at);
CREATE INDEX IF NOT EXISTS slot_by_identifier ON slot (identifier);
