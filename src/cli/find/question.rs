//! What the filters' texts mean. Pure; a text that means nothing is wrong usage (exit code 2).

use super::place::Near;
use super::when;
use crate::cli::args::Filters;
use crate::cli::failure::Failure;
use crate::domain::Instant;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(in crate::cli) struct Question {
    /// Around a point.
    pub(super) near: Option<Near>,
    /// Starting at or after this instant.
    pub(super) from: Option<Instant>,
    /// Starting before this instant.
    pub(super) until: Option<Instant>,
    /// A full-text query.
    pub(super) words: Option<String>,
    /// An activity's whole label, in any case.
    pub(super) activity: Option<String>,
    /// A price that is known, and not above this.
    pub(super) max_price: Option<f64>,
    /// Places left that are known, and at least this many.
    pub(super) spaces: Option<u32>,
    /// At most this many; `None`: all.
    pub(super) limit: Option<u32>,
    /// What people should be told of how they were understood.
    pub(in crate::cli) note: Option<String>,
}

impl Question {
    /// Makes a question of what was typed.
    pub(in crate::cli) fn understand(typed: &Filters, limit: Option<u32>, now: Instant) -> Result<Self, Failure> {
        let near = typed.near.as_deref().map(|place| Near::parse(place, &typed.within)).transpose()?;
        let (near, note) = near.map_or((None, None), |(near, note)| (Some(near), note));
        let (from, until) = times(typed, now)?;
        Ok(Self {
            near,
            from,
            until,
            words: typed.words.as_deref().map(words).transpose()?,
            activity: typed.activity.as_deref().map(activity).transpose()?,
            max_price: typed.max_price,
            spaces: typed.spaces,
            limit,
            note,
        })
    }

    /// Whether what is found has a distance.
    pub(in crate::cli) fn has_distance(&self) -> bool {
        self.near.is_some()
    }
}

/// The beginning of what `--from` names, and the end of what `--until` names, which is looked for from there on.
fn times(typed: &Filters, now: Instant) -> Result<(Option<Instant>, Option<Instant>), Failure> {
    let read = |flag: &str, text: &Option<String>, anchor: Instant| {
        let Some(text) = text.as_deref() else { return Ok(None) };
        let wrong = || Failure::settings(format!("{flag} {text:?} is no time; write {}", when::FORMS));
        when::span(text, now, anchor).map(Some).ok_or_else(wrong)
    };
    let from = read("--from", &typed.from, now)?.map(|span| span.begins);
    let until = read("--until", &typed.until, from.unwrap_or(now).max(now))?.map(|span| span.ends);
    match (from, until) {
        (Some(begin), Some(end)) if end <= begin => {
            Err(Failure::settings(format!("--until ({end}) is not after --from ({begin}); give a later one")))
        }
        _ => Ok((from, until)),
    }
}

fn activity(label: &str) -> Result<String, Failure> {
    let label = label.trim();
    if label.is_empty() { Err(Failure::settings("--activity is empty; give a label")) } else { Ok(label.to_owned()) }
}

/// A full-text query that asks for each of these words, whatever signs they hold.
fn words(text: &str) -> Result<String, Failure> {
    if !text.contains(char::is_alphanumeric) {
        return Err(Failure::settings(format!("--words {text:?} holds no word")));
    }
    Ok(text.split_whitespace().map(phrase).collect::<Vec<_>>().join(" "))
}

/// A text as FTS5 takes it for itself.
pub(super) fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
