//! The `bookable` binary: everything it does is in the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// Pages are taken in on one thread and let go on another: this allocator gives such memory back without new page faults.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    bookable::cli::main()
}
