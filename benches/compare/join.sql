-- The join of sessions and series on which rules 1 and 2 hold; the window (rule 3) is looked at row by row.
SELECT s.session_id, s.identifier, r.name, r.description, r.activities, s.starts_at, s.ends_at, s.duration,
  s.remaining_capacity, s.maximum_capacity, r.price, r.currency, r.membership_required, r.min_age, r.max_age, r.gender, r.levels,
  s.attendance_mode, r.organizer, r.organizer_id, r.place, r.address, r.postcode, r.latitude, r.longitude,
  coalesce(s.url, r.url) AS url, r.image_url, r.series_id, r.dataset, s.modified, coalesce(s.offers, r.offers) AS offers,
  r.opening
FROM session AS s JOIN series AS r ON r.series_id = s.series_id
WHERE s.bookable AND r.bookable AND s.identifier IS NOT NULL AND s.starts_at IS NOT NULL
  AND (s.status IS NULL OR s.status NOT LIKE '%EventCancelled' AND s.status NOT LIKE '%EventPostponed')
