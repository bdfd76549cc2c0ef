//! Any bytes as an instant in seconds, a space and a duration.
#![no_main]

#[path = "../../tests/robust/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::any("duration", bytes));
