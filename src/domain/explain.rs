//! The verdict rule by rule, for people: every rule is looked at, also behind the first that fails.

use super::feed::Pair;
use super::instant::{Instant, offset_text};
use super::reason::Reason;
use super::rules::{Aggregate, EventStatus, Opening, OpportunityTerms, ParentTerms, Selling, Start, Verdict, judge};

/// One rule or policy of bookability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A checkout URL can be made.
    Identifier,
    /// Not cancelled or postponed.
    Status,
    /// Rule 1 of the imin documentation.
    SessionFlag,
    /// `startDate` names an instant.
    StartDate,
    /// The series is published.
    Series,
    /// The broker may sell what the organizer offers; looked at where a broker is set.
    Seller,
    /// Rule 2 of the imin documentation.
    SeriesFlag,
    /// Rule 3 of the imin documentation.
    Window,
}

impl Rule {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Status => "status",
            Self::SessionFlag => "session_flag",
            Self::StartDate => "start_date",
            Self::Series => "series",
            Self::Seller => "seller",
            Self::SeriesFlag => "series_flag",
            Self::Window => "window",
        }
    }

    /// What the rule asks for.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Identifier => "the session has an identifier",
            Self::Status => "the session is neither cancelled nor postponed",
            Self::SessionFlag => "rule 1: the session's imin:isPotentiallyBookable is true",
            Self::StartDate => "the session's startDate names an instant",
            Self::Series => "the session's series is published",
            Self::Seller => "the series' organizer is in the broker's bookable-sellers feed",
            Self::SeriesFlag => "rule 2: the series' publicAdult imin:isPotentiallyBookable is true",
            Self::Window => "rule 3: now is within the booking window",
        }
    }
}

/// How one rule came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule.
    pub rule: Rule,
    /// Whether it holds; `None` where an earlier failure leaves nothing to look at.
    pub holds: Option<bool>,
    /// The fact that it was decided by.
    pub fact: String,
}

/// What is explained, beside its terms.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Which pair of feeds it belongs to, for the words.
    pub pair: Pair,
    /// The `@id` of its parent's organizer.
    pub organizer_id: Option<&'a str>,
}

/// Looks at every rule for one session or slot at `now`.
pub fn explain(
    subject: Subject<'_>,
    terms: &OpportunityTerms,
    parent: Option<&ParentTerms>,
    now: Instant,
) -> Vec<Check> {
    let check = |rule, holds: Option<bool>, fact: &str| Check { rule, holds, fact: subject.pair.say(fact) };
    let said = |yes: bool, name: &str| format!("{name} is {}", if yes { "given" } else { "missing or unusable" });
    let mut checks = vec![
        check(Rule::Identifier, Some(terms.has_identifier), &said(terms.has_identifier, "identifier")),
        check(Rule::Status, Some(terms.status == EventStatus::Scheduled), status_fact(terms.status)),
        check(Rule::SessionFlag, Some(terms.potentially_bookable), flag_fact(terms.potentially_bookable)),
        start_check(terms.start),
    ];
    let parent_fact = match (terms.names_parent, parent) {
        (false, _) => "superEvent is missing",
        (true, None) => "superEvent names a series that is not published",
        (true, Some(_)) => "superEvent names a published series",
    };
    checks.push(check(Rule::Series, Some(terms.names_parent && parent.is_some()), parent_fact));
    checks.extend(parent.and_then(|parent| seller_check(parent.selling, subject.organizer_id)));
    let aggregate = parent.map(|parent| parent.aggregate.or(terms.aggregate));
    checks.push(match (aggregate, aggregate.and_then(Aggregate::public_adult)) {
        (None, _) => check(Rule::SeriesFlag, None, "no series to look at"),
        (_, None) => check(Rule::SeriesFlag, Some(false), "imin:aggregateOffer.publicAdult is missing"),
        (_, Some(offer)) => {
            check(Rule::SeriesFlag, Some(offer.potentially_bookable), flag_fact(offer.potentially_bookable))
        }
    });
    checks.push(window_check(subject.pair, terms, aggregate.unwrap_or_default(), now));
    checks
}

/// Nothing where no broker is set.
fn seller_check(selling: Selling, organizer_id: Option<&str>) -> Option<Check> {
    let organizer =
        organizer_id.map_or_else(|| "an organizer without @id".to_owned(), |id| format!("the organizer {id}"));
    let (holds, fact) = match selling {
        Selling::Unrestricted => return None,
        Selling::Allowed => (Some(true), format!("{organizer} is in the feed")),
        Selling::NotAllowed => (Some(false), format!("{organizer} is not in the feed")),
        Selling::Unknown => (None, format!("the feed has not been read to its end yet; {organizer} is asked for")),
    };
    Some(Check { rule: Rule::Seller, holds, fact })
}

fn status_fact(status: EventStatus) -> &'static str {
    match status {
        EventStatus::Scheduled => "eventStatus is EventScheduled, absent or another",
        EventStatus::Cancelled => "eventStatus is EventCancelled",
        EventStatus::Postponed => "eventStatus is EventPostponed",
    }
}

fn flag_fact(flag: bool) -> &'static str {
    if flag { "imin:isPotentiallyBookable is true" } else { "imin:isPotentiallyBookable is not JSON true" }
}

fn start_check(start: Start) -> Check {
    let (holds, fact) = match start {
        Start::Missing => (false, "startDate is missing".to_owned()),
        Start::Bad(error) => (false, format!("startDate is {error:?}")),
        Start::At(date) => (true, format!("startDate is {}", offset_text(date))),
    };
    Check { rule: Rule::StartDate, holds: Some(holds), fact }
}

/// Rule 3 by itself: as [`judge`] sees it once everything else is taken to hold.
fn window_check(pair: Pair, terms: &OpportunityTerms, aggregate: Aggregate, now: Instant) -> Check {
    let willing = OpportunityTerms {
        has_identifier: true,
        status: EventStatus::Scheduled,
        potentially_bookable: true,
        names_parent: true,
        ..*terms
    };
    let offer = aggregate.public_adult();
    let open_offer = offer.map_or(Aggregate::WithoutPublicAdult, |offer| {
        Aggregate::PublicAdult(super::rules::PublicAdult { potentially_bookable: true, ..offer })
    });
    let verdict = judge(&willing, Some(&ParentTerms { aggregate: open_offer, selling: Selling::Unrestricted }));
    let (holds, fact) = match verdict {
        Verdict::During(window) => {
            let opens = match (window.opens, offer.map(|offer| offer.opening)) {
                (Some(opens), _) => format!("opens {opens}"),
                (None, Some(Opening::Always)) => "has no opening end".to_owned(),
                (None, _) => "has no known opening end".to_owned(),
            };
            (Some(window.holds(now)), format!("the window {opens}, closes {}; now is {now}", window.closes))
        }
        Verdict::Never(Reason::NoPublicAdult) => (None, "no public adult offer to take a window from".to_owned()),
        Verdict::Never(Reason::NoStartDate | Reason::BadStartDate) => (None, "no start to count from".to_owned()),
        Verdict::Never(reason) => (Some(false), pair.say(reason.words())),
    };
    Check { rule: Rule::Window, holds, fact }
}
