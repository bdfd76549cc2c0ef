//! The known name that is most like a misspelt one. Cannot fail; uses the table of settings.

use super::{CONFIG_VARIABLE, KEY_VARIABLE, SETTINGS, variable};

/// The setting whose name in the file is most like `name`.
pub(super) fn nearest_setting(name: &str) -> &'static str {
    let name = name.to_lowercase().replace('-', "_");
    let best = SETTINGS.iter().min_by_key(|setting| edits(setting.name, &name));
    best.map_or("", |setting| setting.name)
}

/// Every environment variable that is looked at.
pub(super) fn variables() -> impl Iterator<Item = String> {
    let settings = SETTINGS.iter().map(|setting| variable(setting.name));
    settings.chain([KEY_VARIABLE, CONFIG_VARIABLE].map(str::to_owned))
}

/// The one whose name is most like `name`.
pub(super) fn nearest_variable(name: &str) -> String {
    variables().min_by_key(|known| edits(known, &name.to_uppercase())).unwrap_or_default()
}

/// How many letters must be put in, taken out or changed to make one text of the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut next = vec![at + 1];
        for ((above, left_above), other) in row.iter().skip(1).zip(&row).zip(&to) {
            let left = next.last().copied().unwrap_or(usize::MAX - 1);
            next.push((left_above + usize::from(letter != *other)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
