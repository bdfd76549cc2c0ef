//! What the end of a first harvest must judge once more: sessions and slots come before their parents, and parents change, while nothing
//! judges them anew.

use super::keys::{LinkKey, OpportunityKey};

/// See the module. Where a parent was there when a session was judged and is still the same, its verdict is right.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// Everything: what verdicts ask of sellers has changed, or nobody knows what an earlier run has left.
    all: bool,
    /// Sessions and slots that were judged while their parent was not there.
    orphans: Marks,
    /// `@id`s whose parent, which was there, changed or went.
    links: Marks,
}

impl Unsettled {
    pub(super) fn add_all(&mut self) {
        *self = Self { all: true, ..Self::default() };
    }

    pub(super) fn add_orphan(&mut self, key: OpportunityKey) {
        if !self.all {
            self.orphans.add(key.0);
        }
    }

    pub(super) fn add_link(&mut self, link: LinkKey) {
        if !self.all {
            self.links.add(link.0);
        }
    }

    /// Whether this is so much, of so many rows that name so many links, that judging every row is less work.
    pub(super) fn is_much(&self, rows: usize, links: usize) -> bool {
        let by_link = self.links.count().saturating_mul(rows) / links.max(1);
        self.all || self.orphans.count() + by_link > rows / 4
    }

    /// Whether every verdict is right but that on sessions and slots of which no parent is known.
    pub(super) fn are_orphans(&self) -> bool {
        !self.all && self.links.0.is_empty()
    }

    pub(super) fn orphans(&self) -> impl Iterator<Item = OpportunityKey> + '_ {
        self.orphans.iter().map(OpportunityKey)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = LinkKey> + '_ {
        self.links.iter().map(LinkKey)
    }
}

/// A set of keys, which count from 1: a bit each.
#[derive(Debug, Default)]
struct Marks(Vec<u64>);

impl Marks {
    fn add(&mut self, key: i64) {
        let Ok(key) = usize::try_from(key) else { return };
        let at = key / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(at) {
            *bits |= 1 << (key % 64);
        }
    }

    fn count(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// In their order.
    fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let of = |(bits, first): (&u64, i64)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| first + bit)
        };
        self.0.iter().zip((0..).step_by(64)).flat_map(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_once_and_come_in_order() {
        let mut unsettled = Unsettled::default();
        for key in [200, 1, 64, 63, 1, 128, 200] {
            unsettled.add_orphan(OpportunityKey(key));
            unsettled.add_link(LinkKey(key + 1));
        }
        assert_eq!(unsettled.orphans().map(|key| key.0).collect::<Vec<_>>(), [1, 63, 64, 128, 200]);
        assert_eq!(unsettled.links().map(|link| link.0).collect::<Vec<_>>(), [2, 64, 65, 129, 201]);
        assert!(unsettled.is_much(19, 1000) && !unsettled.is_much(20, 1000), "five are more than a quarter of 19");
        assert!(unsettled.is_much(20, 50), "and two more by their links");
        assert!(!unsettled.are_orphans() && Unsettled::default().are_orphans());
    }

    #[test]
    fn all_is_all() {
        let mut unsettled = Unsettled::default();
        unsettled.add_all();
        unsettled.add_orphan(OpportunityKey(1));
        assert!(!unsettled.are_orphans() && unsettled.is_much(1000, 1000) && unsettled.orphans().next().is_none());
    }
}
