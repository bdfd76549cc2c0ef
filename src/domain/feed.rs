//! The feeds that are harvested: a closed list, and what part each plays.
//!
//! A new feed is a row of the table here, and a mapping from its JSON to facts in `rpde`. Everything else (paging,
//! positions, freshness, counts, findings) goes by the part that the row gives it.

use std::fmt;

/// A parent feed and the child feed whose items link to its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pair {
    /// `session-series` and `scheduled-sessions`.
    Sessions,
    /// `facility-uses` and `slots`.
    Slots,
}

impl Pair {
    /// Every pair.
    pub const ALL: [Self; 2] = [Self::Sessions, Self::Slots];

    /// The stable number under which the state keeps it.
    pub const fn number(self) -> i64 {
        match self {
            Self::Sessions => 0,
            Self::Slots => 1,
        }
    }

    /// The pair with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|pair| pair.number() == number)
    }

    /// Words about sessions and series, said of this pair.
    pub fn say(self, words: &str) -> String {
        match self {
            Self::Sessions => words.to_owned(),
            Self::Slots => words
                .replace("superEvent", "facilityUse")
                .replace("session", "slot")
                .replace("series'", "facility use's")
                .replace("series", "facility use"),
        }
    }
}

/// What part a feed plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its items are what the children link to.
    Parents(Pair),
    /// Its items can be booked, if the rules say so.
    Children(Pair),
    /// Its items are the sellers whose opportunities the broker may sell.
    Sellers,
    /// A document, no RPDE feed: the datasets that are to be named beside what came from them.
    Datasets,
}

/// A feed of the Firehose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// `session-series`.
    SessionSeries,
    /// `scheduled-sessions`.
    ScheduledSessions,
    /// `facility-uses`.
    FacilityUses,
    /// `slots`.
    Slots,
    /// `bookable-sellers/{broker}`.
    BookableSellers,
    /// `datasets`.
    Datasets,
}

/// A feed's row in the table.
struct Row {
    feed: Feed,
    number: i64,
    name: &'static str,
    type_name: &'static str,
    role: Role,
}

const fn row(feed: Feed, number: i64, name: &'static str, type_name: &'static str, role: Role) -> Row {
    Row { feed, number, name, type_name, role }
}

const TABLE: [Row; Feed::ALL.len()] = [
    row(Feed::SessionSeries, 2, "session-series", "SessionSeries", Role::Parents(Pair::Sessions)),
    row(Feed::ScheduledSessions, 1, "scheduled-sessions", "ScheduledSession", Role::Children(Pair::Sessions)),
    row(Feed::FacilityUses, 3, "facility-uses", "FacilityUse", Role::Parents(Pair::Slots)),
    row(Feed::Slots, 4, "slots", "Slot", Role::Children(Pair::Slots)),
    row(Feed::BookableSellers, 5, "bookable-sellers", "Organization", Role::Sellers),
    row(Feed::Datasets, 6, "datasets", "Dataset", Role::Datasets),
];

impl Feed {
    /// Every feed, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::SessionSeries,
        Self::ScheduledSessions,
        Self::FacilityUses,
        Self::Slots,
        Self::BookableSellers,
        Self::Datasets,
    ];

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The feed's name, which is also its path below the Firehose's base URL (the sellers' is followed by the broker).
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The OpenActive type of its items.
    pub const fn type_name(self) -> &'static str {
        self.row().type_name
    }

    /// The stable number under which the state keeps it.
    pub const fn number(self) -> i64 {
        self.row().number
    }

    /// The feed with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        TABLE.iter().find(|row| row.number == number).map(|row| row.feed)
    }

    /// The part that it plays.
    pub const fn role(self) -> Role {
        self.row().role
    }

    /// Whether it is one document, fetched whole, and not a chain of pages.
    pub const fn is_document(self) -> bool {
        matches!(self.role(), Role::Datasets)
    }

    /// After this long without reading it to its end, deletions may have been missed, so that it must be read anew: RPDE
    /// asks publishers to keep deletions for seven days; for slots many keep them for two (OpenActive's guidance). A
    /// document is whole each time.
    pub const fn gap_seconds_max(self) -> Option<i64> {
        match self.role() {
            Role::Children(Pair::Slots) => Some(2 * 86_400),
            Role::Datasets => None,
            Role::Children(Pair::Sessions) | Role::Parents(_) | Role::Sellers => Some(7 * 86_400),
        }
    }

    /// Whether bookability hangs on it: where it cannot be read, what the catalogue says may be wrong.
    pub const fn is_needed(self) -> bool {
        !self.is_document()
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_list_agree() {
        for (feed, row) in Feed::ALL.into_iter().zip(&TABLE) {
            assert_eq!((feed, feed.row().feed), (row.feed, feed));
            assert_eq!(Feed::from_number(feed.number()), Some(feed));
        }
        assert_eq!(Feed::from_number(0), None);
        assert_eq!(Pair::from_number(1), Some(Pair::Slots));
    }

    #[test]
    fn words_on_sessions_can_be_said_of_slots() {
        let words = "the session's superEvent names a series that is not published; the series' flag";
        let said = "the slot's facilityUse names a facility use that is not published; the facility use's flag";
        assert_eq!(Pair::Slots.say(words), said);
        assert_eq!(Pair::Sessions.say(words), words);
    }
}
