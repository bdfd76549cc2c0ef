//! `bookable` harvests the imin Firehose and keeps a local SQLite catalogue of exactly those sessions that can be
//! booked now, each with its guest checkout URL.
//!
//! The rooms, from the ground up (see ARCHITECTURE.md for the map and its invariants):
//!
//! - [`domain`]: the rules. Pure: no I/O, no clock, no JSON; `now` is an argument; nothing panics.
//! - [`clock`]: the only place where the time of day is read.
//! - [`rpde`]: pages, positions, pacing, the HTTP client; JSON in, domain facts and findings out.
//! - [`store`]: the state and the catalogue, two SQLite files, and the one writer.
//! - [`engine`]: the loop: feeds, batches, the clock, shutdown.
//! - `mirror` (feature `postgres`): the catalogue published to PostgreSQL.
//! - [`checkout`]: the authenticated Checkout: one request, one URL.
//! - [`serve`]: the same for apps that must not hold the key, and the Success Webhook.
//! - [`ops`]: metrics and health of a harvest over HTTP, and what systemd is told.
//! - [`sandbox`]: a synthetic Firehose and Checkout on loopback, with faults.
//! - [`cli`]: commands, settings, output, exit codes.

pub mod checkout;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod engine;
#[cfg(feature = "postgres")]
pub mod mirror;
pub mod ops;
pub mod rpde;
pub mod sandbox;
pub mod serve;
pub mod store;
