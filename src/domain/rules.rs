//! The three rules of bookability, and our policies where the imin documentation is silent.
//!
//! A ScheduledSession can be booked when all three hold (docs.imin.co, "Bookability"):
//!
//! 1. the session's `imin:isPotentiallyBookable` is true;
//! 2. its series' `imin:aggregateOffer.publicAdult.imin:isPotentiallyBookable` is true;
//! 3. now lies in the window that opens `validFromBeforeStartDate` before `startDate` and closes at `startDate`.
//!
//! The same holds for a Slot, with its FacilityUse in the place of the SessionSeries; where that has no aggregate offer, the
//! Slot's own is looked at. Where a broker is set, the parent's organizer must be in its bookable-sellers feed too.
//!
//! None of this looks at a clock: [`judge`] gives either a reason why the session can never be booked as things stand,
//! or the half-open interval in which it can. [`Verdict::at`] then tells how that looks at an instant.

use super::instant::{DateError, FeedDate, Instant};
use super::period::Period;
use super::reason::Reason;

/// What rule 1 and our policies look at in a session or slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpportunityTerms {
    /// Whether an `identifier` is there from which a checkout URL can be made.
    pub has_identifier: bool,
    /// `eventStatus`.
    pub status: EventStatus,
    /// Whether `imin:isPotentiallyBookable` is JSON `true`.
    pub potentially_bookable: bool,
    /// `startDate`.
    pub start: Start,
    /// Whether `superEvent` names a series (a slot's `facilityUse` a facility use).
    pub names_parent: bool,
    /// A slot's own `imin:aggregateOffer`, which counts where its facility use has none. A session has none of its own.
    pub aggregate: Aggregate,
}

/// `eventStatus`, as far as it matters here. Absent and unknown values count as scheduled (OpenActive's default).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// Anything but the two below.
    Scheduled,
    /// `EventCancelled`.
    Cancelled,
    /// `EventPostponed`.
    Postponed,
}

impl EventStatus {
    /// From `https://schema.org/EventCancelled` and its like, with or without a namespace.
    pub fn from_term(term: &str) -> Self {
        match super::local_name(term) {
            "EventCancelled" => Self::Cancelled,
            "EventPostponed" => Self::Postponed,
            _ => Self::Scheduled,
        }
    }
}

/// `startDate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Not given, or null.
    Missing,
    /// Given, but no instant can be read from it.
    Bad(DateError),
    /// Read.
    At(FeedDate),
}

impl Start {
    /// From the feed's text.
    pub fn parse(text: &str) -> Self {
        match FeedDate::parse(text) {
            Ok(date) => Self::At(date),
            Err(error) => Self::Bad(error),
        }
    }
}

/// What the rules look at in a series or facility use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentTerms {
    /// `imin:aggregateOffer`, for rules 2 and 3.
    pub aggregate: Aggregate,
    /// Whether the broker may sell what its organizer offers.
    pub selling: Selling,
}

impl ParentTerms {
    /// Whether its public adult offer is there and not flagged, so that rule 2 fails whatever hangs on it says.
    pub fn is_shut(&self) -> bool {
        self.aggregate.public_adult().is_some_and(|offer| !offer.potentially_bookable)
    }

    /// The same with that flag set.
    #[must_use]
    pub fn opened(self) -> Self {
        let aggregate = match self.aggregate {
            Aggregate::PublicAdult(offer) => {
                Aggregate::PublicAdult(PublicAdult { potentially_bookable: true, ..offer })
            }
            other => other,
        };
        Self { aggregate, ..self }
    }
}

/// `imin:aggregateOffer`, as far as the rules look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Not given.
    #[default]
    Absent,
    /// Given, without a `publicAdult`.
    WithoutPublicAdult,
    /// Given, with this `publicAdult`.
    PublicAdult(PublicAdult),
}

impl Aggregate {
    /// This one where it is given, else the other: a parent's comes before a slot's own, also when it is poorer.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Absent { other } else { self }
    }

    /// Its public adult offer.
    pub fn public_adult(self) -> Option<PublicAdult> {
        match self {
            Self::PublicAdult(offer) => Some(offer),
            Self::Absent | Self::WithoutPublicAdult => None,
        }
    }
}

/// Whether the broker may sell what an organizer offers (the bookable-sellers feed; our policy on when it applies).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selling {
    /// No broker is set: the rule does not apply.
    Unrestricted,
    /// The organizer is in the broker's feed.
    Allowed,
    /// The organizer is not in the broker's feed, or has no `@id`.
    NotAllowed,
    /// The broker's feed has not been read to its end yet.
    Unknown,
}

/// `imin:aggregateOffer.publicAdult`, as far as the rules look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicAdult {
    /// Whether its `imin:isPotentiallyBookable` is JSON `true`.
    pub potentially_bookable: bool,
    /// `validFromBeforeStartDate`.
    pub opening: Opening,
}

/// `validFromBeforeStartDate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Not given: the window has no opening end (as OpenActive reads it).
    Always,
    /// Given: the window opens this long before the start.
    Before(Period),
    /// Given, but not an ISO 8601 duration.
    Unreadable,
}

impl Opening {
    /// From the feed's text; `None` where the feed gives none.
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            None => Self::Always,
            Some(text) => Period::parse(text).map_or(Self::Unreadable, Self::Before),
        }
    }
}

/// When a session can be booked: from `opens` (inclusive; `None` is from its publication) to `closes` (exclusive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first second in which it can be booked.
    pub opens: Option<Instant>,
    /// The first second in which it no longer can: it has started.
    pub closes: Instant,
}

/// What follows from a session and its series without looking at a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It cannot be booked at any time.
    Never(Reason),
    /// It can be booked in this window and at no other time.
    During(Window),
}

/// How a verdict looks at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It can be booked now.
    Bookable,
    /// Its window has not opened yet.
    NotYetOpen,
    /// It has started.
    Started,
    /// It cannot be booked at any time.
    Never(Reason),
}

impl Standing {
    /// The stable code, as shown by `status` and `explain`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bookable => "bookable",
            Self::NotYetOpen => "not_yet_open",
            Self::Started => "started",
            Self::Never(reason) => reason.code(),
        }
    }

    /// One plain sentence without a full stop.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Bookable => "the session can be booked now",
            Self::NotYetOpen => "the booking window has not opened yet",
            Self::Started => "the session has started",
            Self::Never(reason) => reason.words(),
        }
    }
}

impl Window {
    /// Whether `now` lies in this window.
    pub fn holds(self, now: Instant) -> bool {
        self.opens.is_none_or(|opens| opens <= now) && now < self.closes
    }
}

impl Verdict {
    /// How this verdict looks at `now`.
    pub fn at(self, now: Instant) -> Standing {
        match self {
            Self::Never(reason) => Standing::Never(reason),
            Self::During(window) if window.closes <= now => Standing::Started,
            Self::During(window) if window.holds(now) => Standing::Bookable,
            Self::During(_) => Standing::NotYetOpen,
        }
    }

    /// What a verdict that was made with [`ParentTerms::opened`] comes to where the parent is shut ([`ParentTerms::is_shut`]) or is not. So
    /// a flag that comes and goes makes no verdict anew.
    #[must_use]
    pub fn under(self, parent_is_shut: bool) -> Self {
        match self {
            Self::Never(reason) if reason < Reason::SeriesFlag => self,
            Self::Never(_) | Self::During(_) if parent_is_shut => Self::Never(Reason::SeriesFlag),
            Self::Never(_) | Self::During(_) => self,
        }
    }

    /// Its window, if it has one.
    pub fn window(self) -> Option<Window> {
        if let Self::During(window) = self { Some(window) } else { None }
    }
}

/// The verdict on a session or slot, given its series or facility use (`None`: not published).
pub fn judge(session: &OpportunityTerms, parent: Option<&ParentTerms>) -> Verdict {
    match window(session, parent) {
        Ok(window) => Verdict::During(window),
        Err(reason) => Verdict::Never(reason),
    }
}

fn window(session: &OpportunityTerms, parent: Option<&ParentTerms>) -> Result<Window, Reason> {
    if !session.has_identifier {
        return Err(Reason::NoIdentifier);
    }
    match session.status {
        EventStatus::Cancelled => return Err(Reason::Cancelled),
        EventStatus::Postponed => return Err(Reason::Postponed),
        EventStatus::Scheduled => {}
    }
    if !session.potentially_bookable {
        return Err(Reason::SessionFlag);
    }
    let start = match session.start {
        Start::Missing => return Err(Reason::NoStartDate),
        Start::Bad(_) => return Err(Reason::BadStartDate),
        Start::At(start) => start,
    };
    if !session.names_parent {
        return Err(Reason::NoSeriesLink);
    }
    let parent = parent.ok_or(Reason::Orphan)?;
    match parent.selling {
        Selling::Unknown => return Err(Reason::SellersUnknown),
        Selling::NotAllowed => return Err(Reason::NotASeller),
        Selling::Unrestricted | Selling::Allowed => {}
    }
    let offer = parent.aggregate.or(session.aggregate).public_adult().ok_or(Reason::NoPublicAdult)?;
    if !offer.potentially_bookable {
        return Err(Reason::SeriesFlag);
    }
    let closes = start.instant();
    let opens = match offer.opening {
        Opening::Always => None,
        Opening::Before(period) => Some(period.before(start)),
        Opening::Unreadable => return Err(Reason::BadWindow),
    };
    if opens.is_some_and(|opens| closes <= opens) {
        return Err(Reason::EmptyWindow);
    }
    Ok(Window { opens, closes })
}

#[cfg(test)]
mod tests;
