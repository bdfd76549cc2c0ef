//! Where words go: data to standard output, talk to standard error.

use std::io::{self, IsTerminal, Write};

/// Writes data to standard output, with a line end.
pub(super) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Says something to people on standard error; a closed one is nobody's loss.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a person reads standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
