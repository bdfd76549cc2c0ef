//! `harvest --once`: to the end, resumed, and where it cannot be.

use bookable::sandbox::SandboxOptions;
use serde_json::json;

use crate::rig::{Rig, error_line, error_text, now};

#[test]
fn an_empty_directory_becomes_an_exact_catalogue() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("can be/booked", "a", 3600);
    rig.publish_session("started", "a", -60);
    rig.publish_session("orphan", "gone", 3600);
    rig.succeed(&["harvest", "--once"]);
    assert_eq!(rig.shown(), ["can be/booked"]);
    let status = rig.succeed(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["counts"], json!({"bookable": 1, "started": 1, "orphan": 1}));
    assert_eq!((&status["fresh"], &status["harvest_running"]), (&json!(true), &json!(false)));
}

#[test]
fn a_checkout_url_of_the_catalogue_leads_to_its_page() {
    let rig = Rig::with(SandboxOptions { sessions: 400, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.succeed(&["harvest", "--once"]);
    let connection = rusqlite::Connection::open(rig.path("catalogue.db")).unwrap();
    let mut statement = connection.prepare("SELECT checkout_url FROM bookable_session").unwrap();
    let urls: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(urls.len() > 50, "{}", urls.len());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for url in urls {
        let status = runtime.block_on(async { reqwest::get(&url).await.unwrap().status() });
        assert_eq!(status.as_u16(), 200, "{url}");
    }
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let options = SandboxOptions { sessions: 900, churn_per_second: 0.0, page_size: 50, ..SandboxOptions::default() };
    let rig = Rig::with(options);
    rig.succeed(&["harvest", "--once"]);
    let shown = rig.shown();
    let first = rig.sandbox.requests();
    let mut paths: Vec<_> = first.iter().map(|request| &request.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), first.len(), "no page is read twice");
    rig.succeed(&["harvest", "--once"]);
    let mut second = rig.sandbox.requests().split_off(first.len());
    second.retain(|request| !request.path.ends_with("/datasets"));
    assert_eq!(second.len(), 2, "only the two last pages: {second:?}");
    assert_eq!(rig.shown(), shown);
}

#[test]
fn faults_that_pass_are_waited_out() {
    let rig = Rig::with(SandboxOptions { sessions: 200, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.sandbox.set_faults("status=503:1@session-series,cut:1@scheduled-sessions,slow:1".parse().unwrap());
    rig.succeed(&["harvest", "--once"]);
    assert!(rig.shown().len() > 20);
}

#[test]
fn broken_pages_and_connections_are_asked_for_again() {
    let rig = Rig::with(SandboxOptions { sessions: 200, churn_per_second: 0.0, ..SandboxOptions::default() });
    rig.sandbox.set_faults("malformed:1@session-series,drop:1@scheduled-sessions".parse().unwrap());
    // Asked by its other name, the sandbox leads on under that name.
    let url = rig.base.replace("127.0.0.1", "localhost");
    let mut command = rig.command(&["harvest", "--once"]);
    let output = command.env("BOOKABLE_FIREHOSE_URL", format!("{url}/firehose/standard/")).output().unwrap();
    assert!(output.status.success(), "{}", error_text(&output));
    assert!(error_text(&output).contains("unreadable") && error_text(&output).contains("interrupted"));
    assert!(rig.shown().len() > 20);
}

#[test]
fn the_sandbox_tells_a_missing_key_from_a_wrong_one() {
    let rig = Rig::empty();
    let url = format!("{}/firehose/standard/session-series", rig.base);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = |key: Option<&str>| {
        let request =
            key.iter().fold(reqwest::Client::new().get(&url), |request, key| request.header("X-API-KEY", *key));
        runtime.block_on(async { request.send().await.unwrap().status().as_u16() })
    };
    assert_eq!([status(None), status(Some("wrong")), status(Some("sandbox-key"))], [401, 403, 200]);
}

#[test]
fn retry_after_is_obeyed() {
    let rig = Rig::empty();
    rig.sandbox.set_faults("retry-after=429:2:1@session-series".parse().unwrap());
    rig.succeed(&["harvest", "--once"]);
    let asked: Vec<_> = rig.sandbox.requests().into_iter().filter(|r| r.path.contains("session-series")).collect();
    assert!(asked[1].at.seconds_since(asked[0].at) >= 2, "{asked:?}");
}

#[test]
fn a_feed_that_cannot_be_walked_to_its_end_is_a_failure_that_says_so() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.sandbox.set_faults("status=404:9@scheduled-sessions".parse().unwrap());
    let output = rig.run(&["harvest", "--once"]);
    assert_eq!(output.status.code(), Some(1));
    let line = error_line(&output);
    assert!(line.contains("scheduled-sessions") && line.contains("404"), "{line}");
    let status = rig.run(&["status"]);
    assert_eq!(status.status.code(), Some(1), "a feed that was never read to its end is not fresh");
    assert!(String::from_utf8_lossy(&status.stdout).contains("404"));
}

#[test]
fn a_wrong_key_is_refused_and_never_shown() {
    let rig = Rig::empty();
    let output = rig.command(&["harvest", "--once"]).env("BOOKABLE_API_KEY", "wrong-secret").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("key"), "{}", error_text(&output));
    assert!(!error_text(&output).contains("wrong-secret"));
    assert!(rig.sandbox.requests().iter().all(|request| !request.with_key));
}

#[test]
fn an_unreachable_host_is_a_failure() {
    let rig = Rig::empty();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/");
    let began = now();
    let output = rig.command(&["harvest", "--once"]).env("BOOKABLE_FIREHOSE_URL", url).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("not walked to the end"));
    assert!(now().seconds_since(began) < 60);
}
