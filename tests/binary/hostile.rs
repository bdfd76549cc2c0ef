//! Publishers that mean no good: what one item does must not cost the others, and nothing may fill memory or disk.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::rig::{Rig, error_text, now};

const SERIES: &str = r#"{"items": [{"state": "updated", "kind": "x", "id": 1, "modified": 1, "data": {"@type": "SessionSeries",
    "@id": "ss", "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}}], "next": null}"#;

fn good(id: &str) -> String {
    let start = now().plus_seconds(86_400);
    format!(
        r#"{{"state": "updated", "id": "{id}", "modified": 1, "data": {{"@type": "ScheduledSession", "identifier": "{id}",
            "superEvent": "ss", "startDate": "{start}", "imin:isPotentiallyBookable": true}}}}"#
    )
}

/// Serves the series and, as sessions, this body.
fn serve(runtime: &Runtime, sessions: Vec<u8>) -> String {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(async move |uri: Uri| -> Response {
        match uri.path() {
            "/session-series" => SERIES.into_response(),
            "/scheduled-sessions" => Body::from(sessions.clone()).into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    });
    runtime.spawn(async { axum::serve(listener, router).await });
    base
}

fn harvest(rig: &Rig, base: &str) -> Command {
    let mut command = rig.command(&["harvest", "--once"]);
    command.env("BOOKABLE_FIREHOSE_URL", base);
    command
}

/// An element of `items` that is no good, between two that are.
#[test]
fn what_one_item_does_costs_no_other() {
    let item = |data: &str| format!(r#"{{"state": "updated", "id": "bad", "modified": 1, "data": {data}}}"#);
    let session = |more: &str| {
        item(&format!(r#"{{"@type": "ScheduledSession", "identifier": "bad", "superEvent": "ss", {more}}}"#))
    };
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let table: BTreeMap<&str, Vec<u8>> = [
        ("deep JSON", session(&format!(r#""x": {}"#, deep(100))).into_bytes()),
        ("a megabyte of name", session(&format!(r#""name": "{}""#, "x".repeat(1 << 20))).into_bytes()),
        ("a megabyte of identifier", item(&format!(r#"{{"identifier": "{}"}}"#, "x".repeat(1 << 20))).into_bytes()),
        ("a megabyte of key", session(&format!(r#""{}": 1"#, "k".repeat(1 << 20))).into_bytes()),
        ("invalid UTF-8", [session(r#""name": ""#).trim_end_matches("}}").as_bytes(), b"\xff\xfe\"}}"].concat()),
        ("a lone surrogate", session(r#""name": "\ud800""#).into_bytes()),
        ("duplicate keys", session(r#""identifier": "other", "startDate": 1, "startDate": 2"#).into_bytes()),
        ("a number beyond all", session(r#""remainingAttendeeCapacity": 1e999"#).into_bytes()),
        ("many digits", session(&format!(r#""remainingAttendeeCapacity": {}"#, "9".repeat(5000))).into_bytes()),
        ("nothing at all", b"{}".to_vec()),
        ("nested items", format!("[[{}]]", good("nested")).into_bytes()),
        ("a terminal's colours", session(r#""name": "\u001b[31m""#).into_bytes()),
        ("SQL", session(r#""name": "'; DROP TABLE session; --""#).into_bytes()),
    ]
    .into();
    let runtime = Runtime::new().unwrap();
    for (words, bad) in table {
        let rig = Rig::empty();
        let (before, after) = (good("before"), good("after"));
        let body = [b"{\"items\": [", before.as_bytes(), b", ", &bad, b", ", after.as_bytes(), b"]}"].concat();
        let output = harvest(&rig, &serve(&runtime, body)).output().unwrap();
        assert!(output.status.success(), "{words}: {}", error_text(&output));
        assert_eq!(rig.shown(), ["after", "before"], "{words}");
    }
}

#[test]
fn items_by_the_thousand_with_one_id_are_one() {
    let runtime = Runtime::new().unwrap();
    let rig = Rig::empty();
    let items: Vec<String> = (0..50_000).map(|_| good("x")).collect();
    let body = format!(r#"{{"items": [{}]}}"#, items.join(","));
    let output = harvest(&rig, &serve(&runtime, body.into_bytes())).output().unwrap();
    assert!(output.status.success(), "{}", error_text(&output));
    assert_eq!(rig.shown(), ["x"]);
    let state = std::fs::metadata(rig.path("catalogue.state.db")).unwrap().len();
    assert!(state < 1 << 20, "{state} bytes for one session");
}

/// Pages that are no pages: told, waited out, and not taken for an empty feed.
#[test]
fn what_is_no_page_is_a_failure_that_says_so() {
    let runtime = Runtime::new().unwrap();
    let too_deep = format!(r#"{{"items": [{}], "next": 1}}"#, "[".repeat(10_000));
    let table: [(&str, &[u8]); 7] = [
        ("NaN", br#"{"items": [], "next": NaN}"#),
        ("half a page", br#"{"items": [{"state": "upd"#),
        ("HTML", b"<html>not a feed</html>"),
        ("an error in JSON", br#"{"error": "no"}"#),
        ("items that are none", br#"{"items": "many"}"#),
        ("a list", b"[]"),
        ("JSON that is too deep", too_deep.as_bytes()),
    ];
    // Side by side, because each waits its tries out.
    let started = table.map(|(words, body)| {
        let rig = Rig::empty();
        let mut command = harvest(&rig, &serve(&runtime, body.to_vec()));
        let child = command.args(["--log-file", "log"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        (words, rig, child)
    });
    for (words, rig, child) in started {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(error_text(&output).contains("scheduled-sessions: "), "{words}: {}", error_text(&output));
        assert!(rig.shown().is_empty());
    }
}
