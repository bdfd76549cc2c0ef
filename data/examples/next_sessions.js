// The next sessions that can be booked, page by page. Usage: node next_sessions.js CATALOGUE [PAGES] [watch]
// With node:sqlite (Node 22.5 or later); where BETTER_SQLITE3 is set, with the package better-sqlite3.

const NEXT = `
SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
  (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
  coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
ORDER BY s.starts_at, s.key LIMIT 5
`;

function open(path) {
  if (process.env.BETTER_SQLITE3) {
    const Database = require("better-sqlite3");
    return new Database(path, { readonly: true });
  }
  const { DatabaseSync } = require("node:sqlite");
  return new DatabaseSync(path, { readOnly: true });
}

// A page begins behind the last row of the one before, so that none is lost or shown twice when rows come and go.
function pages(catalogue, count) {
  const next = catalogue.prepare(NEXT);
  let after = ["", 0];
  for (let page = 0; page < count; page += 1) {
    for (const row of next.all(...after)) {
      after = [row.starts_at, row.key];
      const attribution = `${row.source} ${row.source_url ?? ""} ${row.license ?? ""}`;
      console.log([row.local_start, row.name ?? "", row.place ?? "", row.checkout_url, attribution].join("\t"));
    }
  }
}

const [path, count = "1", watch] = process.argv.slice(2);
const catalogue = open(path);
pages(catalogue, Number(count));
if (watch === "watch") {
  const version = catalogue.prepare("PRAGMA data_version");
  const seen = version.get().data_version;
  console.log("waiting");
  const timer = setInterval(() => {
    if (version.get().data_version === seen) return;   // on a connection that stays open
    clearInterval(timer);
    console.log("changed");
    pages(catalogue, 1);
  }, 200);
}
