//! What is done to PostgreSQL: making the tables, reading what they hold, applying differences in one transaction.

use std::time::Duration;

use tokio::time::Instant;

use super::differences::{Change, Held};
use super::error::{MirrorError, Result};
use super::tables::{Key, TABLES, Table};
use super::target::Target;
use super::wire::{Connection, Texts};

const SCHEMA: &str = include_str!("schema.sql");
/// The version of `schema.sql`.
const VERSION: i64 = 1;
/// Rows that are taken out by one statement.
const KEYS_A_STATEMENT: usize = 20_000;
/// The space of deleted rows is given back this often at least.
const VACUUM_INTERVAL: Duration = Duration::from_hours(6);
/// As many changed rows as make PostgreSQL look at the tables anew at once, for its plans.
const VACUUM_ROWS: usize = 20_000;
/// Held by the one that publishes: "BKBL".
const LOCK: &str = "SELECT pg_try_advisory_lock(1111212620)";

/// A connection, and what is known to be published.
#[derive(Debug)]
pub(super) struct Publisher {
    connection: Connection,
    pub(super) held: Held,
    rows_changed: usize,
    vacuumed: Instant,
}

impl Publisher {
    /// Connects, makes the tables where they are not there, and reads what they hold.
    pub(super) async fn open(target: &Target) -> Result<Self> {
        let mut connection = Connection::open(target).await?;
        // Nothing is lost with the server's last moments: what is missing then is found when it is compared anew.
        let settings = "SET synchronous_commit = off; SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET client_min_messages = warning";
        connection.query("set up the connection", settings).await?;
        if !is_true(&connection.query("take the lock", LOCK).await?) {
            let words = "another harvest publishes to this database; stop it, or name another database";
            return Err(MirrorError::Unfit(words.to_owned()));
        }
        set_up(&mut connection).await?;
        let mut held = Held::new();
        for table in &TABLES {
            held.push(load(&mut connection, table).await?);
        }
        Ok(Self { connection, held, rows_changed: 0, vacuumed: Instant::now() })
    }

    /// Does all of this in one transaction; gives the number of rows that were written or taken out.
    pub(super) async fn apply(&mut self, changes: Vec<Change>) -> Result<usize> {
        let mut rows = 0;
        if changes.iter().any(|change| change.is_needed) {
            self.connection.query("begin", "BEGIN").await?;
            let mut after = Held::new();
            for mut change in changes {
                if change.is_needed {
                    self.change(&mut change).await?;
                    rows += change.gone.len().max(change.line_count);
                }
                after.push(change.after);
            }
            self.connection.query("commit", "COMMIT").await?;
            self.held = after;
            self.rows_changed += rows;
        }
        if self.rows_changed >= VACUUM_ROWS || self.vacuumed.elapsed() >= VACUUM_INTERVAL {
            let sql = "VACUUM (ANALYZE) bookable.session, bookable.slot, bookable.listing, bookable.offer_list";
            self.connection.query("tidy the tables", sql).await?;
            self.rows_changed = 0;
            self.vacuumed = Instant::now();
        }
        Ok(rows)
    }

    async fn change(&mut self, change: &mut Change) -> Result<()> {
        let table = change.table;
        if table.keys().is_empty() {
            self.connection.query("take out rows", &table.delete(&[])).await?;
        }
        for keys in change.gone.chunks(KEYS_A_STATEMENT) {
            self.connection.query("take out rows", &table.delete(keys)).await?;
        }
        if change.line_count > 0 {
            self.connection.copy_in("write rows", &table.copy_in(), &mut change.lines).await?;
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        self.connection.close().await;
    }
}

fn first(rows: &[Texts], column: usize) -> Option<&str> {
    rows.first()?.get(column)?.as_deref()
}

fn is_true(rows: &[Texts]) -> bool {
    first(rows, 0) == Some("t")
}

/// Makes the tables and views, in one transaction, where they are not there.
async fn set_up(connection: &mut Connection) -> Result<()> {
    let action = "look at the schema bookable";
    let sql = "SELECT to_regnamespace('bookable') IS NOT NULL, to_regclass('bookable.mirror') IS NOT NULL, \
        EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('bookable'))";
    let found = connection.query(action, sql).await?;
    let is = |column| first(&found, column) == Some("t");
    let (has_schema, is_ours, is_used) = (is(0), is(1), is(2));
    if has_schema && !is_ours && is_used {
        let words = "the schema bookable in this database is somebody else's; name another database";
        return Err(MirrorError::Unfit(words.to_owned()));
    }
    let mut steps = vec!["BEGIN".to_owned()];
    if is_ours {
        let version = connection.query(action, "SELECT max(version) FROM bookable.mirror").await?;
        let version: i64 = first(&version, 0).and_then(|version| version.parse().ok()).unwrap_or(0);
        if version == VERSION {
            return Ok(());
        }
        if version > VERSION {
            let words = format!(
                "the schema bookable has version {version}, this program knows {VERSION}; install the newer one"
            );
            return Err(MirrorError::Unfit(words));
        }
        steps.push(drop_all());
    } else if !has_schema {
        steps.push("CREATE SCHEMA bookable".to_owned());
    }
    steps.extend([SCHEMA.to_owned(), "COMMIT".to_owned()]);
    for sql in steps {
        connection.query("make the tables", &sql).await?;
    }
    Ok(())
}

/// Takes out our tables with the views on them; the schema itself stays, with who may use it.
fn drop_all() -> String {
    let tables: Vec<String> = TABLES.iter().map(|table| format!("bookable.{}", table.name)).collect();
    format!("DROP TABLE IF EXISTS bookable.mirror, {} CASCADE", tables.join(", "))
}

/// Takes everything out of PostgreSQL that was published.
pub(super) async fn remove(target: &Target) -> Result<()> {
    let mut connection = Connection::open(target).await?;
    let ours =
        connection.query("look at the schema bookable", "SELECT to_regclass('bookable.mirror') IS NOT NULL").await?;
    if is_true(&ours) {
        connection.query("take out the tables", &drop_all()).await?;
    }
    connection.close().await;
    Ok(())
}

/// Keys and hashes of a table's rows, in the order of the keys; of one that is replaced as a whole nothing is known.
async fn load(connection: &mut Connection, table: &Table) -> Result<Vec<(Key, i64)>> {
    let mut held = Vec::new();
    if !table.keys().is_empty() {
        let take = |line: &[u8]| held.extend(read_line(line, table.keys().len()));
        connection.copy_out("read what is published", &table.copy_out(), take).await?;
        held.sort_unstable();
    }
    Ok(held)
}

fn read_line(line: &[u8], keys: usize) -> Option<(Key, i64)> {
    let mut numbers = std::str::from_utf8(line).ok()?.trim_end().split('\t').map(str::parse);
    let one = numbers.next()?.ok()?;
    let other = if keys > 1 { numbers.next()?.ok()? } else { 0 };
    Some(((one, other), numbers.next()?.ok()?))
}
