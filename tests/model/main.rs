//! The incremental catalogue against a naive model: for random histories of synthetic items, in any order, split into any
//! pages and batches, with restarts and a clock that jumps, the catalogue equals the one computed from the final items.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

mod histories;
mod loading;
mod migration;
mod moved;
mod naive;
mod properties;
mod rig;
mod shown;
mod snapshots;
mod view;
mod words;
