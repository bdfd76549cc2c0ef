//! Publishing to a real PostgreSQL: the binary, the sandbox and a server of its own for each test. All data is synthetic.
//!
//! Needs Debian's `postgresql` (`.ci/run` installs it). Where it is not there these tests say so and pass, but on CI they fail.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod access;
mod faults;
mod rows;
mod server;

#[path = "../binary/rig.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod rig;
