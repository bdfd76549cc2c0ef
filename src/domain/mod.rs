//! The rules of bookability and the facts they look at.
//!
//! Pure: no I/O, no clock (`now` is an argument), no JSON, and nothing here can fail otherwise than by a value that says
//! so, or panic. Uses nothing of the other rooms. The three rules stand in [`rules`].

mod checkout;
mod explain;
mod facts;
mod feed;
mod instant;
mod period;
mod place;
mod reason;
pub mod rules;

pub use checkout::{CheckoutBase, CheckoutBaseError, encode_uri_component};
pub use explain::{Check, Rule, explain};
pub use facts::{AttendanceMode, Change, Gender, Item, Series, Session, Text};
pub use feed::Feed;
pub use instant::{DateError, FeedDate, Instant, london_text, offset_text};
pub use period::Period;
pub use place::{CoordinateFault, Coordinates, Place};
pub use reason::Reason;
pub use rules::{
    EventStatus, Opening, PublicAdult, SeriesTerms, SessionTerms, Standing, Start, Verdict, Window, judge,
};

/// A term without its namespace: `EventCancelled` of `https://schema.org/EventCancelled` or `schema:EventCancelled`.
pub fn local_name(term: &str) -> &str {
    term.rsplit(['/', '#', ':']).next().unwrap_or(term)
}
