//! Datasette, also in a browser, and DuckDB on a demo's catalogue. What they are asked stands in `tests/tools`.

use std::process::Command;

use crate::rig::{BOOKABLE, ROOT, block, cache, demo, is_here, succeeds, text};

#[test]
fn datasette_shows_a_catalogue() {
    let python = cache().join("datasette/bin/python");
    if !is_here("Datasette (scripts/explore --prepare)", cache().join("datasette/installed").exists()) {
        return;
    }
    let folder = demo();
    let test = format!("{ROOT}/tests/tools/datasette_test.py");
    let arguments = [folder.path().join("catalogue.db"), BOOKABLE.into()];
    text(&Command::new(python).arg(test).args(arguments).output().unwrap());
}

#[test]
fn datasette_looks_as_it_should_in_chromium() {
    let python = cache().join("datasette/bin/python");
    let explore = cache().join("datasette/installed").exists();
    if !is_here("Datasette (scripts/explore --prepare)", explore)
        || !is_here("Chromium", succeeds("chromium", &["--version"]))
    {
        return;
    }
    let folder = demo();
    let test = format!("{ROOT}/tests/tools/chromium_test.py");
    let arguments = [folder.path().join("catalogue.db"), "chromium".into(), folder.path().into()];
    text(&Command::new(python).arg(test).args(arguments).output().unwrap());
}

#[test]
fn duckdb_answers_as_sqlite_does() {
    let python = cache().join("duckdb/bin/python");
    if !is_here("DuckDB", python.exists()) {
        return;
    }
    let folder = demo();
    let test = format!("{ROOT}/tests/tools/duckdb_test.py");
    let through_sqlite = block("duckdb", "ATTACH");
    let from_csv = block("duckdb", "bookable.csv");
    let output =
        Command::new(python).arg(test).args([through_sqlite, from_csv]).current_dir(folder.path()).output().unwrap();
    text(&output);
}
