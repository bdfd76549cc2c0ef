-- The bookings that the Success Webhook told of. Schema version 1.
CREATE TABLE booking (
  id          TEXT PRIMARY KEY,   -- ours: made from `key`, fit for a URL
  key         TEXT NOT NULL,      -- what a repeat is known by: the order's identifier, else the body's hash
  received_at INTEGER NOT NULL,   -- seconds since 1970-01-01T00:00:00Z
  identifier  TEXT,               -- the session's or slot's identifier, where the body names one
  item_type   TEXT,               -- ScheduledSession or Slot, likewise
  body        TEXT NOT NULL,      -- JSON, without what is personal
  repeats     INTEGER NOT NULL    -- how often the same was told again
) STRICT;
CREATE INDEX booking_by_key ON booking (key);
CREATE INDEX booking_by_received ON booking (received_at);
