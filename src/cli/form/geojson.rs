//! GeoJSON (RFC 7946): a collection of points, one a session, with the columns as properties. A session without coordinates has
//! the geometry null.

use std::io::{self, Write};

use serde::Serialize;

use super::Form;
use crate::cli::find::Found;

/// See the module.
pub(in crate::cli) struct GeoJson<W: Write> {
    writer: W,
    is_first: bool,
}

#[derive(Serialize)]
struct Feature<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    geometry: Option<Point>,
    properties: &'a Found,
}

#[derive(Serialize)]
struct Point {
    r#type: &'static str,
    /// Longitude first.
    coordinates: [f64; 2],
}

impl<W: Write> GeoJson<W> {
    pub(in crate::cli) fn new(mut writer: W) -> io::Result<Self> {
        writer.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
        Ok(Self { writer, is_first: true })
    }
}

impl<W: Write> Form for GeoJson<W> {
    fn take(&mut self, row: &Found) -> io::Result<()> {
        let coordinates = row.number("longitude").zip(row.number("latitude"));
        let point = |(longitude, latitude)| Point { r#type: "Point", coordinates: [longitude, latitude] };
        let feature = Feature {
            r#type: "Feature",
            id: row.text("session_id"),
            geometry: coordinates.map(point),
            properties: row,
        };
        self.writer.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        Ok(serde_json::to_writer(&mut self.writer, &feature)?)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writer.write_all(b"\n]}\n")?;
        self.writer.flush()
    }
}
