//! The next sessions that can be booked, page by page. Usage: `next_sessions CATALOGUE [PAGES] [watch]`
//! With the crate `rusqlite`. Here: `cargo run --example next_sessions -- catalogue.db`.

use std::error::Error;
use std::io::{Write, stdout};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

const NEXT: &str = "
  SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
    (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
    coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
  FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
  WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  ORDER BY s.starts_at, s.key LIMIT 5
";

/// A page begins behind the last row of the one before, so that none is lost or shown twice when rows come and go.
fn pages(catalogue: &Connection, count: usize) -> Result<(), Box<dyn Error>> {
    let mut next = catalogue.prepare(NEXT)?;
    let mut after = (String::new(), 0_i64);
    for _ in 0..count {
        let mut rows = next.query((&after.0, after.1))?;
        while let Some(row) = rows.next()? {
            after = (row.get("starts_at")?, row.get("key")?);
            let text = |column: &str| row.get::<_, Option<String>>(column).map(Option::unwrap_or_default);
            let attribution = format!("{} {} {}", text("source")?, text("source_url")?, text("license")?);
            let columns = [text("local_start")?, text("name")?, text("place")?, text("checkout_url")?, attribution];
            writeln!(stdout(), "{}", columns.join("\t"))?;
        }
    }
    Ok(())
}

fn version(catalogue: &Connection) -> rusqlite::Result<i64> {
    catalogue.query_row("PRAGMA data_version", [], |row| row.get(0))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let path = arguments.get(1).ok_or("name a catalogue")?;
    let catalogue = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    pages(&catalogue, arguments.get(2).map_or(Ok(1), |count| count.parse())?)?;
    if arguments.get(3).is_some_and(|word| word == "watch") {
        let seen = version(&catalogue)?;
        writeln!(stdout(), "waiting")?;
        // On a connection that stays open.
        while version(&catalogue)? == seen {
            sleep(Duration::from_millis(200));
        }
        writeln!(stdout(), "changed")?;
        pages(&catalogue, 1)?;
    }
    Ok(())
}
