//! What finds the state's sessions and slots again, read into memory at a start: two threads read rows and hash their ids, the caller's
//! gathers what they find. A million rows take a third of a second.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use hashbrown::HashMap;
use rusqlite::params;

use super::calendar::{Calendar, Span};
use super::database::{Database, STATE};
use super::error::Result;
use super::index::{ItemHash, ItemHasher, ItemIndex};
use super::keys::{OfferListKey, OpportunityKey, ShapeKey};
use super::opportunity_row::facts;
use super::packed::Keys;
use super::shape_book::{Shapes, damaged};
use crate::domain::{Feed, Pair};

/// Rows that are handed over together.
const ROWS_A_BATCH: usize = 2048;
/// Batches that may wait to be gathered.
const BATCHES_WAITING_MAX: usize = 8;

/// A row, as far as it is kept in memory.
struct Found {
    hash: ItemHash,
    key: OpportunityKey,
    offers: Option<OfferListKey>,
    shape: ShapeKey,
    /// `opens` and `closes`.
    window: [Option<i64>; 2],
}

/// What all rows together come to.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) index: ItemIndex,
    /// How many rows have each list of offers.
    pub(super) offers: HashMap<OfferListKey, u64>,
    /// How many rows have each shape.
    pub(super) shapes: HashMap<ShapeKey, u64>,
    pub(super) calendar: Calendar,
    /// The greatest key; 0 where there is no row.
    pub(super) last_key: i64,
}

impl Loaded {
    fn gather(&mut self, batches: &Receiver<Vec<Found>>) {
        for Found { hash, key, offers, shape, window } in batches.iter().flatten() {
            self.index.insert(hash, key);
            self.calendar.note_columns(key, window);
            if let Some(list) = offers {
                *self.offers.entry(list).or_default() += 1;
            }
            *self.shapes.entry(shape).or_default() += 1;
        }
    }
}

/// Reads all rows of the state at `path`, of which nothing is being written; the calendar is one of `span`.
pub(super) fn load(path: &Path, hasher: &ItemHasher, shapes: &Shapes, span: Span) -> Result<Loaded> {
    let database = Database::open_to_read(path, &STATE)?;
    let sql = "SELECT coalesce(max(key), 0) FROM opportunity";
    let last_key: i64 = database.set("read", |connection| connection.query_row(sql, [], |row| row.get(0)))?;
    let (index, offers, shapes_used) = (ItemIndex::default(), HashMap::new(), HashMap::new());
    let mut loaded = Loaded { index, offers, shapes: shapes_used, calendar: Calendar::new(span), last_key };
    loaded.index.reserve(usize::try_from(last_key).unwrap_or(0));
    let middle = last_key / 2;
    thread::scope(|scope| {
        let (send, batches) = sync_channel(BATCHES_WAITING_MAX);
        let other = send.clone();
        let upper = scope.spawn(move || read(path, (middle, i64::MAX), hasher, shapes, &other));
        let lower = scope.spawn(move || read(path, (i64::MIN, middle), hasher, shapes, &send));
        loaded.gather(&batches);
        [lower, upper]
            .into_iter()
            .try_for_each(|half| half.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(loaded)
}

/// Reads the rows with keys above the first and up to the second.
fn read(
    path: &Path,
    (above, to): (i64, i64),
    hasher: &ItemHasher,
    shapes: &Shapes,
    send: &SyncSender<Vec<Found>>,
) -> Result<()> {
    let database = Database::open_to_read_through(path, &STATE)?;
    database.set("read", |connection| {
        let mut statement =
            connection.prepare("SELECT key, facts, opens, closes FROM opportunity WHERE key > ?1 AND key <= ?2")?;
        let mut rows = statement.query(params![above, to])?;
        let (mut batch, mut item_id) = (Vec::with_capacity(ROWS_A_BATCH), String::new());
        while let Some(row) = rows.next()? {
            let packed = facts(row, 1)?;
            let slot = packed.seen.pair == Pair::Slots;
            let feed = if slot { Feed::Slots } else { Feed::ScheduledSessions };
            packed.item_id(shapes.of(&packed)?, &mut item_id).ok_or_else(damaged)?;
            let hash = hasher.hash(feed, &item_id);
            let Keys { offers, shape } = packed.keys;
            let window = [row.get(2)?, row.get(3)?];
            batch.push(Found { hash, key: row.get(0)?, offers, shape, window });
            // Who gathers is gone only when it panicked, which is told there.
            if batch.len() == ROWS_A_BATCH && send.send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        let _ = send.send(batch);
        Ok(())
    })
}
