//! `bookable sandbox`.
use crate::cli::args::Sandbox;
use crate::cli::failure::Failure;
pub(in crate::cli) fn run(_arguments: &Sandbox) -> Result<(), Failure> {
    Err(Failure::failed("to come"))
}
