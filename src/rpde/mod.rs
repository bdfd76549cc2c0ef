//! RPDE feeds (OpenActive Realtime Paged Data Exchange 1.0): pages, positions, pacing and the HTTP client.
//!
//! JSON comes in, domain facts and findings go out. Bad items are findings; only a page without a readable list of items
//! fails. Uses `domain` and `clock`.

mod finding;
mod loose;
mod page;
mod place;
mod series;
mod session;

pub use finding::{Finding, FindingKind};
pub use page::{Content, Page, PageError};
