//! The forms in which sessions are written: each takes them one at a time and holds no more than it must.
//!
//! They carry a publisher's texts as they are, as far as the form can. Every failure is one of the writer beneath.

use std::borrow::Cow;
use std::io::{self, Write};

use rusqlite::types::Value;

use super::catalogue::COLUMNS;
use super::find::Found;

mod geojson;
mod ical;
mod parquet;

pub(super) use geojson::GeoJson;
pub(super) use ical::Ical;
pub(super) use parquet::Parquet;

/// A form: sessions are taken one after the other, then it is finished, once.
pub(super) trait Form {
    /// Writes a session, or keeps it until there are more.
    fn take(&mut self, row: &Found) -> io::Result<()>;
    /// Writes what is left, and flushes.
    fn finish(&mut self) -> io::Result<()>;
}

/// Comma-separated values (RFC 4180, but with plain line ends): a header, and a record a session. With a point, the distance from
/// it in a last column.
pub(super) struct Csv<W: Write> {
    writer: csv::Writer<W>,
    with_distance: bool,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(writer: W, with_distance: bool) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(writer);
        let header = COLUMNS.into_iter().chain(with_distance.then_some("distance_km"));
        writer.write_record(header).map_err(io_error)?;
        Ok(Self { writer, with_distance })
    }
}

impl<W: Write> Form for Csv<W> {
    fn take(&mut self, row: &Found) -> io::Result<()> {
        for value in &row.values {
            let field = match value {
                Value::Null | Value::Blob(_) => Cow::Borrowed(""),
                Value::Integer(number) => Cow::Owned(number.to_string()),
                Value::Real(number) => Cow::Owned(number.to_string()),
                Value::Text(text) => Cow::Borrowed(text.as_str()),
            };
            self.writer.write_field(field.as_bytes()).map_err(io_error)?;
        }
        if self.with_distance {
            let distance = row.rounded_km().map(|km| km.to_string()).unwrap_or_default();
            self.writer.write_field(distance).map_err(io_error)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(io_error)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The writer's own failure where it is one: so a reader that went away is known as such.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// One JSON object a line.
pub(super) struct Ndjson<W: Write>(W);

impl<W: Write> Ndjson<W> {
    pub(super) const fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<W: Write> Form for Ndjson<W> {
    fn take(&mut self, row: &Found) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, row)?;
        self.0.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
