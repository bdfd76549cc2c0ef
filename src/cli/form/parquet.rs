//! Apache Parquet: the columns with types of their own (timestamps, lists, booleans), compressed with gzip.
//!
//! Sessions are held until a row group is full, by rows or by bytes, so memory has a bound.

use std::io::{self, Write};
use std::sync::Arc;

use chrono::NaiveDateTime;
use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use rusqlite::types::Value;

use super::Form;
use crate::cli::catalogue::COLUMNS;
use crate::cli::find::Found;
use crate::domain::Instant;

const GROUP_ROWS_MAX: usize = 100_000;
/// Of texts, with what each costs beside its bytes.
const GROUP_BYTES_MAX: usize = 24 << 20;
const TEXT_OVERHEAD_BYTES: usize = 48;

/// See the module.
pub(in crate::cli) struct Parquet<W: Write + Send> {
    /// None once it is finished.
    writer: Option<SerializedFileWriter<W>>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
    Instant,
    /// A date and time on London's clocks.
    Local,
    Integer,
    Real,
    Boolean,
}

/// A row group's share of a column. A definition level says how much of a value's path is there: 0 for null.
#[derive(Debug)]
struct Column {
    kind: Kind,
    defined: Vec<i16>,
    /// Of lists: 0 at each beginning, 1 for what goes on.
    repeated: Vec<i16>,
    texts: Vec<ByteArray>,
    numbers: Vec<i64>,
    reals: Vec<f64>,
    booleans: Vec<bool>,
}

impl<W: Write + Send> Parquet<W> {
    pub(in crate::cli) fn new(writer: W, with_distance: bool) -> io::Result<Self> {
        let columns = COLUMNS.into_iter().chain(with_distance.then_some("distance_km"));
        let columns: Vec<(&str, Kind)> = columns.map(|name| (name, kind(name))).collect();
        let fields: String = columns.iter().map(|(name, kind)| kind.field(name)).collect();
        let open = || -> Result<SerializedFileWriter<W>> {
            let schema = parse_message_type(&format!("message session {{ {fields} }}"))?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::GZIP(GzipLevel::try_new(3)?))
                .set_created_by(concat!("bookable ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            SerializedFileWriter::new(writer, Arc::new(schema), Arc::new(properties))
        };
        let columns = columns.into_iter().map(|(_, kind)| Column::new(kind)).collect();
        Ok(Self { writer: Some(open().map_err(io_error)?), columns, rows: 0, bytes: 0 })
    }

    /// Writes the row group that was gathered.
    fn write_group(&mut self) -> Result<()> {
        let Some(writer) = self.writer.as_mut().filter(|_| self.rows > 0) else { return Ok(()) };
        let mut group = writer.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl<W: Write + Send> Form for Parquet<W> {
    fn take(&mut self, row: &Found) -> io::Result<()> {
        let distance = row.rounded_km().map_or(Value::Null, Value::Real);
        for (column, value) in self.columns.iter_mut().zip(row.values.iter().chain([&distance])) {
            self.bytes += column.push(value);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS_MAX || self.bytes >= GROUP_BYTES_MAX {
            self.write_group().map_err(io_error)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_group().map_err(io_error)?;
        if let Some(mut writer) = self.writer.take() {
            writer.finish().map_err(io_error)?;
            writer.inner_mut().flush()?;
        }
        Ok(())
    }
}

fn kind(column: &str) -> Kind {
    match column {
        "activities" | "levels" => Kind::Texts,
        "starts_at" | "ends_at" | "bookable_from" => Kind::Instant,
        "local_start" => Kind::Local,
        "price" | "latitude" | "longitude" | "distance_km" => Kind::Real,
        "membership_required" | "present_as_slots" => Kind::Boolean,
        "duration_minutes" | "remaining_capacity" | "maximum_capacity" | "min_age" | "max_age" | "modified" => {
            Kind::Integer
        }
        _ => Kind::Text,
    }
}

impl Kind {
    /// The field in Parquet's own language of schemas.
    fn field(self, name: &str) -> String {
        match self {
            Self::Text => format!("optional binary {name} (STRING); "),
            Self::Texts => format!(
                "optional group {name} (LIST) {{ repeated group list {{ optional binary element (STRING); }} }} "
            ),
            Self::Instant => format!("optional int64 {name} (TIMESTAMP(MILLIS,true)); "),
            Self::Local => format!("optional int64 {name} (TIMESTAMP(MILLIS,false)); "),
            Self::Integer => format!("optional int64 {name}; "),
            Self::Real => format!("optional double {name}; "),
            Self::Boolean => format!("optional boolean {name}; "),
        }
    }
}

impl Column {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            defined: Vec::new(),
            repeated: Vec::new(),
            texts: Vec::new(),
            numbers: Vec::new(),
            reals: Vec::new(),
            booleans: Vec::new(),
        }
    }

    /// Takes a value in, and says about how many bytes it takes. One of another kind counts as null.
    fn push(&mut self, value: &Value) -> usize {
        let (texts_before, mut bytes) = (self.texts.len(), 0);
        let defined = match (self.kind, value) {
            (Kind::Texts, Value::Text(list)) => return self.push_list(list),
            (Kind::Text, Value::Text(text)) => {
                bytes = text.len();
                self.texts.push(ByteArray::from(text.as_str()));
                true
            }
            (Kind::Instant, Value::Text(text)) => self.push_millis(Instant::parse(text).map(Instant::as_seconds)),
            (Kind::Local, Value::Text(text)) => {
                let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok();
                self.push_millis(local.map(|local| local.and_utc().timestamp()))
            }
            (Kind::Integer, Value::Integer(number)) => {
                self.numbers.push(*number);
                true
            }
            (Kind::Real, Value::Real(number)) => {
                self.reals.push(*number);
                true
            }
            (Kind::Boolean, Value::Integer(number)) => {
                self.booleans.push(*number != 0);
                true
            }
            _ => false,
        };
        self.defined.push(i16::from(defined));
        if self.kind == Kind::Texts {
            self.repeated.push(0);
        }
        bytes + (self.texts.len() - texts_before) * TEXT_OVERHEAD_BYTES
    }

    fn push_millis(&mut self, seconds: Option<i64>) -> bool {
        self.numbers.extend(seconds.map(|seconds| seconds.saturating_mul(1000)));
        seconds.is_some()
    }

    /// A JSON array of texts: null 0, an empty list 1, a text in it 3.
    fn push_list(&mut self, list: &str) -> usize {
        let texts: Option<Vec<String>> = serde_json::from_str(list).ok();
        match texts.as_deref() {
            None | Some([]) => {
                self.defined.push(i16::from(texts.is_some()));
                self.repeated.push(0);
                0
            }
            Some(texts) => {
                for (at, text) in texts.iter().enumerate() {
                    self.defined.push(3);
                    self.repeated.push(i16::from(at > 0));
                    self.texts.push(ByteArray::from(text.as_str()));
                }
                list.len() + texts.len() * TEXT_OVERHEAD_BYTES
            }
        }
    }

    /// Writes what was gathered, and begins anew.
    fn write<W: Write + Send>(&mut self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        let missing = || ParquetError::General("a column too many".to_owned());
        let mut writer: SerializedColumnWriter<'_> = group.next_column()?.ok_or_else(missing)?;
        let (defined, repeated) = (Some(&*self.defined), Some(&*self.repeated).filter(|_| self.kind == Kind::Texts));
        match self.kind {
            Kind::Text | Kind::Texts => {
                writer.typed::<ByteArrayType>().write_batch(&self.texts, defined, repeated)?;
            }
            Kind::Instant | Kind::Local | Kind::Integer => {
                writer.typed::<Int64Type>().write_batch(&self.numbers, defined, repeated)?;
            }
            Kind::Real => {
                writer.typed::<DoubleType>().write_batch(&self.reals, defined, repeated)?;
            }
            Kind::Boolean => {
                writer.typed::<BoolType>().write_batch(&self.booleans, defined, repeated)?;
            }
        }
        writer.close()?;
        *self = Self::new(self.kind);
        Ok(())
    }
}

/// The writer's own failure where it is one: so a reader that went away is known as such.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(inner) => *inner,
            Err(inner) => io::Error::other(inner),
        },
        other => io::Error::other(other),
    }
}
