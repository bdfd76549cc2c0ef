//! The verdict rule by rule, for people: every rule is looked at, also behind the first that fails.

use super::instant::{Instant, offset_text};
use super::reason::Reason;
use super::rules::{EventStatus, Opening, SeriesTerms, SessionTerms, Start, Verdict, judge};

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

/// Looks at every rule for one session at `now`.
pub fn explain(session: &SessionTerms, series: Option<&SeriesTerms>, now: Instant) -> Vec<Check> {
    let check = |rule, holds: Option<bool>, fact: &str| Check { rule, holds, fact: fact.to_owned() };
    let offer = series.and_then(|series| series.public_adult);
    let said = |yes: bool, name: &str| format!("{name} is {}", if yes { "given" } else { "missing or unusable" });
    let mut checks = vec![
        check(Rule::Identifier, Some(session.has_identifier), &said(session.has_identifier, "identifier")),
        check(Rule::Status, Some(session.status == EventStatus::Scheduled), status_fact(session.status)),
        check(Rule::SessionFlag, Some(session.potentially_bookable), flag_fact(session.potentially_bookable)),
        start_check(session.start),
    ];
    let series_fact = match (session.names_series, series) {
        (false, _) => "superEvent is missing",
        (true, None) => "superEvent names a series that is not published",
        (true, Some(_)) => "superEvent names a published series",
    };
    checks.push(check(Rule::Series, Some(session.names_series && series.is_some()), series_fact));
    checks.push(match (series, offer) {
        (None, _) => check(Rule::SeriesFlag, None, "no series to look at"),
        (_, None) => check(Rule::SeriesFlag, Some(false), "imin:aggregateOffer.publicAdult is missing"),
        (_, Some(offer)) => {
            check(Rule::SeriesFlag, Some(offer.potentially_bookable), flag_fact(offer.potentially_bookable))
        }
    });
    checks.push(window_check(session, series, now));
    checks
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
fn window_check(session: &SessionTerms, series: Option<&SeriesTerms>, now: Instant) -> Check {
    let willing = SessionTerms {
        has_identifier: true,
        status: EventStatus::Scheduled,
        potentially_bookable: true,
        names_series: true,
        ..*session
    };
    let offer = series.and_then(|series| series.public_adult);
    let open_offer = offer.map(|offer| super::rules::PublicAdult { potentially_bookable: true, ..offer });
    let verdict = judge(&willing, Some(&SeriesTerms { public_adult: open_offer }));
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
        Verdict::Never(reason) => (Some(false), reason.words().to_owned()),
    };
    Check { rule: Rule::Window, holds, fact }
}
