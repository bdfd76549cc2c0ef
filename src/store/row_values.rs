//! The values of a row in one piece of memory, so that another thread can be given them at little cost. Pure; does not fail.

use rusqlite::types::ValueRef;

use super::packed::bytes::{put_signed, put_slice, take_bytes, take_signed, take_slice};

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RowValues(Vec<u8>);

impl RowValues {
    /// For values of so many bytes, more or less.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Puts one behind the others.
    pub(super) fn push(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.0.push(NULL),
            ValueRef::Integer(number) => {
                self.0.push(INTEGER);
                put_signed(&mut self.0, number);
            }
            ValueRef::Real(number) => {
                self.0.push(REAL);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Text(text) => {
                self.0.push(TEXT);
                put_slice(&mut self.0, text);
            }
            ValueRef::Blob(bytes) => {
                self.0.push(BLOB);
                put_slice(&mut self.0, bytes);
            }
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = ValueRef<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || take(&mut rest))
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<ValueRef<'a>> {
    let [kind] = *take_bytes(rest)?;
    Some(match kind {
        INTEGER => ValueRef::Integer(take_signed(rest)?),
        REAL => ValueRef::Real(f64::from_le_bytes(*take_bytes(rest)?)),
        TEXT => ValueRef::Text(take_slice(rest)?),
        BLOB => ValueRef::Blob(take_slice(rest)?),
        _ => ValueRef::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out() {
        let long = "é".repeat(70_000);
        let values = [
            ValueRef::Null,
            ValueRef::Integer(i64::MIN),
            ValueRef::Text(b""),
            ValueRef::Real(-0.5),
            ValueRef::Text(long.as_bytes()),
            ValueRef::Blob(&[0, 1, 255]),
            ValueRef::Integer(7),
            ValueRef::Null,
        ];
        let mut row = RowValues::default();
        assert_eq!(row.iter().next(), None);
        for value in values {
            row.push(value);
        }
        assert_eq!(row.iter().collect::<Vec<_>>(), values);
    }
}
