//! `serve`: the real binary, asked over HTTP.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use bookable::sandbox::Webhook;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::checkout::rig_with_session;
use crate::rig::{Rig, error_line, error_text, wait_until};

const WEBHOOK_KEY: &str = "a-webhook-key-of-24-char";
const TOKEN: &str = "a-token-of-sixteen";

struct Server {
    child: Child,
    base: String,
    talk: Option<std::thread::JoinHandle<String>>,
    runtime: Runtime,
}

impl Server {
    fn start(rig: &Rig, arguments: &[&str]) -> Self {
        rig.write_private("webhook-key", &format!("{WEBHOOK_KEY}\n"));
        rig.write_private("token", TOKEN);
        let mut command =
            rig.command(&[&["serve", "--listen", "127.0.0.1:0", "--log-level", "trace"], arguments].concat());
        command.env("BOOKABLE_BROKER_NAME", "An app").env("BOOKABLE_BROKER_HOME_URL", "https://app.example/");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut talk = String::new();
        let base = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "serve ended: {talk}");
            talk.push_str(&line);
            if let Some(base) = line.trim().strip_prefix("listening on ") {
                break base.to_owned();
            }
        };
        let rest = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = lines.read_to_string(&mut text);
            talk + &text
        });
        Self { child, base, talk: Some(rest), runtime: Runtime::new().unwrap() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.base))
    }

    fn send(&self, request: RequestBuilder) -> (u16, Value) {
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
        })
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.request(Method::GET, path))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body.to_string()))
    }

    fn tell(&self, key: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        self.send(self.request(Method::POST, "/webhooks/success").header("x-api-key", key).body(body))
    }

    /// Ends it and gives everything that it said.
    fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.talk.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_app_without_the_key_gets_a_url() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &[]);
    let person = json!({"givenName": "Ada", "familyName": "L", "email": "ada@mail.example"});
    let (status, answer) = server.post("/checkout-sessions", &json!({"identifier": "a b/c", "customer": person}));
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["offer"], "ss/a#Adult");
    let url = answer["url"].as_str().unwrap().to_owned();
    let page = server.runtime.block_on(async { reqwest::get(&url).await.unwrap().text().await.unwrap() });
    assert!(page.contains("ada@mail.example"), "{page}");
    let code = |body: Value| {
        let (status, answer) = server.post("/checkout-sessions", &body);
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let said = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(code(json!({"identifier": "none"})), said(404, "not_bookable"));
    assert_eq!(code(json!({"identifier": "a b/c", "offer": "x"})), said(409, "unknown_offer"));
    assert_eq!(code(json!({"identifier": "a b/c", "extra": 1})), said(400, "bad_body"));
    assert_eq!(code(json!({"identifier": "a b/c", "customer": {"email": "ada@"}})), said(400, "bad_customer"));
    let offers = server.post("/checkout-sessions", &json!({"identifier": "a b/c", "offer": "x"})).1["offers"].clone();
    assert_eq!(offers.as_array().unwrap().len(), 2);
    let plain = server.request(Method::POST, "/checkout-sessions").body("{}");
    assert_eq!(server.send(plain).0, 415);
    rig.sandbox.publish(
        bookable::sandbox::Feed::BookableSellers,
        "org/b",
        &json!({"@type": "Organization", "@id": "org/b"}),
    );
    assert_eq!(code(json!({"identifier": "a b/c"})), said(502, "not_for_this_broker"));
    let talk = server.stop();
    assert!(!talk.contains("ada") && !talk.contains("sandbox-key"), "{talk}");
}

/// From the catalogue to the booking, by both routes.
#[test]
fn a_session_is_booked_by_both_routes_and_the_webhook_tells_of_it() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &["--webhook-key-file", "webhook-key"]);
    let url = format!("{}/webhooks/success", server.base);
    rig.sandbox.set_webhook(Webhook { url, key: WEBHOOK_KEY.to_owned() });
    let book = |url: &str| {
        let url = url.to_owned();
        server.runtime.block_on(async {
            let page = reqwest::get(&url).await.unwrap();
            assert_eq!(page.status().as_u16(), 200);
            assert!(page.text().await.unwrap().contains("<form method=\"post\">"));
            Client::new().post(&url).send().await.unwrap().status().as_u16()
        })
    };
    // The guest's way: the URL stands in the catalogue.
    let guest = rig.succeed(&["search", "--format", "ndjson"]);
    let guest: Value = serde_json::from_str(guest.lines().next().unwrap()).unwrap();
    assert_eq!(book(guest["checkout_url"].as_str().unwrap()), 200);
    // The authenticated way.
    let customer = json!({"givenName": "Ada", "familyName": "L", "email": "ada@mail.example"});
    let (_, answer) = server.post("/checkout-sessions", &json!({"identifier": "a b/c", "customer": customer}));
    assert_eq!(book(answer["url"].as_str().unwrap()), 200);
    assert_eq!(book(answer["url"].as_str().unwrap()), 410, "a checkout is booked once");
    let made = rig.sandbox.bookings();
    assert_eq!(made.iter().map(|made| made.webhook_status).collect::<Vec<_>>(), [Some(204), Some(204)]);
    for made in &made {
        let (status, booking) = server.get(&format!("/bookings/{}", made.order));
        assert_eq!((status, &booking["identifier"]), (200, &json!("a b/c")), "{booking}");
        assert!(!booking.to_string().contains("Ada") && !booking.to_string().contains("ada@"), "{booking}");
        let by_id = server.get(&format!("/bookings/{}", booking["id"].as_str().unwrap()));
        assert_eq!(by_id, (200, booking));
    }
    // Told once more, stored once.
    let again = server.runtime.block_on(rig.sandbox.replay_webhook());
    assert_eq!(again, Some(204));
    let (_, all) = server.get("/bookings");
    assert_eq!(all["bookings"].as_array().unwrap().len(), 2);
    let shown = rig.succeed(&["bookings", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, all["bookings"]);
    assert_eq!(shown[0]["repeats"], 1, "the newest comes first");
    assert!(rig.succeed(&["bookings", "sandbox-order-1"]).contains("a b/c"));
    assert_eq!(rig.run(&["bookings", "none"]).status.code(), Some(1));
    server.stop();
    for file in bookable::store::files_of(&rig.path("bookings.db")) {
        let bytes = std::fs::read(file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("ada@"), "nothing personal is stored");
    }
}

#[test]
fn the_webhook_takes_only_what_carries_its_key() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &["--webhook-key-file", "webhook-key"]);
    assert_eq!(server.tell("wrong", "{}").0, 401);
    assert_eq!(server.send(server.request(Method::POST, "/webhooks/success").body("{}")).0, 401);
    assert_eq!(server.tell(WEBHOOK_KEY, "[]").1["code"], "bad_body");
    assert_eq!(server.tell(WEBHOOK_KEY, vec![b' '; 300 * 1024]).0, 413);
    assert_eq!(server.get("/bookings").1["bookings"], json!([]));
    assert_eq!(server.tell(WEBHOOK_KEY, r#"{"any": "shape"}"#).0, 204);
    assert_eq!(server.get("/bookings").1["bookings"][0]["body"], json!({"any": "shape"}));
    assert!(!server.stop().contains(WEBHOOK_KEY));
    let without = Server::start(&rig, &[]);
    assert_eq!(without.tell(WEBHOOK_KEY, "{}").1["code"], "no_webhook");
}

#[test]
fn without_a_token_only_this_machine_may_ask() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &[]);
    let foreign = |name: &str, value: &str| server.request(Method::GET, "/bookings").header(name, value);
    assert_eq!(server.send(foreign("host", "evil.example")).0, 403);
    assert_eq!(server.send(foreign("origin", "https://evil.example")).0, 403);
    assert_eq!(server.get("/bookings").0, 200);
    server.stop();
    let server = Server::start(&rig, &["--serve-token-file", "token"]);
    assert_eq!(server.get("/bookings").0, 401);
    let bearer =
        |token: &str| server.request(Method::GET, "/bookings").header("authorization", format!("Bearer {token}"));
    assert_eq!(server.send(bearer("wrong")).0, 401);
    assert_eq!(server.send(bearer(TOKEN)).0, 200);
    assert_eq!(server.get("/health").0, 200);
    let talk = server.stop();
    assert!(!talk.contains(TOKEN));
    let output = rig.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error_line(&output).contains("a token is required"), "{}", error_text(&output));
}

#[test]
fn old_bookings_are_deleted() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &["--webhook-key-file", "webhook-key"]);
    assert_eq!(server.tell(WEBHOOK_KEY, r#"{"id": "old"}"#).0, 204);
    assert_eq!(server.tell(WEBHOOK_KEY, r#"{"id": "new"}"#).0, 204);
    server.stop();
    let connection = rusqlite::Connection::open(rig.path("bookings.db")).unwrap();
    connection.execute("UPDATE booking SET received_at = received_at - 90000 WHERE key = 'old'", []).unwrap();
    drop(connection);
    let server = Server::start(&rig, &["--bookings-keep", "1d"]);
    assert_eq!(server.get("/bookings/old").0, 404);
    assert_eq!(server.get("/bookings/new").0, 200);
    server.stop();
}

/// The description names every route, and every route answers as described.
#[test]
fn the_description_is_what_the_server_does() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &["--webhook-key-file", "webhook-key"]);
    let (status, document) = server.get("/openapi.json");
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    server.tell(WEBHOOK_KEY, r#"{"id": "x"}"#);
    let asked = [
        ("post", "/checkout-sessions", "/checkout-sessions", json!({"identifier": "a b/c"}), 201),
        ("post", "/checkout-sessions", "/checkout-sessions", json!({"identifier": "none"}), 404),
        ("post", "/checkout-sessions", "/checkout-sessions", json!({}), 400),
        ("post", "/checkout-sessions", "/checkout-sessions", json!({"identifier": "a b/c", "offer": "x"}), 409),
        ("post", "/webhooks/success", "/webhooks/success", json!({"id": "y"}), 401),
        ("get", "/bookings", "/bookings?limit=1", Value::Null, 200),
        ("get", "/bookings/{id}", "/bookings/x", Value::Null, 200),
        ("get", "/bookings/{id}", "/bookings/none", Value::Null, 404),
        ("get", "/health", "/health", Value::Null, 200),
        ("get", "/openapi.json", "/openapi.json", Value::Null, 200),
    ];
    let mut described: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        described.extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    }
    for (method, path, url, body, expected) in asked {
        let (status, answer) = if method == "post" { server.post(url, &body) } else { server.get(url) };
        assert_eq!(status, expected, "{method} {url}: {answer}");
        let response = &document["paths"][path][method]["responses"][status.to_string()];
        let content = response["content"].as_object().unwrap_or_else(|| panic!("{method} {path} {status}"));
        let schema = resolve(&document, &content.values().next().unwrap()["schema"]);
        check(&document, schema, &answer, url);
        described.remove(&(method.to_owned(), path.to_owned()));
    }
    assert_eq!(described, BTreeSet::new(), "described and not asked for");
    assert_eq!(server.get("/nowhere").1["code"], "no_route");
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Every member that is required is there, and every one that is there is described.
fn check(document: &Value, schema: &Value, answer: &Value, place: &str) {
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(answer.get(name.as_str().unwrap()).is_some(), "{place}: {name} is missing in {answer}");
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, value) in answer.as_object().unwrap() {
        let property = properties.get(name).unwrap_or_else(|| panic!("{place}: {name} is not described"));
        check_member(document, resolve(document, property), value, &format!("{place} {name}"));
    }
}

fn check_member(document: &Value, schema: &Value, value: &Value, place: &str) {
    let items = resolve(document, &schema["items"]);
    match value {
        Value::Array(list) => list.iter().for_each(|value| check(document, items, value, place)),
        Value::Object(_) => check(document, schema, value, place),
        _ => {
            let kind = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "integer",
                _ => "string",
            };
            let kinds = &schema["type"];
            let fits = kinds == kind
                || kinds
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&json!(kind)) || kinds.contains(&json!("number")))
                || schema["enum"].as_array().is_some_and(|values| values.contains(value));
            assert!(fits, "{place}: {value} is no {kinds}");
        }
    }
}

#[test]
fn a_missing_catalogue_is_said_and_healed() {
    let rig = rig_with_session();
    let server = Server::start(&rig, &[]);
    std::fs::rename(rig.path("catalogue.db"), rig.path("moved.db")).unwrap();
    assert_eq!(server.get("/health").1["code"], "no_catalogue");
    assert_eq!(server.post("/checkout-sessions", &json!({"identifier": "a b/c"})).0, 503);
    std::fs::rename(rig.path("moved.db"), rig.path("catalogue.db")).unwrap();
    wait_until("health", || server.get("/health").0 == 200);
}
