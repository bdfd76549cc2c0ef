<?php
// The next sessions that can be booked, page by page. Usage: php next_sessions.php CATALOGUE [PAGES] [watch]
// With the extension sqlite3 (Debian: php-sqlite3).

const NEXT = <<<'SQL'
SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
  (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
  coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
ORDER BY s.starts_at, s.key LIMIT 5
SQL;

// A page begins behind the last row of the one before, so that none is lost or shown twice when rows come and go.
function pages(SQLite3 $catalogue, int $count): void
{
    $after = ['', 0];
    for ($page = 0; $page < $count; $page++) {
        $next = $catalogue->prepare(NEXT);
        $next->bindValue(1, $after[0], SQLITE3_TEXT);
        $next->bindValue(2, $after[1], SQLITE3_INTEGER);
        $rows = $next->execute();
        while ($row = $rows->fetchArray(SQLITE3_ASSOC)) {
            $after = [$row['starts_at'], $row['key']];
            $attribution = "{$row['source']} {$row['source_url']} {$row['license']}";
            echo implode("\t", [$row['local_start'], $row['name'], $row['place'], $row['checkout_url'], $attribution]), "\n";
        }
        $next->close();   // a statement that stays open holds its view of the catalogue
    }
}

$catalogue = new SQLite3($argv[1], SQLITE3_OPEN_READONLY);
$catalogue->enableExceptions(true);
pages($catalogue, (int) ($argv[2] ?? 1));
if (($argv[3] ?? '') === 'watch') {
    $seen = $catalogue->querySingle('PRAGMA data_version');
    echo "waiting\n";
    while ($catalogue->querySingle('PRAGMA data_version') === $seen) {   // on a connection that stays open
        usleep(200_000);
    }
    echo "changed\n";
    pages($catalogue, 1);
}
