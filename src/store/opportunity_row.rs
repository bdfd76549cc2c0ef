//! A session or slot as a row of the state: written from what the feed says, read back for verdicts.

use rusqlite::{CachedStatement, Connection, Row, params};

use super::keys::{LinkKey, OpportunityKey};
use super::packed::Packed;
use super::parent_row;
use super::shape_book::{Shapes, damaged};
use crate::domain::{Aggregate, Instant, OpportunityTerms, Pair, Reason, Verdict, Window};

/// What a row has beside its packed facts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) key: OpportunityKey,
    pub(super) link: Option<LinkKey>,
    pub(super) verdict: Verdict,
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
            Self::New => "INSERT INTO opportunity VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            Self::Over => {
                "UPDATE opportunity SET link = ?2, reason = ?3, opens = ?4, closes = ?5, facts = ?6 WHERE key = ?1"
            }
            Self::InPlace => "UPDATE opportunity SET facts = ?2 WHERE key = ?1",
        }
    }
}

/// Writes a row with these packed facts.
pub(super) fn write(connection: &Connection, stamp: Stamp, way: Way, facts: &[u8]) -> rusqlite::Result<()> {
    let Stamp { key, link, verdict } = stamp;
    let mut statement = connection.prepare_cached(way.sql())?;
    if way == Way::InPlace {
        return statement.execute(params![key, facts]).map(drop);
    }
    let (reason, opens, closes) = verdict_columns(verdict);
    statement.execute(params![key, link, reason, opens, closes, facts]).map(drop)
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
        "o.key, o.link, o.reason, o.opens, o.closes, o.facts, own.public_adult, own.valid_from"
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
        let packed = facts(row, 5)?;
        let shape = shapes.of(&packed)?;
        let numbers = packed.numbers(shape).ok_or_else(damaged)?;
        let aggregate = if numbers.own {
            parent_row::aggregate_from(row.get::<_, Option<i64>>(6)?.unwrap_or(0), row.get_ref(7)?.as_str_or_null()?)
        } else {
            Aggregate::Absent
        };
        Ok(Self {
            key: row.get(0)?,
            pair: packed.seen.pair,
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
            own: numbers.own || packed.keys.offers.is_some(),
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

/// Deletes every row of a pair.
pub(super) fn delete_all(connection: &Connection, pair: Pair) -> rusqlite::Result<()> {
    let mut keys: Vec<OpportunityKey> = Vec::new();
    let mut statement = connection.prepare("SELECT key, facts FROM opportunity")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if facts(row, 1)?.seen.pair == pair {
            keys.push(row.get(0)?);
        }
    }
    drop(rows);
    for sql in ["DELETE FROM own WHERE key = ?1", "DELETE FROM opportunity WHERE key = ?1"] {
        let mut delete = connection.prepare(sql)?;
        keys.iter().try_for_each(|key| delete.execute([key]).map(drop))?;
    }
    Ok(())
}
