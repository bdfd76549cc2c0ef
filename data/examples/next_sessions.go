// The next sessions that can be booked, page by page. Usage: next_sessions CATALOGUE [PAGES] [watch]
// With github.com/mattn/go-sqlite3 (Debian: golang-github-mattn-go-sqlite3-dev).
package main

import (
	"database/sql"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const next = `
SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
  (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
  coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
ORDER BY s.starts_at, s.key LIMIT 5
`

// A page begins behind the last row of the one before, so that none is lost or shown twice when rows come and go.
func pages(catalogue *sql.DB, count int) error {
	startsAt, key := "", int64(0)
	for page := 0; page < count; page++ {
		rows, err := catalogue.Query(next, startsAt, key)
		if err != nil {
			return err
		}
		for rows.Next() {
			var localStart, checkoutURL, source string
			var name, place, sourceURL, license sql.NullString
			err := rows.Scan(&startsAt, &key, &localStart, &name, &place, &checkoutURL, &source, &sourceURL, &license)
			if err != nil {
				rows.Close()
				return err
			}
			fmt.Printf("%s\t%s\t%s\t%s\t%s %s %s\n",
				localStart, name.String, place.String, checkoutURL, source, sourceURL.String, license.String)
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

func version(catalogue *sql.DB) (number int64, err error) {
	err = catalogue.QueryRow("PRAGMA data_version").Scan(&number)
	return
}

// Waits until somebody has committed something.
func change(catalogue *sql.DB) error {
	seen, err := version(catalogue)
	fmt.Println("waiting")
	for now := seen; err == nil && now == seen; now, err = version(catalogue) {
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Println("changed")
	return err
}

func run(arguments []string) error {
	catalogue, err := sql.Open("sqlite3", "file:"+arguments[1]+"?mode=ro")
	if err != nil {
		return err
	}
	defer catalogue.Close()
	catalogue.SetMaxOpenConns(1) // data_version tells of changes on a connection that stays open
	count := 1
	if len(arguments) > 2 {
		if count, err = strconv.Atoi(arguments[2]); err != nil {
			return err
		}
	}
	if err := pages(catalogue, count); err != nil || len(arguments) < 4 {
		return err
	}
	if err := change(catalogue); err != nil {
		return err
	}
	return pages(catalogue, 1)
}

func main() {
	if err := run(os.Args); err != nil {
		log.Fatal(err)
	}
}
