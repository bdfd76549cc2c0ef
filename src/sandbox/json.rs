//! Writing JSON text by hand, quickly, into one growing string.
//!
//! Owns the escaping and the commas. Cannot fail: writing to a string cannot, and that the braces match is up to the
//! caller (tests read every kind of page back). May use nothing.

use std::fmt::{Display, Write as _};

/// JSON text in the making.
#[derive(Debug, Default)]
pub(super) struct Json {
    text: String,
}

impl Json {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes) }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Starts an object as a value or an element.
    pub(super) fn begin(&mut self) {
        self.separate();
        self.text.push('{');
    }

    /// Starts an object under `key`.
    pub(super) fn object(&mut self, key: &str) {
        self.key(key);
        self.text.push('{');
    }

    /// Ends an object.
    pub(super) fn end(&mut self) {
        self.text.push('}');
    }

    /// Starts an array under `key`.
    pub(super) fn array(&mut self, key: &str) {
        self.key(key);
        self.text.push('[');
    }

    /// Ends an array.
    pub(super) fn end_array(&mut self) {
        self.text.push(']');
    }

    /// A text under `key`.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        quote(&mut self.text, value);
    }

    /// A text element of an array.
    pub(super) fn element(&mut self, value: &str) {
        self.separate();
        quote(&mut self.text, value);
    }

    /// A number, `true`, `false`, `null` or ready JSON under `key`, as its `Display` writes it.
    pub(super) fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// Ready JSON as a value or an element.
    pub(super) fn raw(&mut self, json: &str) {
        self.separate();
        self.text.push_str(json);
    }

    /// Starts a value under `key`; what is written next becomes that value.
    pub(super) fn open_value(&mut self, key: &str) {
        self.key(key);
    }

    fn key(&mut self, key: &str) {
        self.separate();
        quote(&mut self.text, key);
        self.text.push(':');
    }

    /// A comma, unless this is the first of an object or array, or follows its key.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }
}

fn quote(out: &mut String, value: &str) {
    out.push('"');
    let mut rest = value;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            if character == '"' || character == '\\' {
                out.push('\\');
                out.push(character);
            } else {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let hard = "tab\t \"quoted\" back\\slash 😀 \u{1} end{";
        let mut json = Json::default();
        json.begin();
        json.text("hard", hard);
        json.plain("number", 1.5);
        json.object("inner");
        json.array("list");
        json.element(hard);
        json.raw("null");
        json.begin();
        json.end();
        json.end_array();
        json.end();
        json.plain("flag", true);
        json.end();
        let read: serde_json::Value = serde_json::from_str(&json.into_text()).unwrap();
        let meant = serde_json::json!({"hard": hard, "number": 1.5, "inner": {"list": [hard, null, {}]}, "flag": true});
        assert_eq!(read, meant);
    }
}
