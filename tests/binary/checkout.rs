//! The authenticated Checkout, against the sandbox's and against one that misbehaves.

use std::io::Write;
use std::process::{Output, Stdio};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use bookable::sandbox::{Feed, SandboxOptions};
use serde_json::{Value, json};

use crate::rig::{Rig, error_line, error_text, now};

const BROKER: [(&str, &str); 4] = [
    ("BOOKABLE_BROKER_NAME", "An app"),
    ("BOOKABLE_BROKER_HOME_URL", "https://app.example/"),
    ("BOOKABLE_BROKER_BACK_URL", "https://app.example/back"),
    ("BOOKABLE_BROKER_PROFILE_URL", "https://app.example/me"),
];

pub(crate) fn run(rig: &Rig, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = rig.command(&[&["checkout"], arguments].concat());
    command.envs(BROKER).envs(environment.iter().copied());
    command.output().unwrap()
}

/// A rig with one session that can be booked, with two offers, in the catalogue.
pub(crate) fn rig_with_session() -> Rig {
    let rig = Rig::empty();
    let offer = |name: &str, price: f64| json!({"@id": format!("ss/a#{name}"), "name": name, "price": price, "priceCurrency": "GBP"});
    let data = json!({"@type": "SessionSeries", "@id": "ss/a", "name": "Yoga", "organizer": {"@id": "org/a"},
        "offers": [offer("Adult", 5.0), offer("Junior", 3.0)],
        "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true, "price": 5.0}}});
    rig.sandbox.publish(Feed::SessionSeries, "a", &data);
    rig.publish_session("a b/c", "a", 86_400);
    rig.succeed(&["harvest", "--once"]);
    rig
}

#[test]
fn a_url_is_obtained_and_its_page_has_the_details() {
    let rig = rig_with_session();
    std::fs::write(
        rig.path("customer.json"),
        r#"{"givenName": "Ada", "familyName": "L\"ove", "email": "ada@mail.example"}"#,
    )
    .unwrap();
    let output = run(&rig, &["a b/c", "--customer-file", "customer.json", "--log-level", "trace"], &[]);
    assert!(output.status.success(), "{}", error_text(&output));
    let url = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(url.starts_with(&format!("{}/checkout/", rig.base)) && url.lines().count() == 1, "{url}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let page = runtime.block_on(async { reqwest::get(url.trim()).await.unwrap().text().await.unwrap() });
    for detail in ["a b/c", "ss/a#Adult", "An app", "Ada", "L&quot;ove", "ada@mail.example"] {
        assert!(page.contains(detail), "{detail}: {page}");
    }
    let talk = error_text(&output);
    assert!(!talk.contains("ada@") && !talk.contains("sandbox-key"), "{talk}");
    let other = run(&rig, &["a b/c", "--offer", "ss/a#Junior", "--customer-id", "c-7", "--json"], &[]);
    let answer: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!((&answer["offer"], &answer["identifier"]), (&json!("ss/a#Junior"), &json!("a b/c")));
}

#[test]
fn what_cannot_be_booked_is_not_asked_for() {
    let rig = rig_with_session();
    let refused = |arguments: &[&str], words: &str, code: i32| {
        let output = run(&rig, arguments, &[]);
        assert_eq!(output.status.code(), Some(code), "{}", error_text(&output));
        assert!(error_line(&output).contains(words), "{}", error_text(&output));
    };
    let before = rig.sandbox.requests().len();
    refused(&["unknown"], "nothing in the catalogue has the identifier \"unknown\"", 1);
    refused(&["a b/c", "--offer", "ss/a#Member"], "they are: ss/a#Adult (Adult, 5.00 GBP); ss/a#Junior", 1);
    refused(&["a b/c", "--customer-id", " "], "--customer-id: a detail of the customer is empty", 2);
    refused(&["a b/c", "--customer-file", "none.json"], "cannot read none.json", 2);
    std::fs::write(rig.path("bad.json"), r#"{"givenName": "SECRET", "phone": "SECRET"}"#).unwrap();
    refused(&["a b/c", "--customer-file", "bad.json"], "and nothing else", 2);
    assert!(!error_text(&run(&rig, &["a b/c", "--customer-file", "bad.json"], &[])).contains("SECRET"));
    let output = run(&rig, &["a b/c"], &[("BOOKABLE_BROKER_HOME_URL", "http://app.example/")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error_text(&output).contains("BOOKABLE_BROKER_HOME_URL: it is not https"), "{}", error_text(&output));
    assert_eq!(rig.sandbox.requests().len(), before, "nothing was sent");
}

#[test]
fn a_dry_run_prints_the_body_and_needs_no_key() {
    let rig = rig_with_session();
    let mut command = rig.bare(&["checkout", "a b/c", "--dry-run", "--customer-file", "-"]);
    command.envs(BROKER).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"identifier": "c-7"}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    let body: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({"@context": ["https://openactive.io/", "https://imin.co/"], "type": "imin:CheckoutSession",
        "imin:initialOrder": {"type": "OrderQuote", "broker": {"type": "Organization", "name": "An app",
            "url": "https://app.example/"}, "customer": {"type": "Person", "identifier": "c-7"},
            "orderedItem": [{"type": "OrderItem", "acceptedOffer": {"type": "Offer", "id": "ss/a#Adult"},
                "orderedItem": {"type": "ScheduledSession", "id": "a b/c"}}]},
        "imin:backToBrokerUrl": "https://app.example/back", "imin:userProfileUrl": "https://app.example/me"});
    assert_eq!(body, expected);
    std::fs::write(rig.path("body.json"), r#"{"i": "{{identifier}}", "o": "{{offer_id}}", "e": "{{email}}"}"#).unwrap();
    let output = run(&rig, &["a b/c", "--dry-run", "--template", "body.json"], &[]);
    let body: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(body, json!({"i": "a b/c", "o": "ss/a#Adult", "e": ""}));
}

#[test]
fn the_sandbox_refuses_what_it_should() {
    let rig = rig_with_session();
    // Somebody else's sellers: the organizer is not among them.
    rig.sandbox.publish(Feed::BookableSellers, "org/b", &json!({"@type": "Organization", "@id": "org/b"}));
    let line = error_line(&run(&rig, &["a b/c"], &[]));
    assert!(line.contains("this broker may not book it (the Checkout answered 400: this broker"), "{line}");
    rig.sandbox.publish(Feed::BookableSellers, "org/a", &json!({"@type": "Organization", "@id": "org/a"}));
    assert!(run(&rig, &["a b/c"], &[]).status.success());
    let output = run(&rig, &["a b/c"], &[("BOOKABLE_API_KEY", "wrong")]);
    assert!(error_line(&output).contains("the Checkout refused the API key (403)"), "{}", error_text(&output));
    // Withdrawn since the catalogue was written.
    rig.sandbox.delete(Feed::ScheduledSessions, "a b/c");
    assert!(error_line(&run(&rig, &["a b/c"], &[])).contains("it has been withdrawn"));
    let _ = now();
}

/// A Checkout that answers just this to everything, on a port of its own.
fn checkout_that_answers(runtime: &tokio::runtime::Runtime, status: u16, body: &'static str) -> String {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let status = StatusCode::from_u16(status).unwrap();
    let answer = post(move || async move { (status, [("location", "/elsewhere")], body) });
    let router = Router::new().route("/api/checkout-sessions/", answer);
    runtime.spawn(async move { axum::serve(listener, router).await });
    base
}

#[test]
fn every_answer_has_its_words() {
    let rig = rig_with_session();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let table: [(u16, &str, &str); 9] = [
        (400, r#"{"description": "not\nyours"}"#, "this broker may not book it (the Checkout answered 400: not yours)"),
        (401, "", "refused the API key (401)"),
        (307, "", "redirects (307), which is not followed"),
        (404, "", "the Checkout answered 404"),
        (503, r#"{"detail": "later"}"#, "the Checkout answered 503: later"),
        (201, "<html>", "cannot be read: it is not JSON of the documented form"),
        (201, "{}", "holds no potentialAction with a target"),
        (201, r#"{"potentialAction": {"target": "http://app.example/"}}"#, "target is not followed: it is not https"),
        (201, r#"{"potentialAction": {"target": "javascript:alert(1)"}}"#, "target is not followed"),
    ];
    for (status, body, words) in table {
        let base = checkout_that_answers(&runtime, status, body);
        let output = run(&rig, &["a b/c"], &[("BOOKABLE_CHECKOUT_BASE_URL", &base)]);
        assert_eq!(output.status.code(), Some(1), "{status} {body}");
        assert!(error_line(&output).contains(words), "{}", error_text(&output));
    }
    let nobody = "http://127.0.0.1:9";
    let output = run(&rig, &["a b/c"], &[("BOOKABLE_CHECKOUT_BASE_URL", nobody)]);
    assert!(error_line(&output).contains("cannot reach the Checkout"), "{}", error_text(&output));
}

#[test]
fn a_slot_is_ordered_like_a_session() {
    let rig = Rig::with(SandboxOptions { sessions: 0, slots: 80, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once", "--slots", "--broker", "sandbox-broker"]);
    let connection = rusqlite::Connection::open(rig.path("catalogue.db")).unwrap();
    let mut statement = connection.prepare("SELECT identifier FROM bookable_slot").unwrap();
    let slots: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(slots.len() > 20);
    for slot in slots.iter().step_by(5) {
        let output = run(&rig, &[slot, "--customer-id", "c"], &[]);
        assert!(output.status.success(), "{slot}: {}", error_text(&output));
    }
}
