//! What a batch writes into the state: the facts of its pages with the positions that they lead to, and the faults that were met.

use super::Store;
use super::error::Result;
use super::feeds::{self, Counts};
use super::probe::{self, Point};
use super::state::Touched;
use super::step::{Changes, FaultStep, PageStep};
use crate::domain::Instant;

impl Store {
    pub(super) fn apply_page(
        &mut self,
        page: &PageStep<'_>,
        now: Instant,
        touched: &mut Touched,
    ) -> rusqlite::Result<()> {
        let Some(mut position) = self.positions.get(&page.feed).filter(|at| at.walk == page.walk).cloned() else {
            return Ok(());
        };
        if let Changes::Prepared(prepared) = page.changes
            && !prepared.is_of(self.state.hasher, page.feed, page.walk)
        {
            return Ok(());
        }
        let mut counts = Counts::default();
        if let Some(version) = &page.document {
            if let Changes::Read(changes) = page.changes {
                touched.datasets |= self.state.put_datasets(changes)?;
            }
            position.version = version.clone();
        }
        self.state.apply(page, now, &mut counts, touched)?;
        if page.at_end {
            if !position.walk_complete && position.walk > 1 {
                self.state.sweep(page.feed, page.walk, touched)?;
            }
            position.walk_complete = true;
            position.read_to_end_at = Some(now);
        }
        page.next_url.clone_into(&mut position.next_url);
        position.wait_until = page.wait_until;
        position.failures = 0;
        position.license = page.license.map(str::to_owned).or(position.license);
        feeds::advance(self.state.connection(), &position, counts, now)?;
        feeds::note_findings(self.state.connection(), page.feed, &page.notes, now)?;
        self.positions.insert(page.feed, position);
        Ok(())
    }

    pub(super) fn apply_fault(&mut self, fault: &FaultStep<'_>, now: Instant) -> rusqlite::Result<()> {
        let Some(position) = self.positions.get_mut(&fault.feed).filter(|at| at.walk == fault.walk) else {
            return Ok(());
        };
        position.failures = fault.failures;
        position.wait_until = Some(fault.wait_until);
        feeds::note_fault(self.state.connection(), position, (fault.code, fault.text), now)
    }

    pub(super) fn commit_batch(&mut self) -> Result<()> {
        self.state.batch += 1;
        let (batch, loading) = (self.state.batch, self.state.loading);
        self.state.database.set("write", |connection| {
            connection.prepare_cached("UPDATE state SET batch = ?1, loading = ?2")?.execute((batch, loading))
        })?;
        self.state.database.set("write", |_| probe::reach(Point::StateCommit))?;
        self.state.database.commit()?;
        self.state.database.set("write", |_| probe::reach(Point::BetweenCommits))
    }
}
