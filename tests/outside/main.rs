//! What people do with the program and its catalogue from outside: README's commands and queries, programs in other languages,
//! Datasette, DuckDB. All data is synthetic. What is not installed is skipped with a line, but fails where `CI` is true.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod examples;
mod readme;
mod rig;
mod tools;
