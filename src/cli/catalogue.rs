//! Reading the catalogue: opened read-only, checked to be ours and of a known version.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;

/// "BKBL": what `PRAGMA application_id` says in a catalogue.
const APPLICATION_ID: i64 = 0x424B_424C;
/// The schema version that is read here.
const VERSION: i64 = 1;

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
    let ((id, version), connection) =
        opened.map_err(|error| anyhow::Error::new(error).context(format!("cannot read the catalogue {shown}")))?;
    if id != APPLICATION_ID {
        return Err(Failure::failed(format!("{shown} is not a catalogue of bookable; name one with --catalogue")));
    }
    if version != VERSION {
        return Err(Failure::failed(format!(
            "{shown} has schema version {version}, this program reads {VERSION}; use the version that wrote it"
        )));
    }
    Ok(connection)
}
