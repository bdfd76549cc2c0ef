//! Any bytes as a date.
#![no_main]

#[path = "../../tests/robust/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::any("date", bytes));
