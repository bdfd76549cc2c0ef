//! Reading the catalogue: opened read-only, checked to be ours and of a known version.
//!
//! Every failure names the file and says what to do. Uses `failure` only; knows the contract (the views), not the store.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure::Failure;

/// "BKBL": what `PRAGMA application_id` says in a catalogue.
pub(super) const APPLICATION_ID: i64 = 0x424B_424C;
/// The schema version that is read here.
const VERSION: i64 = 6;

/// The columns of the view `bookable_session`, in its order.
pub(super) const COLUMNS: [&str; 37] = [
    "session_id",
    "identifier",
    "checkout_url",
    "name",
    "description",
    "activities",
    "starts_at",
    "ends_at",
    "local_start",
    "duration_minutes",
    "bookable_from",
    "remaining_capacity",
    "maximum_capacity",
    "price",
    "currency",
    "membership_required",
    "min_age",
    "max_age",
    "gender",
    "levels",
    "attendance_mode",
    "organizer",
    "organizer_id",
    "place",
    "address",
    "postcode",
    "latitude",
    "longitude",
    "url",
    "image_url",
    "series_id",
    "dataset",
    "attribution_name",
    "attribution_url",
    "license",
    "present_as_slots",
    "modified",
];

/// Opens the catalogue to read it.
pub(super) fn open(path: &Path) -> Result<Connection, Failure> {
    let shown = path.display();
    if !path.exists() {
        return Err(Failure::failed(format!(
            "there is no catalogue at {shown}; run `bookable harvest` first, or name it with --catalogue"
        )));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = |connection: &Connection| -> rusqlite::Result<(i64, i64)> {
        connection.busy_timeout(Duration::from_secs(5))?;
        let id = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        Ok((id, connection.query_row("PRAGMA user_version", [], |row| row.get(0))?))
    };
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| Ok((read(&connection)?, connection)));
    let ((id, version), connection) = opened.map_err(|error| unreadable(path, error))?;
    if id != APPLICATION_ID {
        return Err(Failure::failed(format!("{shown} is not a catalogue of bookable; name one with --catalogue")));
    }
    if version != VERSION {
        let advice =
            if version > VERSION { "use the program that wrote it, or a newer one" } else { "run `bookable rebuild`" };
        return Err(Failure::failed(format!(
            "{shown} has schema version {version}, this program reads {VERSION}; {advice}"
        )));
    }
    Ok(connection)
}

/// A catalogue that cannot be read, with what to do where that is known.
fn unreadable(path: &Path, error: rusqlite::Error) -> Failure {
    let shown = path.display();
    let words = match error.sqlite_error_code() {
        // SQLite makes its `-shm` file first, where no other process has one open.
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => format!(
            "cannot read the catalogue {shown}: who may not write in its folder can read it only while a harvest runs; use a \
             copy (`bookable snapshot`)"
        ),
        _ => format!("cannot read the catalogue {shown}"),
    };
    Failure::Failed(anyhow::Error::new(error).context(words))
}

/// Why what the catalogue holds may be out of date or incomplete, in words; nothing where each feed was read to its end
/// within the licence's 24 hours.
pub(super) fn staleness(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare("SELECT feed, age_seconds, stale FROM freshness ORDER BY feed")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<(String, Option<i64>, bool)>>>()?;
    if rows.is_empty() {
        return Ok(Some("no feed has been read to its end yet".to_owned()));
    }
    let words = |(feed, age, _): &(String, Option<i64>, bool)| match age {
        Some(age) => format!("{feed} was last read to its end {} hours ago", age / 3600),
        None => format!("{feed} has not been read to its end yet"),
    };
    let stale: Vec<String> = rows.iter().filter(|(_, _, stale)| *stale).map(words).collect();
    Ok((!stale.is_empty()).then(|| stale.join("; ")))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rows made up for tests.
    pub(in crate::cli) const SYNTHETIC_ROWS: &str = include_str!("catalogue/synthetic.sql");

    /// A catalogue of synthetic rows in a file, with the connection that wrote it.
    pub(in crate::cli) fn synthetic(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = wal").unwrap();
        fill(&connection);
        connection
    }

    /// Gives a connection the catalogue's tables and the synthetic rows.
    pub(in crate::cli) fn fill(connection: &Connection) {
        connection.execute_batch(include_str!("../store/schema/catalogue.sql")).unwrap();
        connection.execute_batch(include_str!("../store/schema/catalogue_indexes.sql")).unwrap();
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", VERSION).unwrap();
        connection.execute_batch(SYNTHETIC_ROWS).unwrap();
    }

    fn refused(path: &Path) -> String {
        open(path).err().and_then(|failure| failure.line()).unwrap()
    }

    #[test]
    fn only_a_catalogue_of_this_version_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a catalogue?#%20.db");
        assert!(refused(&path).contains("run `bookable harvest` first"));
        assert!(!path.exists());
        let writer = synthetic(&path);
        let reader = open(&path).unwrap();
        assert!(reader.execute("DELETE FROM session", []).is_err());
        writer.pragma_update(None, "user_version", 7).unwrap();
        assert!(refused(&path).contains("schema version 7, this program reads 6; use the program that wrote it"));
        writer.pragma_update(None, "user_version", 0).unwrap();
        assert!(refused(&path).ends_with("run `bookable rebuild`"));
        writer.pragma_update(None, "application_id", 1).unwrap();
        assert!(refused(&path).contains("is not a catalogue of bookable"));
        let text = place.path().join("text.db");
        std::fs::write(&text, "no database at all, but long enough to have a header of a hundred bytes".repeat(9))
            .unwrap();
        assert!(refused(&text).contains("cannot read the catalogue"));
        assert!(refused(place.path()).contains("cannot read the catalogue"));
    }

    #[test]
    fn a_stale_catalogue_says_so() {
        let place = tempfile::tempdir().unwrap();
        let writer = synthetic(&place.path().join("c.db"));
        let words = || staleness(&writer).unwrap();
        assert_eq!(words().as_deref(), Some("no feed has been read to its end yet"));
        writer.execute_batch("INSERT INTO feed VALUES ('a', NULL, NULL)").unwrap();
        assert_eq!(words().as_deref(), Some("a has not been read to its end yet"));
        let read = "UPDATE feed SET read_to_end_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?1)";
        writer.execute(read, ["-25 hours"]).unwrap();
        assert_eq!(words().as_deref(), Some("a was last read to its end 25 hours ago"));
        writer.execute(read, ["-1 hours"]).unwrap();
        assert_eq!(words(), None);
    }
}
