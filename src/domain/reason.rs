//! Why a session cannot be booked: a closed list with stable codes and numbers.

use std::fmt;

/// Why a session can never be booked as its facts stand, whatever the time. When several hold, the first in the order
/// of this list is the one that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The session has no usable `identifier`, so no checkout URL can be made.
    NoIdentifier,
    /// `eventStatus` is `EventCancelled`.
    Cancelled,
    /// `eventStatus` is `EventPostponed`.
    Postponed,
    /// Rule 1: the session's `imin:isPotentiallyBookable` is not `true`.
    SessionFlag,
    /// The session has no `startDate`.
    NoStartDate,
    /// `startDate` cannot be read, or has no UTC offset.
    BadStartDate,
    /// The session names no series in `superEvent`.
    NoSeriesLink,
    /// The series that the session names is not published (not yet, or no longer).
    Orphan,
    /// A broker is set, and the bookable-sellers feed has not been read to its end yet.
    SellersUnknown,
    /// A broker is set, and the series' organizer is not in the bookable-sellers feed.
    NotASeller,
    /// Rule 2: the series has no `imin:aggregateOffer.publicAdult`.
    NoPublicAdult,
    /// Rule 2: `publicAdult`'s `imin:isPotentiallyBookable` is not `true`.
    SeriesFlag,
    /// Rule 3: `validFromBeforeStartDate` is not an ISO 8601 duration.
    BadWindow,
    /// Rule 3: the window closes when it opens (a `validFromBeforeStartDate` of nothing).
    EmptyWindow,
}

impl Reason {
    /// Every reason, in the order in which they are looked for.
    pub const ALL: [Self; 14] = [
        Self::NoIdentifier,
        Self::Cancelled,
        Self::Postponed,
        Self::SessionFlag,
        Self::NoStartDate,
        Self::BadStartDate,
        Self::NoSeriesLink,
        Self::Orphan,
        Self::SellersUnknown,
        Self::NotASeller,
        Self::NoPublicAdult,
        Self::SeriesFlag,
        Self::BadWindow,
        Self::EmptyWindow,
    ];

    /// The stable code, as shown by `status` and `explain`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoIdentifier => "no_identifier",
            Self::Cancelled => "cancelled",
            Self::Postponed => "postponed",
            Self::SessionFlag => "session_not_bookable",
            Self::NoStartDate => "no_start_date",
            Self::BadStartDate => "bad_start_date",
            Self::NoSeriesLink => "no_series_link",
            Self::Orphan => "orphan",
            Self::SellersUnknown => "sellers_unknown",
            Self::NotASeller => "not_a_seller",
            Self::NoPublicAdult => "no_public_adult",
            Self::SeriesFlag => "series_not_bookable",
            Self::BadWindow => "bad_window",
            Self::EmptyWindow => "empty_window",
        }
    }

    /// One plain sentence without a full stop.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoIdentifier => "the session has no identifier, so no checkout URL can be made",
            Self::Cancelled => "the session is cancelled",
            Self::Postponed => "the session is postponed",
            Self::SessionFlag => "the session is not flagged as potentially bookable (full, for example)",
            Self::NoStartDate => "the session has no startDate",
            Self::BadStartDate => "the session's startDate cannot be read or has no UTC offset",
            Self::NoSeriesLink => "the session names no series",
            Self::Orphan => "the session's series is not published",
            Self::SellersUnknown => "the bookable-sellers feed has not been read to its end yet",
            Self::NotASeller => "the series' organizer is not in the broker's bookable-sellers feed",
            Self::NoPublicAdult => "the series has no public adult offer",
            Self::SeriesFlag => "the series' public adult offer is not flagged as potentially bookable",
            Self::BadWindow => "the series' validFromBeforeStartDate is not an ISO 8601 duration",
            Self::EmptyWindow => "the booking window closes when it opens",
        }
    }

    /// The stable number under which the state keeps this reason; never 0.
    pub const fn number(self) -> i64 {
        match self {
            Self::NoIdentifier => 1,
            Self::Cancelled => 2,
            Self::Postponed => 3,
            Self::SessionFlag => 4,
            Self::NoStartDate => 5,
            Self::BadStartDate => 6,
            Self::NoSeriesLink => 7,
            Self::Orphan => 8,
            Self::NoPublicAdult => 9,
            Self::SeriesFlag => 10,
            Self::BadWindow => 11,
            Self::EmptyWindow => 12,
            Self::SellersUnknown => 13,
            Self::NotASeller => 14,
        }
    }

    /// Whether it lies in the session itself, so that it stands whatever its series says.
    pub const fn is_of_the_item(self) -> bool {
        match self {
            Self::NoIdentifier
            | Self::Cancelled
            | Self::Postponed
            | Self::SessionFlag
            | Self::NoStartDate
            | Self::BadStartDate
            | Self::NoSeriesLink => true,
            Self::Orphan
            | Self::SellersUnknown
            | Self::NotASeller
            | Self::NoPublicAdult
            | Self::SeriesFlag
            | Self::BadWindow
            | Self::EmptyWindow => false,
        }
    }

    /// The reason with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_are_distinct_and_lead_back() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason.number()), Some(reason));
        }
        assert_eq!(Reason::from_number(0), None);
    }
}
