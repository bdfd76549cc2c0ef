//! A sandbox in this process, a folder, and the binary in a process of its own with nothing of this one's environment.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant as Moment};

use bookable::clock::Clock;
use bookable::domain::Instant;
use bookable::sandbox::{Feed, Sandbox, SandboxHandle, SandboxOptions, serve};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long anything is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    pub(crate) sandbox: SandboxHandle,
    pub(crate) base: String,
    directory: TempDir,
    _runtime: Runtime,
}

impl Rig {
    /// A sandbox without items of its own.
    pub(crate) fn empty() -> Self {
        Self::with(SandboxOptions { sessions: 0, churn_per_second: 0.0, ..SandboxOptions::default() })
    }

    pub(crate) fn with(options: SandboxOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = Sandbox::new(options, Clock::system()).unwrap();
        let handle = sandbox.handle();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, sandbox, std::future::pending()));
        Self { sandbox: handle, base, directory: tempfile::tempdir().unwrap(), _runtime: runtime }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file that only its owner may read.
    pub(crate) fn write_private(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The binary in the folder, with no settings but these arguments.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bookable"));
        command.args(arguments).env_clear().current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// The binary with the settings that reach the sandbox.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command
            .env("BOOKABLE_FIREHOSE_URL", format!("{}/firehose/standard/", self.base))
            .env("BOOKABLE_CHECKOUT_BASE_URL", &self.base)
            .env("BOOKABLE_API_KEY", "sandbox-key")
            .env("BOOKABLE_POLL_INTERVAL", "50ms");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs to success and gives standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", error_text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    pub(crate) fn daemon_with(&self, arguments: &[&str]) -> Daemon {
        Daemon(
            self.command(&[&["harvest"], arguments].concat())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// What a reader sees, who opens the file anew each time.
    pub(crate) fn shown(&self) -> Vec<String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let Ok(connection) = Connection::open_with_flags(self.path("catalogue.db"), flags) else { return Vec::new() };
        connection.busy_timeout(Duration::ZERO).unwrap();
        let sql = "SELECT identifier FROM bookable_session ORDER BY identifier";
        let Ok(mut statement) = connection.prepare(sql) else { return Vec::new() };
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Waits until the catalogue shows just these, and fails where it does not come to that.
    pub(crate) fn wait_for(&self, expected: &[&str]) {
        wait_until(&format!("{expected:?} on show"), || self.shown() == expected);
    }

    pub(crate) fn publish_series(&self, id: &str, offer: &Value) {
        let data = json!({"@type": "SessionSeries", "@id": format!("ss/{id}"), "name": format!("Series {id}"),
            "imin:aggregateOffer": {"publicAdult": offer}});
        self.sandbox.publish(Feed::SessionSeries, id, &data);
    }

    /// A series that is bookable from publication.
    pub(crate) fn publish_open_series(&self, id: &str) {
        self.publish_series(id, &json!({"imin:isPotentiallyBookable": true}));
    }

    pub(crate) fn publish_session(&self, id: &str, series: &str, starts_in_seconds: i64) {
        let start = now().plus_seconds(starts_in_seconds).to_string();
        let data = json!({"@type": "ScheduledSession", "@id": format!("s/{id}"), "identifier": id,
            "superEvent": format!("ss/{series}"), "startDate": start, "imin:isPotentiallyBookable": true});
        self.sandbox.publish(Feed::ScheduledSessions, id, &data);
    }
}

/// A running `harvest`, killed when the test ends however it ends.
pub(crate) struct Daemon(pub(crate) Child);

impl Daemon {
    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the process to end and gives its exit code.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.status().code()
    }

    /// Waits for the process to end.
    pub(crate) fn status(&mut self) -> ExitStatus {
        let began = Moment::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the daemon does not end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const TERMINAL: &str = r#"
import fcntl, os, pty, signal, struct, sys, termios
until, times, patience, command = sys.argv[1].encode(), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execv(command[0], command)
shown, interrupted = b"", False

def give_up(*_):
    os.kill(child, signal.SIGKILL)
    sys.exit("waited in vain for " + repr(until) + " on the terminal, which showed " + repr(shown))

signal.signal(signal.SIGALRM, give_up)
signal.alarm(patience)
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    shown += piece
    if until and not interrupted and shown.count(until) >= times:
        os.kill(child, signal.SIGINT)
        interrupted = True
    if not piece:
        break
os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
"#;

/// Runs a command on a terminal of 24 lines and 80 columns, which Python makes; interrupts it when it has shown `until` so many
/// times (an empty text: never); gives all that it wrote. A command that does not end in time is killed, and the test fails.
pub(crate) fn on_terminal(command: &Command, until: &str, times: usize) -> String {
    let mut terminal = Command::new("python3");
    terminal.args(["-c", TERMINAL, until, &times.to_string(), &PATIENCE.as_secs().to_string()]);
    terminal.arg(command.get_program()).args(command.get_args());
    terminal.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TERM", "xterm");
    terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = terminal.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("python3 is needed for this test: {error}"));
    assert!(output.status.success(), "{}", error_text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Moment::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn now() -> Instant {
    Clock::system().now()
}

/// Standard error, which must be one line.
pub(crate) fn error_line(output: &Output) -> String {
    let text = error_text(output);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("bookable: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

pub(crate) fn error_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether a program that a test needs is on this machine. Where it is not, the test is skipped with a line, but fails where CI is true.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know what was left out")]
pub(crate) fn is_here(program: &str) -> bool {
    let holds = |script: &str| Command::new("sh").args(["-c", script, program]).status().unwrap().success();
    let here = holds(r#"PATH="$PATH:/usr/sbin:/sbin" command -v "$0" > /dev/null"#);
    assert!(here || !holds(r#"[ "$CI" = true ]"#), "{program} is not installed; see .ci/run");
    if !here {
        eprintln!("skipped: {program} is not installed");
    }
    here
}
