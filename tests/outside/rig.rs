//! A demo's catalogue in a folder of its own, what is installed, and scripts run in bash.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const BOOKABLE: &str = env!("CARGO_BIN_EXE_bookable");
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub(crate) const README: &str = include_str!("../../README.md");

/// How long anything is waited for before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder with a demo's `catalogue.db` and its state in it.
pub(crate) fn demo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new(BOOKABLE).args(["demo", "--sessions", "500"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for entry in std::fs::read_dir(folder.path().join("demo")).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// The blocks of the README that begin with this word after the backticks.
pub(crate) fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("\n```{language}\n");
    README.split(opening.as_str()).skip(1).map(|text| text.split_once("\n```").unwrap().0).collect()
}

/// The one block of that language in which these words stand.
pub(crate) fn block(language: &str, words: &str) -> &'static str {
    let found: Vec<&str> = blocks(language).into_iter().filter(|block| block.contains(words)).collect();
    assert_eq!(found.len(), 1, "blocks of README.md with {words}");
    found[0]
}

/// Where `.ci/run` and `scripts/explore` install what is not of Debian.
#[expect(clippy::disallowed_methods, reason = "the same places as scripts/explore")]
pub(crate) fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("BOOKABLE_CACHE").unwrap_or_else(|| {
        set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap().join(".cache")).join("bookable")
    })
}

/// Whether what a test needs is there; where it is not, says so, or fails where `CI` is true.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "nothing is skipped in CI, nor in silence elsewhere"
)]
pub(crate) fn is_here(what: &str, here: bool) -> bool {
    assert!(here || std::env::var("CI").as_deref() != Ok("true"), "{what} is not installed; see .ci/run");
    if !here {
        eprintln!("skipped: {what} is not installed (.ci/run installs it)");
    }
    here
}

/// Whether this command succeeds.
pub(crate) fn succeeds(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

/// Standard output of a command that must succeed.
pub(crate) fn text(output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A port on which nothing listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn wait_for_port(port: u16) {
    wait_until("a port", || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// A folder of programs that come before those of the machine: scripts under the names that README uses.
pub(crate) fn write_program(folder: &Path, name: &str, script: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A process group that is killed when the test ends however it ends.
pub(crate) struct Group(pub(crate) Child);

impl Group {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).stdin(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn signal(&self, name: &str) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-s", name, "--", &group]).stderr(Stdio::null()).status();
    }

    /// The lines of standard output, which must be piped.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.0.stdout.take().unwrap()).lines().map(Result::unwrap)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.0.wait();
    }
}
