//! Every value here is synthetic.

use super::*;

fn resolve(flags: &[(&'static str, &str)], environment: &[(&str, &str)], file: &str) -> Result<Settings, Failure> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("settings.toml");
    std::fs::write(&path, file).unwrap();
    let flags = flags.iter().map(|(name, text)| (*name, OsString::from(text))).collect();
    let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), OsString::from(text))).collect();
    Settings::resolve(&flags, &environment, Some(&path))
}

fn refused(result: Result<Settings, Failure>) -> String {
    result.err().and_then(|failure| failure.line()).unwrap()
}

#[test]
fn flag_then_environment_then_file_then_default_for_every_setting() {
    for setting in SETTINGS {
        let name = setting.name;
        let (variable, file) = (variable(name), format!("{name} = \"file\""));
        let text = |settings: Settings| settings.value(name).unwrap().text.clone();
        assert_eq!(text(resolve(&[(name, "flag")], &[(&variable, "env")], &file).unwrap()), "flag", "{name}");
        assert_eq!(text(resolve(&[], &[(&variable, "env")], &file).unwrap()), "env", "{name}");
        assert_eq!(text(resolve(&[], &[], &file).unwrap()), "file", "{name}");
        let none = resolve(&[], &[], "").unwrap();
        assert_eq!(none.value(name).map(|value| value.text.clone()), setting.default.map(OsString::from), "{name}");
    }
}

#[test]
fn a_file_is_read_strictly() {
    let words = refused(resolve(&[], &[], "poll_intervall = \"8s\""));
    assert!(words.ends_with("poll_intervall is no setting; did you mean poll_interval?"), "{words}");
    let words = refused(resolve(&[], &[], "api_key = \"secret-key\""));
    assert!(words.contains("does not belong here") && !words.contains("secret-key"), "{words}");
    assert!(refused(resolve(&[], &[], "poll_interval = 8")).contains("must be a text"));
    assert!(refused(resolve(&[], &[], "poll_interval = ")).contains("settings.toml"));
    let missing = Settings::resolve(&BTreeMap::new(), &Environment::new(), Some(Path::new("no/such.toml")));
    assert_eq!(missing.err().unwrap().exit_code(), 2);
}

#[test]
fn the_example_file_names_every_setting() {
    let example = include_str!("../../../data/bookable.toml");
    let uncommented: String =
        example.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        });
    let table: toml::Table = toml::from_str(&uncommented).unwrap();
    let mut named: Vec<&str> = table.keys().map(String::as_str).collect();
    let mut known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
    resolve(&[], &[], &uncommented).unwrap();
}

#[test]
fn the_state_lies_beside_the_catalogue() {
    assert_eq!(state_beside(Path::new("catalogue.db")), Path::new("catalogue.state.db"));
    assert_eq!(state_beside(Path::new("/a b/x.db")), Path::new("/a b/x.state.db"));
    assert_eq!(state_beside(Path::new("x.sqlite")), Path::new("x.sqlite.state.db"));
}

#[test]
fn poll_intervals_keep_the_licence() {
    let interval = |text: &str, url: &str| {
        let settings = resolve(&[("poll_interval", text), ("firehose_url", url)], &[], "").unwrap();
        let feeds = settings.feeds().unwrap_or_else(|_| panic!("{url}"));
        settings.poll_interval(&feeds).map_err(|failure| failure.line().unwrap())
    };
    assert_eq!(interval("8s", "https://f.example/"), Ok(Duration::from_secs(8)));
    assert_eq!(interval("1m", "https://f.example/"), Ok(Duration::from_mins(1)));
    assert!(interval("7999ms", "https://f.example/").is_err());
    assert_eq!(interval("50ms", "http://127.0.0.1:1/"), Ok(Duration::from_millis(50)));
    assert!(interval("often", "https://f.example/").unwrap_err().contains("is no time"));
}

#[test]
fn metrics_are_off_and_on_loopback_unless_an_address_is_named() {
    let address = |text: &str| {
        let settings = resolve(&[("metrics", text)], &[], "").unwrap();
        settings.metrics().map_err(|failure| failure.line().unwrap())
    };
    assert_eq!(resolve(&[], &[], "").unwrap().metrics().ok(), Some(None));
    assert_eq!(address("8019"), Ok(Some(SocketAddr::from(([127, 0, 0, 1], 8019)))));
    assert_eq!(address("0.0.0.0:80"), Ok(Some(SocketAddr::from(([0, 0, 0, 0], 80)))));
    assert_eq!(address("[::1]:8019").unwrap().unwrap().to_string(), "[::1]:8019");
    for wrong in ["localhost", "127.0.0.1", "65536", ":8019"] {
        assert!(address(wrong).unwrap_err().contains("write 8019 or 127.0.0.1:8019"), "{wrong}");
    }
}

#[test]
fn the_key_comes_from_its_file_or_the_environment_and_is_never_told() {
    let missing = resolve(&[], &[], "").unwrap().api_key().unwrap_err();
    assert_eq!(missing.exit_code(), 2);
    let bad = resolve(&[], &[(KEY_VARIABLE, "se\u{1}cret")], "").unwrap().api_key().unwrap_err().line().unwrap();
    assert!(bad.contains(KEY_VARIABLE) && !bad.contains("cret"), "{bad}");
    assert!(resolve(&[], &[(KEY_VARIABLE, "secret")], "").unwrap().api_key().is_ok());
    let file = resolve(&[("api_key_file", "/no/such/key")], &[], "").unwrap().api_key().unwrap_err();
    assert!(file.line().unwrap().contains("/no/such/key"));
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest() {
    let table = [
        ("catalog", "catalogue"),
        ("poll-interval", "poll_interval"),
        ("interval", "poll_interval"),
        ("session_series", "session_series_url"),
        ("LOG_LEVEL", "log_level"),
        ("checkout_url", "checkout_base_url"),
    ];
    for (name, expected) in table {
        let words = refused(resolve(&[], &[], &format!("{name} = \"x\"")));
        assert!(words.ends_with(&format!("{name} is no setting; did you mean {expected}?")), "{words}");
    }
}

#[test]
fn a_broken_file_is_told_by_its_line_and_not_by_its_values() {
    let words = refused(resolve(&[], &[], "catalogue = \"c.db\"\napi_key = sec-ret\n"));
    assert!(words.contains("settings.toml: line 2:") && !words.contains("sec-ret"), "{words}");
}

#[test]
fn an_origin_is_named_and_an_empty_value_is_none() {
    let text = "poll_interval = \"often\"";
    let settings = resolve(&[], &[], text).unwrap();
    let words = settings.poll_interval(&settings.feeds().ok().unwrap()).unwrap_err().line().unwrap();
    assert!(words.starts_with("poll_interval in ") && words.contains("settings.toml: "), "{words}");
    assert!(refused(resolve(&[], &[], "state = \"\"")).ends_with("it is empty"));
    assert_eq!(refused(resolve(&[("catalogue", "")], &[], "")), "--catalogue: it is empty");
}

#[test]
fn paths_need_not_be_utf_8() {
    let path = OsString::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff.db"));
    let flags = BTreeMap::from([("catalogue", path.clone())]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.toml");
    std::fs::write(&file, "").unwrap();
    let settings = Settings::resolve(&flags, &Environment::new(), Some(&file)).ok().unwrap();
    assert_eq!(settings.catalogue(), Path::new(&path));
    assert_eq!(settings.state().as_os_str().as_encoded_bytes(), b"\xff.state.db");
}

#[test]
fn the_catalogue_is_not_its_own_state() {
    let flags = [("catalogue", "c.db"), ("state", "c.db"), ("checkout_base_url", "checkout.example.org")];
    let words = resolve(&flags, &[], "").unwrap().store().err().and_then(|failure| failure.line()).unwrap();
    assert_eq!(words, "--state: c.db is the catalogue; name another file");
}

#[test]
fn the_environments_key_comes_before_the_settings_file_only() {
    let key = [(KEY_VARIABLE, "secret")];
    let missing = "api_key_file = \"/no/such/key\"";
    assert!(resolve(&[], &key, missing).unwrap().api_key().is_ok());
    assert!(resolve(&[], &[], missing).unwrap().api_key().is_err());
    assert!(resolve(&[("api_key_file", "/no/such/key")], &key, "").unwrap().api_key().is_err());
    let endless = resolve(&[("api_key_file", "/dev/zero")], &[], "").unwrap().api_key().unwrap_err();
    assert!(endless.line().unwrap().starts_with("--api-key-file: /dev/zero: "));
}
