//! Settings from flags, environment and file, as the binary takes them.

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
