//! Settings from flags, environment and file, as the binary takes them.

use crate::rig::{Rig, error_line};

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
    std::fs::write(rig.path("key"), "sandbox-key\n").unwrap();
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
