//! The one word of a row's texts that is its own, in few bytes: digits as a number, a UUID as its sixteen bytes, any other as it is.

use super::bytes::{put, take};

/// A token as a row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Text(&'a str),
    /// Decimal digits without a leading zero.
    Number(u64),
    /// In lower case, with hyphens.
    Uuid(u128),
}

/// So many digits always fit.
const DIGITS_MAX: usize = 18;
/// Where a UUID has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const UUID_CHARACTERS: usize = 36;
const UUID_BYTES: usize = 16;

fn number(text: &[u8]) -> Option<u64> {
    let canonical = match text {
        [] | [b'0', _, ..] => false,
        _ => text.len() <= DIGITS_MAX,
    };
    if !canonical {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

fn uuid(text: &[u8]) -> Option<u128> {
    if text.len() != UUID_CHARACTERS {
        return None;
    }
    text.iter().enumerate().try_fold(0_u128, |uuid, (at, byte)| match byte {
        b'-' if HYPHENS.contains(&at) => Some(uuid),
        _ if HYPHENS.contains(&at) => None,
        b'0'..=b'9' => Some(uuid << 4 | u128::from(byte - b'0')),
        b'a'..=b'f' => Some(uuid << 4 | u128::from(byte - b'a' + 10)),
        _ => None,
    })
}

impl<'a> Token<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let short = number(bytes).map(Token::Number).or_else(|| uuid(bytes).map(Token::Uuid));
        short.unwrap_or(Token::Text(text))
    }

    /// An odd number is twice the number and one; 0 comes before a UUID, any other is twice the bytes of a text and two.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        match self {
            Token::Number(number) => put(out, number << 1 | 1),
            Token::Uuid(uuid) => {
                put(out, 0);
                out.extend(uuid.to_be_bytes());
            }
            Token::Text(text) => {
                put(out, u64::try_from(text.len() + 1).unwrap_or(1) << 1);
                out.extend(text.as_bytes());
            }
        }
    }

    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        match take(bytes)? {
            0 => {
                let (uuid, rest) = bytes.split_first_chunk::<UUID_BYTES>()?;
                *bytes = rest;
                Some(Token::Uuid(u128::from_be_bytes(*uuid)))
            }
            odd if odd & 1 == 1 => Some(Token::Number(odd >> 1)),
            even => {
                let (text, rest) = bytes.split_at_checked(usize::try_from(even >> 1).ok()?.checked_sub(1)?)?;
                *bytes = rest;
                std::str::from_utf8(text).ok().map(Token::Text)
            }
        }
    }

    /// Puts it after what is there.
    pub(super) fn push_to(self, text: &mut String) {
        match self {
            Token::Text(token) => text.push_str(token),
            Token::Number(mut number) => {
                let mut digits = [b'0'; 20];
                let mut first = digits.len();
                for (at, digit) in digits.iter_mut().enumerate().rev() {
                    *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
                    number /= 10;
                    first = at;
                    if number == 0 {
                        break;
                    }
                }
                text.push_str(digits.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("0"));
            }
            Token::Uuid(uuid) => {
                for at in 0..UUID_BYTES * 2 {
                    if [8, 12, 16, 20].contains(&at) {
                        text.push('-');
                    }
                    let nibble = u32::try_from(uuid >> (124 - 4 * at) & 0xF).unwrap_or(0);
                    text.push(char::from_digit(nibble, 16).unwrap_or('0'));
                }
            }
        }
    }
}
