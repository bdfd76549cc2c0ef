//! Each form is written, read back, and compared with the rows. Every row here is synthetic.

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::cli::find::tests::{catalogue, found_in};
use crate::domain::Instant;

const NASTY: &str = "Yoga, \"hot\"; back\\slash\r\nnext line\twith 瑜伽 and \u{1b}[2J, and then for long enough that it must be folded: \
    ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé 😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀";

/// Rows with everything that is hard to write.
fn rows() -> Vec<Found> {
    let connection = catalogue();
    let texts = "UPDATE listing SET name = ?1, description = ?1 || char(10), address = '1, High St', postcode = 'LS1 1AA', \
        min_age = 16, present_as_slots = 1 WHERE key = 1";
    connection.execute(texts, [NASTY]).unwrap();
    let times =
        "UPDATE session SET duration_minutes = 60, modified = 9007199254740993, bookable_from = NULL WHERE key = 1";
    connection.execute(times, []).unwrap();
    connection.execute("UPDATE session SET session_id = NULL WHERE key = 3", []).unwrap();
    attributed(&connection);
    let rows = found_in(&connection, &[]);
    assert_eq!(rows.len(), 3);
    rows
}

fn attributed(connection: &Connection) {
    connection.execute("UPDATE listing SET dataset = 'd' WHERE key = 1", []).unwrap();
    let dataset = "INSERT INTO dataset (identifier, name, url) VALUES ('d', 'A; B', 'https://d.example/')";
    connection.execute(dataset, []).unwrap();
}

/// What a form makes of rows.
fn written<'a>(rows: &[Found], form: impl FnOnce(&'a mut Vec<u8>) -> Box<dyn Form + 'a>, into: &'a mut Vec<u8>) {
    let mut form = form(into);
    for row in rows {
        form.take(row).unwrap();
    }
    form.finish().unwrap();
}

#[test]
fn csv_reads_back() {
    let (rows, mut bytes) = (rows(), Vec::new());
    written(&rows, |into| Box::new(Csv::new(into, false).unwrap()), &mut bytes);
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 3);
    for (record, row) in records.iter().zip(&rows) {
        for (at, column) in COLUMNS.iter().enumerate() {
            assert_eq!(record[at], row.text(column).unwrap_or_default(), "{column}");
        }
    }
    let near = found_in(&catalogue(), &["--near", "53.8,-1.5"]);
    let mut bytes = Vec::new();
    written(&near, |into| Box::new(Csv::new(into, true).unwrap()), &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.lines().next().unwrap().ends_with(",modified,distance_km"), "{text}");
    assert!(text.trim_end().ends_with(",1,3.284"), "{text}");
}

#[test]
fn ndjson_reads_back() {
    let (rows, mut bytes) = (rows(), Vec::new());
    written(&rows, |into| Box::new(Ndjson::new(into)), &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().count(), 3);
    for (line, row) in text.lines().zip(&rows) {
        compare_json(&serde_json::from_str(line).unwrap(), row);
    }
}

fn compare_json(object: &serde_json::Value, row: &Found) {
    assert_eq!(object.as_object().unwrap().len(), COLUMNS.len());
    for (column, value) in COLUMNS.iter().zip(&row.values) {
        let expected = match (*column, value) {
            ("activities" | "levels", Value::Text(text)) => serde_json::from_str(text).unwrap(),
            ("membership_required" | "present_as_slots", Value::Integer(number)) => json!(*number == 1),
            (_, Value::Text(text)) => json!(text),
            (_, Value::Integer(number)) => json!(number),
            (_, Value::Real(number)) => json!(number),
            _ => json!(null),
        };
        assert_eq!(object[column], expected, "{column}");
    }
}

#[test]
fn geojson_reads_back() {
    let (rows, mut bytes) = (rows(), Vec::new());
    written(&rows, |into| Box::new(GeoJson::new(into).unwrap()), &mut bytes);
    let collection: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(collection["type"], "FeatureCollection");
    let features = collection["features"].as_array().unwrap();
    assert_eq!(features.len(), 3);
    for (feature, row) in features.iter().zip(&rows) {
        assert_eq!(feature["type"], "Feature");
        compare_json(&feature["properties"], row);
    }
    assert_eq!(features[0]["id"], "id:a");
    assert_eq!(features[0]["geometry"], json!({"type": "Point", "coordinates": [-1.55, 53.8]}));
    assert!(features[2].get("id").is_none() && features[2]["geometry"].is_null(), "online, and without @id");
    let mut bytes = Vec::new();
    written(&[], |into| Box::new(GeoJson::new(into).unwrap()), &mut bytes);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["features"], json!([]));
}

/// The content lines, unfolded, as name and value; each physical line is looked at.
fn unfolded(bytes: Vec<u8>) -> Vec<(String, String)> {
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with("END:VCALENDAR\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
    for line in text.split("\r\n") {
        assert!(line.len() <= 75 && !line.contains(|c: char| c.is_ascii_control() && c != '\t'), "{line}");
    }
    let unfolded = text.replace("\r\n ", "");
    let lines = unfolded.split_terminator("\r\n").map(|line| line.split_once(':').unwrap());
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut characters) = (String::new(), text.chars());
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next().unwrap() {
                'n' => plain.push('\n'),
                c if matches!(c, '\\' | ';' | ',') => plain.push(c),
                c => panic!("\\{c} in {text}"),
            },
            ';' | ',' => panic!("{c} in {text}"),
            c => plain.push(c),
        }
    }
    plain
}

#[test]
fn icalendar_reads_back() {
    let (rows, mut bytes) = (rows(), Vec::new());
    let now = Instant::parse("2026-11-24T20:00:00Z").unwrap();
    written(&rows, |into| Box::new(Ical::new(into, now).unwrap()), &mut bytes);
    let lines = unfolded(bytes);
    assert_eq!(lines[0], ("BEGIN".to_owned(), "VCALENDAR".to_owned()));
    let events: Vec<&[(String, String)]> =
        lines.split(|line| line.0 == "BEGIN" && line.1 == "VEVENT").skip(1).collect();
    assert_eq!(events.len(), 3);
    let value = |event: usize, name: &str| {
        let mut found = events[event].iter().filter(|line| line.0 == name);
        let value = found.next().map(|line| line.1.clone());
        assert!(found.next().is_none(), "{name} once");
        value
    };
    for (event, row) in rows.iter().enumerate() {
        let uid = row.text("session_id").or_else(|| row.text("identifier")).unwrap();
        assert_eq!(unescaped(&value(event, "UID").unwrap()), uid);
        assert_eq!(value(event, "DTSTART").unwrap(), row.text("starts_at").unwrap().replace(['-', ':'], ""));
        assert_eq!(value(event, "DTSTAMP").unwrap(), "20261124T200000Z");
        assert_eq!(value(event, "URL"), row.text("checkout_url"));
        let plain = |text: String| text.replace("\r\n", "\n").replace('\u{1b}', "");
        assert_eq!(value(event, "SUMMARY").map(|text| unescaped(&text)), row.text("name").map(plain));
    }
    assert_eq!(value(0, "DTEND").unwrap(), "29990101T110000Z");
    assert_eq!(value(1, "DTEND"), None);
    assert_eq!(unescaped(&value(0, "LOCATION").unwrap()), "Leeds Hall, 1, High St, LS1 1AA");
    assert_eq!((value(0, "GEO").unwrap().as_str(), value(2, "GEO")), ("53.800000;-1.550000", None));
    assert!(unescaped(&value(0, "DESCRIPTION").unwrap()).ends_with("😀\n\n\nSource: A; B"));
    assert_eq!(value(1, "CATEGORIES").unwrap(), "Cycling,Spin,Tai Chi");
}

#[test]
fn parquet_reads_back() {
    let rows = rows();
    let file = tempfile::tempfile().unwrap();
    let mut form = Parquet::new(file.try_clone().unwrap(), false).unwrap();
    for row in &rows {
        form.take(row).unwrap();
    }
    form.finish().unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let read: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), 3);
    for (record, row) in read.iter().zip(&rows) {
        let fields: Vec<_> = record.get_column_iter().collect();
        assert_eq!(fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), COLUMNS);
        for ((column, field), value) in fields.iter().zip(&row.values) {
            compare_field(column, field, value);
        }
    }
}

fn compare_field(column: &str, field: &Field, value: &Value) {
    match (field, value) {
        (Field::Null, Value::Null) => {}
        (Field::Str(text), Value::Text(expected)) => assert_eq!(text, expected, "{column}"),
        (Field::TimestampMillis(millis), Value::Text(expected)) => {
            let shown = Instant::from_seconds(millis / 1000).to_string();
            assert!(shown.starts_with(expected.as_str()), "{column}: {shown} {expected}");
        }
        (Field::Long(number), Value::Integer(expected)) => assert_eq!(number, expected, "{column}"),
        (Field::Double(number), Value::Real(expected)) => assert_eq!(number.to_bits(), expected.to_bits(), "{column}"),
        (Field::Bool(yes), Value::Integer(expected)) => assert_eq!(i64::from(*yes), *expected, "{column}"),
        (Field::ListInternal(list), Value::Text(expected)) => {
            let expected: Vec<String> = serde_json::from_str(expected).unwrap();
            let texts = list.elements().iter().map(|text| match text {
                Field::Str(text) => text.clone(),
                other => panic!("{column}: {other}"),
            });
            assert_eq!(texts.collect::<Vec<_>>(), expected, "{column}");
        }
        (field, value) => panic!("{column}: {field} for {value:?}"),
    }
}

/// Of nothing there is a file too, which can be read.
#[test]
fn parquet_of_no_rows_and_of_many_groups() {
    let row = rows().remove(0);
    for count in [0, 20_000] {
        let file = tempfile::tempfile().unwrap();
        let mut form = Parquet::new(file.try_clone().unwrap(), true).unwrap();
        for _ in 0..count {
            form.take(&row).unwrap();
        }
        form.finish().unwrap();
        let metadata = SerializedFileReader::new(file).unwrap().metadata().clone();
        assert_eq!(metadata.file_metadata().num_rows(), count);
        assert_eq!(metadata.num_row_groups() > 1, count > 0, "{} groups", metadata.num_row_groups());
        assert_eq!(metadata.file_metadata().schema_descr().columns().last().unwrap().name(), "distance_km");
    }
}
