//! Series and facility uses in the state: taking them in, and reading them into memory.

use std::sync::Arc;

use super::keys::{LinkKey, ParentKey};
use super::offer_book::Given;
use super::parent_book::ParentEntry;
use super::parent_row;
use super::sellers::Asking;
use super::state::{State, Touched, pair_of};
use crate::domain::{Pair, Parent};

impl State {
    /// Reads into memory what finds parents again, and what verdicts ask of them.
    pub(super) fn load_parents(&mut self) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        self.shared.load(connection, &self.hasher)?;
        let mut statement = connection.prepare("SELECT key, pair, id FROM link")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: LinkKey = row.get(0)?;
            let pair = pair_of(row, 1)?;
            self.book.learn_link(self.hasher.hash_link(pair, row.get_ref(2)?.as_str()?), key);
            self.next_link = self.next_link.max(key.0 + 1);
        }
        let sql = "SELECT p.key, pair, item_id, modified, walk, link, public_adult, valid_from, organizer_id, offers, about, \
            provider, place FROM parent AS p LEFT JOIN provider ON provider.key = p.provider ORDER BY p.key";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: ParentKey = row.get(0)?;
            let organizer = row.get_ref(8)?.as_str_or_null()?.filter(|_| self.sellers.asking != Asking::Nothing);
            let entry = ParentEntry {
                modified: row.get(3)?,
                walk: row.get(4)?,
                aggregate: parent_row::aggregate_from(row.get(6)?, row.get_ref(7)?.as_str_or_null()?),
                organizer: organizer.map(|id| self.book.intern_organizer(id)),
                offers: row.get(9)?,
                rows: vec![(row.get(5)?, key)],
            };
            self.offers.count(entry.offers, 1);
            self.shared.count(parent_row::groups_from(row, 10)?);
            self.book.load(pair_of(row, 1)?, row.get_ref(2)?.as_str()?, entry);
            self.next_parent = self.next_parent.max(key.0 + 1);
        }
        self.shared.drop_idle(connection)
    }

    /// Takes in a parent as it now is.
    pub(super) fn put_parent(
        &mut self,
        pair: Pair,
        item_id: &str,
        (modified, walk): (i64, i64),
        facts: &Parent<'_>,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let given = Given { offers: &facts.offers, owner: Some(&facts.id) };
        let before_offers = self.book.item(pair, item_id).and_then(|entry| entry.offers);
        self.touch_parent(pair, item_id, touched);
        let before = self.book.remove(pair, item_id);
        let groups_before = before.iter().map(|row| parent_row::groups_of(self.connection(), row.1));
        let groups_before = groups_before.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut offers = None;
        let mut rows = Vec::with_capacity(facts.courts.len() + 1);
        let own = std::iter::once((&facts.id, None));
        let courts = facts.courts.iter().map(|court| (&court.id, Some((&*facts.id, court.name.as_deref()))));
        for (id, court) in own.chain(courts) {
            let hash = self.hasher.hash_link(pair, id);
            let link = self.intern_link(pair, hash, id)?;
            if rows.iter().any(|row: &(LinkKey, ParentKey)| row.0 == link) {
                continue;
            }
            self.touch_link(link, touched);
            // A row keeps its key, because the catalogue's listings stand on it.
            let key = before.iter().find(|row| row.0 == link).map_or(ParentKey(self.next_parent), |row| row.1);
            self.next_parent = self.next_parent.max(key.0 + 1);
            offers = self.offers.take(&self.database.connection, &self.hasher, given)?;
            let groups = parent_row::with_groups(facts, |groups| {
                self.shared.take(&self.database.connection, &self.hasher, groups)
            })?;
            let stamp = parent_row::Stamp { key, pair, item_id, modified, walk, link, court, offers, groups };
            parent_row::write(&self.database.connection, stamp, facts)?;
            rows.push((link, key));
        }
        for ((link, key), groups) in before.into_iter().zip(groups_before) {
            self.offers.release(&self.database.connection, before_offers)?;
            self.shared.release(&self.database.connection, groups)?;
            if !rows.contains(&(link, key)) {
                parent_row::delete(self.connection(), key)?;
                touched.loose_links.insert(link);
            }
        }
        let organizer = facts.organizer_id.as_deref().filter(|_| self.sellers.asking != Asking::Nothing);
        let organizer: Option<Arc<str>> = organizer.map(|id| self.book.intern_organizer(id));
        let aggregate = facts.offer.terms;
        self.book.put(pair, item_id, ParentEntry { modified, walk, aggregate, organizer, offers, rows });
        Ok(())
    }

    /// Takes note of the `@id`s that an item carries which is about to change or go.
    fn touch_parent(&mut self, pair: Pair, item_id: &str, touched: &mut Touched) {
        let links: Vec<LinkKey> =
            self.book.item(pair, item_id).iter().flat_map(|entry| &entry.rows).map(|row| row.0).collect();
        for link in links {
            self.touch_link(link, touched);
        }
    }

    /// Takes note of an `@id` whose parent is about to come, change or go; in a first harvest, in which nothing is judged anew, so that it is
    /// at the end.
    fn touch_link(&mut self, link: LinkKey, touched: &mut Touched) {
        let before = self.judging().parent_terms(Some(link));
        touched.links.entry(link).or_insert(before);
        if self.loading && self.book.speaker(link).is_some() {
            self.unsettled.add_link(link);
        }
    }

    /// Takes note of the `@id`s that an organizer's items carry.
    pub(super) fn touch_organizer(&self, id: &str, touched: &mut Touched) {
        for link in self.book.links_of_organizer(id) {
            let before = self.judging().parent_terms(Some(link));
            touched.links.entry(link).or_insert(before);
        }
    }

    /// Takes a parent away.
    pub(super) fn remove_parent(&mut self, pair: Pair, item_id: &str, touched: &mut Touched) -> rusqlite::Result<()> {
        let offers = self.book.item(pair, item_id).and_then(|entry| entry.offers);
        self.touch_parent(pair, item_id, touched);
        for (link, key) in self.book.remove(pair, item_id) {
            self.offers.release(&self.database.connection, offers)?;
            let groups = parent_row::groups_of(self.connection(), key)?;
            parent_row::delete(self.connection(), key)?;
            self.shared.release(&self.database.connection, groups)?;
            touched.loose_links.insert(link);
        }
        Ok(())
    }
}
