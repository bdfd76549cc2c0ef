//! The feeds that are harvested: a closed list.

use std::fmt;

/// A feed of the Firehose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// `session-series`: the parents.
    SessionSeries,
    /// `scheduled-sessions`: the children.
    ScheduledSessions,
}

impl Feed {
    /// Every feed.
    pub const ALL: [Self; 2] = [Self::SessionSeries, Self::ScheduledSessions];

    /// The feed's name, which is also its path below the Firehose's base URL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionSeries => "session-series",
            Self::ScheduledSessions => "scheduled-sessions",
        }
    }

    /// The OpenActive type of its items.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::SessionSeries => "SessionSeries",
            Self::ScheduledSessions => "ScheduledSession",
        }
    }

    /// The stable number under which the state keeps it.
    pub const fn number(self) -> i64 {
        match self {
            Self::ScheduledSessions => 1,
            Self::SessionSeries => 2,
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
