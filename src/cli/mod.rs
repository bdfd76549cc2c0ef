//! Commands, settings, output, exit codes.

use std::process::ExitCode;

/// Runs the command line and gives the process's exit code.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
