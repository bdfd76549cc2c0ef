//! The feeds' rows in the state: positions, waiting times, faults, counts and findings.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::opportunity_row;
use crate::domain::{Feed, Instant, Role};

/// A feed as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSetup {
    /// Which feed.
    pub feed: Feed,
    /// Where a walk of it begins.
    pub start_url: String,
}

/// Where a feed stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which feed.
    pub feed: Feed,
    /// Where a walk of it begins.
    pub start_url: String,
    /// The page to be asked for next.
    pub next_url: String,
    /// The number of the walk that goes on; a new one begins at the feed's start.
    pub walk: i64,
    /// Whether this walk has come to the feed's end.
    pub walk_complete: bool,
    /// When the last page was last read.
    pub read_to_end_at: Option<Instant>,
    /// Not to be asked before this instant.
    pub wait_until: Option<Instant>,
    /// Requests that failed since the last that did not.
    pub failures: u32,
    /// The licence that the pages name.
    pub license: Option<String>,
    /// What the server calls the version of a document that is held.
    pub version: Version,
}

impl Position {
    /// Whether it was not read to its end for so long that deletions may have been missed.
    pub(super) fn has_gap(&self, now: Instant) -> bool {
        let gap = self.read_to_end_at.zip(self.feed.gap_seconds_max());
        self.walk_complete && gap.is_some_and(|(read, gap)| read < now.plus_seconds(-gap))
    }
}

/// What a server calls a version of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// Something that is wrong with what a publisher sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The finding's stable code.
    pub code: &'static str,
    /// The RPDE id of the item; empty where there is none.
    pub item: String,
}

/// How many items a page brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items that are there.
    pub updated: i64,
    /// Items that are gone.
    pub deleted: i64,
}

impl Counts {
    /// One more, which is there or gone.
    pub(super) fn count(&mut self, gone: bool) {
        *(if gone { &mut self.deleted } else { &mut self.updated }) += 1;
    }
}

/// Puts in the rows of feeds that are new; a feed whose start was changed is to be walked anew. Another sellers feed may
/// be another broker's, and another document is not known by the old one's version: what they said counts no more.
pub(super) fn set_up(connection: &Connection, setups: &[FeedSetup]) -> rusqlite::Result<()> {
    drop_others(connection, setups)?;
    let insert = "INSERT INTO feed (key, name, start_url, next_url, walk, walk_complete, restart, failures, pages, \
        updated, deleted) VALUES (?1, ?2, ?3, ?3, 1, 0, 0, 0, 0, 0, 0) ON CONFLICT (key) DO UPDATE \
        SET start_url = excluded.start_url, restart = 1, wait_until = NULL, etag = NULL, last_modified = NULL \
        WHERE start_url <> excluded.start_url RETURNING restart";
    for setup in setups {
        let values = params![setup.feed.number(), setup.feed.name(), setup.start_url];
        let moved = connection.query_row(insert, values, |row| row.get(0)).optional()?.unwrap_or(false);
        if moved && setup.feed.role() == Role::Sellers {
            connection.execute("DELETE FROM seller", [])?;
            connection.execute("UPDATE feed SET read_to_end_at = NULL WHERE key = ?1", [setup.feed.number()])?;
        }
    }
    Ok(())
}

/// Forgets the feeds that are harvested no more and all that they said: what is not kept up to date must not be held.
fn drop_others(connection: &Connection, setups: &[FeedSetup]) -> rusqlite::Result<()> {
    for feed in Feed::ALL.into_iter().filter(|feed| setups.iter().all(|setup| setup.feed != *feed)) {
        if connection.execute("DELETE FROM feed WHERE key = ?1", [feed.number()])? == 0 {
            continue;
        }
        // Only hashes, and not told apart by feed; without them a stale repeat would be taken, which its page corrects.
        connection.execute("DELETE FROM tombstone", [])?;
        match feed.role() {
            Role::Children(pair) => opportunity_row::delete_all(connection, pair)?,
            Role::Parents(pair) => {
                let links = "(SELECT key FROM link WHERE pair = ?1)";
                let sql = format!("UPDATE opportunity SET link = NULL WHERE link IN {links}");
                connection.execute(&sql, [pair.number()])?;
                connection.execute("DELETE FROM parent WHERE pair = ?1", [pair.number()])?;
                connection.execute("DELETE FROM link WHERE pair = ?1", [pair.number()])?;
            }
            Role::Sellers => drop(connection.execute("DELETE FROM seller", [])?),
            Role::Datasets => drop(connection.execute("DELETE FROM dataset", [])?),
        }
    }
    Ok(())
}

/// Where every feed stands.
pub(super) fn positions(connection: &Connection) -> rusqlite::Result<BTreeMap<Feed, Position>> {
    let sql = "SELECT key, start_url, next_url, walk, walk_complete, read_to_end_at, wait_until, failures, license, \
        etag, last_modified FROM feed";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut positions = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let Some(feed) = Feed::from_number(number) else { continue };
        let position = Position {
            feed,
            start_url: row.get(1)?,
            next_url: row.get(2)?,
            walk: row.get(3)?,
            walk_complete: row.get(4)?,
            read_to_end_at: row.get::<_, Option<i64>>(5)?.map(Instant::from_seconds),
            wait_until: row.get::<_, Option<i64>>(6)?.map(Instant::from_seconds),
            failures: row.get(7)?,
            license: row.get(8)?,
            version: Version { etag: row.get(9)?, last_modified: row.get(10)? },
        };
        positions.insert(feed, position);
    }
    Ok(positions)
}

/// Begins a new walk for every feed that is to be walked anew, because it was asked for or not read to its end for too
/// long; gives those feeds.
pub(super) fn begin_walks(connection: &Connection, now: Instant) -> rusqlite::Result<Vec<Feed>> {
    let sql = "UPDATE feed SET walk = walk + 1, walk_complete = 0, next_url = start_url, restart = 0 \
        WHERE key = ?1 AND (restart = 1 OR (walk_complete = 1 AND read_to_end_at < ?2))";
    let mut statement = connection.prepare_cached(sql)?;
    let mut begun = Vec::new();
    for feed in Feed::ALL {
        let stale_before = feed.gap_seconds_max().map(|gap| now.plus_seconds(-gap).as_seconds());
        if statement.execute(params![feed.number(), stale_before])? > 0 {
            begun.push(feed);
        }
    }
    Ok(begun)
}

/// Writes where a feed stands after a page.
pub(super) fn advance(
    connection: &Connection,
    position: &Position,
    counts: Counts,
    now: Instant,
) -> rusqlite::Result<()> {
    let sql = "UPDATE feed SET next_url = ?2, walk_complete = ?3, read_to_end_at = ?4, wait_until = ?5, failures = 0, \
        fault = NULL, fault_text = NULL, license = coalesce(?6, license), pages = pages + 1, updated = updated + ?7, \
        deleted = deleted + ?8, etag = ?9, last_modified = ?10, polled_at = ?11 WHERE key = ?1";
    connection.prepare_cached(sql)?.execute(params![
        position.feed.number(),
        position.next_url,
        position.walk_complete,
        position.read_to_end_at.map(Instant::as_seconds),
        position.wait_until.map(Instant::as_seconds),
        position.license,
        counts.updated,
        counts.deleted,
        position.version.etag,
        position.version.last_modified,
        now.as_seconds(),
    ])?;
    Ok(())
}

/// Writes that a request failed, with a stable code and the same for people, and how long to wait.
pub(super) fn note_fault(
    connection: &Connection,
    position: &Position,
    (code, text): (&str, &str),
    now: Instant,
) -> rusqlite::Result<()> {
    let sql =
        "UPDATE feed SET wait_until = ?2, failures = ?3, fault = ?4, fault_text = ?5, polled_at = ?6 WHERE key = ?1";
    let wait_until = position.wait_until.map(Instant::as_seconds);
    let values = params![position.feed.number(), wait_until, position.failures, code, text, now.as_seconds()];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Counts findings, keeping the last item of each kind as a sample.
pub(super) fn note_findings(connection: &Connection, feed: Feed, notes: &[Note], now: Instant) -> rusqlite::Result<()> {
    let sql = "INSERT INTO finding (feed, code, count, item, seen_at) VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT (feed, code) \
        DO UPDATE SET count = count + 1, item = excluded.item, seen_at = excluded.seen_at";
    for note in notes {
        let values = params![feed.number(), note.code, note.item, now.as_seconds()];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_remembered_whatever_came_of_it() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/state.sql")).unwrap();
        let setup = FeedSetup { feed: Feed::Slots, start_url: "https://f.example/slots".to_owned() };
        set_up(&connection, &[setup]).unwrap();
        let polled_at =
            || -> Option<i64> { connection.query_row("SELECT polled_at FROM feed", [], |row| row.get(0)).unwrap() };
        let position = positions(&connection).unwrap().remove(&Feed::Slots).unwrap();
        assert_eq!(polled_at(), None);
        advance(&connection, &position, Counts::default(), Instant::from_seconds(5)).unwrap();
        assert_eq!(polled_at(), Some(5));
        note_fault(&connection, &position, ("timeout", "no answer"), Instant::from_seconds(9)).unwrap();
        assert_eq!(polled_at(), Some(9));
    }
}
