//! Settings: flags, then `BOOKABLE_*` environment variables, then the TOML file, then defaults. One table names them all.
//!
//! Every failure is a settings error (exit code 2) that names the setting and where its value came from. The API key is
//! read only when it is needed, from the environment or a file, and is never shown.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod broker;
mod feeds;
mod file;
mod listing;
mod nearest;
mod postgres;
mod terminal;

pub(super) use listing::{Shown, Source};
pub(super) use terminal::terminal_has_links;

use super::failure::Failure;
use crate::domain::Feed;
use crate::rpde::{ApiKey, FeedUrl, KEY_BYTES_MAX, checked_interval};
use crate::store::{FeedSetup, StoreSetup, WhenStale};

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
pub(super) const SETTINGS: [Setting; 31] = [
    setting("firehose_url", Some("https://firehose.imin.co/firehose/standard/")),
    setting("scheduled_sessions_url", None),
    setting("session_series_url", None),
    setting("slots", Some("false")),
    setting("facility_uses_url", None),
    setting("slots_url", None),
    setting("slot_checkout_path", None),
    setting("broker", None),
    setting("bookable_sellers_url", None),
    setting("datasets_url", None),
    setting("checkout_base_url", None),
    setting("api_key_file", None),
    setting("broker_name", None),
    setting("broker_home_url", None),
    setting("broker_back_url", None),
    setting("broker_profile_url", None),
    setting("checkout_template", None),
    setting("webhook_key_file", None),
    setting("serve_token_file", None),
    setting("bookings", None),
    setting("bookings_keep", Some("400d")),
    setting("catalogue", Some("catalogue.db")),
    setting("state", None),
    setting("change_log", Some("off")),
    setting("postgres", None),
    setting("poll_interval", Some("8s")),
    setting("when_stale", Some("keep")),
    setting("metrics", None),
    setting("log_format", Some("text")),
    setting("log_level", Some("info")),
    setting("log_file", None),
];

const KEY_VARIABLE: &str = "BOOKABLE_API_KEY";
const CONFIG_VARIABLE: &str = "BOOKABLE_CONFIG";
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

/// Where the key is.
enum KeySource<'a> {
    /// In the file that a setting names.
    File(&'a Value),
    /// In the environment: the key itself.
    Variable(&'a OsStr),
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
    /// The settings file that was read.
    file: Option<PathBuf>,
}

impl Settings {
    /// Puts together what the flags, the environment and the file say. `config` is the file that `--config` names.
    pub(super) fn resolve(
        flags: &BTreeMap<&'static str, OsString>,
        environment: &Environment,
        config: Option<&Path>,
    ) -> Result<Self, Failure> {
        let config = config.map(Path::to_owned).or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from));
        let file = file::read(config.as_deref())?;
        // No error: a variable that is left over somewhere must not keep every command from running.
        for name in environment.keys().filter(|name| nearest::variables().all(|known| known != **name)) {
            let nearest = nearest::nearest_variable(name);
            super::output::say(&format!(
                "bookable: warning: the environment variable {name} is no setting; did you mean {nearest}?"
            ));
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
        let (key, file) = (environment.get(KEY_VARIABLE).cloned(), file.map(|(path, _)| path));
        let settings = Self { values, key, file };
        if let Some((name, _)) = settings.values.iter().find(|(_, value)| value.text.is_empty()) {
            return Err(settings.wrong(name, "it is empty"));
        }
        Ok(settings)
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

    /// What the catalogue does when it may be out of date.
    fn when_stale(&self) -> Result<WhenStale, Failure> {
        match self.text("when_stale")? {
            "keep" => Ok(WhenStale::Keep),
            "empty" => Ok(WhenStale::Empty),
            other => Err(self.wrong("when_stale", format!("{other:?} is neither keep nor empty"))),
        }
    }

    /// How long the change log goes back; `None`: there is none.
    fn change_log(&self) -> Result<Option<Duration>, Failure> {
        let name = "change_log";
        let text = self.text(name)?;
        let digits = text.trim_end_matches(['d', 'h']);
        let seconds = match text.get(digits.len()..) {
            _ if text == "off" => return Ok(None),
            Some("d") => 86_400,
            Some("h") => 3600,
            _ => 0,
        };
        let keep = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).filter(|keep| *keep > 0);
        let wrong = || self.wrong(name, format!("{text:?} is no time; write 7d, 12h or off"));
        keep.map(|keep| Some(Duration::from_secs(keep))).ok_or_else(wrong)
    }

    /// Where metrics are served, if anywhere: on loopback where a port alone is given.
    pub(super) fn metrics(&self) -> Result<Option<SocketAddr>, Failure> {
        let name = "metrics";
        if self.value(name).is_none() {
            return Ok(None);
        }
        let text = self.text(name)?;
        let port = text.parse().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let address = port.or_else(|_| text.parse()).map_err(|_| {
            self.wrong(
                name,
                format!("{text:?} is neither a port nor an address with one; write 8019 or 127.0.0.1:8019"),
            )
        });
        address.map(Some)
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

    /// Where log lines go instead of standard error.
    pub(super) fn log_file(&self) -> Option<PathBuf> {
        self.value("log_file").map(|value| PathBuf::from(&value.text))
    }

    /// Where the Firehose's key comes from: the file that a flag or the environment names, else `BOOKABLE_API_KEY`, else the
    /// file that the settings file names.
    fn key_source(&self) -> Option<KeySource<'_>> {
        let in_file = self.value("api_key_file");
        let file_first = in_file.filter(|value| self.key.is_none() || !matches!(value.origin, Origin::File(_)));
        file_first.map(KeySource::File).or_else(|| self.key.as_deref().map(KeySource::Variable))
    }

    /// The Firehose's key. No message repeats anything of it.
    pub(super) fn api_key(&self) -> Result<ApiKey, Failure> {
        let name = "api_key_file";
        match self.key_source() {
            Some(KeySource::File(value)) => {
                let path = Path::new(&value.text);
                let text = read_key(path)
                    .map_err(|error| self.wrong(name, format!("cannot read {}: {error}", path.display())))?;
                ApiKey::new(text).map_err(|error| self.wrong(name, format!("{}: {error}", path.display())))
            }
            Some(KeySource::Variable(key)) => {
                let text =
                    key.to_str().ok_or_else(|| Failure::settings(format!("{KEY_VARIABLE}: it is not valid UTF-8")))?;
                ApiKey::new(text).map_err(|error| Failure::settings(format!("{KEY_VARIABLE}: {error}")))
            }
            None => Err(Failure::settings(format!("there is no API key; set {KEY_VARIABLE} or give --api-key-file"))),
        }
    }

    /// What the store needs for harvesting.
    pub(super) fn store(&self) -> Result<StoreSetup, Failure> {
        let (catalogue, state) = (self.catalogue(), self.state());
        if same_file(&catalogue, &state) {
            return Err(self.wrong("state", format!("{} is the catalogue; name another file", state.display())));
        }
        let setup = |(feed, url): (Feed, FeedUrl)| FeedSetup { feed, start_url: url.original().to_owned() };
        Ok(StoreSetup {
            change_log: self.change_log()?,
            log_bytes_max: StoreSetup::LOG_BYTES_MAX,
            state,
            catalogue,
            checkout: self.checkout_urls()?,
            when_stale: self.when_stale()?,
            feeds: Some(self.feeds()?.into_iter().map(setup).collect()),
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

/// Reads a key's file, but no more of it than would be refused anyway: it may be named by mistake and be of any size.
fn read_key(path: &Path) -> std::io::Result<String> {
    let limit = u64::try_from(KEY_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(3);
    let mut text = String::new();
    let file = File::open(path)?;
    #[cfg(unix)]
    if file.metadata()?.is_file()
        && std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o007 != 0
    {
        return Err(std::io::Error::other("anybody on this machine may use it; take that away with chmod o="));
    }
    file.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether two paths lead to one file, as far as can be seen.
fn same_file(one: &Path, other: &Path) -> bool {
    let canonical = |path: &Path| std::fs::canonicalize(path);
    one == other || matches!((canonical(one), canonical(other)), (Ok(one), Ok(other)) if one == other)
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

#[cfg(test)]
mod tests;
