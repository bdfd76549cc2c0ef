//! A session or slot as a row of the state: written from what the feed says, read back for verdicts.

use rusqlite::{CachedStatement, Connection, Row, params};

use super::keys::{LinkKey, OpportunityKey, ShapeKey};
use super::packed::{Numbers, Packed, Shape, Texts, pack};
use super::parent_row;
use super::shape_book::{Shapes, damaged};
use crate::domain::{Aggregate, Instant, OpportunityTerms, Pair, Reason, Verdict, Window};

/// What a row has beside its packed facts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) key: OpportunityKey,
    pub(super) pair: Pair,
    pub(super) modified: i64,
    pub(super) walk: i64,
    pub(super) link: Option<LinkKey>,
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Its key is new.
    New,
    /// In the place of the one with the same key.
    Over,
    /// In the place of one that has the same values where there are indexes, so that none of these has to follow.
    InPlace,
}

impl Way {
    const fn sql(self) -> &'static str {
        match self {
            Self::New => "INSERT INTO opportunity VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            Self::Over => {
                "UPDATE opportunity SET pair = ?2, modified = ?3, walk = ?4, link = ?5, reason = ?6, opens = ?7, closes = ?8, \
                 facts = ?9 WHERE key = ?1"
            }
            Self::InPlace => "UPDATE opportunity SET pair = ?2, modified = ?3, walk = ?4, facts = ?5 WHERE key = ?1",
        }
    }
}

/// Writes a row.
pub(super) fn write(
    connection: &Connection,
    (stamp, way): (Stamp, Way),
    verdict: Verdict,
    numbers: &Numbers,
    shape: (ShapeKey, &Shape),
    texts: &Texts<'_>,
) -> rusqlite::Result<()> {
    let facts = pack(numbers, shape, texts);
    let Stamp { key, pair, modified, walk, link } = stamp;
    let mut statement = connection.prepare_cached(way.sql())?;
    if way == Way::InPlace {
        return statement.execute(params![key, pair.number(), modified, walk, facts]).map(drop);
    }
    let (reason, opens, closes) = verdict_columns(verdict);
    statement.execute(params![key, pair.number(), modified, walk, link, reason, opens, closes, facts]).map(drop)
}

/// Reads the packed facts in a column.
pub(super) fn facts<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Packed<'a>> {
    Packed::read(row.get_ref(column)?.as_blob()?).ok_or_else(damaged)
}

/// `reason`, `opens`, `closes`.
pub(super) fn verdict_columns(verdict: Verdict) -> (Option<i64>, Option<i64>, Option<i64>) {
    match verdict {
        Verdict::Never(reason) => (Some(reason.number()), None, None),
        Verdict::During(window) => (None, window.opens.map(Instant::as_seconds), Some(window.closes.as_seconds())),
    }
}

/// The verdict that three columns hold; what cannot be one counts as "no start", which shows nothing.
pub(super) fn verdict_from(reason: Option<i64>, opens: Option<i64>, closes: Option<i64>) -> Verdict {
    match (reason.map(Reason::from_number), closes) {
        (None, Some(closes)) => {
            Verdict::During(Window { opens: opens.map(Instant::from_seconds), closes: Instant::from_seconds(closes) })
        }
        (Some(Some(reason)), _) => Verdict::Never(reason),
        (Some(None) | None, _) => Verdict::Never(Reason::NoStartDate),
    }
}

/// [`JUDGED_COLUMNS`] as a literal, for those who read more.
macro_rules! judged_columns {
    () => {
        "o.key, o.link, o.reason, o.opens, o.closes, o.pair, o.facts, own.public_adult, own.valid_from"
    };
}
pub(super) use judged_columns;

/// The columns that [`Judged::read`] reads, in its order, of [`TABLES`].
pub(super) const JUDGED_COLUMNS: &str = judged_columns!();

/// Where rows are read from, with what they say of their own.
pub(super) const TABLES: &str = "opportunity AS o LEFT JOIN own ON own.key = o.key";

/// What a verdict is made from, and the one that stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) key: OpportunityKey,
    pub(super) pair: Pair,
    pub(super) link: Option<LinkKey>,
    pub(super) verdict: Verdict,
    pub(super) terms: OpportunityTerms,
    /// Whether its row in the catalogue hangs on its parent in more than the verdict.
    pub(super) own: bool,
}

impl Judged {
    pub(super) fn read(row: &Row<'_>, shapes: &Shapes) -> rusqlite::Result<Self> {
        let link: Option<LinkKey> = row.get(1)?;
        let packed = facts(row, 6)?;
        let shape = shapes.of(&packed)?;
        let numbers = packed.numbers(shape).ok_or_else(damaged)?;
        let aggregate = if numbers.own {
            parent_row::aggregate_from(row.get::<_, Option<i64>>(7)?.unwrap_or(0), row.get_ref(8)?.as_str_or_null()?)
        } else {
            Aggregate::Absent
        };
        Ok(Self {
            key: row.get(0)?,
            pair: Pair::from_number(row.get(5)?).unwrap_or(Pair::Sessions),
            link,
            verdict: verdict_from(row.get(2)?, row.get(3)?, row.get(4)?),
            terms: OpportunityTerms {
                has_identifier: shape.has_identifier(),
                status: numbers.status,
                potentially_bookable: numbers.potentially_bookable,
                start: numbers.start,
                names_parent: link.is_some(),
                aggregate,
            },
            own: numbers.own || numbers.offers.is_some(),
        })
    }
}

/// Puts a new verdict into a row.
pub(super) fn update_verdict(
    statement: &mut CachedStatement<'_>,
    key: OpportunityKey,
    verdict: Verdict,
) -> rusqlite::Result<()> {
    let (reason, opens, closes) = verdict_columns(verdict);
    statement.execute(params![key, reason, opens, closes])?;
    Ok(())
}

/// The statement that [`update_verdict`] executes.
pub(super) const UPDATE_VERDICT: &str = "UPDATE opportunity SET reason = ?2, opens = ?3, closes = ?4 WHERE key = ?1";
