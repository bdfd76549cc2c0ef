//! The rules and policies, each case in words.

use super::*;

const START: &str = "2026-12-01T18:00:00Z";

fn session() -> OpportunityTerms {
    OpportunityTerms {
        has_identifier: true,
        status: EventStatus::Scheduled,
        potentially_bookable: true,
        start: Start::parse(START),
        names_parent: true,
        aggregate: Aggregate::Absent,
    }
}

fn series(opening: Option<&str>) -> ParentTerms {
    offered(Aggregate::PublicAdult(PublicAdult { potentially_bookable: true, opening: Opening::parse(opening) }))
}

fn offered(aggregate: Aggregate) -> ParentTerms {
    ParentTerms { aggregate, selling: Selling::Unrestricted }
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

#[test]
fn every_rule_and_policy_has_its_reason() {
    let good = session();
    let week = series(Some("P7D"));
    let no_offer = offered(Aggregate::WithoutPublicAdult);
    let unflagged =
        offered(Aggregate::PublicAdult(PublicAdult { potentially_bookable: false, opening: Opening::Always }));
    let table = [
        ("no identifier", OpportunityTerms { has_identifier: false, ..good }, Some(week), Reason::NoIdentifier),
        (
            "cancelled whatever the flag",
            OpportunityTerms { status: EventStatus::Cancelled, ..good },
            Some(week),
            Reason::Cancelled,
        ),
        ("postponed", OpportunityTerms { status: EventStatus::Postponed, ..good }, Some(week), Reason::Postponed),
        ("rule 1", OpportunityTerms { potentially_bookable: false, ..good }, Some(week), Reason::SessionFlag),
        ("no start", OpportunityTerms { start: Start::Missing, ..good }, Some(week), Reason::NoStartDate),
        (
            "unreadable start",
            OpportunityTerms { start: Start::parse("soon"), ..good },
            Some(week),
            Reason::BadStartDate,
        ),
        (
            "start without offset",
            OpportunityTerms { start: Start::parse("2026-12-01T18:00:00"), ..good },
            Some(week),
            Reason::BadStartDate,
        ),
        ("no link", OpportunityTerms { names_parent: false, ..good }, None, Reason::NoSeriesLink),
        ("orphan", good, None, Reason::Orphan),
        ("rule 2, no offer", good, Some(no_offer), Reason::NoPublicAdult),
        ("rule 2, flag", good, Some(unflagged), Reason::SeriesFlag),
        ("rule 3, not a duration", good, Some(series(Some("1 week"))), Reason::BadWindow),
        ("rule 3, empty text", good, Some(series(Some(""))), Reason::BadWindow),
        ("rule 3, never open", good, Some(series(Some("P0D"))), Reason::EmptyWindow),
    ];
    for (words, session, series, reason) in table {
        assert_eq!(judge(&session, series.as_ref()), Verdict::Never(reason), "{words}");
    }
}

#[test]
fn the_window_opens_inclusive_and_closes_exclusive() {
    let verdict = judge(&session(), Some(&series(Some("P7D"))));
    let table = [
        ("a second before it opens", "2026-11-24T17:59:59Z", Standing::NotYetOpen),
        ("when it opens", "2026-11-24T18:00:00Z", Standing::Bookable),
        ("a second before the start", "2026-12-01T17:59:59Z", Standing::Bookable),
        ("at the start", START, Standing::Started),
        ("long after", "2027-12-01T18:00:00Z", Standing::Started),
    ];
    for (words, now, standing) in table {
        assert_eq!(verdict.at(at(now)), standing, "{words}");
    }
}

#[test]
fn without_an_opening_end_it_is_bookable_from_publication() {
    let verdict = judge(&session(), Some(&series(None)));
    assert_eq!(verdict, Verdict::During(Window { opens: None, closes: at(START) }));
    assert_eq!(verdict.at(Instant::EARLIEST), Standing::Bookable);
}

#[test]
fn a_start_with_a_fraction_closes_before_it_and_opens_after() {
    let session = OpportunityTerms { start: Start::parse("2026-12-01T18:00:00.500Z"), ..session() };
    let verdict = judge(&session, Some(&series(Some("P1D"))));
    let expected = Window { opens: Some(at("2026-11-30T18:00:01Z")), closes: at("2026-12-01T18:00:00Z") };
    assert_eq!(verdict, Verdict::During(expected));
}

#[test]
fn event_status_is_read_with_and_without_namespace() {
    for term in [
        "https://schema.org/EventCancelled",
        "http://schema.org/EventCancelled",
        "schema:EventCancelled",
        "EventCancelled",
    ] {
        assert_eq!(EventStatus::from_term(term), EventStatus::Cancelled, "{term}");
    }
    assert_eq!(EventStatus::from_term("https://schema.org/EventPostponed"), EventStatus::Postponed);
    assert_eq!(EventStatus::from_term("https://schema.org/EventRescheduled"), EventStatus::Scheduled);
    assert_eq!(EventStatus::from_term(""), EventStatus::Scheduled);
}

#[test]
fn a_slots_own_aggregate_offer_counts_where_its_facility_use_has_none() {
    let own = Aggregate::PublicAdult(PublicAdult { potentially_bookable: true, opening: Opening::parse(Some("P1D")) });
    let slot = OpportunityTerms { aggregate: own, ..session() };
    let opens = |verdict: Verdict| match verdict {
        Verdict::During(window) => window.opens,
        Verdict::Never(reason) => panic!("{reason}"),
    };
    assert_eq!(opens(judge(&slot, Some(&offered(Aggregate::Absent)))), Some(at("2026-11-30T18:00:00Z")));
    assert_eq!(opens(judge(&slot, Some(&series(Some("P7D"))))), Some(at("2026-11-24T18:00:00Z")));
    let poorer = judge(&slot, Some(&offered(Aggregate::WithoutPublicAdult)));
    assert_eq!(poorer, Verdict::Never(Reason::NoPublicAdult));
    assert_eq!(judge(&session(), Some(&offered(Aggregate::Absent))), Verdict::Never(Reason::NoPublicAdult));
}

#[test]
fn with_a_broker_the_organizer_must_be_a_known_seller() {
    let judged = |selling| judge(&session(), Some(&ParentTerms { selling, ..series(Some("P7D")) }));
    let free = judged(Selling::Unrestricted);
    assert!(matches!(free, Verdict::During(_)));
    assert_eq!(judged(Selling::Allowed), free);
    assert_eq!(judged(Selling::NotAllowed), Verdict::Never(Reason::NotASeller));
    assert_eq!(judged(Selling::Unknown), Verdict::Never(Reason::SellersUnknown));
}

/// Every session beside every parent, as far as the rules tell them apart.
fn all_pairs() -> impl Iterator<Item = (OpportunityTerms, ParentTerms)> {
    let openings = [None, Some("P7D"), Some("PT0S"), Some("soon")].map(Opening::parse);
    let offers = openings.into_iter().flat_map(|opening| {
        [true, false].map(|flag| Aggregate::PublicAdult(PublicAdult { potentially_bookable: flag, opening }))
    });
    let aggregates: Vec<Aggregate> =
        [Aggregate::Absent, Aggregate::WithoutPublicAdult].into_iter().chain(offers).collect();
    let sellings = [Selling::Unrestricted, Selling::Allowed, Selling::NotAllowed, Selling::Unknown];
    let parents: Vec<ParentTerms> = aggregates
        .iter()
        .flat_map(|aggregate| sellings.map(|selling| ParentTerms { aggregate: *aggregate, selling }))
        .collect();
    let statuses = [EventStatus::Scheduled, EventStatus::Cancelled, EventStatus::Postponed];
    let starts = [Start::Missing, Start::parse("soon"), Start::parse(START)];
    let mut sessions = Vec::new();
    for (number, aggregate) in (0..72).flat_map(|number| aggregates.iter().map(move |aggregate| (number, *aggregate))) {
        sessions.push(OpportunityTerms {
            has_identifier: number & 1 == 0,
            potentially_bookable: number & 2 == 0,
            names_parent: number & 4 == 0,
            status: statuses[number / 8 % 3],
            start: starts[number / 24],
            aggregate,
        });
    }
    sessions.into_iter().flat_map(move |session| parents.clone().into_iter().map(move |parent| (session, parent)))
}

#[test]
fn a_verdict_made_with_the_parent_opened_and_shut_again_is_the_verdict() {
    let (mut count, mut shut) = (0, 0);
    for (session, parent) in all_pairs() {
        let opened = judge(&session, Some(&parent.opened()));
        let verdict = opened.under(parent.is_shut());
        assert_eq!(verdict, judge(&session, Some(&parent)), "{session:?} {parent:?}");
        count += 1;
        shut += usize::from(opened != verdict);
    }
    assert_eq!(count, 72 * 10 * 40);
    assert!(shut > 0);
}
