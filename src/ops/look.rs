//! One look at the files: what they say that outlasts a run, as far as they can be read at the moment.

use std::path::Path;

use super::Watched;
use crate::store::{CatalogueReader, FeedReport, FindingReport, Result, StateReader, files_of};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The feeds and findings; `None`: the state cannot be read.
    pub(super) state: Option<(Vec<FeedReport>, Vec<FindingReport>)>,
    /// How many sessions and slots can be booked now; `None`: the catalogue cannot be read.
    pub(super) counts: Option<(i64, i64)>,
    /// The files that are there, by their part, with their sizes in bytes.
    pub(super) sizes: Vec<(&'static str, u64)>,
}

impl Look {
    /// Looks. Waits for SQLite's lock where somebody holds it, for ten seconds at most.
    pub(super) fn take(watched: &Watched) -> Self {
        let state = StateReader::open(&watched.state).and_then(|state| Ok((state.feeds()?, state.findings()?)));
        let counts = CatalogueReader::open(&watched.catalogue).and_then(|catalogue| catalogue.counts());
        let mut sizes = sizes(&watched.catalogue, ["catalogue", "catalogue_wal"]);
        sizes.extend(sizes_of_state(&watched.state));
        Self { state: readable(state), counts: readable(counts), sizes }
    }
}

fn readable<T>(read: Result<T>) -> Option<T> {
    read.inspect_err(|error| tracing::debug!("a metric cannot be read: {error}")).ok()
}

fn sizes_of_state(path: &Path) -> Vec<(&'static str, u64)> {
    sizes(path, ["state", "state_wal"])
}

fn sizes(path: &Path, names: [&'static str; 2]) -> Vec<(&'static str, u64)> {
    let size = |path: &Path| std::fs::metadata(path).ok().map(|file| file.len());
    let files = files_of(path);
    names.into_iter().zip(&files).filter_map(|(name, file)| Some((name, size(file)?))).collect()
}
