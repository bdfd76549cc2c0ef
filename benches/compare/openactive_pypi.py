#!/usr/bin/env python3
"""The same job with the package `openactive` (PyPI) for the paging.

Usage: openactive_pypi.py ORIGIN DATABASE [NOW].

`get_opportunities` gathers a whole feed in memory, a million sessions in some ten gigabytes, and stores nothing. It goes on from the
dictionary that it gave, and ends after the page in hand when its time is up; with a time of nothing it is asked a page at a time, so that a
page can be stored and forgotten. The pause between pages, by default 0.2 seconds, does not apply then.
"""

import sys

import openactive

import harvest


def walk(database, origin, feed):
    opportunities = f"{origin}/{feed}"
    while True:
        opportunities = openactive.get_opportunities(
            opportunities, seconds_timeout=0, headers={"X-API-KEY": "synthetic"}
        )
        if opportunities["status"] == "ERROR":
            sys.exit(f"{feed}: the package gave up")
        harvest.store(database, feed, list(opportunities["items"].values()), opportunities["next_url"])
        if opportunities["status"] == "COMPLETE":
            return
        opportunities["items"] = {}


def main():
    origin, path = sys.argv[1:3]
    database = harvest.create(path)
    for feed in harvest.FEEDS:
        walk(database, origin, feed)
    print(harvest.publish(database, harvest.instant(" ".join(sys.argv[3:]))))


main()
