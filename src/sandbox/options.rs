//! What a sandbox can be told before it starts.
//!
//! Owns the options and their defaults. Cannot fail. May use `domain` for instants.

use crate::domain::Instant;

use super::Faults;

/// How a sandbox is to be made. Start from `SandboxOptions::default()` and change what matters.
#[derive(Clone, Debug, PartialEq)]
pub struct SandboxOptions {
    /// Decides everything that is invented; the same seed, start and steps give the same bytes. Default 1.
    pub seed: u64,
    /// Sessions at the start; there is one series for every twenty, at least one. 0 makes empty feeds. Default 2,000.
    pub sessions: u32,
    /// Slots at the start; there is one facility use for every forty. Default 0.
    pub slots: u32,
    /// The instant that the world is built around; the clock's `now` when absent. Default absent.
    pub start: Option<Instant>,
    /// Changes a second while serving; 0 (or less, or not a number) keeps the world still. Default 2.
    pub churn_per_second: f64,
    /// Items on a page, at least 1. Default 500.
    pub page_size: usize,
    /// The key that `X-API-KEY` must carry on the feeds. Default `sandbox-key`.
    pub api_key: String,
    /// Whether `next` is only a path and query instead of a whole URL. Default false.
    pub relative_next: bool,
    /// Whether pages are compressed for clients that accept gzip. Default true.
    pub gzip: bool,
    /// Faults from the start on. Default none.
    pub faults: Faults,
    /// Who is told of bookings. Default nobody.
    pub webhook: Option<Webhook>,
}

/// Who is told of bookings, and the key by which the sandbox is known there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where the Success Webhook is posted to.
    pub url: String,
    /// What `X-Api-Key` says. Made up, like everything here.
    pub key: String,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            sessions: 2_000,
            slots: 0,
            start: None,
            churn_per_second: 2.0,
            page_size: 500,
            api_key: "sandbox-key".to_owned(),
            relative_next: false,
            gzip: true,
            faults: Faults::default(),
            webhook: None,
        }
    }
}
