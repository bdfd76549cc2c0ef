//! `listing_area` filled at once: SQLite's R*Tree takes one row at a time, at ten times the work.
//!
//! Its three tables behind are written as SQLite's own module writes them (`rtree.c` has the format): a node is its depth (only the root's
//! counts), the number of its cells, and the cells, each a number and the bounds of a box as 32-bit floats, all of it big-endian. Nodes are
//! packed by Leutenegger's sort-tile-recursive method. `rtreecheck` holds of the result.

use rusqlite::{Connection, params};

/// The root's number.
const ROOT: i64 = 1;
const HEAD_BYTES: usize = 4;
const CELL_BYTES: usize = 24;

/// A cell: a listing, or a node further down, and its box: least and greatest latitude, least and greatest longitude.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    number: i64,
    bounds: [f32; 4],
}

impl Cell {
    /// A listing's.
    pub(super) fn of(listing: i64, [latitude, longitude]: [f64; 2]) -> Self {
        Self { number: listing, bounds: [down(latitude), up(latitude), down(longitude), up(longitude)] }
    }

    fn middle(&self, axis: usize) -> f32 {
        self.bounds.iter().skip(axis * 2).take(2).sum()
    }
}

/// Makes it empty, at once and not row by row.
pub(super) fn clear(catalogue: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT sql FROM sqlite_schema WHERE name = 'listing_area'";
    let create: String = catalogue.query_row(sql, [], |row| row.get(0))?;
    catalogue.execute_batch("DROP TABLE listing_area")?;
    catalogue.execute_batch(&create)
}

/// The listings that have coordinates.
pub(super) fn listings(catalogue: &Connection) -> rusqlite::Result<Vec<Cell>> {
    let sql = "SELECT key, latitude, longitude FROM listing WHERE latitude IS NOT NULL AND longitude IS NOT NULL";
    let mut select = catalogue.prepare(sql)?;
    select.query_map([], |row| Ok(Cell::of(row.get(0)?, [row.get(1)?, row.get(2)?])))?.collect()
}

/// Fills it, which is empty.
pub(super) fn fill(catalogue: &Connection, mut cells: Vec<Cell>) -> rusqlite::Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    let sql = "SELECT length(data) FROM listing_area_node WHERE nodeno = 1";
    let bytes = catalogue.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    let bytes = usize::try_from(bytes).unwrap_or(0);
    let most = (bytes.saturating_sub(HEAD_BYTES) / CELL_BYTES).max(4);
    let mut nodes = catalogue.prepare("INSERT OR REPLACE INTO listing_area_node (nodeno, data) VALUES (?1, ?2)")?;
    let mut parents = catalogue.prepare("INSERT INTO listing_area_parent (nodeno, parentnode) VALUES (?1, ?2)")?;
    let (mut next, mut depth, mut homes) = (ROOT + 1, 0_u16, Vec::with_capacity(cells.len()));
    loop {
        let is_root = cells.len() <= most;
        let groups = if is_root { vec![cells] } else { pack(cells, most) };
        let mut above = Vec::with_capacity(groups.len());
        for group in groups {
            let number = if is_root { ROOT } else { next };
            next += 1;
            nodes.execute(params![number, node(if is_root { depth } else { 0 }, &group, bytes)])?;
            for cell in &group {
                if depth == 0 {
                    homes.push((cell.number, number));
                } else {
                    parents.execute([cell.number, number])?;
                }
            }
            above.push(Cell { number, bounds: around(&group) });
        }
        if is_root {
            break;
        }
        cells = above;
        depth += 1;
    }
    homes.sort_unstable();
    let mut rows = catalogue.prepare("INSERT INTO listing_area_rowid (rowid, nodeno) VALUES (?1, ?2)")?;
    homes.into_iter().try_for_each(|(listing, node)| rows.execute([listing, node]).map(drop))
}

/// Cells in groups that lie together and differ in size by one at most; a tenth of each is left free, so that not every later row splits
/// a node.
fn pack(mut cells: Vec<Cell>, most: usize) -> Vec<Vec<Cell>> {
    let groups = cells.len().div_ceil(most - most / 10);
    let strips = groups.isqrt().max(1);
    let begin = |group: usize| cells.len() * group / groups;
    let groups: Vec<_> = (0..groups).map(|group| begin(group)..begin(group + 1)).collect();
    cells.sort_by(|a, b| a.middle(0).total_cmp(&b.middle(0)));
    for strip in groups.chunks(groups.len().div_ceil(strips)) {
        let bounds = strip.first().zip(strip.last()).map(|(first, last)| first.start..last.end);
        if let Some(strip) = bounds.and_then(|bounds| cells.get_mut(bounds)) {
            strip.sort_by(|a, b| a.middle(1).total_cmp(&b.middle(1)));
        }
    }
    groups.into_iter().filter_map(|group| cells.get(group)).map(<[_]>::to_vec).collect()
}

fn around(cells: &[Cell]) -> [f32; 4] {
    let empty = [f32::INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::NEG_INFINITY];
    cells.iter().fold(empty, |[south, north, west, east], cell| {
        let [low_latitude, high_latitude, low_longitude, high_longitude] = cell.bounds;
        [south.min(low_latitude), north.max(high_latitude), west.min(low_longitude), east.max(high_longitude)]
    })
}

fn node(depth: u16, cells: &[Cell], bytes: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(bytes);
    data.extend(depth.to_be_bytes());
    data.extend(u16::try_from(cells.len()).unwrap_or(0).to_be_bytes());
    for cell in cells {
        data.extend(cell.number.to_be_bytes());
        data.extend(cell.bounds.iter().flat_map(|bound| bound.to_be_bytes()));
    }
    data.resize(bytes, 0);
    data
}

/// The nearest float that is not above.
fn down(number: f64) -> f32 {
    let near = float(number);
    if f64::from(near) > number { near.next_down() } else { near }
}

/// The nearest float that is not below.
fn up(number: f64) -> f32 {
    let near = float(number);
    if f64::from(near) < number { near.next_up() } else { near }
}

#[expect(clippy::cast_possible_truncation, reason = "the loss is what `up` and `down` make good")]
fn float(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite itself puts in is what is put in here, whatever the number, and its own check holds; later rows come and go.
    #[test]
    fn the_tree_is_what_sqlite_would_have() {
        for rows in [0, 1, 50, 51, 52, 400, 2_400, 3_000] {
            let ours = Connection::open_in_memory().unwrap();
            ours.execute_batch(include_str!("schema/catalogue.sql")).unwrap();
            let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n <= ?1) \
                INSERT INTO listing (key, latitude, longitude) \
                SELECT n * 3 - 40, 50 + (n * 7919 % 1000) / 123.4, (n * 104729 % 997) / 99.7 - 6 FROM n WHERE n <= ?1";
            ours.execute(sql, [rows]).unwrap();
            ours.execute_batch("INSERT INTO listing (key, latitude) VALUES (-100, 1)").unwrap();
            let texts = |sql: &str| {
                let mut statement = ours.prepare(sql).unwrap();
                let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                rows.map(Result::unwrap).collect::<Vec<_>>()
            };
            let all = "SELECT concat_ws(' ', key, min_latitude, max_latitude, min_longitude, max_longitude) FROM listing_area \
                ORDER BY key";
            clear(&ours).unwrap();
            fill(&ours, listings(&ours).unwrap()).unwrap();
            let filled = texts(all);
            assert_eq!(texts("SELECT rtreecheck('listing_area')"), ["ok"], "{rows}");
            clear(&ours).unwrap();
            assert_eq!(texts(all), Vec::<String>::new());
            let one_by_one = "INSERT INTO listing_area SELECT key, latitude, latitude, longitude, longitude FROM listing \
                WHERE longitude IS NOT NULL";
            ours.execute_batch(one_by_one).unwrap();
            assert_eq!(texts(all), filled, "{rows}");
            clear(&ours).unwrap();
            fill(&ours, listings(&ours).unwrap()).unwrap();
            ours.execute_batch(
                "DELETE FROM listing_area WHERE key % 2; INSERT INTO listing_area VALUES (99999, 1, 1, 2, 2)",
            )
            .unwrap();
            assert_eq!(texts("SELECT rtreecheck('listing_area')"), ["ok"], "{rows}");
        }
    }
}
