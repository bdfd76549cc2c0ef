//! The rules of bookability, pure: no I/O, no clock (`now` is an argument), no JSON, and nothing here can panic.

mod instant;

pub use instant::{DateError, FeedDate, Instant, london_text, offset_text};
