//! What machines that watch over a harvest ask it, and what it tells systemd.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant as Moment};

use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::rig::{Daemon, Rig, error_line, error_text, is_here, wait_until};

const FIRST: &str = "bookable_build_info{version=\"0.1.0\"} 1";

/// A harvest that is watched: `--metrics` on a port of its own.
struct Watched {
    daemon: Daemon,
    base: String,
    runtime: Runtime,
}

impl Watched {
    fn start(rig: &Rig, arguments: &[&str]) -> Self {
        let daemon = rig.daemon_with(&[&["--metrics", "0", "--log-file", "harvest.log"], arguments].concat());
        let base = || {
            let log = std::fs::read_to_string(rig.path("harvest.log")).ok()?;
            let base = log.split_once("metrics are on ")?.1.split_once("/metrics\n")?.0;
            Some(base.to_owned())
        };
        wait_until("the metrics' address", || base().is_some());
        Self { daemon, base: base().unwrap(), runtime: Runtime::new().unwrap() }
    }

    fn get(&self, path: &str) -> (u16, String) {
        get(&self.runtime, &format!("{}{path}", self.base)).unwrap()
    }

    fn metrics(&self) -> String {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        text
    }

    fn health(&self) -> (u16, Value) {
        let (status, text) = self.get("/health");
        (status, serde_json::from_str(&text).unwrap())
    }

    /// One sample's number; `sample` is its name with its labels.
    fn number(&self, sample: &str) -> Option<f64> {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    fn wait_for(&self, sample: &str, holds: impl Fn(f64) -> bool) {
        wait_until(sample, || self.number(sample).is_some_and(&holds));
    }
}

fn get(runtime: &Runtime, url: &str) -> reqwest::Result<(u16, String)> {
    runtime.block_on(async {
        let answer = reqwest::get(url).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await?))
    })
}

fn is(number: f64) -> impl Fn(f64) -> bool {
    move |found| (found - number).abs() < 1e-9
}

#[test]
fn metrics_tell_what_was_read_and_what_went_wrong() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    for id in ["x", "y", "z"] {
        rig.publish_session(id, "a", 86_400);
    }
    let odd = json!({"@type": "ScheduledSession", "@id": "s/odd", "identifier": {}, "superEvent": "ss/a"});
    rig.sandbox.publish(bookable::sandbox::Feed::ScheduledSessions, "odd", &odd);
    rig.sandbox.delete(bookable::sandbox::Feed::ScheduledSessions, "z");
    rig.sandbox.set_faults("retry-after=503:1:1@session-series".parse().unwrap());
    let watched = Watched::start(&rig, &[]);
    watched.wait_for("bookable_catalogue_sessions", is(2.0));
    watched.wait_for("bookable_feed_complete{feed=\"session-series\"}", is(1.0));
    for (sample, expected) in [
        ("bookable_build_info{version=\"0.1.0\"}", 1.0),
        ("bookable_catalogue_slots", 0.0),
        ("bookable_feed_items_total{feed=\"scheduled-sessions\",kind=\"updated\"}", 3.0),
        ("bookable_feed_items_total{feed=\"scheduled-sessions\",kind=\"deleted\"}", 1.0),
        ("bookable_feed_items_total{feed=\"session-series\",kind=\"updated\"}", 1.0),
        ("bookable_findings_total{feed=\"scheduled-sessions\",code=\"bad_identifier\"}", 1.0),
        ("bookable_feed_faults_total{feed=\"session-series\",code=\"http_status\"}", 1.0),
        ("bookable_feed_faults_total{feed=\"scheduled-sessions\",code=\"http_status\"}", 0.0),
        ("bookable_feed_failures{feed=\"session-series\"}", 0.0),
        ("bookable_file_readable{file=\"state\"}", 1.0),
        ("bookable_writer_filling", 0.0),
    ] {
        assert_eq!(watched.number(sample), Some(expected), "{sample}:\n{}", watched.metrics());
    }
    for sample in [
        "bookable_feed_polls_total{feed=\"session-series\"}",
        "bookable_feed_requests_total{feed=\"session-series\"}",
        "bookable_feed_pages_total{feed=\"session-series\"}",
        "bookable_file_size_bytes{file=\"catalogue\"}",
        "bookable_file_size_bytes{file=\"state\"}",
        "bookable_commit_duration_seconds_count",
        "bookable_commit_duration_seconds_sum",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ] {
        assert!(watched.number(sample).is_some_and(|number| number > 0.0), "{sample}");
    }
    let before = watched.number("bookable_feed_polls_total{feed=\"session-series\"}").unwrap();
    watched.wait_for("bookable_feed_polls_total{feed=\"session-series\"}", |polls| polls > before);
    assert!(watched.number("bookable_feed_lag_seconds{feed=\"session-series\"}").unwrap() < 30.0);
    assert!(watched.number("bookable_writer_age_seconds").unwrap() < 30.0);
    let text = watched.metrics();
    assert!(text.starts_with("# HELP bookable_build_info ") && text.contains(FIRST), "{text}");
    assert!(!text.contains("sandbox-key") && !text.contains(&rig.base), "no addresses, no key: {text}");
    assert!(!text.contains("feed=\"slots\""), "of feeds that are asked for only: {text}");
    let bucket = "bookable_commit_duration_seconds_bucket{le=\"+Inf\"} ";
    let count = "bookable_commit_duration_seconds_count ";
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    assert_eq!(of(bucket), of(count));
    assert_eq!(watched.get("/").0, 404);
}

#[test]
fn every_metric_is_in_the_readme_and_passes_promtool() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let watched = Watched::start(&rig, &[]);
    watched.wait_for("bookable_catalogue_sessions", is(1.0));
    let text = watched.metrics();
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in names.filter(|name| name.starts_with("bookable_")) {
        assert!(
            readme.lines().any(|line| line.starts_with("| `bookable_") && line.contains(&format!("`{name}`"))),
            "README.md does not explain {name}"
        );
    }
    if !is_here("promtool") {
        return;
    }
    std::fs::write(rig.path("metrics.txt"), text).unwrap();
    let check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(rig.path("metrics.txt")).unwrap())
        .output()
        .unwrap();
    assert!(check.status.success() && check.stderr.is_empty(), "{}", error_text(&check));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for arguments in
        [["check", "config", "data/prometheus/prometheus.yml"], ["test", "rules", "tests/data/alerts_test.yml"]]
    {
        let output = Command::new("promtool").args(arguments).current_dir(root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// 200 where every feed was read to its end within a day and the writer answers, else 503.
#[test]
fn health_follows_the_feeds() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    rig.sandbox.set_faults("retry-after=503:2:1@session-series".parse().unwrap());
    let watched = Watched::start(&rig, &[]);
    let (status, health) = watched.health();
    assert_eq!((status, health["status"].as_str()), (503, Some("starting")), "{health}");
    wait_until("all read", || watched.health().0 == 200);
    let (_, health) = watched.health();
    assert_eq!((health["status"].as_str(), health["sessions"].as_i64()), (Some("ok"), Some(1)), "{health}");
    assert_eq!(health["feeds"].as_array().unwrap().len(), 3, "{health}");
    assert!(!health.to_string().contains(&rig.base), "{health}");
    // The feed answers no more, and a day goes by.
    rig.sandbox.set_faults("retry-after=503:3600:99@session-series".parse().unwrap());
    watched.wait_for("bookable_feed_failures{feed=\"session-series\"}", is(1.0));
    let state = Connection::open(rig.path("catalogue.state.db")).unwrap();
    state.busy_timeout(Duration::from_secs(10)).unwrap();
    state.execute("UPDATE feed SET read_to_end_at = read_to_end_at - 86401 WHERE name = 'session-series'", []).unwrap();
    let (status, health) = watched.health();
    assert_eq!((status, health["status"].as_str()), (503, Some("stale")), "{health}");
    assert!(watched.number("bookable_feed_lag_seconds{feed=\"session-series\"}").unwrap() > 86_400.0);
}

#[test]
fn an_address_that_is_taken_or_none_is_told() {
    let rig = Rig::empty();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = rig.run(&["harvest", "--once", "--metrics", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains(&format!("--metrics: cannot listen on {address}")), "{}", error_line(&output));
    let output = rig.run(&["harvest", "--once", "--metrics", "everywhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(rig.sandbox.requests().len(), 0);
}

/// What systemd hears, word by word.
struct Systemd(UnixDatagram);

impl Systemd {
    fn listen(rig: &Rig) -> Self {
        let socket = UnixDatagram::bind(rig.path("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(socket)
    }

    fn next(&self) -> String {
        let mut bytes = [0; 256];
        let length = self.0.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    }

    /// What comes within this time.
    fn within(&self, time: Duration) -> Vec<String> {
        let began = Moment::now();
        let mut heard = Vec::new();
        while let Some(left) = time.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            self.0.set_read_timeout(Some(left)).unwrap();
            let mut bytes = [0; 256];
            if let Ok(length) = self.0.recv(&mut bytes) {
                heard.push(String::from_utf8_lossy(&bytes[..length]).trim().to_owned());
            }
        }
        self.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        heard
    }
}

fn under_systemd(rig: &Rig, watchdog: Option<&str>) -> Daemon {
    let mut command = rig.command(&["harvest"]);
    command.env("NOTIFY_SOCKET", rig.path("notify")).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(micros) = watchdog {
        command.env("WATCHDOG_USEC", micros);
    }
    Daemon(command.spawn().unwrap())
}

#[test]
fn systemd_is_told_of_the_beginning_and_the_end() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let systemd = Systemd::listen(&rig);
    let mut daemon = under_systemd(&rig, None);
    assert_eq!(systemd.next(), "READY=1");
    rig.wait_for(&["x"]);
    assert_eq!(systemd.within(Duration::from_millis(300)), Vec::<String>::new(), "nobody asked for a watchdog");
    daemon.signal("TERM");
    assert_eq!(systemd.next(), "STOPPING=1");
    assert_eq!(daemon.exit_code(), Some(0));
}

/// A writer that does not answer is not said to be well: here it waits for a lock that somebody holds.
#[test]
fn the_watchdog_hears_nothing_while_the_writer_does_not_answer() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let systemd = Systemd::listen(&rig);
    let mut daemon = under_systemd(&rig, Some("1000000"));
    assert_eq!(systemd.next(), "READY=1");
    assert_eq!(systemd.next(), "WATCHDOG=1");
    rig.wait_for(&["x"]);
    let heard = systemd.within(Duration::from_secs(1));
    assert!(heard.len() >= 2 && heard.iter().all(|word| word == "WATCHDOG=1"), "{heard:?}");
    let holder = Connection::open(rig.path("catalogue.state.db")).unwrap();
    holder.busy_timeout(Duration::from_secs(10)).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    systemd.within(Duration::from_millis(2500));
    assert_eq!(
        systemd.within(Duration::from_secs(2)),
        Vec::<String>::new(),
        "a second and more before the lock is let go"
    );
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(systemd.next(), "WATCHDOG=1");
    assert!(daemon.0.try_wait().unwrap().is_none());
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The real Prometheus, with the example's files, reads the metrics and evaluates the alerts.
#[test]
fn prometheus_scrapes_it() {
    if !is_here("prometheus") {
        return;
    }
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let watched = Watched::start(&rig, &[]);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/prometheus");
    let config = std::fs::read_to_string(examples.join("prometheus.yml")).unwrap();
    let address = watched.base.trim_start_matches("http://");
    let config = config.replace("127.0.0.1:8019", address).replace(": 30s", ": 1s");
    std::fs::write(rig.path("prometheus.yml"), config).unwrap();
    std::fs::copy(examples.join("alerts.yml"), rig.path("alerts.yml")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("prometheus");
    command.arg("--config.file=prometheus.yml").arg("--storage.tsdb.path=prometheus");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).current_dir(rig.path(""));
    let _prometheus = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let ask = |path: &str| -> Value {
        let url = format!("http://127.0.0.1:{port}/api/v1/{path}");
        get(&watched.runtime, &url).ok().and_then(|(_, text)| serde_json::from_str(&text).ok()).unwrap_or_default()
    };
    let value = |query: &str| ask(&format!("query?query={query}"))["data"]["result"][0]["value"][1].clone();
    wait_until("Prometheus to read the sessions", || value("bookable_catalogue_sessions") == "1");
    assert_eq!(value("up"), "1");
    wait_until("the rules to be evaluated", || {
        let groups = ask("rules")["data"]["groups"].clone();
        let rules = groups[0]["rules"].as_array().cloned().unwrap_or_default();
        rules.len() == 9 && rules.iter().all(|rule| rule["health"] == "ok")
    });
    let alerts = || ask("alerts")["data"]["alerts"].clone();
    wait_until("no alert", || alerts() == json!([]));
    watched.daemon.signal("TERM");
    wait_until("an alert", || alerts()[0]["labels"]["alertname"] == "BookableDown");
}
