//! What is known of sessions, slots and what they belong to: the terms that the rules look at, and what the catalogue
//! shows.
//!
//! Texts are borrowed from the page that they came in wherever they can be. `None` is "the feed does not give it".

use std::borrow::Cow;

use super::instant::Instant;
use super::place::Place;
use super::rules::{Aggregate, OpportunityTerms};

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

/// Who takes the changes of a page, one by one, as they are read.
pub trait Taker<'a> {
    /// About so many come now, from the first; what came before counts for nothing.
    fn begin(&mut self, changes: usize);
    /// The next one.
    fn take(&mut self, change: Change<'a>);
}

impl<'a> Taker<'a> for Vec<Change<'a>> {
    fn begin(&mut self, changes: usize) {
        self.clear();
        self.reserve(changes);
    }

    fn take(&mut self, change: Change<'a>) {
        self.push(change);
    }
}

/// What has become of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'a> {
    /// A session or slot as it now is.
    Opportunity(Box<Opportunity<'a>>),
    /// A series or facility use as it now is.
    Parent(Box<Parent<'a>>),
    /// A seller whose opportunities the broker may sell.
    Seller(Seller<'a>),
    /// A dataset that is to be named.
    Dataset(Box<Dataset<'a>>),
    /// Deleted, or replaced by something that cannot be used.
    Gone,
}

/// A ScheduledSession or Slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Opportunity<'a> {
    /// `@id`.
    pub id: Option<Text<'a>>,
    /// `identifier`, from which the checkout URL is made.
    pub identifier: Option<Text<'a>>,
    /// `superEvent`, or `facilityUse`: the parent's `@id`.
    pub parent_id: Option<Text<'a>>,
    /// What the rules look at.
    pub terms: OpportunityTerms,
    /// `endDate`, else `startDate` and `duration`.
    pub ends: Option<Instant>,
    /// `duration`, else from `startDate` to `endDate`.
    pub duration_minutes: Option<i64>,
    /// `remainingAttendeeCapacity`, or `remainingUses`.
    pub remaining: Option<i64>,
    /// `maximumAttendeeCapacity`, or `maximumUses`.
    pub maximum: Option<i64>,
    /// `eventAttendanceMode`.
    pub attendance_mode: Option<AttendanceMode>,
    /// `url`.
    pub url: Option<Text<'a>>,
    /// `name`, where the session has one of its own.
    pub name: Option<Text<'a>>,
    /// `location`, where the session has one of its own.
    pub place: Option<Place<'a>>,
    /// A slot's own `imin:aggregateOffer`; what the rules look at of it is in `terms` too.
    pub offer: AggregateOffer<'a>,
    /// `offers`, where it has some of its own.
    pub offers: Vec<Offer<'a>>,
}

/// A SessionSeries with the EventSeries that is embedded in it, or a FacilityUse.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent<'a> {
    /// `@id`, which sessions or slots link to.
    pub id: Text<'a>,
    /// A facility use's `individualFacilityUse`, which slots may link to as well.
    pub courts: Vec<Court<'a>>,
    /// The EventSeries' name, else the series' own; or the facility use's.
    pub name: Option<Text<'a>>,
    /// Likewise.
    pub description: Option<Text<'a>>,
    /// Labels of `activity` (else of a facility use's `facilityType`).
    pub activities: Vec<Text<'a>>,
    /// Labels of `level`.
    pub levels: Vec<Text<'a>>,
    /// `imin:aggregateOffer.publicAdult`.
    pub offer: AggregateOffer<'a>,
    /// `ageRange.minValue`, in years.
    pub min_age: Option<i64>,
    /// `ageRange.maxValue`, in years.
    pub max_age: Option<i64>,
    /// `genderRestriction`.
    pub gender: Option<Gender>,
    /// `eventAttendanceMode`.
    pub attendance_mode: Option<AttendanceMode>,
    /// `organizer.name`, or `provider.name`.
    pub organizer: Option<Text<'a>>,
    /// The `@id` of that.
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
    /// `offers`.
    pub offers: Vec<Offer<'a>>,
}

/// An `IndividualFacilityUse`: one court of a facility use.
#[derive(Clone, Debug, PartialEq)]
pub struct Court<'a> {
    /// `@id`.
    pub id: Text<'a>,
    /// `name`.
    pub name: Option<Text<'a>>,
}

/// `imin:aggregateOffer` with its `publicAdult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AggregateOffer<'a> {
    /// What the rules look at.
    pub terms: Aggregate,
    /// `validFromBeforeStartDate` as the feed writes it, for `explain`.
    pub valid_from: Option<Text<'a>>,
    /// `@id`.
    pub id: Option<Text<'a>>,
    /// `price`, else `lowPrice`.
    pub price: Option<f64>,
    /// `priceCurrency`.
    pub currency: Option<Text<'a>>,
    /// `imin:membershipRequired`.
    pub membership_required: Option<bool>,
}

/// One of `offers`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer<'a> {
    /// `@id`.
    pub id: Option<Text<'a>>,
    /// `name`.
    pub name: Option<Text<'a>>,
    /// `price`.
    pub price: Option<f64>,
    /// `priceCurrency`.
    pub currency: Option<Text<'a>>,
    /// `ageRange.minValue` (or of `ageRestriction`), in years.
    pub min_age: Option<i64>,
    /// `ageRange.maxValue`, in years.
    pub max_age: Option<i64>,
}

/// An Organization of the bookable-sellers feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seller<'a> {
    /// `@id`, which series and facility uses name as their organizer.
    pub id: Text<'a>,
    /// `name`.
    pub name: Option<Text<'a>>,
}

/// A Dataset of the attribution catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<'a> {
    /// `identifier`, which `imin:dataSource.identifier` names.
    pub identifier: Text<'a>,
    /// `name`.
    pub name: Option<Text<'a>>,
    /// `publisher.name`.
    pub publisher: Option<Text<'a>>,
    /// `url`, else `publisher.url`.
    pub url: Option<Text<'a>>,
    /// `license`.
    pub license: Option<Text<'a>>,
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
