//! Settings: flags, then `BOOKABLE_*` environment variables, then the TOML file, then defaults. One table names them all.
//!
//! Every failure is a settings error (exit code 2) that names the setting and where its value came from. The API key is
//! read only when it is needed, from the environment or a file, and is never shown.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use crate::domain::{CheckoutBase, Feed};
use crate::rpde::{ApiKey, FeedUrl, checked_interval};
use crate::store::{FeedSetup, StoreSetup};

/// A setting: its name in the file (`poll_interval`), from which flag and variable follow, its default, what it is.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) default: Option<&'static str>,
}

const fn setting(name: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, default }
}

/// Every setting.
pub(super) const SETTINGS: [Setting; 10] = [
    setting("firehose_url", Some("https://firehose.imin.co/firehose/standard/")),
    setting("scheduled_sessions_url", None),
    setting("session_series_url", None),
    setting("checkout_base_url", None),
    setting("api_key_file", None),
    setting("catalogue", Some("catalogue.db")),
    setting("state", None),
    setting("poll_interval", Some("8s")),
    setting("log_format", Some("text")),
    setting("log_level", Some("info")),
];

const KEY_VARIABLE: &str = "BOOKABLE_API_KEY";
const FILE: &str = "bookable.toml";

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A flag.
    Flag,
    /// An environment variable.
    Environment,
    /// A settings file.
    File(PathBuf),
    /// Built in.
    Default,
}

#[derive(Clone, Debug)]
struct Value {
    text: OsString,
    origin: Origin,
}

/// The process's environment, as far as it concerns us.
pub(super) type Environment = BTreeMap<String, OsString>;

/// Reads the environment: the only place that does.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn environment() -> Environment {
    let ours = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        (name.starts_with("BOOKABLE_") && !value.is_empty()).then_some((name, value))
    };
    std::env::vars_os().filter_map(ours).collect()
}

/// The effective settings.
#[derive(Clone)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, Value>,
    key: Option<OsString>,
}

impl Settings {
    /// Puts together what the flags, the environment and the file say. `config` is the file that `--config` names.
    pub(super) fn resolve(
        flags: &BTreeMap<&'static str, OsString>,
        environment: &Environment,
        config: Option<&Path>,
    ) -> Result<Self, Failure> {
        let config = config.map(Path::to_owned).or_else(|| environment.get("BOOKABLE_CONFIG").map(PathBuf::from));
        let file = read_file(config.as_deref())?;
        let known_variable = |name: &str| {
            name == KEY_VARIABLE
                || name == "BOOKABLE_CONFIG"
                || SETTINGS.iter().any(|setting| variable(setting.name) == name)
        };
        if let Some(name) = environment.keys().find(|name| !known_variable(name)) {
            super::output::say(&format!("bookable: note: the environment variable {name} is no setting"));
        }
        let mut values = BTreeMap::new();
        for Setting { name, default } in SETTINGS {
            let from_flag = flags.get(name).map(|text| (text.clone(), Origin::Flag));
            let from_environment = || environment.get(&variable(name)).map(|text| (text.clone(), Origin::Environment));
            let from_file = || {
                let (path, table) = file.as_ref()?;
                table.get(name).map(|text| (OsString::from(text), Origin::File(path.clone())))
            };
            let from_default = || default.map(|text| (OsString::from(text), Origin::Default));
            let found = from_flag.or_else(from_environment).or_else(from_file).or_else(from_default);
            if let Some((text, origin)) = found {
                values.insert(name, Value { text, origin });
            }
        }
        Ok(Self { values, key: environment.get(KEY_VARIABLE).cloned() })
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A setting's text, which must be there and be UTF-8.
    fn text(&self, name: &str) -> Result<&str, Failure> {
        let Some(value) = self.value(name) else {
            let (flag, variable) = (flag(name), variable(name));
            return Err(Failure::settings(format!("{flag} is not set; give {flag}, {variable} or {name} in {FILE}")));
        };
        value.text.to_str().ok_or_else(|| self.wrong(name, "it is not valid UTF-8"))
    }

    fn wrong(&self, name: &str, why: impl std::fmt::Display) -> Failure {
        let place = match self.value(name).map(|value| &value.origin) {
            Some(Origin::Flag) | None => flag(name),
            Some(Origin::Environment) => variable(name),
            Some(Origin::File(path)) => format!("{name} in {}", path.display()),
            Some(Origin::Default) => format!("the default of {}", flag(name)),
        };
        Failure::settings(format!("{place}: {why}"))
    }

    /// The catalogue's file.
    pub(super) fn catalogue(&self) -> PathBuf {
        self.value("catalogue").map_or_else(|| PathBuf::from("catalogue.db"), |value| PathBuf::from(&value.text))
    }

    /// The state's file: as set, else beside the catalogue, `catalogue.state.db`.
    pub(super) fn state(&self) -> PathBuf {
        self.value("state").map_or_else(|| state_beside(&self.catalogue()), |value| PathBuf::from(&value.text))
    }

    /// Where each feed begins.
    pub(super) fn feeds(&self) -> Result<Vec<(Feed, FeedUrl)>, Failure> {
        let mut feeds = Vec::new();
        for feed in Feed::ALL {
            let own = match feed {
                Feed::SessionSeries => "session_series_url",
                Feed::ScheduledSessions => "scheduled_sessions_url",
            };
            let url = if self.value(own).is_some() {
                FeedUrl::parse(self.text(own)?).map_err(|error| self.wrong(own, error))?
            } else {
                let base =
                    FeedUrl::parse(self.text("firehose_url")?).map_err(|error| self.wrong("firehose_url", error))?;
                base.below(feed.name())
            };
            feeds.push((feed, url));
        }
        Ok(feeds)
    }

    /// What checkout URLs are made from.
    pub(super) fn checkout(&self) -> Result<CheckoutBase, Failure> {
        CheckoutBase::parse(self.text("checkout_base_url")?).map_err(|error| self.wrong("checkout_base_url", error))
    }

    /// The time between two polls of a last page.
    pub(super) fn poll_interval(&self, feeds: &[(Feed, FeedUrl)]) -> Result<Duration, Failure> {
        let name = "poll_interval";
        let text = self.text(name)?;
        let interval =
            parse_time(text).ok_or_else(|| self.wrong(name, format!("{text:?} is no time; write 8s, 500ms or 1m")))?;
        for (_, url) in feeds {
            checked_interval(interval, url).map_err(|error| self.wrong(name, error))?;
        }
        Ok(interval)
    }

    /// The form of log lines.
    pub(super) fn log_format(&self) -> Result<LogFormat, Failure> {
        match self.text("log_format")? {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(self.wrong("log_format", format!("{other:?} is neither text nor json"))),
        }
    }

    /// The least important log lines that are written.
    pub(super) fn log_level(&self) -> Result<tracing::Level, Failure> {
        let text = self.text("log_level")?;
        text.parse().map_err(|_| self.wrong("log_level", format!("{text:?} is not error, warn, info, debug or trace")))
    }

    /// The Firehose's key, from the environment or its file.
    pub(super) fn api_key(&self) -> Result<ApiKey, Failure> {
        if let Some(value) = self.value("api_key_file") {
            let path = PathBuf::from(&value.text);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| self.wrong("api_key_file", format!("cannot read {}: {error}", path.display())))?;
            return ApiKey::new(text)
                .map_err(|error| self.wrong("api_key_file", format!("{}: {error}", path.display())));
        }
        let Some(key) = &self.key else {
            return Err(Failure::settings(format!("there is no API key; set {KEY_VARIABLE} or give --api-key-file")));
        };
        let text = key.to_str().ok_or_else(|| Failure::settings(format!("{KEY_VARIABLE}: it is not valid UTF-8")))?;
        ApiKey::new(text).map_err(|error| Failure::settings(format!("{KEY_VARIABLE}: {error}")))
    }

    /// What the store needs for harvesting.
    pub(super) fn store(&self) -> Result<StoreSetup, Failure> {
        let setup = |(feed, url): (Feed, FeedUrl)| FeedSetup { feed, start_url: url.original().to_owned() };
        Ok(StoreSetup {
            state: self.state(),
            catalogue: self.catalogue(),
            checkout: self.checkout()?,
            feeds: self.feeds()?.into_iter().map(setup).collect(),
        })
    }
}

/// `poll_interval` → `--poll-interval`.
pub(super) fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// `poll_interval` → `BOOKABLE_POLL_INTERVAL`.
pub(super) fn variable(name: &str) -> String {
    format!("BOOKABLE_{}", name.to_uppercase())
}

/// `8s`, `500ms`, `1m`.
fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text.get(digits.len()..)? {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

fn state_beside(catalogue: &Path) -> PathBuf {
    if catalogue.extension() == Some(OsStr::new("db")) {
        return catalogue.with_extension("state.db");
    }
    let mut name = catalogue.as_os_str().to_owned();
    name.push(".state.db");
    PathBuf::from(name)
}

type FileValues = (PathBuf, BTreeMap<String, String>);

fn read_file(named: Option<&Path>) -> Result<Option<FileValues>, Failure> {
    let path = named.unwrap_or(Path::new(FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::settings(format!("cannot read {}: {error}", path.display()))),
    };
    let wrong = |why: String| Failure::settings(format!("{}: {why}", path.display()));
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if name == "api_key" {
            return Err(wrong(format!("the API key does not belong here; set {KEY_VARIABLE} or api_key_file")));
        }
        if !SETTINGS.iter().any(|setting| setting.name == name) {
            return Err(wrong(format!("{name} is no setting; {}", nearest(&name))));
        }
        let toml::Value::String(text) = value else {
            return Err(wrong(format!("{name} must be a text in quotes")));
        };
        values.insert(name, text);
    }
    Ok(Some((path.to_owned(), values)))
}

/// The known name that is most like `name`, in words.
fn nearest(name: &str) -> String {
    let shared = |known: &str| known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    let apart = |known: &str| known.len().abs_diff(name.len());
    let best = SETTINGS.iter().max_by_key(|setting| (shared(setting.name), usize::MAX - apart(setting.name)));
    best.map_or_else(String::new, |setting| format!("did you mean {}?", setting.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: &[(&'static str, &str)], environment: &[(&str, &str)], file: &str) -> Result<Settings, Failure> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.toml");
        std::fs::write(&path, file).unwrap();
        let flags = flags.iter().map(|(name, text)| (*name, OsString::from(text))).collect();
        let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), OsString::from(text))).collect();
        Settings::resolve(&flags, &environment, Some(&path))
    }

    fn refused(result: Result<Settings, Failure>) -> String {
        result.err().and_then(|failure| failure.line()).unwrap()
    }

    #[test]
    fn flag_then_environment_then_file_then_default_for_every_setting() {
        for setting in SETTINGS {
            let name = setting.name;
            let (variable, file) = (variable(name), format!("{name} = \"file\""));
            let text = |settings: Settings| settings.value(name).unwrap().text.clone();
            assert_eq!(text(resolve(&[(name, "flag")], &[(&variable, "env")], &file).unwrap()), "flag", "{name}");
            assert_eq!(text(resolve(&[], &[(&variable, "env")], &file).unwrap()), "env", "{name}");
            assert_eq!(text(resolve(&[], &[], &file).unwrap()), "file", "{name}");
            let none = resolve(&[], &[], "").unwrap();
            assert_eq!(none.value(name).map(|value| value.text.clone()), setting.default.map(OsString::from), "{name}");
        }
    }

    #[test]
    fn a_file_is_read_strictly() {
        let words = refused(resolve(&[], &[], "poll_intervall = \"8s\""));
        assert!(words.ends_with("poll_intervall is no setting; did you mean poll_interval?"), "{words}");
        let words = refused(resolve(&[], &[], "api_key = \"secret-key\""));
        assert!(words.contains("does not belong here") && !words.contains("secret-key"), "{words}");
        assert!(refused(resolve(&[], &[], "poll_interval = 8")).contains("must be a text"));
        assert!(refused(resolve(&[], &[], "poll_interval = ")).contains("settings.toml"));
        let missing = Settings::resolve(&BTreeMap::new(), &Environment::new(), Some(Path::new("no/such.toml")));
        assert_eq!(missing.err().unwrap().exit_code(), 2);
    }

    #[test]
    fn the_example_file_names_every_setting() {
        let example = include_str!("../../data/bookable.toml");
        let uncommented: String = example.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).fold(
            String::new(),
            |mut text, line| {
                text.push_str(line);
                text.push('\n');
                text
            },
        );
        let table: toml::Table = toml::from_str(&uncommented).unwrap();
        let mut named: Vec<&str> = table.keys().map(String::as_str).collect();
        let mut known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        named.sort_unstable();
        known.sort_unstable();
        assert_eq!(named, known);
        resolve(&[], &[], &uncommented).unwrap();
    }

    #[test]
    fn the_state_lies_beside_the_catalogue() {
        assert_eq!(state_beside(Path::new("catalogue.db")), Path::new("catalogue.state.db"));
        assert_eq!(state_beside(Path::new("/a b/x.db")), Path::new("/a b/x.state.db"));
        assert_eq!(state_beside(Path::new("x.sqlite")), Path::new("x.sqlite.state.db"));
    }

    #[test]
    fn poll_intervals_keep_the_licence() {
        let interval = |text: &str, url: &str| {
            let settings = resolve(&[("poll_interval", text), ("firehose_url", url)], &[], "").unwrap();
            let feeds = settings.feeds().unwrap_or_else(|_| panic!("{url}"));
            settings.poll_interval(&feeds).map_err(|failure| failure.line().unwrap())
        };
        assert_eq!(interval("8s", "https://f.example/"), Ok(Duration::from_secs(8)));
        assert_eq!(interval("1m", "https://f.example/"), Ok(Duration::from_mins(1)));
        assert!(interval("7999ms", "https://f.example/").is_err());
        assert_eq!(interval("50ms", "http://127.0.0.1:1/"), Ok(Duration::from_millis(50)));
        assert!(interval("often", "https://f.example/").unwrap_err().contains("is no time"));
    }

    #[test]
    fn the_key_comes_from_its_file_or_the_environment_and_is_never_told() {
        let missing = resolve(&[], &[], "").unwrap().api_key().unwrap_err();
        assert_eq!(missing.exit_code(), 2);
        let bad = resolve(&[], &[(KEY_VARIABLE, "se\u{1}cret")], "").unwrap().api_key().unwrap_err().line().unwrap();
        assert!(bad.contains(KEY_VARIABLE) && !bad.contains("cret"), "{bad}");
        assert!(resolve(&[], &[(KEY_VARIABLE, "secret")], "").unwrap().api_key().is_ok());
        let file = resolve(&[("api_key_file", "/no/such/key")], &[], "").unwrap().api_key().unwrap_err();
        assert!(file.line().unwrap().contains("/no/such/key"));
    }
}
