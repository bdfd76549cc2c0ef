//! Where words go: data to standard output, talk to standard error. The only module that writes to either. Small files that
//! people name are read here too.
//!
//! What a publisher wrote may hold anything, so texts for people go through [`printable`] first. Fails only with the
//! I/O error of standard output; uses nothing of ours.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Read, Write};

/// Writes data to standard output, with a line end.
pub(super) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Shows a screen in the place of the last one, cut to what the terminal has room for.
pub(super) fn screen(text: &str) -> io::Result<()> {
    let rows = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
    let rows = if rows == 0 { usize::MAX } else { rows.saturating_sub(1) };
    let mut out = io::stdout().lock();
    // To the upper left corner; each line to its end; what is below.
    out.write_all(b"\x1b[H")?;
    for line in text.lines().take(rows) {
        writeln!(out, "{line}\x1b[K")?;
    }
    out.write_all(b"\x1b[J")?;
    out.flush()
}

/// Standard output for much data; what is written last is there after a flush.
pub(super) fn stream() -> impl Write + Send {
    io::BufWriter::with_capacity(1 << 16, io::stdout())
}

/// Says something to people on standard error; a closed one is nobody's loss.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// A text on one line that cannot steer a terminal: control characters and line ends become blanks, and the marks that
/// turn the direction of writing are dropped.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(|c| turns(c) || breaks(c)) {
        return Cow::Borrowed(text);
    }
    text.chars().filter(|c| !turns(*c)).map(|c| if breaks(c) { ' ' } else { c }).collect()
}

/// A small text file; one that is larger than `bytes_max` is refused.
pub(super) fn read_file(path: &std::path::Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    let fits = u64::try_from(text.len()).is_ok_and(|bytes| bytes <= bytes_max);
    if fits { Ok(text) } else { Err(io::Error::other(format!("it is larger than {bytes_max} bytes"))) }
}

/// Whether a person reads standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_cannot_steer_a_terminal() {
        let table = [
            ("plain", "Yoga – für alle", "Yoga – für alle"),
            ("colours and cursor", "a\u{1b}[31mb\u{9b}2Jc", "a [31mb 2Jc"),
            ("line ends", "a\r\nb\u{2028}c", "a  b c"),
            ("writing direction", "a\u{202e}b\u{2069}c", "abc"),
            ("a bell", "a\u{7}", "a "),
        ];
        for (words, text, expected) in table {
            assert_eq!(printable(text), expected, "{words}");
        }
    }
}
