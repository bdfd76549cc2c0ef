"""What the Python comparisons share: JSON items into SQLite, a page a transaction, then the join and the three rules."""

import calendar
import json
import pathlib
import re
import sqlite3
import urllib.parse
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

HERE = pathlib.Path(__file__).parent
CHECKOUT = "https://checkout.example.org/v1/scheduled-sessions/"
LONDON = ZoneInfo("Europe/London")
DURATION = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z"
)


JOIN = (HERE / "join.sql").read_text().rstrip()
INSERT = f"INSERT INTO catalogue VALUES ({', '.join('?' * 34)})"


def create(path, kept=False):
    """A new file with the tables; transactions are ours to begin."""
    database = sqlite3.connect(path, isolation_level=None)
    for name in ["schema.sql", "kept.sql"] if kept else ["schema.sql"]:
        database.executescript((HERE / name).read_text())
    return database


def upsert(table, columns):
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    sets = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    return (
        f"INSERT INTO {table} ({names}) VALUES ({marks}) "
        f"ON CONFLICT (id) DO UPDATE SET {sets} WHERE excluded.modified >= {table}.modified"
    )


SESSION = upsert(
    "session",
    "id modified session_id identifier series_id starts_at ends_at duration status bookable remaining_capacity "
    "maximum_capacity attendance_mode url offers".split(),
)
SERIES = upsert(
    "series",
    "id modified series_id name description activities levels bookable opening price currency membership_required min_age "
    "max_age gender organizer organizer_id place address postcode latitude longitude url image_url dataset offers".split(),
)


def texts(value):
    return None if value is None else json.dumps(value)


def session_row(item):
    data = item["data"]
    return (
        item["id"], item["modified"], data.get("@id"), data.get("identifier"), data.get("superEvent"),
        data.get("startDate"), data.get("endDate"), data.get("duration"), data.get("eventStatus"),
        data.get("imin:isPotentiallyBookable") is True, data.get("remainingAttendeeCapacity"),
        data.get("maximumAttendeeCapacity"), data.get("eventAttendanceMode"), data.get("url"), texts(data.get("offers")),
    )  # fmt: skip


def series_row(item):
    data = item["data"]
    event = data.get("superEvent") or {}
    both = {**event, **data}
    place = data.get("location") or {}
    geo, address = place.get("geo") or {}, place.get("address") or {}
    offer = (both.get("imin:aggregateOffer") or {}).get("publicAdult") or {}
    ages, organizer = both.get("ageRange") or {}, both.get("organizer") or {}
    images = both.get("image") or [{}]
    lines = [address.get(part) for part in ("streetAddress", "addressLocality", "addressRegion")]
    return (
        item["id"], item["modified"], data.get("@id"), event.get("name") or data.get("name"), both.get("description"),
        json.dumps([activity.get("prefLabel") for activity in both.get("activity", [])]), json.dumps(both.get("level", [])),
        offer.get("imin:isPotentiallyBookable") is True, offer.get("validFromBeforeStartDate"), offer.get("price"),
        offer.get("priceCurrency"), offer.get("imin:membershipRequired"), ages.get("minValue"), ages.get("maxValue"),
        both.get("genderRestriction"), organizer.get("name"), organizer.get("@id"), place.get("name"),
        ", ".join(line for line in lines if line), address.get("postalCode"), geo.get("latitude"), geo.get("longitude"),
        data.get("url"), images[0].get("url"), (data.get("imin:dataSource") or {}).get("identifier"),
        texts(both.get("offers")),
    )  # fmt: skip


FEEDS = {"session-series": ("series", SERIES, series_row), "scheduled-sessions": ("session", SESSION, session_row)}


def store(database, feed, items, next_url, now=None):
    """One page: its items and the position after it, in one transaction; where an instant is given, the catalogue too."""
    table, sql, row = FEEDS[feed]
    database.execute("BEGIN IMMEDIATE")
    touched = bearing_on(database, table, items) if now else []
    database.executemany(sql, [row(item) for item in items if item["state"] == "updated"])
    deleted = [(item["id"],) for item in items if item["state"] == "deleted"]
    if deleted:
        database.executemany(f"DELETE FROM {table} WHERE id = ?", deleted)
    database.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", (feed, next_url))
    settle(database, touched, now)
    database.execute("COMMIT")


def bearing_on(database, table, items):
    """The ids of the sessions on which these items bear, with their @ids as they were shown until now."""
    if table == "session":
        one = "SELECT session_id FROM session WHERE id = ?"
        return [(item["id"], *(database.execute(one, (item["id"],)).fetchone() or (None,))) for item in items]
    sessions = "SELECT id, session_id FROM session WHERE series_id IN (?, (SELECT series_id FROM series WHERE id = ?))"
    ids = [(item.get("data", {}).get("@id"), item["id"]) for item in items]
    return [row for pair in ids for row in database.execute(sessions, pair)]


def settle(database, touched, now):
    """Shows or hides each of these sessions as it stands at an instant."""
    for item, shown_as in touched:
        if shown_as is not None:
            database.execute("DELETE FROM catalogue WHERE session_id = ?", (shown_as,))
        for row in bookable(database, now, item):
            database.execute(INSERT, row)


def before(start, text):
    """The instant that lies an ISO 8601 duration before another: months on the calendar, the rest exact; None: unreadable."""
    match = DURATION.match(text)
    if not match:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    if years or months:
        month = start.year * 12 + start.month - 1 - years * 12 - months
        year, month = month // 12, month % 12 + 1
        start = start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))
    return start - timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def utc(instant):
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def minutes(text):
    match = DURATION.match(text) if text else None
    if not match:
        return None
    _, _, _, days, hours, minutes, _ = (int(group or 0) for group in match.groups())
    return days * 1440 + hours * 60 + minutes


def bookable(database, now, item=None):
    """The catalogue's rows, or that of one session: rules 1 and 2 by the join, rule 3 here."""
    rows = database.execute(JOIN) if item is None else database.execute(f"{JOIN} AND s.id = ?", (item,))
    for row in rows:
        start = datetime.fromisoformat(row[5])
        if start <= now:
            continue
        opens = None
        if row[31] is not None:
            opens = before(start, row[31])
            if opens is None or not opens <= now or opens == start:
                continue
        url = CHECKOUT + urllib.parse.quote(str(row[1]), safe="")
        local = start.astimezone(LONDON).strftime("%Y-%m-%dT%H:%M")
        ends = row[6] and utc(datetime.fromisoformat(row[6]))
        yield (
            row[0], row[1], url, *row[2:5], utc(start), ends, local, minutes(row[7]), opens and utc(opens), *row[8:31]
        )  # fmt: skip


def publish(database, now):
    """Fills the catalogue in one transaction; returns how many rows it has."""
    database.execute("BEGIN IMMEDIATE")
    database.execute("DELETE FROM catalogue")
    database.executemany(INSERT, bookable(database, now))
    database.execute("INSERT INTO words (words) VALUES ('rebuild')")
    database.execute("COMMIT")
    return rows(database)


def rows(database):
    return database.execute("SELECT count(*) FROM catalogue").fetchone()[0]


def instant(text):
    return datetime.fromisoformat(text) if text else datetime.now(timezone.utc)
