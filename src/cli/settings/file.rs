//! The settings file: TOML, read strictly, so that a misspelt name is never passed over in silence.
//!
//! Every failure names the file, and the line where the text is no TOML; none repeats a value. Uses the table of settings.

use std::path::{Path, PathBuf};

use super::{BTreeMap, FILE, Failure, KEY_VARIABLE, SETTINGS};

/// The file's path and the settings that it gives.
pub(super) type FileValues = (PathBuf, BTreeMap<String, String>);

/// Reads the file that is named, else the default one if it is there.
pub(super) fn read(named: Option<&Path>) -> Result<Option<FileValues>, Failure> {
    let path = named.unwrap_or(Path::new(FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::settings(format!("cannot read {}: {error}", path.display()))),
    };
    let wrong = |why: String| Failure::settings(format!("{}: {why}", path.display()));
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        wrong(format!("line {line}: it is not TOML; a setting is written name = \"value\""))
    })?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if name == "api_key" {
            return Err(wrong(format!("the API key does not belong here; set {KEY_VARIABLE} or api_key_file")));
        }
        if !SETTINGS.iter().any(|setting| setting.name == name) {
            return Err(wrong(format!("{name} is no setting; {}", nearest(&name))));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Boolean(yes) => yes.to_string(),
            _ => return Err(wrong(format!("{name} must be a text in quotes"))),
        };
        values.insert(name, text);
    }
    Ok(Some((path.to_owned(), values)))
}

/// The known name that is most like `name`, in words.
fn nearest(name: &str) -> String {
    let name = name.to_lowercase().replace('-', "_");
    let best = SETTINGS.iter().min_by_key(|setting| edits(setting.name, &name));
    best.map_or_else(String::new, |setting| format!("did you mean {}?", setting.name))
}

/// How many letters must be put in, taken out or changed to make one text of the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut next = vec![at + 1];
        for ((above, left_above), other) in row.iter().skip(1).zip(&row).zip(&to) {
            let left = next.last().copied().unwrap_or(usize::MAX - 1);
            next.push((left_above + usize::from(letter != *other)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
