//! The rules of bookability and the facts they look at.
//!
//! Pure: no I/O, no clock (`now` is an argument), no JSON, and nothing here can fail otherwise than by a value that says
//! so, or panic. Uses nothing of the other rooms. The three rules stand in [`rules`].

mod checkout;
mod explain;
mod facts;
mod feed;
mod instant;
mod offers;
mod period;
mod place;
mod reason;
pub mod rules;

pub use checkout::{CheckoutBase, CheckoutBaseError, SlotPath, SlotPathError, encode_uri_component};
pub use explain::{Check, Rule, Subject, explain};
pub use facts::{
    AggregateOffer, AttendanceMode, Change, Court, Dataset, Gender, Item, Offer, Opportunity, Parent, Seller, Taker,
    Text,
};
pub use feed::{Feed, Pair, Role};
pub use instant::{DateError, FeedDate, Instant, london_text, offset_text};
pub use offers::{OfferTerms, public_adult_offer};
pub use period::Period;
pub use place::{CoordinateFault, Coordinates, Place};
pub use reason::Reason;
pub use rules::{
    Aggregate, EventStatus, Opening, OpportunityTerms, ParentTerms, PublicAdult, Selling, Standing, Start, Verdict,
    Window, judge,
};

/// A term without its namespace: `EventCancelled` of `https://schema.org/EventCancelled` or `schema:EventCancelled`.
pub fn local_name(term: &str) -> &str {
    let last = term.bytes().rposition(|byte| matches!(byte, b'/' | b'#' | b':'));
    last.and_then(|at| term.get(at + 1..)).unwrap_or(term)
}
