//! The settings as they are in effect, each with where it came from, and whether they can be used.
//!
//! No key is among them: only whether there is one, and from where.

use std::path::Path;

use super::{Failure, KEY_VARIABLE, KeySource, Origin, SETTINGS, Settings, Value, flag, variable};

/// One setting as it is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Shown {
    pub(in crate::cli) name: &'static str,
    /// `None`: not set.
    pub(in crate::cli) value: Option<String>,
    pub(in crate::cli) source: Source,
}

/// Where a setting came from, in a form that can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Source {
    /// This flag.
    Flag(String),
    /// This environment variable.
    Environment(String),
    /// This settings file.
    File(String),
    /// Built in.
    Default,
    /// Follows from another setting, in words.
    Derived(&'static str),
    /// There is no value.
    Unset,
}

impl Source {
    /// The stable code.
    pub(in crate::cli) const fn code(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Environment(_) => "environment",
            Self::File(_) => "file",
            Self::Default => "default",
            Self::Derived(_) => "derived",
            Self::Unset => "unset",
        }
    }

    /// What it is called there.
    pub(in crate::cli) fn name(&self) -> Option<&str> {
        match self {
            Self::Flag(name) | Self::Environment(name) | Self::File(name) => Some(name),
            Self::Derived(name) => Some(name),
            Self::Default | Self::Unset => None,
        }
    }

    fn of(name: &str, origin: &Origin) -> Self {
        match origin {
            Origin::Flag => Self::Flag(flag(name)),
            Origin::Environment => Self::Environment(variable(name)),
            Origin::File(path) => Self::File(path.to_string_lossy().into_owned()),
            Origin::Default => Self::Default,
        }
    }
}

impl Settings {
    /// Every setting, in the order of the table.
    pub(in crate::cli) fn shown(&self) -> Vec<Shown> {
        let shown = |name| match self.value(name) {
            Some(Value { text, origin }) => {
                let (value, source) = (Some(without_credentials(&text.to_string_lossy())), Source::of(name, origin));
                Shown { name, value, source }
            }
            None => match self.derived(name) {
                Some((value, from)) => Shown { name, value: Some(value), source: Source::Derived(from) },
                None => Shown { name, value: None, source: Source::Unset },
            },
        };
        SETTINGS.iter().map(|setting| shown(setting.name)).collect()
    }

    /// What a setting that is not set is by another.
    fn derived(&self, name: &str) -> Option<(String, &'static str)> {
        let file = |path: std::path::PathBuf| (path.to_string_lossy().into_owned(), "beside the catalogue");
        match name {
            "state" => Some(file(self.state())),
            "bookings" => Some(file(self.bookings())),
            _ => {
                let feeds = self.feeds().ok()?;
                let own = |feed: &str| format!("{}_url", feed.replace('-', "_"));
                let (_, url) = feeds.into_iter().find(|(feed, _)| own(feed.name()) == name)?;
                Some((url.original().to_owned(), "below firehose_url"))
            }
        }
    }

    /// Where the API key comes from, if there is one.
    pub(in crate::cli) fn key_shown(&self) -> Option<Source> {
        self.key_source().map(|source| match source {
            KeySource::File(value) => Source::File(value.text.to_string_lossy().into_owned()),
            KeySource::Variable(_) => Source::Environment(KEY_VARIABLE.to_owned()),
        })
    }

    /// The settings file that was read.
    pub(in crate::cli) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Refuses what any command would refuse. What is required by some commands only may be missing.
    pub(in crate::cli) fn check(&self) -> Result<(), Failure> {
        self.poll_interval(&self.feeds()?)?;
        self.when_stale()?;
        self.bookings_keep()?;
        if self.value("checkout_base_url").is_some() {
            self.store()?;
        }
        if self.value("broker_name").is_some() && self.value("broker_home_url").is_some() {
            self.seller()?;
        }
        self.template(None)?;
        self.secret("webhook_key_file")?;
        self.secret("serve_token_file")?;
        if self.key_source().is_some() {
            self.api_key()?;
        }
        Ok(())
    }
}

/// A value whose URL names a user or password, which are refused wherever it is used, without them.
fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let host_ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..host_ends).and_then(|host| host.rfind('@')).and_then(|at| rest.get(at..)) {
        Some(after) => format!("{scheme}://***{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_url_are_not_shown() {
        let table = [
            ("https://f.example/a@b?c=d@e", "https://f.example/a@b?c=d@e"),
            ("https://user:pass@f.example/", "https://***@f.example/"),
            ("https://user:p@ss@f.example?x", "https://***@f.example?x"),
            ("catalogue.db", "catalogue.db"),
        ];
        for (text, expected) in table {
            assert_eq!(without_credentials(text), expected);
        }
    }
}
