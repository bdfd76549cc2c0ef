"""The next sessions that can be booked, page by page. Usage: python3 next_sessions.py CATALOGUE [PAGES] [watch]"""

import sqlite3
import sys
import time

# A page begins behind the last row of the one before (starts_at, key), so that none is lost or shown twice when rows come and go.
NEXT = """
SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
  (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
  coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
ORDER BY s.starts_at, s.key LIMIT 5
"""


def pages(catalogue, count):
    after = ("", 0)
    for _ in range(count):
        rows = catalogue.execute(NEXT, after).fetchall()
        for starts_at, key, local_start, name, place, checkout_url, source, source_url, license in rows:
            after = (starts_at, key)
            print(local_start, name or "", place or "", checkout_url, f"{source} {source_url or ''} {license or ''}", sep="\t")


def version(catalogue):
    return catalogue.execute("PRAGMA data_version").fetchone()[0]


catalogue = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
pages(catalogue, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
if "watch" in sys.argv[3:]:
    seen = version(catalogue)
    print("waiting", flush=True)
    while version(catalogue) == seen:   # on a connection that stays open
        time.sleep(0.2)
    print("changed")
    pages(catalogue, 1)
