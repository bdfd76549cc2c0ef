//! A body of the operator's own, with named fields: `{"id": "{{identifier}}"}`.
//!
//! Each field is replaced by its value as the content of a JSON string, escaped, so that no value can break out of its
//! quotes. The fields: `identifier`, `item_type`, `offer_id`, `broker_name`, `broker_url`, `back_url`, `profile_url`,
//! `customer_id`, `given_name`, `family_name`, `email`; one that has no value becomes an empty text.

use serde::de::IgnoredAny;
use thiserror::Error;

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// Why a template cannot be filled in. No value is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("line {line} of the template has {{{{ without }}}}")]
    Unclosed {
        /// Where.
        line: usize,
    },
    /// A name that is no field.
    #[error("line {line} of the template names {name:?}, which is no field")]
    UnknownField {
        /// Where.
        line: usize,
        /// Which.
        name: String,
    },
    /// A field outside of quotes, where its value could say more than a text.
    #[error("line {line} of the template has {name:?} outside of quotes; write \"{{{{{name}}}}}\"")]
    OutsideText {
        /// Where.
        line: usize,
        /// Which.
        name: String,
    },
    /// What comes out is not JSON.
    #[error("the template does not come to JSON: see line {line}; a field belongs between quotes")]
    NotJson {
        /// Where.
        line: usize,
    },
}

impl Template {
    /// Takes a template's text. What is wrong with it shows when it is filled in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Puts the fields' values in.
    ///
    /// # Errors
    /// [`TemplateError`] where a field is unknown or the result is not JSON.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, TemplateError> {
        let mut filled = String::with_capacity(self.0.len() + 256);
        let mut rest = self.0.as_str();
        let mut in_text = false;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            in_text = ends_in_text(before, in_text);
            let line = || self.0.len().checked_sub(after.len()).map_or(1, |at| line_of(&self.0, at));
            let (name, behind) = after.split_once("}}").ok_or_else(|| TemplateError::Unclosed { line: line() })?;
            let name = name.trim();
            let value =
                value(name).ok_or_else(|| TemplateError::UnknownField { line: line(), name: name.to_owned() })?;
            if !in_text {
                return Err(TemplateError::OutsideText { line: line(), name: name.to_owned() });
            }
            push_escaped(&mut filled, value);
            rest = behind;
        }
        filled.push_str(rest);
        match serde_json::from_str::<IgnoredAny>(&filled) {
            Ok(IgnoredAny) => Ok(filled),
            Err(error) => Err(TemplateError::NotJson { line: error.line() }),
        }
    }
}

/// Whether a piece of JSON ends within a text, where it begins within one or not.
fn ends_in_text(piece: &str, begins_in_text: bool) -> bool {
    let (mut in_text, mut escaped) = (begins_in_text, false);
    for letter in piece.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
    }
    in_text
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// The content of a JSON string, without its quotes.
fn push_escaped(out: &mut String, value: &str) {
    let quoted = serde_json::to_string(value).unwrap_or_default();
    out.push_str(quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkout::order::tests::order;

    #[test]
    fn fields_are_filled_in_or_refused_with_their_line() {
        let order = order("x");
        let fill = |text: &str| order.body(Some(&Template::new(text))).map_err(|error| error.to_string());
        let body = fill(r#"{"a": "{{identifier}}/{{ item_type }}", "b": "{{email}}", "c": "{{broker_name}}"}"#);
        assert_eq!(body.unwrap(), r#"{"a": "x/ScheduledSession", "b": "", "c": "An \"app\""}"#);
        assert_eq!(fill("{\n\"a\": \"{{identifier\"}").unwrap_err(), "line 2 of the template has {{ without }}");
        assert_eq!(fill("\n\n{{key}}").unwrap_err(), "line 3 of the template names \"key\", which is no field");
        assert!(
            fill("{\n\"a\": {{identifier}}}")
                .unwrap_err()
                .contains("line 2 of the template has \"identifier\" outside")
        );
        assert!(fill("{\"a\\\"\": \"{{identifier}}\",}").unwrap_err().contains("see line 1"));
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_quotes(value in any::<String>()) {
            let order = order(&value);
            let body = order.body(Some(&Template::new(r#"["{{identifier}}"]"#))).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&body).unwrap(), vec![value.clone()]);
        }
    }
}
