//! How a command ends when it does not end well: the exit code and one line for people.

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
            Self::Settings(words) => Some(words.replace('\n', " ")),
            Self::Failed(error) => Some(format!("{error:#}").replace('\n', " ")),
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
