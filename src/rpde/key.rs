//! The API key: read once, sent with every request, shown to nobody.
//!
//! Owns the one value that must not leak. It can be put into a header (marked sensitive, so that no HTTP layer prints it
//! or keeps it in a compression table) and nothing else: there is no `Display`, and `Debug` shows `ApiKey(…)`. Fails only
//! on construction, with a [`KeyError`] that never repeats what it was given. Uses nothing of ours.

use std::fmt;

use reqwest::header::HeaderValue;

/// The longest key that is taken, in bytes; a longer text is more likely the wrong file.
pub const KEY_BYTES_MAX: usize = 4096;

/// The key that the Firehose asks for with every request.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

/// Why a text cannot be an API key. The text itself is never part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is left once the line ends are taken off.
    #[error("the API key is empty")]
    Empty,
    /// Longer than [`KEY_BYTES_MAX`].
    #[error("the API key is longer than {KEY_BYTES_MAX} bytes")]
    TooLong,
    /// Holds a blank, a control character, a line break inside, or something outside ASCII.
    #[error("the API key may hold visible ASCII characters only, on one line without blanks")]
    NotVisibleAscii,
}

impl ApiKey {
    /// Takes a key as read from a file or the environment; line ends after it are taken off, nothing else is.
    ///
    /// # Errors
    /// [`KeyError`] when nothing is left, or when the rest is too long or not visible ASCII.
    pub fn new(text: impl AsRef<str>) -> Result<Self, KeyError> {
        let text = text.as_ref().trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::NotVisibleAscii);
        }
        let mut value = HeaderValue::from_str(text).map_err(|_| KeyError::NotVisibleAscii)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The key as a header's value, marked sensitive.
    pub(crate) fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_or_refused_as_the_table_says() {
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        let table = [
            ("plain", "abc-123_~!", Ok("abc-123_~!")),
            ("a file's line end", "abc\n", Ok("abc")),
            ("line end of Windows", "abc\r\n", Ok("abc")),
            ("longest", &long[1..], Ok(&long[1..])),
            ("empty", "", Err(KeyError::Empty)),
            ("line end alone", "\r\n", Err(KeyError::Empty)),
            ("too long", &long, Err(KeyError::TooLong)),
            ("blank inside", "a b", Err(KeyError::NotVisibleAscii)),
            ("blank before", " ab", Err(KeyError::NotVisibleAscii)),
            ("two lines", "ab\ncd", Err(KeyError::NotVisibleAscii)),
            ("control character", "a\u{7}b", Err(KeyError::NotVisibleAscii)),
            ("byte-order mark", "\u{feff}ab", Err(KeyError::NotVisibleAscii)),
            ("not ASCII", "schlüssel", Err(KeyError::NotVisibleAscii)),
        ];
        for (words, text, expected) in table {
            let got = ApiKey::new(text);
            assert_eq!(got.as_ref().map(|key| key.0.to_str().unwrap()).map_err(|error| *error), expected, "{words}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = ApiKey::new("very-secret").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        assert!(key.header_value().is_sensitive());
        assert!(!format!("{:?}", key.header_value()).contains("very-secret"));
    }
}
