//! What the change log costs: the same changes with the setting `change_log` and without, for `scripts/cost-of-change-log`, which counts
//! the instructions of [`stretch`].

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use crate::moments::{self, Moments};
use crate::world::World;

/// Where nothing is asked of.
const ORIGIN: &str = "http://127.0.0.1";

/// The setting `change_log` of this process.
pub(crate) static KEPT: OnceLock<Duration> = OnceLock::new();

/// Loads the world, and goes through the changes of that name; gives how many lines are in the log.
pub(crate) fn changes(name: &str, log: bool, world: World, directory: &Path) -> i64 {
    if log {
        KEPT.get_or_init(|| Duration::from_hours(7 * 24));
    }
    moments::parts(&world, directory, ORIGIN);
    let mut moments = Moments::open(world, directory, ORIGIN);
    stretch(name, &mut moments);
    if !log {
        return 0;
    }
    let count = "SELECT count(*) FROM change";
    moments::reader(directory).query_row(count, [], |row| row.get(0)).expect("a log")
}

#[inline(never)]
fn stretch(name: &str, moments: &mut Moments<'_>) {
    match name {
        "pages" => drop(moments.pages(10, 200, 1)),
        "flips" => drop(moments.flips(0, 10)),
        "starts" => drop(moments.rush(1)),
        other => panic!("no changes are called {other}"),
    }
}
