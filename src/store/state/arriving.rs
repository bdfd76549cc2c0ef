//! Taking in what a page says: each item is met with what is held of it, and takes its place where it is newer.
//!
//! Everything here happens inside a transaction that the [`crate::store::Store`] opens.

use super::{Held, State, Touched};
use crate::domain::{Change, Feed, Instant, Item, Role};
use crate::store::feeds::Counts;
use crate::store::index::{ItemHash, Tombstone};
use crate::store::keys::OpportunityKey;
use crate::store::opportunity_row::{self, Way};
use crate::store::own_row;
use crate::store::packed::{Keys, Seen, pack, put_keys};
use crate::store::prepared::{Prepared, PreparedItem, PreparedRow, Preparer};
use crate::store::probe::{self, Point};
use crate::store::step::{Changes, PageStep};

/// So many items are looked up together.
const LOOKED_UP_AHEAD: usize = 32;

impl State {
    /// Takes in what a page says.
    pub(in crate::store) fn apply(
        &mut self,
        page: &PageStep<'_>,
        now: Instant,
        counts: &mut Counts,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let (feed, walk) = (page.feed, page.walk);
        match page.changes {
            Changes::Prepared(prepared) => self.apply_prepared(prepared, now, counts, touched)?,
            Changes::Read(changes) => match Preparer::new(self.hasher).prepare(feed, walk, changes) {
                Some(prepared) => self.apply_prepared(&prepared, now, counts, touched)?,
                None => {
                    for change in changes {
                        counts.count(matches!(change.item, Item::Gone));
                        self.apply_change(feed, walk, change, now, touched)?;
                    }
                }
            },
        }
        self.write_new_rows()
    }

    fn apply_prepared(
        &mut self,
        prepared: &Prepared,
        now: Instant,
        counts: &mut Counts,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let (feed, walk) = (prepared.feed(), prepared.walk());
        for (at, item) in prepared.items().iter().enumerate() {
            if at % LOOKED_UP_AHEAD == 0 {
                self.look_up_ahead(prepared, at);
            }
            counts.count(item.row.is_none());
            let stamp = (item.modified, walk, item.row.is_none());
            let Some((held, modified)) = self.meet(feed, (prepared.id(item), item.hash), stamp)? else { continue };
            if item.row.is_some() {
                self.put_opportunity((prepared, item), modified, &held, touched)?;
            } else {
                self.remove(feed, prepared.id(item), item.hash, &held, touched)?;
                self.bury(item.hash, Tombstone { modified, walk }, now)?;
            }
        }
        Ok(())
    }

    /// Looks up what some items will look up one by one, one table after another, so that memory, which is far away from these large tables,
    /// is waited for once and not for each of them.
    fn look_up_ahead(&self, prepared: &Prepared, at: usize) {
        let items = || prepared.items().iter().skip(at).take(LOOKED_UP_AHEAD);
        let rows = || items().filter_map(|item| item.row.as_ref());
        let mut found = 0;
        for item in items() {
            found += self.opportunities.candidates(item.hash).count();
        }
        for row in rows() {
            found += usize::from(self.shapes.knows(row.shape));
        }
        let mut links = [None; LOOKED_UP_AHEAD];
        for (link, row) in links.iter_mut().zip(rows()) {
            *link = prepared.link(row).and_then(|(hash, _)| self.book.link(hash));
        }
        for link in links.into_iter().flatten() {
            found += usize::from(self.book.speaker(link).is_some());
        }
        std::hint::black_box(found);
    }

    fn apply_change(
        &mut self,
        feed: Feed,
        walk: i64,
        change: &Change<'_>,
        now: Instant,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let hash = self.hasher.hash(feed, &change.id);
        let stamp = (change.modified, walk, matches!(change.item, Item::Gone));
        let Some((held, modified)) = self.meet(feed, (&change.id, hash), stamp)? else { return Ok(()) };
        let stamp = (modified, walk);
        match (feed.role(), &change.item) {
            (Role::Parents(pair), Item::Parent(facts)) => self.put_parent(pair, &change.id, stamp, facts, touched),
            (Role::Sellers, Item::Seller(seller)) => self.put_seller(&change.id, stamp, seller, touched),
            (_, Item::Gone) => {
                self.remove(feed, &change.id, hash, &held, touched)?;
                self.bury(hash, Tombstone { modified, walk }, now)
            }
            // What is read from one feed is never of another's kind; datasets are taken as a whole.
            _ => Ok(()),
        }
    }

    /// What is held of an item that came in a walk, and what its `modified` counts as; nothing where it came too late. The newest
    /// `modified` wins, on a tie the later read; an item that this walk has not seen yet is taken whatever its number, so that a
    /// publisher who counts anew is followed.
    fn meet(
        &mut self,
        feed: Feed,
        (item_id, hash): (&str, ItemHash),
        (modified, walk, gone): (Option<i64>, i64, bool),
    ) -> rusqlite::Result<Option<(Held, i64)>> {
        probe::reach(Point::Change)?;
        let held = self.held(feed, item_id, hash)?;
        let known = match &held {
            Held::Opportunity { modified, walk, .. } | Held::Other { modified, walk } => Some((*modified, *walk)),
            Held::Nothing => self.tombstones.get(&hash).map(|tombstone| (tombstone.modified, tombstone.walk)),
        };
        let modified = match (modified, known) {
            (Some(modified), Some((known, seen_in))) if seen_in == walk && modified < known => return Ok(None),
            (Some(modified), _) => modified,
            (None, Some((known, _))) => known,
            (None, None) => 0,
        };
        if !gone && matches!(held, Held::Nothing) && self.tombstones.remove(&hash).is_some() {
            self.connection().prepare_cached("DELETE FROM tombstone WHERE hash = ?1")?.execute([hash.bytes()])?;
        }
        Ok(Some((held, modified)))
    }

    /// The keys of a row's offers and shape, which it now uses too; and whether the shape is new, so that the row must be packed by it.
    fn take_keys(
        &mut self,
        prepared: &Prepared,
        item: &PreparedItem,
        row: &PreparedRow,
    ) -> rusqlite::Result<(Keys, bool)> {
        let connection = &self.database.connection;
        let offers = prepared.offers(row);
        let offers = offers.map(|(hash, list)| self.offers.take_gathered(connection, hash, list)).transpose()?;
        if let Some(shape) = self.shapes.take_known(row.shape) {
            return Ok((Keys { offers, shape }, false));
        }
        let shape = self.shapes.take_new(connection, &self.hasher, &prepared.texts(item, row))?;
        Ok((Keys { offers, shape }, true))
    }

    fn put_opportunity(
        &mut self,
        (prepared, item): (&Prepared, &PreparedItem),
        modified: i64,
        held: &Held,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let Some(row) = &item.row else { return Ok(()) };
        let pair = prepared.pair();
        let link = prepared.link(row).map(|(hash, id)| self.intern_link(pair, hash, id)).transpose()?;
        let verdict = self.judging().verdict(&row.terms, link);
        let (keys, is_new) = self.take_keys(prepared, item, row)?;
        let connection = &self.database.connection;
        let mut stood_before = None;
        let held_row = if let Held::Opportunity { key, link: before, own, offers, shape, verdict: stood, .. } = *held {
            stood_before = Some(stood);
            touched.loose_links.extend(before.filter(|before| Some(*before) != link));
            self.offers.release(connection, offers)?;
            self.shapes.release(connection, shape)?;
            let way = if (before, stood) == (link, verdict) { Way::InPlace } else { Way::Over };
            (key, own, way)
        } else {
            let key = OpportunityKey(self.next_opportunity);
            self.next_opportunity += 1;
            self.opportunities.insert(item.hash, key);
            (key, false, Way::New)
        };
        let (key, had_own, way) = held_row;
        let mut new = Vec::new();
        let (front, back) = prepared.parts(row);
        if is_new || item.modified.is_none() {
            let seen = Seen { pair, modified, walk: prepared.walk() };
            let shape = self.shapes.shapes.get(keys.shape)?;
            pack(&mut new, seen, &row.numbers, (keys, shape), &prepared.texts(item, row));
        }
        let pack = |out: &mut Vec<u8>| {
            if new.is_empty() {
                out.extend_from_slice(front);
                put_keys(out, keys);
                out.extend_from_slice(back);
            } else {
                out.extend_from_slice(&new);
            }
        };
        let stamp = opportunity_row::Stamp { key, link, verdict };
        if way == Way::New {
            self.new_rows.push(stamp, pack);
            if self.new_rows.are_many() {
                self.new_rows.write(&self.database.connection)?;
            }
        } else {
            self.packed.clear();
            pack(&mut self.packed);
            opportunity_row::write(&self.database.connection, stamp, way, &self.packed)?;
        }
        self.note_verdict(stamp, way);
        match (prepared.own(row), had_own) {
            (Some(own), _) => own.write(&self.database.connection, key)?,
            (None, true) => own_row::remove(&self.database.connection, key)?,
            (None, false) => {}
        }
        // The catalogue of a first harvest is filled as a whole.
        if !self.loading {
            touched.opportunity(key, stood_before, Some(verdict));
        }
        Ok(())
    }
}
