"""Looks at scripts/explore as people do, in a browser without a window: titles, rows, facets, the map. Run by the Python of its venv.

Usage: chromium_test.py CATALOGUE CHROMIUM FOLDER
Pictures of the pages are left in FOLDER. The browser reaches nothing but this machine, so the map has no background.
"""

import re
import subprocess
import sys
import tempfile
import time
from html import unescape
from pathlib import Path

from datasette_test import PATIENCE_SECONDS, Explore

OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --window-size=1280,1200 --virtual-time-budget=8000"
).split()
# More than an empty page of that size has.
PICTURE_BYTES = 20_000
ROW = re.compile(r"<td[^>]*class=\"col-name")


class Browser:
    def __init__(self, program, explore, folder):
        self.command = [program, *OPTIONS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        self.explore = explore
        self.folder = folder

    def page(self, name, path, *expected):
        """What the page has become once its scripts have run; a picture of it is left in the folder."""
        picture = self.folder / f"{name}.png"
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            with tempfile.TemporaryDirectory() as profile:
                look = [f"--user-data-dir={profile}", "--dump-dom", f"--screenshot={picture}", self.explore.base + path]
                looked = subprocess.run(self.command + look, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
            found = unescape(looked.stdout.decode())
            missing = [words for words in expected if words not in found]
            if not missing:
                size = picture.stat().st_size
                assert size > PICTURE_BYTES, f"{picture} has {size} bytes only"
                return found
            assert time.monotonic() < until, f"{path} lacks {missing}:\n{found[:3000]}\n{looked.stderr.decode()[-2000:]}"


def has_map(page):
    markers = page.count('class="leaflet-marker-icon')
    return 'class="leaflet-container' in page and markers > 0


def main():
    catalogue, chromium, folder = sys.argv[1:]
    explore = Explore([catalogue])
    try:
        browser = Browser(chromium, explore, Path(folder))
        home = browser.page("home", "/", "<h1>What can be booked right now</h1>", "everything on a map")
        assert not has_map(home)

        rows = explore.rows("/catalogue/bookable_session", _size="50")
        first = rows[0]
        view = browser.page(
            "sessions", "/catalogue/bookable_session", "Sessions that can be booked now", "leaflet-marker-icon", first["checkout_url"][:50]
        )
        assert has_map(view) and len(ROW.findall(view)) == len(rows)
        facets = set(re.findall(r'class="facet-info facet-[^"]*" id="facet-([^"]*)"', view))
        assert len(facets) == 3 and {"organizer", "place"} <= facets, facets
        assert view.count('class="facet-info-name"') == 3 and first["organizer"] in view

        title = "The cheapest of each activity"
        cheapest = browser.page("cheapest", "/catalogue/cheapest", title, explore.rows("/catalogue/cheapest")[0]["activity"])
        assert len(ROW.findall(cheapest)) == len(explore.rows("/catalogue/cheapest"))
        word = re.findall("[A-Za-z]{4,}", next(row["name"] for row in rows if row["latitude"] and row["name"]))[0]
        words = browser.page("words", f"/catalogue/words?words={word}", "By words", f'value="{word}"', "leaflet-marker-icon")
        assert has_map(words)
        heat = browser.page("week", "/catalogue/week", "The next seven days as a heat map")
        assert heat.count("background: rgba(") > 7
    finally:
        explore.stop()
    print("Chromium shows what it should")


if __name__ == "__main__":
    main()
