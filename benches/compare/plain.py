#!/usr/bin/env python3
"""A plain script that does the whole job: json, http.client and sqlite3, nothing else.

Usage: plain.py ORIGIN DATABASE [NOW [kept]]. Reads both feeds to their ends, then fills the catalogue; with `kept` the catalogue is right
at every page, as a daemon's must be. Prints its rows.
"""

import http.client
import json
import sys
import urllib.parse

import harvest


def walk(database, connection, feed, now):
    url = f"/{feed}"
    while True:
        connection.request("GET", url, headers={"X-API-KEY": "synthetic"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{url}: {answer.status}")
        page = json.loads(body)
        harvest.store(database, feed, page["items"], page["next"], now)
        parts = urllib.parse.urlsplit(page["next"])
        following = f"{parts.path}?{parts.query}"
        if not page["items"] and following == url:
            return
        url = following


def main():
    origin, path, *rest = sys.argv[1:]
    now, kept = harvest.instant("".join(rest[:1])), rest[1:] == ["kept"]
    database = harvest.create(path, kept)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(origin).netloc)
    for feed in harvest.FEEDS:
        walk(database, connection, feed, now if kept else None)
    print(harvest.rows(database) if kept else harvest.publish(database, now))


main()
