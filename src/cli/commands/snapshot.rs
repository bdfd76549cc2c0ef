//! `bookable snapshot`: a consistent, self-contained copy of the catalogue, put in place atomically.

use crate::cli::args::Snapshot;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::store::{Kept, snapshot};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Snapshot) -> Result<(), Failure> {
    let (source, target) = (settings.catalogue(), &arguments.file);
    let kept = snapshot(&source, &settings.state(), target)?;
    let (source, target) = (source.display(), target.display());
    output::say(&match kept {
        Kept::ByTheHarvest => format!("{target} is a copy of {source}; the harvest makes it anew once a day"),
        Kept::ByNobody => format!(
            "{target} is a copy of {source}; make it anew or delete it within a day: no harvest here knows of it, and the \
             licence wants what was deleted to be gone"
        ),
    });
    Ok(())
}
