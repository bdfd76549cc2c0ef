//! iCalendar (RFC 5545): one calendar, a VEVENT a session, all instants in UTC. The event's URL is the guest checkout.
//!
//! Of nothing it makes a calendar without components, which the RFC does not provide for, and programs take.

use std::io::{self, Write};

use super::Form;
use crate::cli::find::Found;
use crate::domain::Instant;

/// A line may have this many octets without its end.
const LINE_OCTETS_MAX: usize = 75;

/// See the module.
pub(in crate::cli) struct Ical<W: Write> {
    writer: W,
    stamp: String,
}

impl<W: Write> Ical<W> {
    /// A calendar that was made at `now`.
    pub(in crate::cli) fn new(writer: W, now: Instant) -> io::Result<Self> {
        let mut calendar = Self { writer, stamp: utc(&now.to_string()) };
        calendar.line("BEGIN", "VCALENDAR")?;
        calendar.line("VERSION", "2.0")?;
        calendar.line("PRODID", concat!("-//bookable//bookable ", env!("CARGO_PKG_VERSION"), "//EN"))?;
        calendar.line("CALSCALE", "GREGORIAN")?;
        Ok(calendar)
    }

    /// Writes a content line, folded: what goes on begins with a blank. No character is broken.
    fn line(&mut self, name: &str, value: &str) -> io::Result<()> {
        let line = format!("{name}:{value}");
        let mut rest = line.as_str();
        let mut room = LINE_OCTETS_MAX;
        while rest.len() > room {
            let (now, later) = rest.split_at(rest.floor_char_boundary(room));
            self.writer.write_all(now.as_bytes())?;
            self.writer.write_all(b"\r\n ")?;
            rest = later;
            room = LINE_OCTETS_MAX - 1;
        }
        self.writer.write_all(rest.as_bytes())?;
        self.writer.write_all(b"\r\n")
    }

    fn text(&mut self, name: &str, value: Option<String>) -> io::Result<()> {
        value.map_or(Ok(()), |value| self.line(name, &escaped(&value)))
    }
}

impl<W: Write> Form for Ical<W> {
    fn take(&mut self, row: &Found) -> io::Result<()> {
        let text = |column: &str| row.text(column);
        self.line("BEGIN", "VEVENT")?;
        self.text("UID", text("session_id").or_else(|| text("identifier")))?;
        let stamp = self.stamp.clone();
        self.line("DTSTAMP", &stamp)?;
        let starts_at = text("starts_at").unwrap_or_default();
        self.line("DTSTART", &utc(&starts_at))?;
        // An event ends after it begins, or does not say.
        if let Some(ends_at) = text("ends_at").filter(|ends_at| *ends_at > starts_at) {
            self.line("DTEND", &utc(&ends_at))?;
        }
        self.text("SUMMARY", text("name"))?;
        self.text("DESCRIPTION", description(row))?;
        let place: Vec<String> = ["place", "address", "postcode"].into_iter().filter_map(text).collect();
        self.text("LOCATION", (!place.is_empty()).then(|| place.join(", ")))?;
        if let Some((latitude, longitude)) = row.number("latitude").zip(row.number("longitude")) {
            self.line("GEO", &format!("{latitude:.6};{longitude:.6}"))?;
        }
        let labels = text("activities").and_then(|list| serde_json::from_str::<Vec<String>>(&list).ok());
        let labels = labels.unwrap_or_default().iter().map(|label| escaped(label)).collect::<Vec<_>>();
        if !labels.is_empty() {
            self.line("CATEGORIES", &labels.join(","))?;
        }
        // A URI stands as it is.
        let url = text("checkout_url").unwrap_or_default();
        self.line("URL", &url.replace(|c: char| c.is_ascii_control(), ""))?;
        self.line("END", "VEVENT")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.line("END", "VCALENDAR")?;
        self.writer.flush()
    }
}

/// What it is, and whom the publisher wants named.
fn description(row: &Found) -> Option<String> {
    let source = row.text("attribution_name").map(|name| format!("Source: {name}"));
    let parts: Vec<String> = [row.text("description"), source].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// `2026-12-01T18:00:00Z` → `20261201T180000Z`.
fn utc(instant: &str) -> String {
    instant.replace(['-', ':'], "")
}

/// A TEXT value: line ends as `\n`; control characters, which it may not hold, are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let text = text.replace("\r\n", "\n");
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' | '\r' => escaped.push_str("\\n"),
            '\t' => escaped.push(c),
            c if c.is_ascii_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}
