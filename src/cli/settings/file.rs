//! The settings file: TOML, read strictly, so that a misspelt name is never passed over in silence.
//!
//! Every failure names the file, and the line where the text is no TOML; none repeats a value. Uses the table of settings.

use std::path::{Path, PathBuf};

use super::nearest::nearest_setting;
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
            return Err(wrong(format!("{name} is no setting; did you mean {}?", nearest_setting(&name))));
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
