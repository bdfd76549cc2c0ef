//! The house rules that the compiler does not check, read from the sources themselves: which room may use which, what
//! `domain` may name, where a panic may stand, how a file begins, how long it may be, and that it is reached at all.
//!
//! The sources are read as tokens, with comments and literals left out, so that a word in a text is no complaint. The
//! tests at the end feed it bad texts, so that these rules are known to bite.

mod readme;
mod tokens;

use std::fs;
use std::io;
use std::path::Path;

use tokens::{Mention, Token, end_of_item, mentions, tokens};

/// Which rooms each room may use beside itself (ARCHITECTURE.md, "Rooms").
const ROOMS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("clock", &["domain"]),
    ("rpde", &["domain", "clock"]),
    ("store", &["domain", "clock"]),
    ("engine", &["domain", "clock", "rpde", "store"]),
    ("ops", &["domain", "clock", "rpde", "store", "engine"]),
    ("mirror", &["store"]),
    ("checkout", &["domain", "rpde", "store"]),
    ("serve", &["domain", "clock", "checkout", "store"]),
    ("sandbox", &["domain", "clock"]),
    ("cli", &["domain", "clock", "rpde", "store", "engine", "ops", "mirror", "checkout", "serve", "sandbox"]),
];

/// What a room does not name outside its tests, and why.
const BANNED: [(&str, &str, &[&str]); 5] = [
    ("domain", "it does no I/O", &["tokio", "reqwest", "rusqlite", "std::fs", "std::env"]),
    (
        "domain",
        "it reads no clock and knows no JSON",
        &["std::time::SystemTime", "chrono::Utc::now", "Utc::now", "serde", "serde_json"],
    ),
    ("rpde", "it keeps nothing", &["rusqlite", "std::fs"]),
    ("store", "it knows no network", &["tokio", "reqwest"]),
    ("engine", "the files are the store's", &["rusqlite"]),
];

const LINES_MAX: usize = 500;
const PANICKING_METHODS: [&str; 2] = ["unwrap", "expect"];
const PANICKING_MACROS: [&str; 4] = ["panic", "todo", "unreachable", "unimplemented"];

/// A file: its path from the project's root, with `/`, and what stands in it.
struct Source {
    path: String,
    text: String,
}

#[test]
fn the_sources_keep_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        gather(&root.join(folder), folder, &mut sources).unwrap();
    }
    assert!(sources.len() > 20, "only {} files were found", sources.len());
    let mut complaints: Vec<String> = sources.iter().flat_map(of_file).collect();
    complaints.extend(unreached(&sources));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_reason_is_in_the_readme() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, table) = readme.split_once("<!-- reasons -->").unwrap();
    let (table, _) = table.split_once("<!-- /reasons -->").unwrap();
    for reason in bookable::domain::Reason::ALL {
        assert!(table.contains(&format!("| `{reason}` |")), "README.md does not explain {reason}");
    }
}

fn gather(folder: &Path, name: &str, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &path, sources)?;
        } else if has_ending(&path, "rs") {
            sources.push(Source { path, text: fs::read_to_string(entry.path())? });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

/// Everything there is to say against one file by itself.
fn of_file(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, words: &str| complaints.push(format!("{}:{line}: {words}", source.path));
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        complain(lines, &format!("{lines} lines, at most {LINES_MAX}: split the file by concern"));
    }
    if !source.text.starts_with("//!") {
        complain(1, "begin the file with a `//!` that says what it owns");
    }
    let tokens = tokens(&source.text);
    attributes(&tokens, &mut complain);
    if source.path.starts_with("src/") {
        let named = mentions(&tokens);
        rooms(&source.path, &named, &mut complain);
        if !is_test_file(&source.path) {
            let tokens = without_tests(&tokens);
            let named = mentions(&tokens);
            banned(&source.path, &named, &mut complain);
            leaving_by_super(&source.path, &named, &mut complain);
            loose_json(&source.path, &named, &mut complain);
            panics(&tokens, &mut complain);
        }
    }
    complaints
}

/// Lints are expected with a reason, never allowed.
fn attributes(tokens: &[Token], complain: &mut impl FnMut(usize, &str)) {
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before)).map_or("", |token| &token.text);
        let opens = tokens.get(at + 1).is_some_and(|next| next.text == "(");
        if !opens || !matches!(before, "[" | ",") {
            continue;
        }
        if token.text == "allow" && in_attribute(tokens, at) {
            complain(token.line, "`allow` of a lint: write `#[expect(…, reason = \"…\")]`");
        }
        if token.text == "expect" && in_attribute(tokens, at) {
            let inside = &tokens[at + 1..end_of_item(tokens, at + 1)];
            if !inside.iter().any(|token| token.text == "reason") {
                complain(token.line, "`expect` of a lint without its reason");
            }
        }
    }
}

/// Whether the bracket before this token belongs to an attribute.
fn in_attribute(tokens: &[Token], at: usize) -> bool {
    let opening = tokens[..at].iter().rposition(|token| token.text == "[");
    opening.is_some_and(|opening| {
        let before = |steps: usize| opening.checked_sub(steps).map_or("", |at| &tokens[at].text);
        before(1) == "#" || (before(1) == "!" && before(2) == "#")
    })
}

/// The room that a file belongs to; `lib.rs` and `main.rs` belong to none.
fn room_of(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/")?;
    let first = below.split('/').next()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "lib" && room != "main").then_some(room)
}

fn rooms(path: &str, mentions: &[Mention], complain: &mut impl FnMut(usize, &str)) {
    let Some(room) = room_of(path) else { return };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        complain(
            1,
            &format!("the room `{room}` is not in the table of rooms: put it into ARCHITECTURE.md and tests/tidy"),
        );
        return;
    };
    for Mention { line, path } in mentions {
        if let [first, used, ..] = path.as_slice()
            && first == "crate"
            && used != room
            && !allowed.contains(&used.as_str())
        {
            complain(*line, &format!("`{room}` must not use `crate::{used}`; it may use {}", listed(allowed)));
        }
    }
}

/// Names that a room keeps away from.
fn banned(path: &str, mentions: &[Mention], complain: &mut impl FnMut(usize, &str)) {
    let room = room_of(path);
    for (_, why, names) in BANNED.iter().filter(|(banned_in, ..)| Some(*banned_in) == room) {
        for Mention { line, path } in mentions {
            let leads = |name: &&&str| name.split("::").eq(path.iter().take(name.matches("::").count() + 1));
            let hit = names.iter().find(leads);
            if let Some(name) = hit {
                complain(*line, &format!("must not name `{name}`: {why}"));
            }
        }
    }
}

fn listed(rooms: &[&str]) -> String {
    if rooms.is_empty() { "no other room".to_owned() } else { rooms.join(", ") }
}

/// A room is left by `crate::`, which the table is checked against, and not by climbing with `super::`.
fn leaving_by_super(path: &str, mentions: &[Mention], complain: &mut impl FnMut(usize, &str)) {
    let below = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let depth = below.matches('/').count();
    for Mention { line, path } in mentions {
        let climbs = path.iter().take_while(|segment| *segment == "super").count();
        if climbs > 0 && climbs >= depth {
            complain(*line, "`super::` leads out of the room: write `crate::`, so that the room's uses can be read");
        }
    }
}

fn loose_json(path: &str, mentions: &[Mention], complain: &mut impl FnMut(usize, &str)) {
    if matches!(room_of(path), Some("sandbox" | "cli" | "serve")) {
        return;
    }
    for Mention { line, path } in mentions {
        if path.first().is_some_and(|first| first == "serde_json") && path.iter().any(|segment| segment == "Value") {
            complain(*line, "`serde_json::Value` belongs to `sandbox`, `serve` and `cli` only: read into a type");
        }
    }
}

fn panics(tokens: &[Token], complain: &mut impl FnMut(usize, &str)) {
    for window in tokens.windows(3) {
        let [before, name, after] = window else { continue };
        let called = matches!(before.text.as_str(), "." | "::") && PANICKING_METHODS.contains(&name.text.as_str());
        if called && (after.text == "(" || before.text == "::") {
            complain(name.line, &format!("`{}` outside tests: return an error or a finding", name.text));
        }
    }
    for window in tokens.windows(2) {
        let [name, after] = window else { continue };
        if PANICKING_MACROS.contains(&name.text.as_str()) && after.text == "!" {
            complain(name.line, &format!("`{}!` outside tests: return an error or a finding", name.text));
        }
    }
}

/// Files that no `mod` line leads to, and that are therefore never compiled.
fn unreached(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for Source { path, .. } in sources {
        let module = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        let Some((folder, name)) = module.rsplit_once('/') else { continue };
        let is_test_root = path.starts_with("tests/")
            && (*path == format!("tests/{name}.rs") || (name == "main" && folder.matches('/').count() == 1));
        if is_test_root || matches!(path.as_str(), "src/lib.rs" | "src/main.rs") {
            continue;
        }
        let is_parent = |parent: &str| match folder {
            "src" => parent == "src/lib.rs",
            "tests" => parent.strip_prefix("tests/").is_some_and(|below| !below.contains('/')),
            _ => {
                parent == format!("{folder}.rs")
                    || ["mod", "main"].iter().any(|root| parent == format!("{folder}/{root}.rs"))
            }
        };
        if !sources.iter().any(|parent| is_parent(&parent.path) && declares(parent, name)) {
            complaints.push(format!("{path}:1: no `mod {name};` leads here, so it is never compiled"));
        }
    }
    complaints
}

fn declares(parent: &Source, name: &str) -> bool {
    tokens(&parent.text).windows(3).any(
        |window| matches!(window, [word, module, end] if word.text == "mod" && module.text == name && end.text == ";"),
    )
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The tokens without those of items under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let starts = |words: [&str; 4]| words.iter().zip(&tokens[at..]).all(|(word, token)| *word == token.text);
        if tokens.len() - at > 4 && starts(["#", "[", "cfg", "("]) {
            let after = end_of_item(tokens, at + 1);
            let condition = &tokens[at..after];
            let names = |word: &str| condition.iter().any(|token| token.text == word);
            if names("test") && !names("not") {
                at = after;
                while tokens.get(at).is_some_and(|token| token.text == "#") {
                    at = end_of_item(tokens, at + 1);
                }
                at = end_of_item(tokens, at);
                continue;
            }
        }
        kept.push(token.clone());
        at += 1;
    }
    kept
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: format!("//! About.\n{text}\n") }
}

#[test]
fn each_rule_bites() {
    let long = "// line\n".repeat(LINES_MAX);
    let table = [
        ("src/domain/a.rs", "use crate::clock::Clock;", "`domain` must not use `crate::clock`"),
        ("src/clock.rs", "fn f() { crate::store::open(); }", "`clock` must not use `crate::store`"),
        (
            "src/rpde/a.rs",
            "use crate::{domain::{Feed, Item as I}, store::Store};",
            "`rpde` must not use `crate::store`",
        ),
        ("src/store/a.rs", "use crate::{\n    domain::Feed,\n    rpde,\n};", "src/store/a.rs:4: `store` must not use"),
        ("src/engine/mod.rs", "use crate::cli;", "`engine` must not use `crate::cli`"),
        ("src/sandbox/a.rs", "use crate::rpde::Page;", "it may use domain, clock"),
        ("src/sandbox/a.rs", "#[cfg(test)]\nmod tests { use crate::rpde::Page; }", "must not use `crate::rpde`"),
        ("src/domain/a.rs", "use crate::*;", "`domain` must not use `crate::*`"),
        ("src/attic/a.rs", "", "the room `attic` is not in the table"),
        ("src/store/a.rs", "use super::super::rpde::Page;", "`super::` leads out of the room"),
        ("src/clock.rs", "use super::engine;", "`super::` leads out of the room"),
        ("src/domain/a.rs", "use std::{fmt, fs};", "must not name `std::fs`: it does no I/O"),
        ("src/domain/a.rs", "fn f() -> std::time::SystemTime;", "must not name `std::time::SystemTime`"),
        ("src/domain/a.rs", "use serde::Serialize;", "must not name `serde`"),
        ("src/domain/a.rs", "use tokio::time;", "must not name `tokio`"),
        ("src/domain/a.rs", "fn f() { chrono::Utc::now() }", "must not name `chrono::Utc::now`"),
        ("src/rpde/a.rs", "use std::{fs::File, io};", "must not name `std::fs`: it keeps nothing"),
        ("src/store/a.rs", "use reqwest::Client;", "must not name `reqwest`"),
        ("src/engine/a.rs", "fn f() -> rusqlite::Result<()>;", "must not name `rusqlite`"),
        ("src/store/a.rs", "fn f(v: serde_json::Value) {}", "belongs to `sandbox`, `serve` and `cli`"),
        ("src/rpde/a.rs", "use serde_json::{Error, Value};", "belongs to `sandbox`, `serve` and `cli`"),
        ("src/store/a.rs", "fn f() { x.unwrap(); }", "src/store/a.rs:2: `unwrap` outside tests"),
        ("src/store/a.rs", "fn f() { x\n.expect(\"there\"); }", "src/store/a.rs:3: `expect` outside tests"),
        ("src/store/a.rs", "fn f() { x.map(Result::unwrap) }", "`unwrap` outside tests"),
        ("src/cli/a.rs", "fn f() { panic!(\"no\") }", "`panic!` outside tests"),
        ("src/cli/a.rs", "fn f() { todo!() }", "`todo!` outside tests"),
        ("src/cli/a.rs", "#[cfg(not(test))] fn f() { unreachable!() }", "`unreachable!` outside tests"),
        ("src/cli/a.rs", "#[cfg(test)]\nmod tests;\nfn f() { x.unwrap() }", "`unwrap` outside tests"),
        ("src/cli/a.rs", "#[allow(dead_code)] fn f() {}", "`allow` of a lint"),
        ("tests/a.rs", "#![allow(dead_code)]", "`allow` of a lint"),
        ("tests/a.rs", "#[cfg_attr(test, allow(dead_code))] fn f() {}", "`allow` of a lint"),
        ("src/cli/a.rs", "#[expect(dead_code)] fn f() {}", "without its reason"),
        ("tests/a.rs", &long, "502 lines, at most 500"),
    ];
    for (path, text, expected) in table {
        let complaints = of_file(&source(path, text));
        assert!(complaints.iter().any(|words| words.contains(expected)), "{path}: {text}: {complaints:?}");
    }
    let headless = of_file(&Source { path: "src/cli/a.rs".to_owned(), text: "mod b;\n".to_owned() });
    assert_eq!(headless.len(), 1, "{headless:?}");
}

#[test]
fn what_keeps_the_rules_is_left_in_peace() {
    let table = [
        ("src/domain/a.rs", "use super::Feed; use crate::domain::Item; use std::fmt; // never tokio::spawn"),
        ("src/domain/a.rs", "/* crate::store /* nested */ panic!() */ const A: &str = \"serde::Value\";"),
        ("src/store/a.rs", "const A: &str = r#\"say \"x.unwrap()\" \"#; const B: char = '\"'; fn f<'a>(a: &'a str) {}"),
        (
            "src/store/a.rs",
            "#[cfg(test)]\n#[expect(dead_code, reason = \"a test\")]\nmod tests { fn f() { x.unwrap(); panic!() } }",
        ),
        ("src/store/a/tests.rs", "fn f() { x.unwrap(); let _: serde_json::Value; }"),
        ("src/store/a.rs", "pub(in crate::store) fn f() { x.unwrap_or_default(); x.expect_err(); }"),
        ("src/cli/a.rs", "use crate::{engine::harvest, store::Store}; use serde_json::Value;"),
        ("src/main.rs", "fn main() { bookable::cli::main() }"),
        ("tests/a.rs", "fn f() { x.unwrap(); panic!() }"),
        ("src/cli/a.rs", "fn expect(a: u8) {} fn allow(a: u8) {} fn f() { let a = [0, allow(1)]; }"),
    ];
    for (path, text) in table {
        assert_eq!(of_file(&source(path, text)), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn files_that_nothing_leads_to_are_found() {
    let reached = [
        source("src/lib.rs", "pub mod store;"),
        source("src/store/mod.rs", "mod a;"),
        source("src/store/a.rs", "#[cfg(test)]\nmod tests;"),
        source("src/store/a/tests.rs", ""),
        source("tests/end_to_end.rs", "mod common;"),
        source("tests/common/mod.rs", ""),
        source("tests/folder/main.rs", "mod part;"),
        source("tests/folder/part.rs", ""),
    ];
    assert_eq!(unreached(&reached), Vec::<String>::new());
    let mut sources = Vec::from(reached);
    for path in ["src/attic.rs", "src/store/b.rs", "src/store/a/b.rs", "tests/uncommon/mod.rs"] {
        sources.push(source(path, "// mod b;"));
    }
    assert_eq!(unreached(&sources).len(), 4, "{:?}", unreached(&sources));
}
