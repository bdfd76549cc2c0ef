//! `bookable config`: the settings as they are in effect, and where each comes from. Exit code 2: one cannot be used.
//!
//! The text form is itself a settings file.

use serde_json::json;

use crate::cli::args::Json;
use crate::cli::failure::Failure;
use crate::cli::output::{self, printable};
use crate::cli::settings::{Settings, Shown, Source};

/// Where the comments begin, if the value leaves room.
const COMMENT_COLUMN: usize = 44;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Json) -> Result<(), Failure> {
    if arguments.json {
        output::data(&format!("{:#}", as_json(settings)))?;
    } else {
        output::data(&as_text(settings))?;
    }
    settings.check()
}

fn as_json(settings: &Settings) -> serde_json::Value {
    let source = |source: &Source| (source.code(), source.name().map(str::to_owned));
    let setting = |shown: &Shown| {
        let (origin, from) = source(&shown.source);
        json!({"name": shown.name, "value": shown.value, "origin": origin, "from": from})
    };
    let key = settings.key_shown();
    let (origin, from) = key.as_ref().map_or(("unset", None), source);
    json!({
        "settings_file": settings.file().map(|path| path.to_string_lossy()),
        "settings": settings.shown().iter().map(setting).collect::<Vec<_>>(),
        "api_key": {"set": key.is_some(), "origin": origin, "from": from},
    })
}

fn as_text(settings: &Settings) -> String {
    let mut lines = vec![match settings.file() {
        Some(path) => format!("# settings file: {}", path.display()),
        None => "# settings file: none".to_owned(),
    }];
    lines.extend(settings.shown().iter().map(line));
    lines.push(match settings.key_shown() {
        Some(source) => format!("# api_key: there is one, from {}", words(&source)),
        None => "# api_key: there is none; set BOOKABLE_API_KEY or give --api-key-file".to_owned(),
    });
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

fn line(shown: &Shown) -> String {
    match &shown.value {
        Some(value) => {
            let value = format!("{} = {}", shown.name, toml::Value::String(value.clone()));
            format!("{value:<COMMENT_COLUMN$}  # {}", words(&shown.source))
        }
        None => format!("# {} is not set", shown.name),
    }
}

fn words(source: &Source) -> String {
    match source {
        Source::Derived(words) => (*words).to_owned(),
        _ => source.name().map_or_else(|| source.code().to_owned(), |name| format!("{} {name}", source.code())),
    }
}
