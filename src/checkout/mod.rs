//! The authenticated Checkout: a request with the customer's details, and the URL of a page where they are filled in.
//!
//! Owns the request's body (documented in part, see [`Order`]), the template that can replace it, the choice of an offer, and
//! the one POST. Fails with an [`OrderError`] before anything is sent, with a [`CheckoutFault`] after. Personal data passes
//! through and is never logged, stored or shown by `Debug`. Uses `domain`, `rpde` for the API key, and `store` for what can
//! be booked.

mod client;
mod offer;
mod order;
mod template;

pub use client::{CheckoutClient, CheckoutFault, Timeouts};
pub use offer::{OfferError, choose_offer};
pub use order::{Broker, Customer, CustomerError, Order, OrderError, SecureUrl, SecureUrlError};
pub use template::{Template, TemplateError};
