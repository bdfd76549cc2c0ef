//! What is published of which table of the catalogue, and how a row of SQLite becomes a line of PostgreSQL's `COPY`.
//!
//! The tables are those of `src/store/schema/catalogue.sql` under the same names; `schema.sql` beside this file has their form in
//! PostgreSQL. A test compares both with a catalogue.

use std::hash::Hasher;
use std::io::Write;

use rusqlite::types::ValueRef;
use siphasher::sip::SipHasher13;

/// What identifies a row within its table; the second number is 0 where one is enough.
pub(super) type Key = (i64, i64);

/// How a column's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it stands: texts, numbers, instants.
    Plain,
    /// 1 and 0, which PostgreSQL has a type for.
    Flag,
    /// JSON.
    Json,
}

/// How rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// By these columns of whole numbers, one or two, which come first; PostgreSQL has each row's hash beside it.
    Keyed(&'static [&'static str]),
    /// Not at all: few rows, replaced as a whole.
    Whole,
}

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) rows: Rows,
    /// Name, and what stands for it in SQLite where that is another expression.
    pub(super) columns: &'static [(&'static str, Kind, Option<&'static str>)],
}

const fn plain(name: &'static str) -> (&'static str, Kind, Option<&'static str>) {
    (name, Kind::Plain, None)
}

const fn flag(name: &'static str) -> (&'static str, Kind, Option<&'static str>) {
    (name, Kind::Flag, None)
}

/// A text that its row does not have where a pattern makes it.
macro_rules! made_by_pattern {
    ($column:literal, $what:literal, $table:literal) => {
        concat!(
            "coalesce(",
            $column,
            ", (SELECT ",
            $what,
            "_before || identifier || ",
            $what,
            "_after FROM pattern \
             WHERE pattern.key = ",
            $table,
            ".pattern))"
        )
    };
}

const fn made(name: &'static str, source: &'static str) -> (&'static str, Kind, Option<&'static str>) {
    (name, Kind::Plain, Some(source))
}

const fn json(name: &'static str) -> (&'static str, Kind, Option<&'static str>) {
    (name, Kind::Json, None)
}

/// Every table that is published.
pub(super) const TABLES: [Table; 7] = [
    Table {
        name: "listing",
        rows: Rows::Keyed(&["key"]),
        columns: &[
            plain("key"),
            plain("parent_id"),
            plain("court_id"),
            plain("court"),
            plain("name"),
            plain("description"),
            json("activities"),
            json("levels"),
            plain("price"),
            plain("currency"),
            flag("membership_required"),
            plain("min_age"),
            plain("max_age"),
            plain("gender"),
            plain("attendance_mode"),
            plain("organizer"),
            plain("organizer_id"),
            plain("place"),
            plain("address"),
            plain("postcode"),
            plain("latitude"),
            plain("longitude"),
            plain("url"),
            plain("image_url"),
            plain("dataset"),
            flag("present_as_slots"),
            plain("offers"),
        ],
    },
    Table {
        name: "session",
        rows: Rows::Keyed(&["key"]),
        columns: &[
            plain("key"),
            plain("listing"),
            made("session_id", made_by_pattern!("session_id", "id", "session")),
            plain("identifier"),
            plain("checkout_name"),
            plain("starts_at"),
            plain("ends_at"),
            plain("local_start"),
            plain("duration_minutes"),
            plain("bookable_from"),
            plain("remaining_capacity"),
            plain("maximum_capacity"),
            plain("attendance_mode"),
            made("url", made_by_pattern!("url", "url", "session")),
            plain("modified"),
            plain("offers"),
        ],
    },
    Table {
        name: "slot",
        rows: Rows::Keyed(&["key"]),
        columns: &[
            plain("key"),
            plain("listing"),
            made("slot_id", made_by_pattern!("slot_id", "id", "slot")),
            plain("identifier"),
            plain("checkout_url"),
            plain("starts_at"),
            plain("ends_at"),
            plain("local_start"),
            plain("duration_minutes"),
            plain("bookable_from"),
            plain("remaining_uses"),
            plain("maximum_uses"),
            plain("price"),
            plain("currency"),
            flag("membership_required"),
            made("url", made_by_pattern!("url", "url", "slot")),
            plain("modified"),
            plain("offers"),
        ],
    },
    Table {
        name: "offer_list",
        rows: Rows::Keyed(&["list", "position"]),
        columns: &[
            plain("list"),
            plain("position"),
            flag("relative"),
            plain("id"),
            plain("name"),
            plain("price"),
            plain("currency"),
            plain("min_age"),
            plain("max_age"),
            flag("public_adult"),
        ],
    },
    Table {
        name: "dataset",
        rows: Rows::Whole,
        columns: &[plain("identifier"), plain("name"), plain("publisher"), plain("url"), plain("license")],
    },
    Table { name: "feed", rows: Rows::Whole, columns: &[plain("name"), plain("read_to_end_at"), plain("license")] },
    Table {
        name: "origin",
        rows: Rows::Whole,
        columns: &[
            plain("id"),
            plain("state_id"),
            plain("batch"),
            ("as_of", Kind::Plain, Some("strftime('%Y-%m-%dT%H:%M:%SZ', as_of, 'unixepoch')")),
            plain("checkout_base"),
        ],
    },
];

impl Table {
    /// The columns that tell rows apart.
    pub(super) fn keys(&self) -> &'static [&'static str] {
        match self.rows {
            Rows::Keyed(keys) => keys,
            Rows::Whole => &[],
        }
    }

    /// What SQLite is asked for: the columns, in the order in which the rows lie; where they have no keys, by the first.
    pub(super) fn select(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|(name, _, source)| source.unwrap_or(name)).collect();
        let select = format!("SELECT {} FROM {}", columns.join(", "), self.name);
        if self.keys().is_empty() { format!("{select} ORDER BY 1") } else { select }
    }

    /// What PostgreSQL is told before the lines.
    pub(super) fn copy_in(&self) -> String {
        let mut columns: Vec<&str> = self.columns.iter().map(|(name, ..)| *name).collect();
        if !self.keys().is_empty() {
            columns.push("hash");
        }
        format!("COPY bookable.{} ({}) FROM STDIN", self.name, columns.join(", "))
    }

    /// What PostgreSQL is asked for to know what it holds: keys and hashes, in the order of the keys.
    pub(super) fn copy_out(&self) -> String {
        let keys = self.keys().join(", ");
        format!("COPY (SELECT {keys}, hash FROM bookable.{} ORDER BY {keys}) TO STDOUT", self.name)
    }

    /// Takes these rows out; all of them where the table is replaced as a whole.
    pub(super) fn delete(&self, keys: &[Key]) -> String {
        let name = self.name;
        let list =
            |pick: fn(&Key) -> i64| keys.iter().map(|key| pick(key).to_string()).collect::<Vec<String>>().join(",");
        match self.keys() {
            [] => format!("DELETE FROM bookable.{name}"),
            [one] => format!("DELETE FROM bookable.{name} WHERE {one} = ANY ('{{{}}}'::bigint[])", list(|key| key.0)),
            [one, other, ..] => format!(
                "DELETE FROM bookable.{name} AS held USING unnest('{{{}}}'::bigint[], '{{{}}}'::bigint[]) AS gone (one, other) \
                 WHERE held.{one} = gone.one AND held.{other} = gone.other",
                list(|key| key.0),
                list(|key| key.1)
            ),
        }
    }
}

/// Writes a value as a field of a line of `COPY` (text form).
///
/// PostgreSQL takes no NUL character, neither in texts nor in JSON: U+FFFD is written for it, because a row that is refused would
/// hold up all others.
pub(super) fn write_field(line: &mut Vec<u8>, value: ValueRef<'_>, kind: Kind) {
    // Writing to memory does not fail.
    let _ = match (value, kind) {
        (ValueRef::Integer(number), Kind::Flag) => line.write_all(if number == 0 { b"f" } else { b"t" }),
        (ValueRef::Integer(number), _) => write!(line, "{number}"),
        (ValueRef::Real(number), _) => write!(line, "{number}"),
        (ValueRef::Text(text), Kind::Json) if contains_nul_escape(text) => {
            write_text(line, without_nul_escapes(&String::from_utf8_lossy(text)).as_bytes());
            Ok(())
        }
        (ValueRef::Text(text), _) if std::str::from_utf8(text).is_err() => {
            write_text(line, String::from_utf8_lossy(text).as_bytes());
            Ok(())
        }
        (ValueRef::Text(text), _) => {
            write_text(line, text);
            Ok(())
        }
        (ValueRef::Null | ValueRef::Blob(_), _) => line.write_all(b"\\N"),
    };
}

fn write_text(line: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0 => line.extend_from_slice("\u{fffd}".as_bytes()),
            other => line.push(*other),
        }
    }
}

fn contains_nul_escape(text: &[u8]) -> bool {
    text.windows(6).any(|window| window == b"\\u0000")
}

/// JSON with U+FFFD in place of each escaped NUL. A backslash that is escaped itself escapes nothing.
fn without_nul_escapes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        kept.push_str(before);
        let length = if escape.starts_with("\\u0000") { 6 } else { 2 };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        kept.push_str(if length == 6 { "\u{fffd}" } else { escape });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// The hash of a line, which PostgreSQL keeps beside the row. The key is fixed, because both sides must come to the same.
pub(super) fn hash(line: &[u8]) -> i64 {
    let mut hasher = SipHasher13::new_with_keys(0x626f_6f6b_6162_6c65, 0x706f_7374_6772_6573);
    hasher.write(line);
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests;
