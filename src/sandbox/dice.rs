//! Repeatable chance: `SplitMix64`, started from (seed, stream, number), so that any item can be rolled again on its own.
//!
//! Owns no state beyond one die. Cannot fail. May use nothing.

/// What a die is thrown for; keeps the throws for one number apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Centre,
    Series,
    SeriesEdit,
    Session,
    Parent,
    Places,
    Start,
    Step,
}

/// A source of repeatable random numbers.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, stream: Stream, number: u64) -> Self {
        let mut dice = Self(seed ^ (stream as u64 + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let start = dice.next() ^ number.wrapping_mul(0xA24B_AED4_963E_E407);
        Self(start)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// True in `percent` of a hundred throws.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of `texts`; empty when there are none.
    pub(super) fn pick<'t>(&mut self, texts: &'t [String]) -> &'t str {
        self.one_of(texts).map_or("", String::as_str)
    }

    /// One of `choices`, if there are any.
    pub(super) fn one_of<'t, T>(&mut self, choices: &'t [T]) -> Option<&'t T> {
        let count = u32::try_from(choices.len()).unwrap_or(u32::MAX);
        choices.get(self.below(count) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_start_gives_the_same_throws_and_another_gives_others() {
        let throws = |seed, stream, number| {
            let mut dice = Dice::new(seed, stream, number);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(throws(1, Stream::Series, 7), throws(1, Stream::Series, 7));
        assert_ne!(throws(1, Stream::Series, 7), throws(2, Stream::Series, 7));
        assert_ne!(throws(1, Stream::Series, 7), throws(1, Stream::Session, 7));
        assert_ne!(throws(1, Stream::Series, 7), throws(1, Stream::Series, 8));
    }

    #[test]
    fn throws_stay_in_range_and_are_even() {
        let mut dice = Dice::new(3, Stream::Step, 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            seen[dice.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.pick(&[]), "");
    }
}
