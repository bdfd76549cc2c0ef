//! A running sandbox, held from outside: for tests and for the demonstration.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::state::State;
use super::{Faults, Feed, SandboxOptions, churn};
use crate::clock::Clock;
use crate::domain::Instant;

/// A request that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    /// Path and query.
    pub path: String,
    /// Whether the right key came with it.
    pub with_key: bool,
    /// When it came.
    pub at: Instant,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: SandboxOptions,
    pub(super) clock: Clock,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    requests: Mutex<Vec<RequestSeen>>,
}

/// Changes a sandbox and looks at it, also while it serves. Clones are the same sandbox.
#[derive(Clone, Debug)]
pub struct SandboxHandle(pub(super) Arc<Shared>);

/// A lock is only ever held for plain changes, so what a panic elsewhere left behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(state: State, options: SandboxOptions, clock: Clock) -> Self {
        let faults = Mutex::new(options.faults.clone());
        Self { options, clock, state: Mutex::new(state), faults, requests: Mutex::new(Vec::new()) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn take_fault(&self, feed: Feed) -> Option<super::Fault> {
        lock(&self.faults).take(feed)
    }

    pub(super) fn note(&self, path: String, with_key: bool) {
        lock(&self.requests).push(RequestSeen { path, with_key, at: self.clock.now() });
    }

    fn millis(&self) -> i64 {
        self.clock.now().as_seconds().saturating_mul(1000)
    }
}

impl SandboxHandle {
    /// Hands in an item with this `data`; it replaces the one that has the same id. Gives its `modified`.
    pub fn publish(&self, feed: Feed, rpde_id: &str, data: &Value) -> i64 {
        let modified = self.0.millis();
        self.0.state().publish(feed, rpde_id, data, modified)
    }

    /// Hands in a whole element of `items`, served as it is.
    pub fn publish_raw(&self, feed: Feed, item: &str) -> i64 {
        let modified = self.0.millis();
        self.0.state().publish_raw(feed, item.to_owned(), modified)
    }

    /// Turns an item into a tombstone; whether it was there.
    pub fn delete(&self, feed: Feed, rpde_id: &str) -> bool {
        let modified = self.0.millis();
        self.0.state().delete(feed, rpde_id, modified).is_some()
    }

    /// Shows these faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.0.faults) = faults;
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<RequestSeen> {
        lock(&self.0.requests).clone()
    }

    /// Makes one change, as they happen by themselves while serving.
    pub fn step(&self) {
        churn::step(&mut self.0.state());
    }
}
