//! Settings from flags, environment and file, as the binary takes them.

use serde_json::{Value, json};

use crate::rig::{Rig, error_line, error_text, wait_until};

#[test]
fn flag_then_environment_then_file() {
    let rig = Rig::empty();
    let origin = |arguments: &[&str], environment: bool| {
        let mut command = rig.bare(&["status"]);
        command.args(arguments);
        if environment {
            command.env("BOOKABLE_STATE", "from-environment.db");
        }
        error_line(&command.output().unwrap())
    };
    assert!(origin(&[], false).contains("catalogue.state.db"), "the default lies beside the catalogue");
    std::fs::write(rig.path("bookable.toml"), "state = \"from-file.db\"").unwrap();
    assert!(origin(&[], false).contains("from-file.db"));
    assert!(origin(&[], true).contains("from-environment.db"));
    assert!(origin(&["--state", "from-flag.db"], true).contains("from-flag.db"));
    std::fs::write(rig.path("other.toml"), "state = \"from-other.db\"").unwrap();
    assert!(origin(&["--config", "other.toml"], false).contains("from-other.db"));
}

#[test]
fn wrong_settings_are_exit_code_2_in_one_line() {
    let rig = Rig::empty();
    let firehose = format!("{}/firehose/standard/", rig.base);
    let table: [(&str, &[&str], &str); 6] = [
        ("no key", &["--checkout-base-url", "c.example"], "BOOKABLE_API_KEY"),
        ("no checkout", &[], "--checkout-base-url"),
        ("a malformed checkout", &["--checkout-base-url", "http://c.example"], "--checkout-base-url"),
        (
            "too quick",
            &["--checkout-base-url", "c.example", "--poll-interval", "1s", "--firehose-url", "https://f.example/"],
            "--poll-interval",
        ),
        ("no such file", &["--config", "missing.toml"], "missing.toml"),
        ("an unreadable key file", &["--checkout-base-url", "c.example", "--api-key-file", "missing"], "missing"),
    ];
    for (words, arguments, named) in table {
        let mut command = rig.bare(&["harvest", "--once"]);
        if !arguments.contains(&"--firehose-url") {
            command.args(["--firehose-url", &firehose]);
        }
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(error_line(&output).contains(named), "{words}: {}", error_line(&output));
    }
    assert_eq!(rig.bare(&["harvest", "--no-such-flag"]).output().unwrap().status.code(), Some(2));
    assert_eq!(rig.bare(&["purge"]).output().unwrap().status.code(), Some(2), "purge wants --yes");
    assert!(!rig.path("catalogue.db").exists(), "nothing was made");
}

#[test]
fn the_key_comes_from_a_file_and_stands_in_no_file_of_ours() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 3600);
    rig.write_private("key", "sandbox-key\n");
    let mut command = rig.command(&["harvest", "--once", "--api-key-file", "key", "--log-level", "trace"]);
    let output = command.env_remove("BOOKABLE_API_KEY").output().unwrap();
    assert!(output.status.success());
    assert_eq!(rig.shown(), ["x"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("sandbox-key"));
    for entry in std::fs::read_dir(rig.path("")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let held = bytes.windows(11).any(|window| window == b"sandbox-key");
        assert_eq!(held, path.ends_with("key"), "{}", path.display());
    }
}

#[test]
fn a_key_file_that_anybody_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::empty();
    rig.write_private("key", "sandbox-key\n");
    let run = |mode: u32| {
        std::fs::set_permissions(rig.path("key"), std::fs::Permissions::from_mode(mode)).unwrap();
        rig.run(&["harvest", "--once", "--api-key-file", "key"])
    };
    let refused = run(0o644);
    assert_eq!(refused.status.code(), Some(2));
    assert!(error_line(&refused).contains("anybody on this machine may use it"), "{}", error_text(&refused));
    assert!(run(0o640).status.success(), "a group may be trusted");
}

#[test]
fn files_have_the_modes_that_they_should() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::empty();
    let mode = |name: &str| std::fs::metadata(rig.path(name)).unwrap().permissions().mode() & 0o777;
    let harvest = |umask: &str, catalogue: &str| {
        let plain = rig.command(&[]);
        let mut command = std::process::Command::new("sh");
        let script = format!("umask {umask}; exec \"$0\" harvest --once --catalogue {catalogue}.db");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_bookable")]).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        assert!(command.current_dir(plain.get_current_dir().unwrap()).status().unwrap().success());
        (mode(&format!("{catalogue}.db")), mode(&format!("{catalogue}.state.db")))
    };
    assert_eq!(harvest("022", "open"), (0o644, 0o600));
    assert_eq!(harvest("000", "wide"), (0o644, 0o600));
    assert_eq!(harvest("027", "group"), (0o640, 0o600));
}

#[test]
fn the_log_goes_to_a_file_that_is_opened_anew() {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    let daemon = rig.daemon_with(&["--log-file", "a.log"]);
    rig.wait_for(&["x"]);
    std::fs::rename(rig.path("a.log"), rig.path("a.log.1")).unwrap();
    daemon.signal("HUP");
    wait_until("the new log", || rig.path("a.log").exists());
    rig.sandbox.set_faults("status=503:1".parse().unwrap());
    wait_until("a line in it", || std::fs::read_to_string(rig.path("a.log")).unwrap().contains("cannot read"));
    let old = std::fs::read_to_string(rig.path("a.log.1")).unwrap();
    assert!(old.contains("harvesting") && !old.contains("cannot read"), "{old}");
}

#[test]
fn config_shows_each_setting_and_where_it_comes_from() {
    let rig = Rig::empty();
    std::fs::write(rig.path("bookable.toml"), "poll_interval = \"9s\"\nslots = true\nstate = \"s \\\"1\\\".db\"")
        .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = rig.bare(&[&["config"], arguments].concat());
        command.env("BOOKABLE_API_KEY", "my-secret").env("BOOKABLE_CHECKOUT_BASE_URL", "checkout.example.org");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", error_text(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("my-secret") && !error_text(&output).contains("my-secret"));
        text
    };
    let text = run(&["--log-level", "debug"]);
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "# settings file: bookable.toml",
        "log_level = \"debug\" # flag --log-level",
        "checkout_base_url = \"checkout.example.org\" # environment BOOKABLE_CHECKOUT_BASE_URL",
        "poll_interval = \"9s\" # file bookable.toml",
        "when_stale = \"keep\" # default",
        "bookings = \"bookings.db\" # beside the catalogue",
        "slots_url = \"https://firehose.imin.co/firehose/standard/slots\" # below firehose_url",
        "# broker is not set",
        "# api_key: there is one, from environment BOOKABLE_API_KEY",
    ] {
        assert!(lines.contains(&line.to_owned()), "{line}: {text}");
    }

    // What is printed is a settings file, and says the same.
    std::fs::write(rig.path("printed.toml"), &text).unwrap();
    let json =
        |arguments: &[&str]| -> Value { serde_json::from_str(&run(&[arguments, &["--json"]].concat())).unwrap() };
    let (first, again) = (json(&["--log-level", "debug"]), json(&["--config", "printed.toml"]));
    let values = |config: &Value| -> Vec<(Value, Value)> {
        let settings = config["settings"].as_array().unwrap();
        settings.iter().map(|setting| (setting["name"].clone(), setting["value"].clone())).collect()
    };
    assert_eq!(values(&first), values(&again));
    let of = |name: &str| first["settings"].as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap();
    assert_eq!(
        of("state"),
        &json!({"name": "state", "value": "s \"1\".db", "origin": "file", "from": "bookable.toml"})
    );
    assert_eq!(of("broker"), &json!({"name": "broker", "value": null, "origin": "unset", "from": null}));
    assert_eq!(first["api_key"], json!({"set": true, "origin": "environment", "from": "BOOKABLE_API_KEY"}));
    assert_eq!(again["settings_file"], "printed.toml");
}

#[test]
fn config_tells_what_cannot_be_used() {
    let rig = Rig::empty();
    rig.write_private("key", "sandbox-key\n");
    let table: [(&str, &[&str], Option<&str>); 6] = [
        ("nothing at all", &[], None),
        ("a key's file", &["--api-key-file", "key"], None),
        ("a key's file that is missing", &["--api-key-file", "none"], Some("--api-key-file: cannot read none")),
        ("an interval", &["--poll-interval", "often"], Some("--poll-interval: \"often\" is no time")),
        ("a URL", &["--datasets-url", "ftp://user:pass@f.example/"], Some("--datasets-url: ")),
        ("a Checkout", &["--checkout-base-url", "http://c.example"], Some("--checkout-base-url: ")),
    ];
    for (words, arguments, refused) in table {
        let output = rig.bare(&[&["config"], arguments].concat()).output().unwrap();
        assert!(output.stdout.len() > 500, "{words}: all is printed");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("pass"), "{words}");
        assert_eq!(output.status.code(), Some(if refused.is_some() { 2 } else { 0 }), "{words}");
        if let Some(refused) = refused {
            assert!(error_line(&output).contains(refused), "{words}: {}", error_text(&output));
        }
    }
}

/// A misspelt name in the file is an error; in the environment, where it may be somebody else's, a warning.
#[test]
fn misspelt_settings_are_answered_with_the_nearest_name() {
    let rig = Rig::empty();
    let output = rig
        .bare(&["config"])
        .env("BOOKABLE_POLLINTERVAL", "secret-value")
        .env("BOOKABLE_APIKEY", "secret-value")
        .output()
        .unwrap();
    assert!(output.status.success());
    let told = error_text(&output);
    let warned = |name: &str, nearest: &str| {
        let line = format!("bookable: warning: the environment variable {name} is no setting; did you mean {nearest}?");
        assert!(told.lines().any(|told| told == line), "{told}");
    };
    warned("BOOKABLE_POLLINTERVAL", "BOOKABLE_POLL_INTERVAL");
    warned("BOOKABLE_APIKEY", "BOOKABLE_API_KEY");
    assert!(!told.contains("secret-value"));
    std::fs::write(rig.path("bookable.toml"), "poll-interval = \"9s\"").unwrap();
    let output = rig.bare(&["config"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error_line(&output).ends_with("poll-interval is no setting; did you mean poll_interval?"));
}
