//! Any bytes as an identifier of a session, and the `next` of a page.
#![no_main]

#[path = "../../tests/robust/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::any("url", bytes));
