//! The retry table, over every status and fault.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn status(status: u16, retry_after: Option<Duration>) -> Fault {
    Fault::Status { path: "/x".to_owned(), status, retry_after }
}

fn advice(fault: &Fault, failures_in_a_row: u32) -> Advice {
    RetryTimes::default().advice(fault, failures_in_a_row, &mut Jitter::seeded(7))
}

/// The row of the table that this fault's advice and `--once` show, at the first, third, fourth and twelfth failure.
fn row(fault: &Fault) -> &'static str {
    let soon = |failures: u32, wait: Duration| {
        let nominal = (SECOND * 2_u32.pow(failures - 1)).min(MINUTE);
        wait >= nominal * 4 / 5 && wait <= nominal * 6 / 5
    };
    let hourly = |wait: Duration| wait >= MINUTE * 60 && wait <= MINUTE * 72;
    let rest = |wait: Duration| wait >= MINUTE * 60 && wait <= MINUTE * 120;
    let [first, third, fourth, twelfth] = [1, 3, 4, 12].map(|failures| advice(fault, failures));
    let once_tries = (1..=20).find(|failures| gives_up(fault, *failures)).unwrap();
    let standings = [first, third, fourth, twelfth].map(|advice| advice.standing);
    match (standings, once_tries) {
        ([Standing::Passing, Standing::Passing, Standing::Passing, Standing::Exhausted], 5)
            if soon(1, first.wait) && soon(3, third.wait) && soon(4, fourth.wait) && rest(twelfth.wait) =>
        {
            "passing"
        }
        ([Standing::Refused, _, _, Standing::Refused], 3)
            if soon(1, first.wait) && soon(3, third.wait) && hourly(fourth.wait) && hourly(twelfth.wait) =>
        {
            "refused"
        }
        ([Standing::Gone, _, _, Standing::Gone], 1) if first.wait == MINUTE * 60 * 24 && twelfth == first => "gone",
        ([Standing::Exhausted, _, _, Standing::Exhausted], 1) if hourly(first.wait) && hourly(twelfth.wait) => "hourly",
        other => panic!("{fault}: no row of the table: {other:?}, {first:?} {third:?} {fourth:?} {twelfth:?}"),
    }
}

#[test]
fn every_status_has_its_row() {
    let table = [
        (100..=399, "passing"),
        (400..=400, "hourly"),
        (401..=401, "refused"),
        (402..=402, "hourly"),
        (403..=403, "refused"),
        (404..=404, "gone"),
        (405..=407, "hourly"),
        (408..=408, "passing"),
        (409..=409, "hourly"),
        (410..=410, "gone"),
        (411..=424, "hourly"),
        (425..=425, "passing"),
        (426..=428, "hourly"),
        (429..=429, "passing"),
        (430..=499, "hourly"),
        (500..=500, "passing"),
        (501..=501, "hourly"),
        (502..=504, "passing"),
        (505..=505, "hourly"),
        (506..=599, "passing"),
    ];
    let mut walked = 100;
    for (range, expected) in table {
        assert_eq!(*range.start(), walked, "the table leaves no status out");
        walked = range.end() + 1;
        for number in range {
            assert_eq!(row(&status(number, None)), expected, "{number}");
        }
    }
    assert_eq!(walked, 600);
}

#[test]
fn every_other_fault_has_its_row() {
    let path = || "/x".to_owned();
    let detail = || "why".to_owned();
    let table = [
        (Fault::Connect { path: path(), detail: detail() }, "passing"),
        (Fault::Dns { path: path(), detail: detail() }, "passing"),
        (Fault::Timeout { path: path(), detail: detail() }, "passing"),
        (Fault::Interrupted { path: path(), detail: detail() }, "passing"),
        (Fault::Redirected { path: path(), status: 302, to: detail() }, "passing"),
        (Fault::Unreadable { path: path(), detail: detail() }, "passing"),
        (Fault::BadNext { path: path(), detail: detail() }, "passing"),
        (Fault::Other { path: path(), detail: detail() }, "passing"),
        (Fault::TooLarge { path: path(), bytes_max: 1 }, "hourly"),
    ];
    for (fault, expected) in table {
        assert_eq!(row(&fault), expected, "{}", fault.code());
    }
}

#[test]
fn retry_after_wins_where_the_table_says() {
    let hour = MINUTE * 60;
    let table = [
        ("longer than the back-off", 503, 1, 600, Some(600)),
        ("shorter than the back-off", 503, 7, 5, Some(5)),
        ("shorter than the hours of exhaustion", 503, 12, 5, Some(5)),
        ("429", 429, 1, 30, Some(30)),
        ("500", 500, 1, 30, Some(30)),
        ("501", 501, 1, 30, Some(30)),
        ("zero never becomes a busy loop", 503, 1, 0, Some(1)),
        ("refused: lengthens", 403, 1, 600, Some(600)),
        ("other 4xx: lengthens", 400, 1, 2 * 3600, Some(2 * 3600)),
        ("refused: does not shorten", 403, 9, 5, None),
        ("gone: does not shorten", 404, 1, 5, None),
    ];
    for (words, number, failures, asked, expected) in table {
        let wait = advice(&status(number, Some(SECOND * asked)), failures).wait;
        match expected {
            Some(seconds) => assert_eq!(wait, SECOND * seconds, "{words}"),
            None => assert!(wait >= hour, "{words}: {wait:?}"),
        }
    }
}

#[test]
fn the_back_off_doubles_to_its_limit_and_then_rests() {
    let times = RetryTimes::default();
    let fault = status(503, None);
    for seed in 0..200 {
        let mut jitter = Jitter::seeded(seed);
        for (failures, nominal) in (1..).zip([1_u32, 2, 4, 8, 16, 32, 60, 60, 60]) {
            let wait = times.advice(&fault, failures, &mut jitter).wait;
            let nominal = SECOND * nominal;
            assert!(wait >= nominal * 4 / 5 && wait <= nominal * 6 / 5, "{failures}: {wait:?}");
        }
        for failures in [10, 11, 33, 34, 1000, u32::MAX] {
            let rest = times.advice(&fault, failures, &mut jitter);
            assert_eq!(rest.standing, Standing::Exhausted);
            assert!(rest.wait >= MINUTE * 60 && rest.wait <= MINUTE * 120, "{failures}: {:?}", rest.wait);
        }
    }
    assert_eq!(advice(&fault, 0), advice(&fault, 1), "a count that starts at 0 does no harm");
}

#[test]
fn a_test_may_shorten_the_times() {
    let times = RetryTimes { first: Duration::from_millis(2), longest: Duration::from_millis(5), ..Default::default() };
    let mut jitter = Jitter::seeded(1);
    assert!(times.advice(&status(503, None), 1, &mut jitter).wait <= Duration::from_millis(3));
    assert!(times.advice(&status(503, None), 9, &mut jitter).wait <= Duration::from_millis(6));
}

#[test]
fn once_does_not_sit_out_a_long_retry_after() {
    assert!(!gives_up(&status(503, Some(MINUTE * 5)), 1));
    assert!(gives_up(&status(503, Some(MINUTE * 5 + SECOND)), 1));
}

#[test]
fn jitter_repeats_by_seed_and_stays_in_its_range() {
    let draw = |seed: u64| -> Vec<Duration> {
        let mut jitter = Jitter::seeded(seed);
        (0..100).map(|_| jitter.between(SECOND, SECOND * 2)).collect()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let drawn = draw(3);
    assert!(drawn.iter().all(|wait| *wait >= SECOND && *wait <= SECOND * 2));
    assert!(drawn.iter().any(|wait| *wait < SECOND * 5 / 4) && drawn.iter().any(|wait| *wait > SECOND * 7 / 4));
    let mut jitter = Jitter::seeded(0);
    assert_eq!(jitter.next(), 0xE220_A839_7B1D_CDAF, "the published first value for seed 0");
    assert_eq!(jitter.between(SECOND, SECOND), SECOND);
    assert_eq!(jitter.between(SECOND * 2, SECOND), SECOND * 2);
    assert!(jitter.between(Duration::ZERO, Duration::MAX) <= Duration::MAX);
}
