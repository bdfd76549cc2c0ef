//! The code's own hygiene: which room may use which, how long files are, what is not allowed where.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may use.
const ROOMS: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("clock", &["domain"]),
    ("rpde", &["domain", "clock"]),
    ("store", &["domain", "clock"]),
    ("engine", &["domain", "clock", "rpde", "store"]),
    ("sandbox", &["domain", "clock"]),
    ("cli", &["domain", "clock", "rpde", "store", "engine", "sandbox"]),
];

/// What is named in no file of a room.
const BANNED: [(&str, &[&str]); 4] = [
    ("domain", &["tokio", "reqwest", "rusqlite", "serde", "std::fs", "std::env", "std::time::SystemTime", "Utc::now"]),
    ("rpde", &["rusqlite", "std::fs", "serde_json::Value"]),
    ("store", &["tokio", "reqwest", "serde_json::Value"]),
    ("engine", &["rusqlite", "serde_json::Value"]),
];

const LINES_MAX: usize = 500;

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs") || path.iter().any(|part| part == "tests")
}

/// The code without comments and without what follows `#[cfg(test)]`, which stands last in a file.
fn code(text: &str) -> String {
    let kept = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    kept.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms that a text names through `crate::`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let list = match after.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![after],
        };
        for name in list {
            used.insert(name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
        }
    }
    used
}

fn complaints(path: &str, room: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let mut found = Vec::new();
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| allowed);
    for used in rooms_used(&code) {
        let is_room = ROOMS.iter().any(|(name, _)| *name == used);
        if is_room && used != room && !allowed.contains(&used.as_str()) {
            found.push(format!("{path}: {room} may not use {used}"));
        }
    }
    for (_, words) in BANNED.iter().filter(|(name, _)| *name == room) {
        found.extend(words.iter().filter(|word| code.contains(**word)).map(|word| format!("{path}: names {word}")));
    }
    for word in [".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!", "unreachable!", "#[allow(", "unsafe "] {
        if code.contains(word) {
            found.push(format!("{path}: has {word}"));
        }
    }
    if text.lines().count() > LINES_MAX {
        found.push(format!("{path}: is longer than {LINES_MAX} lines"));
    }
    if !text.starts_with("//!") {
        found.push(format!("{path}: does not open with what it owns (//!)"));
    }
    found
}

#[test]
fn the_sources_keep_to_the_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in rust_files("src").iter().filter(|path| !is_test_file(path)) {
        let below = path.strip_prefix(&root).expect("below src");
        let first = below.iter().next().expect("a part").to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs");
        found.extend(complaints(&below.display().to_string(), room, &fs::read_to_string(path).expect("a file")));
    }
    let text: Vec<_> =
        found.iter().filter(|line| !line.starts_with("lib.rs") && !line.starts_with("main.rs")).collect();
    assert!(text.is_empty(), "{text:#?}");
}

#[test]
fn test_files_are_short_too_and_every_file_is_part_of_a_module() {
    for path in rust_files("src").iter().chain(&rust_files("tests")) {
        let lines = fs::read_to_string(path).expect("a file").lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
    for path in rust_files("src") {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if ["lib", "main", "mod"].contains(&name.as_str()) {
            continue;
        }
        let folder = path.parent().expect("a folder");
        let parents = [folder.join("mod.rs"), folder.join("lib.rs"), folder.with_extension("rs")];
        let named = parents
            .iter()
            .filter_map(|parent| fs::read_to_string(parent).ok())
            .any(|text| text.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};"))));
        assert!(named, "{} is named by no `mod` line", path.display());
    }
}

#[test]
fn every_reason_is_in_the_readme() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    for reason in bookable::domain::Reason::ALL {
        assert!(readme.contains(&format!("`{reason}`")), "README.md does not explain {reason}");
    }
}

#[test]
fn this_test_can_fail() {
    let bad =
        "use crate::store::Store;\nuse crate::{clock::Clock, rpde};\nfn f() { x.unwrap(); let _ = std::fs::read; }";
    let found = complaints("domain/bad.rs", "domain", bad);
    for expected in
        ["may not use store", "may not use clock", "may not use rpde", "has .unwrap()", "names std::fs", "(//!)"]
    {
        assert!(found.iter().any(|line| line.contains(expected)), "{expected}: {found:?}");
    }
    assert_eq!(complaints("engine/good.rs", "engine", "//! Good.\nuse crate::store::Store;\n"), Vec::<String>::new());
}
