//! `bookable schema`: the catalogue's schema, whose comments are its documentation.

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::store::CATALOGUE_SCHEMA;

/// Runs the command.
pub(in crate::cli) fn run() -> Result<(), Failure> {
    Ok(output::data(CATALOGUE_SCHEMA.trim_end())?)
}
