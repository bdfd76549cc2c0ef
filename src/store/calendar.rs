//! The instants at which windows open and close, in memory: which comes next, and what turns between two of them. Eight bytes each.
//!
//! It holds candidates, not truth: a window that moves, or a row that goes, leaves its instants behind, and whoever asks looks at the
//! row. What lies outside of its span it does not know. It does no I/O and reads no clock.

use std::collections::BTreeMap;

use super::keys::OpportunityKey;
use crate::domain::{Instant, Verdict, Window};

const DAY_SECONDS: i64 = 86_400;
/// An entry is the second of its day above so many bits of a key.
const KEY_BITS: u32 = 47;
/// The key that stands for all beyond it.
pub(super) const LAST_KEY: OpportunityKey = OpportunityKey((1 << KEY_BITS) - 1);
/// So many entries of a day need not be sorted, and an eighth of those that are.
const UNSORTED_MAX: usize = 64;

/// Which instants a calendar knows: those after the first and up to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) after: Instant,
    pub(super) up_to: Instant,
}

impl Span {
    fn holds(self, at: Instant) -> bool {
        self.after < at && at <= self.up_to
    }

    /// Whether all of another lies in it.
    pub(super) fn covers(self, other: Self) -> bool {
        self.after <= other.after && other.up_to <= self.up_to
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Calendar {
    span: Span,
    /// By the number of the day, counted from 1970-01-01.
    days: BTreeMap<i64, Day>,
    /// How many entries the days have.
    len: usize,
}

/// The entries of one day: first those that are sorted, each once, then those that came later.
#[derive(Debug, Default)]
struct Day {
    entries: Vec<u64>,
    sorted: usize,
}

fn day_of(at: Instant) -> i64 {
    at.as_seconds().div_euclid(DAY_SECONDS)
}

fn second_of(at: Instant) -> u64 {
    at.as_seconds().rem_euclid(DAY_SECONDS).unsigned_abs()
}

/// The least entry after an instant, on its day.
fn after(at: Instant) -> u64 {
    (second_of(at) + 1) << KEY_BITS
}

fn entry(at: Instant, key: OpportunityKey) -> u64 {
    second_of(at) << KEY_BITS | key.min(LAST_KEY).0.unsigned_abs()
}

fn key_of(entry: u64) -> OpportunityKey {
    OpportunityKey((entry & LAST_KEY.0.unsigned_abs()).cast_signed())
}

impl Day {
    fn push(&mut self, entry: u64) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(self.entries.len() / 8 + 2);
        }
        self.entries.push(entry);
    }

    /// Sorts, unless there is little to sort; gives how many entries were there twice.
    fn sort(&mut self) -> usize {
        let before = self.entries.len();
        if before - self.sorted <= UNSORTED_MAX + self.sorted / 8 {
            return 0;
        }
        #[expect(clippy::stable_sort_primitive, reason = "it makes use of what is sorted already")]
        self.entries.sort();
        self.entries.dedup();
        self.sorted = self.entries.len();
        before - self.sorted
    }

    /// The entries from one to before another; some perhaps twice.
    fn between(&self, from: u64, to: u64) -> impl Iterator<Item = u64> + '_ {
        let (sorted, new) = self.entries.split_at_checked(self.sorted).unwrap_or_default();
        let at = |wanted: u64| sorted.partition_point(|entry| *entry < wanted);
        let sorted = sorted.get(at(from)..at(to)).unwrap_or_default();
        sorted.iter().chain(new.iter().filter(move |entry| (from..to).contains(entry))).copied()
    }

    /// The first entry from one on.
    fn first(&self, from: u64) -> Option<u64> {
        let (sorted, new) = self.entries.split_at_checked(self.sorted).unwrap_or_default();
        let sorted = sorted.get(sorted.partition_point(|entry| *entry < from)).copied();
        sorted.into_iter().chain(new.iter().copied().filter(|entry| *entry >= from)).min()
    }
}

impl Calendar {
    pub(super) fn new(span: Span) -> Self {
        Self { span, days: BTreeMap::new(), len: 0 }
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes note of a verdict that now stands.
    pub(super) fn note(&mut self, key: OpportunityKey, verdict: Verdict) {
        if let Verdict::During(Window { opens, closes }) = verdict {
            self.note_at(key, closes);
            if let Some(opens) = opens {
                self.note_at(key, opens);
            }
        }
    }

    /// Takes note of the columns `opens` and `closes` of a row.
    pub(super) fn note_columns(&mut self, key: OpportunityKey, columns: [Option<i64>; 2]) {
        columns.into_iter().flatten().for_each(|at| self.note_at(key, Instant::from_seconds(at)));
    }

    /// Takes note of an instant at which a window opens or closes.
    fn note_at(&mut self, key: OpportunityKey, at: Instant) {
        if self.span.holds(at) {
            self.days.entry(day_of(at)).or_default().push(entry(at, key));
            self.len += 1;
        }
    }

    /// What perhaps opens or closes in a span, in the order of the keys, each once.
    pub(super) fn within(&mut self, span: Span) -> Vec<OpportunityKey> {
        let (first, last) = (day_of(span.after), day_of(span.up_to));
        let mut keys = Vec::new();
        if first > last {
            return keys;
        }
        for (number, day) in self.days.range_mut(first..=last) {
            self.len -= day.sort();
            let from = if *number == first { after(span.after) } else { 0 };
            let to = if *number == last { after(span.up_to) } else { u64::MAX };
            keys.extend(day.between(from, to).map(key_of));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The first instant after `now` at which perhaps something opens or closes.
    pub(super) fn next_after(&mut self, now: Instant) -> Option<Instant> {
        let first = day_of(now);
        for (number, day) in self.days.range_mut(first..) {
            self.len -= day.sort();
            if let Some(entry) = day.first(if *number == first { after(now) } else { 0 }) {
                let second = (entry >> KEY_BITS).cast_signed();
                return Some(Instant::from_seconds(number * DAY_SECONDS + second));
            }
        }
        None
    }

    /// Lets the days go that are over for more than a day at `now`.
    pub(super) fn forget_before(&mut self, now: Instant) {
        let first = day_of(now) - 1;
        let after = Instant::from_seconds(first.saturating_mul(DAY_SECONDS)).plus_seconds(-1);
        if after > self.span.after {
            self.span.after = after;
            let kept = self.days.split_off(&first);
            let gone = std::mem::replace(&mut self.days, kept);
            self.len -= gone.values().map(|day| day.entries.len()).sum::<usize>();
        }
    }

    /// Takes over all that another holds.
    pub(super) fn absorb(&mut self, other: Self) {
        self.len += other.len;
        for (number, day) in other.days {
            let ours = self.days.entry(number).or_default();
            ours.entries.reserve_exact(day.entries.len());
            ours.entries.extend(day.entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A window's instant among few days, seconds and keys, so that many meet.
    fn instant() -> impl Strategy<Value = i64> {
        let second = prop_oneof![Just(0), Just(1), Just(DAY_SECONDS - 1), 0..DAY_SECONDS];
        (-2_i64..5, second).prop_map(|(day, second)| day * DAY_SECONDS + second)
    }

    fn key() -> impl Strategy<Value = i64> {
        prop_oneof![1_i64..9, Just(LAST_KEY.0 - 1), Just(LAST_KEY.0), Just(i64::MAX)]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Note(Vec<(i64, i64)>),
        Absorb(Vec<(i64, i64)>),
        Between(i64, i64),
        Next(i64),
        Forget(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let notes = || prop::collection::vec((instant(), key()), 0..200);
        prop_oneof![
            notes().prop_map(Step::Note),
            notes().prop_map(Step::Absorb),
            (instant(), instant()).prop_map(|(from, to)| Step::Between(from, to)),
            instant().prop_map(Step::Next),
            instant().prop_map(Step::Forget),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_answers_as_a_plain_set_does(
            (after, up_to) in (instant(), instant()),
            steps in prop::collection::vec(step(), 1..30),
        ) {
            let at = Instant::from_seconds;
            let span = |after: i64, up_to: i64| Span { after: at(after), up_to: at(up_to) };
            let (mut calendar, mut plain) = (Calendar::new(span(after, up_to)), BTreeSet::new());
            let mut latest = i64::MIN;
            for step in steps {
                match step {
                    Step::Note(notes) => for (instant, key) in notes {
                        calendar.note_at(OpportunityKey(key), at(instant));
                        plain.extend(Some((instant, key.min(LAST_KEY.0))).filter(|_| calendar.span.holds(at(instant))));
                    },
                    Step::Absorb(notes) => {
                        let mut other = Calendar::new(calendar.span);
                        for (instant, key) in notes {
                            other.note_at(OpportunityKey(key), at(instant));
                            plain.extend(Some((instant, key.min(LAST_KEY.0))).filter(|_| calendar.span.holds(at(instant))));
                        }
                        calendar.absorb(other);
                    }
                    Step::Between(from, to) => {
                        let ours = plain.iter().filter(|(instant, _)| *instant > from && *instant <= to);
                        let ours: BTreeSet<_> = ours.map(|(_, key)| OpportunityKey(*key)).collect();
                        prop_assert_eq!(calendar.within(span(from, to)), ours.into_iter().collect::<Vec<_>>());
                    }
                    Step::Next(now) => {
                        let next = plain.iter().map(|(instant, _)| *instant).find(|instant| *instant > now);
                        prop_assert_eq!(calendar.next_after(at(now)), next.map(at));
                    }
                    Step::Forget(now) => {
                        calendar.forget_before(at(now));
                        latest = latest.max(now);
                        let day_ago = at(latest - DAY_SECONDS);
                        prop_assert!(calendar.span.after == at(after) || calendar.span.after < day_ago);
                        prop_assert!(calendar.span.after > day_ago.plus_seconds(-DAY_SECONDS - 1));
                        plain.retain(|(instant, _)| calendar.span.holds(at(*instant)));
                    }
                }
                let held: usize = calendar.days.values().map(|day| day.entries.len()).sum();
                prop_assert!(calendar.len() == held && held >= plain.len());
            }
        }
    }

    #[test]
    fn what_is_noted_again_and_again_is_held_once_after_it_was_asked_for() {
        let at = Instant::from_seconds(5);
        let mut calendar = Calendar::new(Span { after: Instant::from_seconds(0), up_to: at });
        let window = Window { opens: None, closes: at };
        for _ in 0..1000 {
            calendar.note(OpportunityKey(7), Verdict::During(window));
        }
        assert_eq!(
            (calendar.len(), calendar.next_after(Instant::from_seconds(4)), calendar.len()),
            (1000, Some(at), 1)
        );
        assert_eq!(calendar.next_after(at), None);
    }
}
