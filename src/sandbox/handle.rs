//! A running sandbox, held from outside: for tests and for the demonstration.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::orders::Orders;
use super::state::State;
use super::{BookingMade, Faults, Feed, SandboxOptions, Webhook, churn, webhook};
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
    requests: Mutex<VecDeque<RequestSeen>>,
    orders: Mutex<Orders>,
    webhook: Mutex<Option<Webhook>>,
    pub(super) not_modified: AtomicU64,
}

/// So many of the last requests are remembered.
const REQUESTS_KEPT: usize = 100_000;

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
        let webhook = Mutex::new(options.webhook.clone());
        let (requests, orders) = (Mutex::default(), Mutex::default());
        Self {
            options,
            clock,
            state: Mutex::new(state),
            faults,
            requests,
            orders,
            webhook,
            not_modified: AtomicU64::new(0),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn take_fault(&self, feed: Feed) -> Option<super::Fault> {
        lock(&self.faults).take(feed)
    }

    pub(super) fn note(&self, path: String, with_key: bool) {
        let mut requests = lock(&self.requests);
        if requests.len() == REQUESTS_KEPT {
            requests.pop_front();
        }
        requests.push_back(RequestSeen { path, with_key, at: self.clock.now() });
    }

    pub(super) fn orders(&self) -> MutexGuard<'_, Orders> {
        lock(&self.orders)
    }

    pub(super) fn webhook(&self) -> Option<Webhook> {
        lock(&self.webhook).clone()
    }

    pub(super) fn millis(&self) -> i64 {
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
        lock(&self.0.requests).iter().cloned().collect()
    }

    /// The `@id`s in the sellers feed.
    pub fn sellers(&self) -> Vec<String> {
        let state = self.0.state();
        let log = state.feed(Feed::BookableSellers);
        (0..log.len())
            .filter_map(|slot| state.published_data(Feed::BookableSellers, slot).map(|seller| seller.0))
            .collect()
    }

    /// Takes a seller out of the sellers feed; whether it was there. [`SandboxHandle::publish`] puts one in.
    pub fn withdraw_seller(&self, id: &str) -> bool {
        self.delete(Feed::BookableSellers, id)
    }

    /// Serves this document as `datasets`, under a new `ETag`.
    pub fn set_datasets(&self, document: Value) {
        let mut state = self.0.state();
        state.datasets = document;
        state.datasets_version += 1;
    }

    /// How often it was answered that `datasets` is as it was.
    pub fn not_modified(&self) -> u64 {
        self.0.not_modified.load(Ordering::Relaxed)
    }

    /// Tells these of bookings from now on.
    pub fn set_webhook(&self, webhook: Webhook) {
        *lock(&self.0.webhook) = Some(webhook);
    }

    /// Every booking so far.
    pub fn bookings(&self) -> Vec<BookingMade> {
        self.0.orders().bookings.clone()
    }

    /// Posts the last webhook once more, as a publisher that heard no answer does; the status answered.
    pub async fn replay_webhook(&self) -> Option<u16> {
        let last = self.0.orders().last_webhook.clone()?;
        webhook::post(&self.0.webhook()?, &last).await
    }

    /// Makes one change, as they happen by themselves while serving.
    pub fn step(&self) {
        churn::step(&mut self.0.state());
    }
}
