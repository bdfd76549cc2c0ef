//! What goes wrong: a server that is killed in the midst of a batch, that is not there, whose tables are dropped; a harvest that is
//! killed; two that publish to one database. The harvest goes on through all of it.

use std::process::Stdio;

use bookable::sandbox::SandboxOptions;

use crate::rig::{Daemon, Rig, error_line, wait_until};
use crate::rows::{assert_same, is_same};
use crate::server::Server;

fn world() -> Rig {
    Rig::with(SandboxOptions { sessions: 400, churn_per_second: 0.0, ..SandboxOptions::default() })
}

/// A harvest that publishes, with its log in a file.
fn publishing(rig: &Rig, url: &str) -> Daemon {
    rig.daemon_with(&["--postgres", url, "--log-file", "harvest.log", "--log-level", "debug"])
}

fn log(rig: &Rig) -> String {
    std::fs::read_to_string(rig.path("harvest.log")).unwrap_or_default()
}

fn change(rig: &Rig, steps: usize) {
    for _ in 0..steps {
        rig.sandbox.step();
    }
}

#[test]
fn a_server_that_is_killed_in_the_midst_of_a_batch_is_mended() {
    let Some(server) = Server::start() else { return };
    let rig = world();
    let _daemon = publishing(&rig, &server.url());
    wait_until("the first rows", || log(&rig).contains("is published to;"));
    // Somebody holds a table, so that the next batch stops half way: some tables are written, others are not.
    let mut holder = server.ask_on("BEGIN; LOCK TABLE bookable.session IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)");
    let locked = "SELECT count(*) FROM pg_locks WHERE relation = 'bookable.session'::regclass AND mode = 'AccessExclusiveLock' AND granted";
    wait_until("the lock", || server.ask(locked) == "1");
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bookable' AND wait_event_type = 'Lock'";
    wait_until("a batch that waits", || {
        change(&rig, 50);
        server.ask(waiting) == "1"
    });
    server.kill();
    let _ = holder.kill();
    let _ = holder.wait();
    // The harvest goes on meanwhile.
    rig.publish_open_series("a");
    rig.publish_session("during", "a", 86_400);
    wait_until("the harvest to go on", || rig.shown().contains(&"during".to_owned()));
    wait_until("the failure to be told", || log(&rig).contains("is not published to"));
    server.run();
    wait_until("publication again", || log(&rig).contains("is published to again"));
    wait_until("the same rows", || is_same(&rig, &server));
    assert_eq!(server.ask("SELECT count(*) FROM bookable.bookable_session WHERE identifier = 'during'"), "1");
    let log = log(&rig);
    assert_eq!(log.matches("is not published to").count(), 1, "told once: {log}");
    assert_eq!(log.matches("is published to again").count(), 1, "{log}");
}

#[test]
fn a_server_that_is_not_there_costs_the_harvest_nothing() {
    let Some(server) = Server::start() else { return };
    server.stop();
    let rig = world();
    let mut daemon = publishing(&rig, &server.url());
    wait_until("the catalogue", || rig.shown().len() > 20);
    wait_until("a word of it", || log(&rig).contains("is not published to: cannot connect"));
    server.run();
    wait_until("the rows", || log(&rig).contains("is published to again"));
    wait_until("the same rows", || is_same(&rig, &server));
    daemon.signal("TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    server.stop();
    // Alone it tells by its exit code.
    let output = rig.run(&["harvest", "--once", "--postgres", &server.url()]);
    assert_eq!(output.status.code(), Some(1));
    let line = error_line(&output);
    assert!(line.contains("the catalogue is right, but PostgreSQL") && line.contains("cannot connect"), "{line}");
}

#[test]
fn a_harvest_that_was_killed_mends_what_it_finds() {
    let Some(server) = Server::start() else { return };
    let rig = world();
    let mut daemon = publishing(&rig, &server.url());
    wait_until("the first rows", || log(&rig).contains("is published to;"));
    change(&rig, 100);
    daemon.signal("KILL");
    let _ = daemon.status();
    // What somebody broke meanwhile: rows that are gone, rows that are too many, rows that are wrong.
    server.ask("DELETE FROM bookable.session WHERE key % 3 = 0");
    server.ask("UPDATE bookable.listing SET name = 'wrong', hash = 1 WHERE key % 2 = 0");
    server.ask("INSERT INTO bookable.offer_list (list, position, hash, relative, public_adult) VALUES (-7, 1, 1, false, false)");
    server.ask("DELETE FROM bookable.feed; INSERT INTO bookable.feed (name) VALUES ('nonsense')");
    let daemon = publishing(&rig, &server.url());
    wait_until("the same rows", || {
        is_same(&rig, &server) && server.ask("SELECT count(*) FROM bookable.offer_list WHERE list = -7") == "0"
    });
    drop(daemon);
    // Another catalogue, other keys: the same way.
    for name in ["catalogue.db", "catalogue.state.db"] {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(rig.path(&format!("{name}{ending}")));
        }
    }
    rig.succeed(&["harvest", "--once", "--postgres", &server.url()]);
    assert_same(&rig, &server);
}

#[test]
fn a_schema_that_is_dropped_is_made_anew() {
    let Some(server) = Server::start() else { return };
    let rig = world();
    let _daemon = publishing(&rig, &server.url());
    wait_until("the first rows", || log(&rig).contains("is published to;"));
    server.ask("DROP SCHEMA bookable CASCADE");
    change(&rig, 20);
    wait_until("publication again", || log(&rig).contains("is published to again"));
    wait_until("the same rows", || is_same(&rig, &server));
}

#[test]
fn one_publishes_at_a_time_and_a_schema_of_somebody_elses_is_left_alone() {
    let Some(server) = Server::start() else { return };
    let rig = world();
    let daemon = publishing(&rig, &server.url());
    wait_until("the first rows", || log(&rig).contains("is published to;"));
    let output = rig.run(&["harvest", "--once", "--catalogue", "other.db", "--postgres", &server.url()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_line(&output).contains("another harvest publishes"), "{}", error_line(&output));
    drop(daemon);
    server.ask("DROP SCHEMA bookable CASCADE; CREATE SCHEMA bookable; CREATE TABLE bookable.theirs (x int)");
    let mut command = rig.command(&["harvest", "--once", "--postgres", &server.url()]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(error_line(&output).contains("somebody else's"), "{}", error_line(&output));
    rig.succeed(&["purge", "--yes", "--postgres", &server.url()]);
    assert_eq!(server.ask("SELECT count(*) FROM bookable.theirs"), "0");
}
