//! Publishers that end their feeds in other ways than the specification says, or lead elsewhere: scripted pages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Moment};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::rig::{Rig, error_line, now};

type Seen = Arc<Mutex<Vec<(String, Moment)>>>;

/// Serves these pages by their path and query; `BASE` in a page is the server's own address.
struct Publisher {
    base: String,
    seen: Seen,
    _runtime: Runtime,
}

impl Publisher {
    fn serve(pages: &[(&str, String)]) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let pages: BTreeMap<String, String> =
            pages.iter().map(|(path, page)| ((*path).to_owned(), page.replace("BASE", &base))).collect();
        let seen = Seen::default();
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap| {
            let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let page = pages.get(&path).cloned();
            log.lock().unwrap().push((format!("{path} key={}", headers.contains_key("x-api-key")), Moment::now()));
            page.map_or((StatusCode::NOT_FOUND, String::new()), |page| (StatusCode::OK, page))
        });
        runtime.spawn(async { axum::serve(listener, router).await });
        Self { base, seen, _runtime: runtime }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }
}

/// Whatever brought it there: a position on another host is not asked for, and the key does not go there.
#[test]
fn a_position_on_another_host_is_refused() {
    let publisher = Publisher::serve(&[]);
    let rig = Rig::empty();
    rig.succeed(&["harvest", "--once"]);
    let state = rusqlite::Connection::open(rig.path("catalogue.state.db")).unwrap();
    state.execute("UPDATE feed SET next_url = ?1 WHERE key = 1", [format!("{}/feed?a=1", publisher.base)]).unwrap();
    drop(state);
    let output = rig.run(&["harvest", "--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("the position of scheduled-sessions leads to"), "{}", error_line(&output));
    assert_eq!(publisher.seen(), Vec::<String>::new());
}

const SERIES: &str = r#"{"items": [{"state": "updated", "kind": "x", "id": 1, "modified": 1, "data": {"@type": "SessionSeries",
    "@id": "ss", "imin:aggregateOffer": {"publicAdult": {"imin:isPotentiallyBookable": true}}}}], "next": null}"#;

/// A page with one session and this `next` (as JSON).
fn page(id: &str, next: &str) -> String {
    let start = now().plus_seconds(3600);
    format!(
        r#"{{"next": {next}, "items": [{{"state": "updated", "kind": "ScheduledSession", "id": "{id}", "modified": 1, "data": {{
            "@type": "ScheduledSession", "identifier": "{id}", "superEvent": "ss", "startDate": "{start}",
            "imin:isPotentiallyBookable": true}}}}]}}"#
    )
}

fn end(next: &str) -> String {
    format!(r#"{{"items": [], "next": {next}}}"#)
}

fn harvest(rig: &Rig, publisher: &Publisher) -> std::process::Output {
    let mut command = rig.command(&["harvest", "--once"]);
    command.env("BOOKABLE_FIREHOSE_URL", format!("{}/", publisher.base)).output().unwrap()
}

#[test]
fn every_way_of_ending_a_feed_is_understood() {
    let table = [
        (
            "as specified",
            vec![
                ("/scheduled-sessions", page("a", r#""BASE/scheduled-sessions?x=1&y=2""#)),
                ("/scheduled-sessions?x=1&y=2", end(r#""BASE/scheduled-sessions?x=1&y=2""#)),
            ],
            "",
        ),
        (
            "parameters in another order",
            vec![
                ("/scheduled-sessions", page("a", r#""BASE/scheduled-sessions?x=1&y=%7E""#)),
                ("/scheduled-sessions?x=1&y=%7E", end(r#""BASE/scheduled-sessions?y=~&x=1""#)),
            ],
            "",
        ),
        (
            "a relative next",
            vec![
                ("/scheduled-sessions", page("a", r#""/scheduled-sessions?x=1""#)),
                ("/scheduled-sessions?x=1", end(r#""?x=1""#)),
            ],
            "",
        ),
        (
            "an empty page in the middle",
            vec![
                ("/scheduled-sessions", end(r#""BASE/scheduled-sessions?x=1""#)),
                ("/scheduled-sessions?x=1", page("a", r#""BASE/scheduled-sessions?x=2""#)),
                ("/scheduled-sessions?x=2", end(r#""BASE/scheduled-sessions?x=2""#)),
            ],
            "",
        ),
        (
            "its own URL with items",
            vec![("/scheduled-sessions", page("a", r#""BASE/scheduled-sessions""#))],
            "end_with_items",
        ),
        ("no next with items", vec![("/scheduled-sessions", page("a", "null"))], "end_with_items"),
    ];
    for (words, mut pages, finding) in table {
        pages.push(("/session-series", SERIES.to_owned()));
        let (rig, publisher) = (Rig::empty(), Publisher::serve(&pages));
        let output = harvest(&rig, &publisher);
        assert!(output.status.success(), "{words}: {output:?}");
        assert_eq!(rig.shown(), ["a"], "{words}");
        let status = rig.succeed(&["status"]);
        let ours = status.lines().any(|line| line.contains("end_with_items") && line.contains("scheduled-sessions"));
        assert_eq!(ours, !finding.is_empty(), "{words}: {status}");
    }
}

/// Pages are asked for before the one that leads to them is read: wherever `next` stands, also where it cannot be seen that early, each is
/// asked for once, in order, and what they say is taken.
#[test]
fn each_page_is_asked_for_once_wherever_next_stands() {
    const PAGES: usize = 12;
    let path = |number: usize| if number == 0 { String::new() } else { format!("?x={number}") };
    let body = |number: usize| {
        let next = format!("BASE/scheduled-sessions{}", path((number + 1).min(PAGES)));
        if number == PAGES {
            return end(&format!("\"{next}\""));
        }
        let page = page(&format!("s{number:02}"), &format!("\"{next}\""));
        let (next, items) = page.strip_prefix('{').unwrap().strip_suffix('}').unwrap().split_once(", ").unwrap();
        let long = format!(r#""x": [0], "pad": "{}""#, "p".repeat(10_000));
        match number % 3 {
            0 => page.clone(),
            1 => format!("{{{items}, {next}}}"),
            // Too far from both ends of the body to be seen before it is read.
            _ => format!("{{{long}, {next}, {items}, \"more\": {{{long}}}}}"),
        }
    };
    let paths: Vec<_> = (0..=PAGES).map(|number| format!("/scheduled-sessions{}", path(number))).collect();
    let mut pages: Vec<_> = paths.iter().enumerate().map(|(number, path)| (path.as_str(), body(number))).collect();
    pages.push(("/session-series", SERIES.to_owned()));
    let (rig, publisher) = (Rig::empty(), Publisher::serve(&pages));
    let output = harvest(&rig, &publisher);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(rig.shown(), (0..PAGES).map(|number| format!("s{number:02}")).collect::<Vec<_>>());
    let seen = publisher.seen().into_iter().filter(|line| line.starts_with("/scheduled-sessions"));
    let asked: Vec<_> = seen.map(|line| line.trim_end_matches(" key=true").to_owned()).collect();
    assert_eq!(asked, paths);
}

#[test]
fn a_next_that_goes_back_is_refused_and_the_items_are_kept() {
    let publisher = Publisher::serve(&[
        ("/session-series", SERIES.to_owned()),
        ("/scheduled-sessions", page("a", r#""BASE/scheduled-sessions?x=1""#)),
        ("/scheduled-sessions?x=1", page("b", r#""BASE/scheduled-sessions""#)),
    ]);
    let rig = Rig::empty();
    let output = harvest(&rig, &publisher);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("scheduled-sessions"));
    assert_eq!(rig.shown(), ["a", "b"]);
    assert!(String::from_utf8_lossy(&rig.run(&["status"]).stdout).contains("next_goes_back"));
}

#[test]
fn the_key_goes_to_no_other_origin() {
    let elsewhere = Publisher::serve(&[]);
    let publisher = Publisher::serve(&[
        ("/session-series", SERIES.to_owned()),
        ("/scheduled-sessions", page("a", &format!("\"{}/scheduled-sessions\"", elsewhere.base))),
    ]);
    let rig = Rig::empty();
    let output = harvest(&rig, &publisher);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(elsewhere.seen(), Vec::<String>::new());
    assert!(publisher.seen().iter().all(|request| request.ends_with("key=true")));
    assert_eq!(rig.shown(), ["a"], "what the page itself says is kept");
}

/// The licence's interval between two requests for a last page holds over restarts too, to the millisecond.
#[test]
fn a_restart_is_no_way_around_the_interval() {
    let page = |id: &str| format!(r#"{{"items": [], "next": "BASE/{id}"}}"#);
    let publisher = Publisher::serve(&[
        ("/scheduled-sessions", page("scheduled-sessions")),
        ("/session-series", page("session-series")),
    ]);
    let rig = Rig::empty();
    for round in 0..5_u64 {
        let mut command = rig.command(&["harvest", "--once"]);
        command.env("BOOKABLE_FIREHOSE_URL", &publisher.base).env("BOOKABLE_POLL_INTERVAL", "2s");
        assert!(command.output().unwrap().status.success());
        // Started at another fraction of a second each time.
        std::thread::sleep(Duration::from_millis(round * 170));
    }
    for feed in ["/scheduled-sessions", "/session-series"] {
        let seen = publisher.seen.lock().unwrap();
        let times: Vec<_> = seen.iter().filter(|(line, _)| line.starts_with(feed)).map(|(_, at)| *at).collect();
        assert!(times.len() >= 5);
        for pair in times.windows(2) {
            assert!(pair[1] - pair[0] >= Duration::from_secs(2), "{feed}: {:?}", pair[1] - pair[0]);
        }
    }
}
