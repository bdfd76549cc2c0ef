//! How a command ends when it does not end well: the exit code and one line for people.
//!
//! Owns [`Failure`], into which every other error of the program turns. Nothing here can fail.

use super::output::printable;
use crate::engine::EngineError;
use crate::store::StoreError;

/// A command's failure.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrong settings or usage: exit code 2.
    Settings(String),
    /// Anything else that went wrong: exit code 1.
    Failed(anyhow::Error),
    /// Said already, or an answer rather than a failure: this exit code and no words.
    Quiet(u8),
}

impl Failure {
    /// A failure of settings, told in these words.
    pub(super) fn settings(words: impl Into<String>) -> Self {
        Self::Settings(words.into())
    }

    /// A failure told in these words.
    pub(super) fn failed(words: impl Into<String>) -> Self {
        Self::Failed(anyhow::Error::msg(words.into()))
    }

    /// The process's exit code.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => 2,
            Self::Failed(_) => 1,
            Self::Quiet(code) => *code,
        }
    }

    /// One line for people, with its causes; nothing where all is said.
    pub(super) fn line(&self) -> Option<String> {
        match self {
            Self::Settings(words) => Some(printable(words).into_owned()),
            Self::Failed(error) => Some(printable(&format!("{error:#}")).into_owned()),
            Self::Quiet(_) => None,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A reader that goes away (`bookable search | head`) is no failure.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::Quiet(0) } else { Self::Failed(error.into()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn failures_have_their_codes_and_one_line() {
        let chain = anyhow::Error::msg("inner\nwords").context("outer");
        let table: [(&str, Failure, u8, Option<&str>); 5] = [
            ("settings", Failure::settings("no such"), 2, Some("no such")),
            ("a chain", Failure::from(chain), 1, Some("outer: inner words")),
            ("said already", Failure::Quiet(1), 1, None),
            ("a reader that went away", Error::from(ErrorKind::BrokenPipe).into(), 0, None),
            ("another I/O error", Error::new(ErrorKind::StorageFull, "full").into(), 1, Some("full")),
        ];
        for (words, failure, code, line) in table {
            assert_eq!(failure.exit_code(), code, "{words}");
            assert_eq!(failure.line().as_deref(), line, "{words}");
        }
    }
}
