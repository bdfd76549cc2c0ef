//! A PostgreSQL server of a test's own, in a folder of its own, and questions to it through `psql`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::rig::wait_until;

/// A server that listens on a Unix socket, and on loopback where it is given a port. Stopped when the test ends.
pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

/// Where PostgreSQL's programs are, newest first; `None` where there are none, which only a developer's machine is allowed.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "CI is told by the environment, a developer by a line"
)]
pub(crate) fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    found.sort();
    if found.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed: apt-get install postgresql");
        println!("skipped: PostgreSQL is not installed (apt-get install postgresql)");
    }
    found.pop()
}

impl Server {
    /// A server that trusts whoever reaches it.
    pub(crate) fn start() -> Option<Self> {
        Self::with("trust", &[])
    }

    /// A server that asks for `proof`, with these lines in its settings.
    pub(crate) fn with(proof: &str, settings: &[&str]) -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, programs, port };
        // PostgreSQL does not run as root, so it runs as somebody else, who must be able to reach the folder.
        if is_root() {
            let owned = Command::new("chown").args(["postgres:", server.path("").to_str().unwrap()]).status();
            assert!(owned.unwrap().success());
        }
        std::fs::set_permissions(server.folder.path(), Permissions::from_mode(0o755)).unwrap();
        let data = server.path("data");
        let (data, authentication) = (data.to_str().unwrap(), format!("--auth-host={proof}"));
        std::fs::write(server.path("password"), "sesame").unwrap();
        let password = format!("--pwfile={}", server.path("password").display());
        server.done(
            "initdb",
            &[
                "-D",
                data,
                "-U",
                "keeper",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
                "--auth-local=trust",
                &authentication,
                &password,
            ],
        );
        let listen = if settings.is_empty() { "" } else { "127.0.0.1" };
        let mut lines =
            format!("listen_addresses = '{listen}'\nunix_socket_directories = '{}'\n", server.path("").display());
        for line in [&["fsync = off", "max_connections = 20"], settings].concat() {
            lines.push_str(line);
            lines.push('\n');
        }
        std::fs::write(server.path("data/postgresql.auto.conf"), lines).unwrap();
        server.run();
        Some(server)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/").stdin(Stdio::null());
        command
    }

    fn done(&self, program: &str, arguments: &[&str]) {
        let log = std::fs::File::create(self.path("program.log")).unwrap();
        // To a file, since the server keeps what it is given open.
        let status = self.command(program, arguments).stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(status.success(), "{program}: {}", std::fs::read_to_string(self.path("program.log")).unwrap());
    }

    /// Puts a file into its data that nobody else may read.
    pub(crate) fn install(&self, name: &str, text: &str) {
        let path = self.path("data").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("postgres:").arg(&path).status().unwrap().success());
        }
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn run(&self) {
        let (data, log, port) = (self.path("data"), self.path("data/server.log"), format!("-p {}", self.port));
        let arguments = ["-D", data.to_str().unwrap(), "-l", log.to_str().unwrap(), "-o", &port, "-w", "start"];
        // One that was killed leaves its shared memory in use for a moment.
        wait_until("the server", || {
            self.command("pg_ctl", &arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
        });
    }

    pub(crate) fn stop(&self) {
        self.done("pg_ctl", &["-D", self.path("data").to_str().unwrap(), "-m", "immediate", "-w", "stop"]);
    }

    /// As power that is cut.
    pub(crate) fn kill(&self) {
        let file = std::fs::read_to_string(self.path("data/postmaster.pid")).unwrap();
        let id = file.lines().next().unwrap();
        assert!(Command::new("kill").args(["-KILL", id]).status().unwrap().success());
        wait_until("the end of the server", || !Path::new(&format!("/proc/{id}")).exists());
    }

    /// Its URL over the Unix socket.
    pub(crate) fn url(&self) -> String {
        format!("postgresql:///postgres?host={}&port={}&user=keeper", self.path("").display(), self.port)
    }

    /// Its URL over loopback.
    pub(crate) fn loopback_url(&self, user: &str, host: &str, parameters: &str) -> String {
        format!("postgresql://{user}@{host}:{}/postgres{parameters}", self.port)
    }

    fn psql(&self, sql: &str) -> Command {
        let socket = self.path("");
        let port = self.port.to_string();
        let arguments = [
            "-X",
            "-q",
            "-t",
            "-A",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            socket.to_str().unwrap(),
            "-p",
            &port,
            "-U",
            "keeper",
        ];
        let mut command = self.command("psql", &arguments);
        command.args(["-d", "postgres", "-c", "SET TimeZone = 'UTC'", "-c", sql]);
        command
    }

    /// The answer of a statement, which must go well.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let output = self.psql(sql).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The answer, where it can be had.
    pub(crate) fn try_ask(&self, sql: &str) -> Option<String> {
        let Output { status, stdout, .. } = self.psql(sql).output().unwrap();
        status.success().then(|| String::from_utf8(stdout).unwrap().trim_end().to_owned())
    }

    /// A `psql` that goes on until it is killed.
    pub(crate) fn ask_on(&self, sql: &str) -> std::process::Child {
        self.psql(sql).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.path("data");
        let arguments = ["-D", data.to_str().unwrap(), "-m", "immediate", "stop"];
        let _ = self.command("pg_ctl", &arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
