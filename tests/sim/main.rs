//! A simulation: the engine, held still, with the real files under it, against a publisher, a network, a clock and a disk
//! that misbehave as a seed says. After every step the catalogue equals a model written apart from the engine; at the end,
//! when all is well again, it equals what the publisher has. A failure prints its seed and shrinks to few events.
//!
//! `scripts/soak` runs it for as long as it is told.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

mod events;
#[expect(dead_code, reason = "its histories are another test's")]
#[path = "../model/histories.rs"]
mod histories;
#[path = "../model/naive.rs"]
mod naive;
mod publisher;
mod run;
#[path = "../model/shown.rs"]
mod shown;

use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Seeds that every run of the tests looks at.
const SEEDS: std::ops::Range<u64> = 0..250;

/// Runs one seed; where it fails, gives the words and the fewest events that still do.
fn try_seed(seed: u64) -> Result<(), String> {
    let config = Config {
        cases: 1,
        max_shrink_iters: 4000,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    match runner.run(&events::events(), |events| run::run(&events)) {
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, events)) => Err(format!("seed {seed}: {why}\nfewest events: {events:#?}")),
        Err(TestError::Abort(why)) => Err(format!("seed {seed}: {why}")),
    }
}

#[test]
fn the_catalogue_follows_whatever_happens() {
    let threads: Vec<_> = (0..2)
        .map(|part| std::thread::spawn(move || SEEDS.filter(|seed| seed % 2 == part).try_for_each(try_seed)))
        .collect();
    for thread in threads {
        if let Err(words) = thread.join().expect("a thread that ends") {
            panic!("{words}");
        }
    }
}

/// As long as `SOAK_SECONDS` says, from the seed `SOAK_FROM` on.
#[test]
#[ignore = "run by scripts/soak"]
#[expect(clippy::disallowed_methods, reason = "told by a script")]
fn soak() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = Duration::from_secs(number("SOAK_SECONDS").expect("SOAK_SECONDS"));
    let from = number("SOAK_FROM").unwrap_or(1_000_000);
    let (began, mut told, mut seed) = (Instant::now(), Instant::now(), from);
    while began.elapsed() < time {
        if let Err(words) = try_seed(seed) {
            panic!("{words}");
        }
        seed += 1;
        if told.elapsed() > Duration::from_mins(1) {
            told = Instant::now();
            println!("{} seeds, {} a minute", seed - from, (seed - from) * 60 / began.elapsed().as_secs().max(1));
        }
    }
    println!("{} seeds from {from} on, no difference", seed - from);
}
