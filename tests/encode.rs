//! Checkout URLs against JavaScript's own `encodeURIComponent`, byte for byte.

use bookable::domain::{CheckoutBase, encode_uri_component};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    input: String,
    encoded: String,
}

#[test]
fn identifiers_are_encoded_as_javascript_does_it() {
    let file: Vectors = serde_json::from_str(include_str!("data/encode_uri_component.json")).expect("vectors");
    assert!(file.vectors.len() > 150, "the vectors are all there");
    let base = CheckoutBase::parse("checkout.example.org").expect("a base");
    for vector in file.vectors {
        assert_eq!(encode_uri_component(&vector.input), vector.encoded, "{:?}", vector.input);
        let url = format!("https://checkout.example.org/v1/scheduled-sessions/{}", vector.encoded);
        assert_eq!(base.session_url(&vector.input), url, "{:?}", vector.input);
    }
}
