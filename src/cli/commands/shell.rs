//! `bookable completions` and `bookable man`: made from the command line's own description, for whoever packages the binary.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::args::{Arguments, Completions, Man};
use crate::cli::failure::Failure;
use crate::cli::output;

const NAME: &str = "bookable";

/// Prints what a shell needs to complete a command line.
pub(in crate::cli) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), NAME, &mut script);
    Ok(output::data(String::from_utf8_lossy(&script).trim_end())?)
}

/// Prints the man page, or writes one for each command into a folder.
pub(in crate::cli) fn man(arguments: &Man) -> Result<(), Failure> {
    let command = Arguments::command();
    if let Some(folder) = &arguments.folder {
        return Ok(write(command, folder).with_context(|| format!("cannot write to {}", folder.display()))?);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(output::data(String::from_utf8_lossy(&page).trim_end())?)
}

fn write(command: clap::Command, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}
