//! Getting in: passwords that are proved and never shown, TLS that is verified, settings that are refused.

use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, Issuer, KeyPair};

use crate::rig::{Rig, error_line, error_text};
use crate::server::Server;

fn small() -> Rig {
    let rig = Rig::empty();
    rig.publish_open_series("a");
    rig.publish_session("x", "a", 86_400);
    rig
}

#[test]
fn a_password_is_proved_and_never_shown() {
    for proof in ["scram-sha-256", "md5"] {
        let Some(server) = Server::with(proof, &["password_encryption = 'scram-sha-256'"]) else { return };
        let rig = small();
        let url = server.loopback_url("keeper:sesame", "127.0.0.1", "");
        rig.write_private("url", &format!("{url}\n"));
        let run = |arguments: &[&str]| rig.run(&[&["harvest", "--once", "--log-level", "trace"], arguments].concat());
        let output = run(&["--postgres", "url"]);
        assert!(output.status.success() && !error_text(&output).contains("sesame"), "{}", error_text(&output));
        assert_eq!(server.ask("SELECT identifier FROM bookable.bookable_session"), "x");
        rig.write_private("wrong", &url.replace("sesame", "simsim"));
        let output = run(&["--postgres", "wrong"]);
        assert_eq!(output.status.code(), Some(1));
        let text = error_text(&output);
        assert!(text.contains("password authentication failed") && !text.contains("simsim"), "{text}");
        let output = run(&["--postgres", &server.loopback_url("keeper", "127.0.0.1", "")]);
        assert!(error_line(&output).contains("the URL holds none"), "{}", error_line(&output));
        let mut command = rig.command(&["harvest", "--once"]);
        assert!(command.env("BOOKABLE_POSTGRES", &url).output().unwrap().status.success());
    }
}

#[test]
fn a_password_goes_in_the_clear_to_nobody() {
    let Some(server) = Server::with("password", &["password_encryption = 'scram-sha-256'"]) else { return };
    let rig = small();
    rig.write_private("url", &server.loopback_url("keeper:sesame", "127.0.0.1", ""));
    let output = rig.run(&["harvest", "--once", "--postgres", "url"]);
    assert!(error_line(&output).contains("it is not sent"), "{}", error_line(&output));
}

#[test]
fn settings_that_give_a_password_away_are_refused() {
    let rig = small();
    let refused = |arguments: &[&str]| {
        let output = rig.run(&[&["harvest", "--once"], arguments].concat());
        let line = error_line(&output);
        assert!(output.status.code() == Some(2) && !line.contains("sesame"), "{line}");
        line
    };
    let line = refused(&["--postgres", "postgresql://u:sesame@127.0.0.1/a"]);
    assert!(line.contains("--postgres: a password does not belong here"), "{line}");
    std::fs::write(rig.path("settings.toml"), "postgres = \"postgresql://u:sesame@127.0.0.1/a\"").unwrap();
    assert!(refused(&["--config", "settings.toml"]).contains("does not belong here"));
    std::fs::write(rig.path("open"), "postgresql://u:sesame@127.0.0.1/a").unwrap();
    std::fs::set_permissions(rig.path("open"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused(&["--postgres", "open"]).contains("anybody on this machine may use it"));
    assert!(refused(&["--postgres", "no/such/file"]).contains("no/such/file"));
    assert!(refused(&["--postgres", "mysql://u:sesame@db/a"]).contains("neither"));
    rig.write_private("nonsense", "sesame");
    assert!(refused(&["--postgres", "nonsense"]).contains("postgresql://"));
    assert!(!rig.path("catalogue.db").exists(), "nothing was made");
}

/// A certificate authority, and a certificate of it for `localhost`, each as PEM.
fn certificates() -> (String, String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    (authority_certificate.pem(), certificate.pem(), key.serialize_pem())
}

#[test]
fn tls_is_spoken_with_the_server_that_was_meant_only() {
    let Some(server) = Server::with("scram-sha-256", &["password_encryption = 'scram-sha-256'"]) else { return };
    let rig = small();
    let (authority, certificate, key) = certificates();
    rig.write_private("authority.pem", &authority);
    let run = |host: &str, parameters: &str| {
        rig.write_private("url", &server.loopback_url("keeper:sesame", host, parameters));
        rig.run(&["harvest", "--once", "--postgres", "url"])
    };
    let verified = format!("?sslmode=verify-full&sslrootcert={}", rig.path("authority.pem").display());
    let output = run("localhost", &verified);
    assert!(error_line(&output).contains("does not speak TLS"), "{}", error_line(&output));
    server.install("server.crt", &certificate);
    server.install("server.key", &key);
    server.ask("ALTER SYSTEM SET ssl = on");
    server.stop();
    server.run();
    let output = run("localhost", &verified);
    assert!(output.status.success(), "{}", error_text(&output));
    assert_eq!(server.ask("SELECT identifier FROM bookable.bookable_session"), "x");
    // Vouched for by nobody, and for another name.
    for (host, parameters) in [("localhost", "?sslmode=require"), ("127.0.0.1", verified.as_str())] {
        let output = run(host, parameters);
        assert_eq!(output.status.code(), Some(1), "{host}");
        assert!(error_line(&output).contains("cannot speak TLS"), "{}", error_line(&output));
    }
    let output = run("localhost", "?sslrootcert=/no/such.pem");
    assert!(error_line(&output).contains("/no/such.pem"), "{}", error_line(&output));
}
