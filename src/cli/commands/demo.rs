//! `bookable demo`.
use crate::cli::args::Demo;
use crate::cli::failure::Failure;
pub(in crate::cli) fn run(_arguments: &Demo) -> Result<(), Failure> {
    Err(Failure::failed("to come"))
}
