//! The `bookable` binary: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    bookable::cli::main()
}
