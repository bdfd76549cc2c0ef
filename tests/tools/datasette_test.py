"""Starts scripts/explore on a catalogue and reads what it shows. Needs the venv of scripts/explore, and is run by its Python.

Usage: datasette_test.py CATALOGUE BOOKABLE
The catalogue is a demo's that nobody else needs: some of its rows are moved to tonight, the weekend and so on.
"""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from html import unescape
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60
DESCRIBED = ("bookable_session", "bookable_slot", "offer", "freshness")
QUESTIONS_MIN = 12


def prepare(catalogue):
    """Sees to it that every question has an answer at any hour of any day; gives the day for which that holds."""
    soon = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+10 minutes')"
    candidates = catalogue.execute(
        "SELECT s.key, s.listing FROM session AS s JOIN listing AS l ON l.key = s.listing"
        " WHERE l.latitude IS NOT NULL AND l.postcode IS NOT NULL ORDER BY s.key"
    ).fetchall()
    (tonight, listing), (weekend, _), (opened, _) = candidates[0], candidates[1], candidates[2]
    move = f"UPDATE session SET starts_at = {soon}, bookable_from = NULL, remaining_capacity = 9, local_start = "
    catalogue.execute(move + "date('now') || 'T19:30' WHERE key = ?", [tonight])
    catalogue.execute(move + "date('now', 'weekday 0') || 'T11:00' WHERE key = ?", [weekend])
    catalogue.execute(
        f"UPDATE session SET bookable_from = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-10 minutes'), starts_at = {soon}"
        " WHERE key = ?",
        [opened],
    )
    catalogue.execute("UPDATE listing SET price = 0 WHERE key = ?", [listing])
    catalogue.commit()
    return day(catalogue)


def day(catalogue):
    return catalogue.execute("SELECT date('now')").fetchone()[0]


class Explore:
    """A running scripts/explore, and what it answers."""

    def __init__(self, arguments, environment=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        command = [str(ROOT / "scripts/explore"), *arguments, "--port", str(port)]
        self.process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit(f"scripts/explore does not answer: {self.process.stderr.read()}")
            time.sleep(0.05)

    def answers(self):
        try:
            return self.page("/")[0] == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def page(self, path):
        try:
            with urllib.request.urlopen(self.base + path, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def rows(self, path, **values):
        query = urllib.parse.urlencode({"_shape": "array", **values})
        status, text = self.page(f"{path}.json?{query}")
        assert status == 200, f"{path} {values}: {text}"
        return json.loads(text)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        assert code == 0, f"scripts/explore ended with {code}"


def check_descriptions(metadata, catalogue):
    tables = metadata["databases"]["catalogue"]["tables"]
    for name, about in tables.items():
        columns = [row[1] for row in catalogue.execute(f"PRAGMA table_info({name})")]
        assert columns, f"metadata.yaml tells of {name}, which is not in the catalogue"
        described = list(about.get("columns", {}))
        assert set(described) <= set(columns), f"{name} has no {set(described) - set(columns)}"
        if name in DESCRIBED:
            assert described == columns, f"{name}: {set(columns) - set(described)} not described, or in another order"
        for column in (about.get("sort"), about.get("fts_pk"), about.get("label_column")):
            assert column is None or column in columns, f"{name} has no {column}"


def check_questions(metadata, explore):
    questions = metadata["databases"]["catalogue"]["queries"]
    assert len(questions) >= QUESTIONS_MIN
    for name, about in questions.items():
        rows = explore.rows(f"/catalogue/{name}")
        assert rows, f"{name} gives no rows by its defaults"
        status, page = explore.page(f"/catalogue/{name}")
        assert status == 200 and about["title"] in unescape(page), f"{name}: {status}"
        has_map = "datasette-cluster-map.js" in page
        assert has_map == ("latitude" in rows[0]), f"{name}: a map: {has_map}"


def check_parameters(explore, catalogue):
    def ask(name, **values):
        return explore.rows(f"/catalogue/{name}", **values)

    some = ask("tonight")[0]
    near = ask("tonight", latitude=some["latitude"], longitude=some["longitude"], km=1)
    assert some["checkout_url"] in [row["checkout_url"] for row in near] and all(row["km"] <= 1 for row in near)
    assert ask("tonight", latitude=0, longitude=0, km=100) == []
    far = "select km(51.5074, -0.1278, 53.4808, -2.2426) AS km, km('', 0, 0, 0) AS nowhere"   # London to Manchester
    (answer,) = explore.rows("/catalogue", sql=far)
    assert abs(answer["km"] - 262) < 1 and answer["nowhere"] is None, answer

    word = re.findall("[A-Za-z]+", ask("activity")[0]["activity"])[0]
    matching = "SELECT count(*) FROM session WHERE listing IN (SELECT rowid FROM listing_words WHERE listing_words MATCH ?)"
    expected = catalogue.execute(matching, [word]).fetchone()[0]
    assert 0 < len(ask("words", words=word)) == min(expected, 200), word
    assert ask("words", words='"(nobody OR AND* NEAR') == []

    assert all(row["remaining_capacity"] >= 9 for row in ask("weekend", places=9)) and ask("weekend", places=9)
    activity = ask("activity")[0]["activity"]
    assert ask("activity", activity=activity.lower()) and ask("activity", activity="no such thing") == []
    organizer = ask("organizer")[0]["organizer"]
    assert {row["organizer"] for row in ask("organizer", organizer=organizer[:9].upper())} == {organizer}
    area = ask("postcode")[0]["postcode"]
    assert {row["postcode"][:2] for row in ask("postcode", postcode=area[:2].lower())} == {area[:2]}
    week = ask("week")
    assert sum(row[day] for row in week for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")) > 0


def check_pages(explore, catalogue):
    status, home = explore.page("/")
    assert status == 200 and "What can be booked right now" in home and "imin Firehose" in home
    _, overview = explore.page("/catalogue")
    links = {unescape(link) for page in (home, overview) for link in re.findall(r'href="(/[^"#]*)"', page)}
    assert "/assets/catalogue.css" in links and len(links) > QUESTIONS_MIN
    for link in links:
        status, _ = explore.page(link)
        assert status == 200, f"{link}: {status}"
    _, view = explore.page("/catalogue/bookable_session")
    assert "datasette-cluster-map.js" in view and "sorted by starts_at" in view and "what the Checkout knows it by" in view
    starts = [row["starts_at"] for row in explore.rows("/catalogue/bookable_session")]
    assert starts and starts == sorted(starts)
    everything, name = catalogue.execute("SELECT count(*), max(name) FROM listing").fetchone()
    found = explore.rows("/catalogue/listing", _search=re.findall("[A-Za-z]{4,}", name)[0])
    assert 0 < len(found) < everything
    _, heat = explore.page("/catalogue/week")
    assert "background: rgba(" in heat


def check_reading_only(explore, catalogue):
    """Nothing can be written, and what the harvest commits is seen at once."""
    write = urllib.parse.quote("DELETE FROM session")
    status, _ = explore.page(f"/catalogue.json?sql={write}")
    assert status == 400, status
    assert catalogue.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    before = len(explore.rows("/catalogue/bookable_session", _size="max"))
    catalogue.execute("DELETE FROM session WHERE key = (SELECT max(key) FROM session)")
    catalogue.commit()
    assert len(explore.rows("/catalogue/bookable_session", _size="max")) == before - 1


def check_demo(bookable):
    """Without a catalogue it shows a demo's, and leaves nothing behind."""
    explore = Explore([], {"BOOKABLE": bookable})
    sandbox = urllib.parse.urlsplit(explore.rows("/catalogue/bookable_session")[0]["checkout_url"])
    explore.stop()
    with socket.socket() as client:
        assert client.connect_ex((sandbox.hostname, sandbox.port)) != 0, "the demo still runs"


def main():
    path, bookable = sys.argv[1:]
    metadata = yaml.safe_load((ROOT / "data/datasette/metadata.yaml").read_text())
    catalogue = sqlite3.connect(path)
    check_descriptions(metadata, catalogue)
    explore = Explore([path])
    try:
        prepared = prepare(catalogue)
        try:
            check_questions(metadata, explore)
            check_parameters(explore, catalogue)
        except AssertionError:
            if prepared == day(catalogue):
                raise
            prepare(catalogue)   # midnight passed
            check_questions(metadata, explore)
            check_parameters(explore, catalogue)
        check_pages(explore, catalogue)
        check_reading_only(explore, catalogue)
    finally:
        explore.stop()
    check_demo(bookable)
    print("Datasette shows what it should")


if __name__ == "__main__":
    main()
