#!/usr/bin/env python3
"""A plain script that does the whole job: json, http.client and sqlite3, nothing else.

Usage: plain.py ORIGIN DATABASE [NOW]. Reads both feeds to their ends, then fills the catalogue. Prints its rows.
"""

import http.client
import json
import sys
import urllib.parse

import harvest


def walk(database, connection, feed):
    url = f"/{feed}"
    while True:
        connection.request("GET", url, headers={"X-API-KEY": "synthetic"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{url}: {answer.status}")
        page = json.loads(body)
        harvest.store(database, feed, page["items"], page["next"])
        parts = urllib.parse.urlsplit(page["next"])
        following = f"{parts.path}?{parts.query}"
        if not page["items"] and following == url:
            return
        url = following


def main():
    origin, path = sys.argv[1:3]
    database = harvest.create(path)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(origin).netloc)
    for feed in harvest.FEEDS:
        walk(database, connection, feed)
    print(harvest.publish(database, harvest.instant(" ".join(sys.argv[3:]))))


main()
