//! The real binary against the sandbox over real sockets and files. All data is synthetic.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod changes;
mod checkout;
mod commands;
mod copies;
#[cfg(feature = "crash-points")]
mod crash;
mod daemon;
mod disk;
mod feeds;
mod find;
mod hostile;
mod once;
mod operator;
mod ops;
mod packaging;
mod progress;
mod publisher;
mod readers;
mod rig;
mod serve;
mod settings;
mod status;
