"""README's DuckDB queries, in a folder with a catalogue.db: by way of SQLite's extension, and from the file that the sqlite3 shell writes.

Usage: duckdb_test.py QUERY_WITH_ATTACH QUERY_OF_CSV. The answers must be those of SQLite itself.
"""

import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from statistics import mean, median

import duckdb
import duckdb_extension_sqlite_scanner

EXTENSION = "extensions/*/sqlite_scanner.duckdb_extension"


def through_sqlite(query, sessions):
    connection = duckdb.connect()
    # What ATTACH would fetch by itself from extensions.duckdb.org.
    (extension,) = Path(duckdb_extension_sqlite_scanner.__path__[0]).glob(EXTENSION)
    connection.execute(f"LOAD '{extension}'")
    found = connection.execute(query).fetchall()
    by_organizer = defaultdict(list)
    for row in sessions:
        by_organizer[row["organizer"]].append(row)

    def figures(rows, column):
        return [row[column] for row in rows if row[column] is not None]

    expected = [
        (
            name,
            len(rows),
            sum(figures(rows, "remaining_capacity")) if figures(rows, "remaining_capacity") else None,
            median(figures(rows, "price")) if figures(rows, "price") else None,
        )
        for name, rows in by_organizer.items()
    ]
    assert sorted(found, key=str) == sorted(expected, key=str), (found, expected)
    assert [row[1] for row in found] == sorted((row[1] for row in expected), reverse=True)

    # What README says of types, and of the view `offer`.
    types = {row[1] for row in connection.execute("DESCRIBE SELECT * FROM catalogue.bookable_session").fetchall()}
    assert types == {"VARCHAR"}, types
    offers = "SELECT count(*) FROM sqlite_query('catalogue', 'SELECT * FROM offer')"
    assert connection.execute(offers).fetchone()[0] > 0
    try:
        connection.execute("DELETE FROM catalogue.session")
        sys.exit("DuckDB could write")
    except duckdb.Error:
        pass


def from_csv(query, sessions):
    shell = ["sqlite3", "-readonly", "-csv", "-header", "catalogue.db", "SELECT * FROM bookable_session"]
    with open("bookable.csv", "w", encoding="utf-8") as file:
        subprocess.run(shell, stdout=file, check=True)
    found = duckdb.sql(query).fetchall()
    days = Counter(datetime.fromisoformat(row["local_start"]).strftime("%A") for row in sessions)
    assert {row[0]: row[1] for row in found} == days, (found, days)
    for day, _, average in found:
        of_day = [row for row in sessions if datetime.fromisoformat(row["local_start"]).strftime("%A") == day]
        prices = [row["price"] for row in of_day if row["price"] is not None]
        assert (average is None) == (not prices) and (not prices or abs(average - mean(prices)) < 0.006), (day, average)


def main():
    catalogue = sqlite3.connect("file:catalogue.db?mode=ro", uri=True)
    catalogue.row_factory = sqlite3.Row
    sessions = catalogue.execute("SELECT * FROM bookable_session").fetchall()
    assert sessions
    through_sqlite(sys.argv[1], sessions)
    from_csv(sys.argv[2], sessions)


main()
