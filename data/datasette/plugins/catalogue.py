"""What the questions in metadata.yaml need of Datasette: km() in SQL, and colours in the heat map."""

from math import asin, cos, radians, sin, sqrt

from datasette import hookimpl
from markupsafe import Markup

EARTH_KM = 6371.0
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def km(latitude, longitude, other_latitude, other_longitude):
    """The distance of two points in km, as the crow flies; null where one of the four is no number."""
    try:
        a, b, c, d = (radians(float(x)) for x in (latitude, longitude, other_latitude, other_longitude))
    except (TypeError, ValueError):
        return None
    half = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


@hookimpl
def prepare_connection(conn):
    conn.create_function("km", 4, km, deterministic=True)


@hookimpl
def render_cell(row, value, column, table):
    """A day's count in the heat map: the nearer to that of the busiest hour, the darker. JSON and CSV stay plain numbers."""
    if table is not None or column not in DAYS or not isinstance(value, int) or "busiest" not in row.keys():
        return None
    shade = value / max(row["busiest"], 1)
    ink = "white" if shade > 0.55 else "inherit"
    style = f"display: block; padding: 0.2em 0.6em; text-align: right; background: rgba(31, 99, 160, {shade:.2f}); color: {ink}"
    return Markup(f'<span style="{style}">{value or "&nbsp;"}</span>')
