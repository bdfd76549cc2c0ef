//! What is known of a session and of a series: the terms that the rules look at, and what the catalogue shows.
//!
//! Texts are borrowed from the page that they came in wherever they can be. `None` is "the feed does not give it".

use std::borrow::Cow;

use super::instant::Instant;
use super::place::Place;
use super::rules::{SeriesTerms, SessionTerms};

/// A text of a feed.
pub type Text<'a> = Cow<'a, str>;

/// What a feed says of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<'a> {
    /// The RPDE `id`.
    pub id: Text<'a>,
    /// The RPDE `modified`; `None` where it cannot be compared.
    pub modified: Option<i64>,
    /// What has become of the item.
    pub item: Item<'a>,
}

/// What has become of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'a> {
    /// A session as it now is.
    Session(Box<Session<'a>>),
    /// A series as it now is.
    Series(Box<Series<'a>>),
    /// Deleted, or replaced by something that cannot be used.
    Gone,
}

/// A ScheduledSession.
#[derive(Clone, Debug, PartialEq)]
pub struct Session<'a> {
    /// `@id`.
    pub id: Option<Text<'a>>,
    /// `identifier`, from which the checkout URL is made.
    pub identifier: Option<Text<'a>>,
    /// `superEvent`: the series' `@id`.
    pub series_id: Option<Text<'a>>,
    /// What the rules look at.
    pub terms: SessionTerms,
    /// `endDate`, else `startDate` and `duration`.
    pub ends: Option<Instant>,
    /// `duration`, else from `startDate` to `endDate`.
    pub duration_minutes: Option<i64>,
    /// `remainingAttendeeCapacity`.
    pub remaining_capacity: Option<i64>,
    /// `maximumAttendeeCapacity`.
    pub maximum_capacity: Option<i64>,
    /// `eventAttendanceMode`.
    pub attendance_mode: Option<AttendanceMode>,
    /// `url`.
    pub url: Option<Text<'a>>,
    /// `name`, where the session has one of its own.
    pub name: Option<Text<'a>>,
    /// `location`, where the session has one of its own.
    pub place: Option<Place<'a>>,
}

/// A SessionSeries with the EventSeries that is embedded in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<'a> {
    /// `@id`, which sessions link to.
    pub id: Text<'a>,
    /// What the rules look at.
    pub terms: SeriesTerms,
    /// `validFromBeforeStartDate` as the feed writes it, for `explain`.
    pub valid_from: Option<Text<'a>>,
    /// The EventSeries' name, else the series' own.
    pub name: Option<Text<'a>>,
    /// Likewise.
    pub description: Option<Text<'a>>,
    /// Labels of `activity`.
    pub activities: Vec<Text<'a>>,
    /// Labels of `level`.
    pub levels: Vec<Text<'a>>,
    /// `publicAdult.price`, else its `lowPrice`.
    pub price: Option<f64>,
    /// `publicAdult.priceCurrency`.
    pub currency: Option<Text<'a>>,
    /// `publicAdult`'s `imin:membershipRequired`.
    pub membership_required: Option<bool>,
    /// `ageRange.minValue`, in years.
    pub min_age: Option<i64>,
    /// `ageRange.maxValue`, in years.
    pub max_age: Option<i64>,
    /// `genderRestriction`.
    pub gender: Option<Gender>,
    /// `eventAttendanceMode`.
    pub attendance_mode: Option<AttendanceMode>,
    /// `organizer.name`.
    pub organizer: Option<Text<'a>>,
    /// `organizer`'s `@id`.
    pub organizer_id: Option<Text<'a>>,
    /// `location`.
    pub place: Option<Place<'a>>,
    /// `url`.
    pub url: Option<Text<'a>>,
    /// The first `image`'s `url`.
    pub image_url: Option<Text<'a>>,
    /// `imin:dataSource.identifier`.
    pub dataset: Option<Text<'a>>,
    /// `imin:presentAsSlots`.
    pub present_as_slots: Option<bool>,
}

/// `eventAttendanceMode` (schema.org).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttendanceMode {
    /// `OfflineEventAttendanceMode`.
    Offline,
    /// `OnlineEventAttendanceMode`.
    Online,
    /// `MixedEventAttendanceMode`.
    Mixed,
}

impl AttendanceMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Offline, Self::Online, Self::Mixed];

    /// The term without its namespace.
    pub const fn term(self) -> &'static str {
        match self {
            Self::Offline => "OfflineEventAttendanceMode",
            Self::Online => "OnlineEventAttendanceMode",
            Self::Mixed => "MixedEventAttendanceMode",
        }
    }

    /// From the term with or without its namespace; `None` for any other.
    pub fn from_term(term: &str) -> Option<Self> {
        let local = super::local_name(term);
        Self::ALL.into_iter().find(|mode| mode.term() == local)
    }
}

/// `genderRestriction` (OpenActive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gender {
    /// `NoRestriction`.
    NoRestriction,
    /// `FemaleOnly`.
    FemaleOnly,
    /// `MaleOnly`.
    MaleOnly,
}

impl Gender {
    /// Every restriction.
    pub const ALL: [Self; 3] = [Self::NoRestriction, Self::FemaleOnly, Self::MaleOnly];

    /// The term without its namespace.
    pub const fn term(self) -> &'static str {
        match self {
            Self::NoRestriction => "NoRestriction",
            Self::FemaleOnly => "FemaleOnly",
            Self::MaleOnly => "MaleOnly",
        }
    }

    /// From the term with or without its namespace; `None` for any other (OpenActive: an invalid one counts as none).
    pub fn from_term(term: &str) -> Option<Self> {
        let local = super::local_name(term);
        Self::ALL.into_iter().find(|gender| gender.term() == local)
    }
}
