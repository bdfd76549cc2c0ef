//! gzip (RFC 1952) of a whole body, undone: never more than a limit of bytes.
//!
//! Servers send one member, with a plain header. It is inflated in one call, into memory of the size that its last four bytes
//! tell: a peer's word, so it is believed only where deflate could have made so much of so little, and the result is
//! taken only where size and checksum are right. Whatever that is not true of is read anew, piece by piece, which also
//! tells what is wrong with it.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use libdeflater::{Decompressor, crc32};
use memchr::memmem;

/// What every member begins with: that it is gzip, and that it is deflated.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// A header without file name, comment and the like.
const HEADER_BYTES: usize = 10;
/// What every member ends with: its checksum and its size.
const TRAILER_BYTES: usize = 8;
/// A byte of deflate makes at most so many: two bits for 258 bytes.
const GROWTH_MAX: usize = 1032;
/// Members of nothing take time and no room.
const MEMBERS_MAX: usize = 1000;

/// Why a body could not be inflated.
#[derive(Debug)]
pub(super) enum InflateError {
    /// It would be larger than the limit.
    TooLarge,
    /// It is cut (`UnexpectedEof`), or not what it says it is (`InvalidData`, `InvalidInput`).
    Broken(io::Error),
}

/// The body that was compressed, of at most so many bytes. Members that follow each other are one body; what follows the last
/// one and begins none is passed by. `room` gives so many bytes of memory for it, with anything in them.
pub(super) fn inflated(
    body: &[u8],
    bytes_max: usize,
    room: impl FnOnce(usize) -> Vec<u8>,
) -> Result<Vec<u8>, InflateError> {
    match at_once(body, bytes_max, room) {
        Some(inflated) => Ok(inflated),
        None => piece_by_piece(body, bytes_max),
    }
}

/// A body of one member with a plain header, where all is as it says.
fn at_once(body: &[u8], bytes_max: usize, room: impl FnOnce(usize) -> Vec<u8>) -> Option<Vec<u8>> {
    let (header, rest) = body.split_first_chunk::<HEADER_BYTES>()?;
    let (deflated, trailer) = rest.split_last_chunk::<TRAILER_BYTES>()?;
    let (sum, size) = trailer.split_at(TRAILER_BYTES / 2);
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let size = usize::try_from(number(size)?).ok()?;
    let believed = size <= bytes_max && size <= deflated.len().saturating_mul(GROWTH_MAX);
    if !header.starts_with(&MAGIC) || header[MAGIC.len()] != 0 || !believed {
        return None;
    }
    let mut inflated = room(size);
    let made = Decompressor::new().gzip_decompress(body, &mut inflated).ok()?;
    // That has read one member and does not tell where it ended: at the body's end, unless the same trailer stands before it too.
    let is_one = number(sum) == Some(crc32(&inflated)) && memmem::find(deflated, trailer).is_none();
    (made == size && is_one).then_some(inflated)
}

fn piece_by_piece(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflated = Vec::new();
    let mut member = GzDecoder::new(body);
    for _ in 0..MEMBERS_MAX {
        // One byte more than there is room for tells that it is too large.
        let room = u64::try_from(bytes_max - inflated.len()).unwrap_or(u64::MAX);
        member.by_ref().take(room.saturating_add(1)).read_to_end(&mut inflated).map_err(InflateError::Broken)?;
        if inflated.len() > bytes_max {
            return Err(InflateError::TooLarge);
        }
        let rest = *member.get_ref();
        if !rest.starts_with(&MAGIC) {
            return Ok(inflated);
        }
        member.reset(rest);
    }
    Err(InflateError::Broken(io::Error::new(io::ErrorKind::InvalidData, "too many gzip members")))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 8_000;

    fn gzip(content: &[u8], level: u32) -> Vec<u8> {
        with_header(GzBuilder::new(), content, level)
    }

    fn with_header(header: GzBuilder, content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = header.write(Vec::new(), Compression::new(level));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// What comes of a body, in words.
    fn outcome(body: &[u8]) -> Result<Vec<u8>, String> {
        inflated(body, MAX, |bytes| vec![0xee; bytes]).map_err(in_words)
    }

    fn in_words(error: InflateError) -> String {
        match error {
            InflateError::TooLarge => "too large".to_owned(),
            InflateError::Broken(error) => format!("{:?}", error.kind()),
        }
    }

    #[test]
    fn one_member_is_inflated_in_one_call() {
        for content in [&b""[..], b"x", &[b'x'; MAX], &(0..=u8::MAX).collect::<Vec<_>>().repeat(9)] {
            for level in 0..=9 {
                assert_eq!(
                    at_once(&gzip(content, level), MAX, |bytes| vec![0xee; bytes]).as_deref(),
                    Some(content),
                    "{} {level}",
                    content.len()
                );
            }
        }
    }

    #[test]
    fn whatever_else_is_gzip_is_inflated_too() {
        let [a, b] = [gzip(b"one", 6), gzip(b"two", 6)];
        let headed = GzBuilder::new().filename("page.json").comment("c").extra(b"e".to_vec()).mtime(7);
        let table = [
            ("two members, of one size", [&a[..], &b].concat(), "onetwo"),
            ("three, one of them twice", [&a[..], &a, &b].concat(), "oneonetwo"),
            ("a member twice", [&a[..], &a].concat(), "oneone"),
            ("one within two", [&a[..], &b, &a].concat(), "onetwoone"),
            ("a member of nothing", [&gzip(b"", 6)[..], &a, &gzip(b"", 6)].concat(), "one"),
            ("zeros behind", [&a[..], &[0; 512]].concat(), "one"),
            ("something else behind", [&a[..], b"\x1f?"].concat(), "one"),
            ("a whole header", with_header(headed, b"one", 6), "one"),
        ];
        for (words, body, expected) in table {
            assert_eq!(outcome(&body).as_deref(), Ok(expected.as_bytes()), "{words}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let good = gzip(b"some text that has a length", 6);
        let with = |at: usize, byte: u8| {
            let mut body = good.clone();
            body[at] = byte;
            body
        };
        let size_at = good.len() - 4;
        let mut huge = good.clone();
        huge[size_at..].fill(0xff);
        let table = [
            ("nothing", Vec::new(), "UnexpectedEof"),
            ("half a header", good[..5].to_vec(), "UnexpectedEof"),
            ("cut", good[..size_at - 6].to_vec(), "UnexpectedEof"),
            ("cut in the end's figures", good[..size_at + 2].to_vec(), "UnexpectedEof"),
            ("the second member is cut", [&good[..], &good[..20]].concat(), "UnexpectedEof"),
            ("not gzip", b"{\"items\":[], \"next\": null}".to_vec(), "InvalidInput"),
            ("another method", with(2, 7), "InvalidInput"),
            ("a size that is too small", with(size_at, 1), "InvalidInput"),
            ("a size that is too large", with(size_at, 200), "InvalidInput"),
            ("a size that cannot be", huge, "InvalidInput"),
            ("another checksum", with(size_at - 1, !good[size_at - 1]), "InvalidInput"),
            ("no such block", with(HEADER_BYTES, 0xff), "InvalidInput"),
            ("one byte too many", gzip(&[0; MAX + 1], 6), "too large"),
            ("in two members", [gzip(&[0; MAX / 2], 6), gzip(&[0; MAX / 2 + 1], 6)].concat(), "too large"),
            ("members without end", [gzip(b"", 6).repeat(MEMBERS_MAX), good.clone()].concat(), "InvalidData"),
        ];
        for (words, body, expected) in table {
            assert_eq!(outcome(&body), Err(expected.to_owned()), "{words}");
        }
    }

    proptest! {
        /// One call gives what reading piece by piece gives, or nothing.
        #[test]
        fn both_ways_agree(
            content in prop::collection::vec(prop::sample::select(vec![&b"\"name\":"[..], b"Yoga", b"{", b"x", b"\0\xff"]), 0..300),
            level in 0..=9_u32,
            limit in 0..2000_usize,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in prop::option::of(any::<prop::sample::Index>()),
            behind in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let content = content.concat();
            let mut body = gzip(&content, level);
            for (at, byte) in &changes {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            if let Some(cut) = &cut {
                body.truncate(cut.index(body.len()));
            }
            body.extend(&behind);
            let slowly = piece_by_piece(&body, limit).map_err(in_words);
            if let Some(at_once) = at_once(&body, limit, |bytes| vec![0xee; bytes]) {
                prop_assert_eq!(Ok(&at_once), slowly.as_ref());
            }
            if changes.is_empty() && cut.is_none() {
                let expected = if content.len() > limit { Err("too large".to_owned()) } else { Ok(content) };
                prop_assert_eq!(slowly, expected);
            }
        }
    }
}
