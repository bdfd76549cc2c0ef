//! A webhook's body: what it is known by, what it is about, and what of it is kept.
//!
//! imin documents no form for it, so nothing is asked of it but to be a JSON object. What is personal is taken out before
//! anything is stored: of any `customer`, `attendee` or `person`, only its id and type stay; members named like a person's
//! details go wherever they stand.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Members that are kept of a person.
const KEPT_OF_PERSONS: [&str; 5] = ["identifier", "id", "@id", "type", "@type"];
/// Members that hold a person.
const PERSONS: [&str; 5] = ["customer", "attendee", "person", "payer", "accountablePerson"];
/// Members that hold a person's details.
const DETAILS: [&str; 8] =
    ["givenName", "familyName", "email", "telephone", "birthDate", "address", "payment", "additionalName"];

/// What is kept of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// What a repeat is known by.
    pub(super) key: String,
    /// The ordered item's id.
    pub(super) identifier: Option<String>,
    /// The ordered item's type.
    pub(super) item_type: Option<String>,
    /// JSON, without what is personal.
    pub(super) body: String,
}

impl Payload {
    /// Reads a body; `None` for anything but a JSON object.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut value: Value = serde_json::from_slice(bytes).ok()?;
        let object = value.as_object_mut()?;
        let order = ["imin:order", "order"].iter().find_map(|name| object.get(*name)?.as_object());
        let key = order.and_then(name_of).or_else(|| name_of(object));
        let key = key.unwrap_or_else(|| format!("sha256:{}", hexadecimal(&Sha256::digest(bytes))));
        let initial = object.get("imin:initialOrder").and_then(Value::as_object);
        let item = order.or(initial).and_then(|order| order.get("orderedItem")).and_then(first);
        let item = item.and_then(|line| line.get("orderedItem")).and_then(Value::as_object);
        let text = |name: &str| item.and_then(|item| text_of(item, name));
        let (identifier, item_type) =
            (text("identifier").or(text("id")).or(text("@id")), text("type").or(text("@type")));
        redact(object);
        Some(Self { key, identifier, item_type, body: value.to_string() })
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What an object goes by.
fn name_of(object: &Map<String, Value>) -> Option<String> {
    ["identifier", "@id", "id"].iter().find_map(|name| text_of(object, name))
}

fn text_of(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn first(value: &Value) -> Option<&Value> {
    value.as_array().map_or(Some(value), |list| list.first())
}

fn redact(object: &mut Map<String, Value>) {
    object.retain(|name, _| !DETAILS.contains(&name.as_str()));
    for (name, value) in object.iter_mut() {
        if PERSONS.contains(&name.as_str()) {
            keep_ids(value);
        } else {
            redact_value(value);
        }
    }
}

fn redact_value(value: &mut Value) {
    match value {
        Value::Object(object) => redact(object),
        Value::Array(list) => list.iter_mut().for_each(redact_value),
        _ => {}
    }
}

fn keep_ids(value: &mut Value) {
    match value {
        Value::Object(object) => object.retain(|name, value| {
            // An id may be somebody's e-mail address.
            let address = value.as_str().is_some_and(|text| text.contains('@') && !text.contains("://"));
            KEPT_OF_PERSONS.contains(&name.as_str()) && !value.is_object() && !value.is_array() && !address
        }),
        Value::Array(list) => list.iter_mut().for_each(keep_ids),
        other => *other = Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_by_its_order_its_id_or_its_bytes() {
        let key = |text: &str| Payload::read(text.as_bytes()).unwrap().key;
        assert_eq!(key(r#"{"id":"c","imin:order":{"identifier":"o"}}"#), "o");
        assert_eq!(key(r#"{"id":"c","imin:order":{"@id":"o"}}"#), "o");
        assert_eq!(key(r#"{"id":"c","order":{}}"#), "c");
        assert_eq!(key(r#"{"identifier":7}"#), "7");
        assert!(key("{}").starts_with("sha256:44136fa355b3678a"));
        for text in ["[]", "\"x\"", "{", ""] {
            assert_eq!(Payload::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn an_id_that_is_an_address_is_not_kept() {
        let text = br#"{"customer": {"identifier": "ada@mail.example", "id": "c-1"}}"#;
        assert_eq!(Payload::read(text).unwrap().body, r#"{"customer":{"id":"c-1"}}"#);
    }

    #[test]
    fn nothing_personal_is_kept() {
        let text = r#"{"imin:order":{"identifier":"o","customer":{"type":"Person","identifier":"c-1","givenName":"MARK",
            "email":"MARK@x","friend":{"name":"MARK"}},"orderedItem":[{"orderedItem":{"type":"Slot","id":"SLOT-1"},
            "attendee":[{"name":"MARK"}],"telephone":"MARK"}]},"email":"MARK","customer":"MARK"}"#;
        let payload = Payload::read(text.as_bytes()).unwrap();
        assert!(!payload.body.contains("MARK"), "{}", payload.body);
        assert!(payload.body.contains("c-1"));
        assert_eq!((payload.identifier.as_deref(), payload.item_type.as_deref()), (Some("SLOT-1"), Some("Slot")));
    }
}
