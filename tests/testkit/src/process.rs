//! The real binary in a process of its own: for tests that kill it, load it, or talk to it by command line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

/// A server of the real binary with a configuration and a state of its own; killed when dropped.
pub struct ServerProcess {
    child: Option<Child>,
    dir: TempDir,
    /// Issuer and base URL.
    pub url: String,
}

/// The binary of the same profile as the running program, built by `cargo build -p authly`.
pub fn authly_binary() -> PathBuf {
    let program = std::env::current_exe().expect("the program's own path");
    // A test lies in `deps`, a program beside the binary.
    let folder = program
        .parent()
        .filter(|dir| !dir.ends_with("deps"))
        .or(program.parent().and_then(Path::parent));
    let path = folder.expect("target/<profile>").join("authly");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p authly` first (make test does)",
        path.display()
    );
    path
}

impl ServerProcess {
    /// Prepares a server on `database_url` (`None`: SQLite in its own folder). `extra` is appended to its
    /// configuration file. Nothing runs yet.
    pub fn prepare(database_url: Option<&str>, extra: &str) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        // The port is taken and given back: the issuer must be known before the server is.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port")
            .port();
        let url = format!("http://127.0.0.1:{port}");
        let sqlite = format!("sqlite:{}", dir.path().join("authly.db").display());
        let database_url = database_url.unwrap_or(&sqlite);
        std::fs::create_dir_all(dir.path().join("plugins")).expect("a folder for plugins");
        let config = format!(
            "issuer = \"{url}\"\nlisten = \"127.0.0.1:{port}\"\n\n[database]\nurl = \"{database_url}\"\n\n\
             [keys]\nencryption_key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n\n[plugins]\ndir = \"{}\"\n\
             cache_dir = \"{}\"\n{extra}",
            dir.path().join("plugins").display(),
            dir.path().join("cache").display(),
        );
        std::fs::write(dir.path().join("authly.toml"), config).expect("a configuration file");
        Self {
            child: None,
            dir,
            url,
        }
    }

    /// Where the server looks for plugins.
    pub fn plugins_dir(&self) -> PathBuf {
        self.dir.path().join("plugins")
    }

    /// Starts it and waits for its ready line.
    pub fn start(&mut self) {
        let mut child = self
            .command(&["serve"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        wait_until_ready(&mut child);
        self.child = Some(child);
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`: no handler runs, nothing is flushed.
    pub fn kill_nine(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("SIGKILL");
            child.wait().expect("an exit status");
        }
    }

    /// SIGTERM, then waits for a graceful end and answers its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        // The shell's own `kill`: the program is not on every machine.
        let status = Command::new("/bin/sh")
            .args(["-c", "kill -s TERM \"$1\"", "sh", &child.id().to_string()])
            .status()
            .expect("a shell");
        assert!(status.success());
        child.wait().expect("an exit status").code()
    }

    /// Runs `authly ARGS` on the server's configuration, with `stdin`.
    pub fn authly(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(stdin.as_bytes())
            .expect("stdin");
        child.wait_with_output().expect("an answer")
    }

    /// Like [`authly`](Self::authly), and reads the answer as JSON.
    pub fn authly_json(&self, args: &[&str], stdin: &str) -> serde_json::Value {
        let output = self.authly(args, stdin);
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "authly {args:?} failed: {out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("authly {args:?} said no JSON ({e}): {out}"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(authly_binary());
        command
            .args(args)
            .arg("--config")
            .arg(self.dir.path().join("authly.toml"))
            .current_dir(self.dir.path());
        command
    }
}

/// `authly serve --dev` as a new user starts it, with a state directory and a port of its own; killed when dropped.
pub struct DevProcess {
    child: Child,
    state: TempDir,
    /// Issuer and base URL.
    pub url: String,
    /// The demo person's password, as it was printed.
    pub password: String,
}

impl DevProcess {
    /// Starts it and reads what it prints.
    pub fn start() -> Self {
        let state = TempDir::new().expect("a temporary folder");
        let mut child = Command::new(authly_binary())
            .args(["serve", "--dev", "--set", "listen=127.0.0.1:0"])
            .env("XDG_STATE_HOME", state.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (mut url, mut password) = (String::new(), String::new());
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        while let Some(Ok(line)) = lines.next() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next_back()) {
                (Some("Authly"), _, Some(issuer)) => issuer.clone_into(&mut url),
                (Some("demo"), Some("password"), Some(printed)) => printed.clone_into(&mut password),
                (Some("Data:"), ..) => break,
                _ => {}
            }
        }
        wait_until_ready(&mut child);
        assert!(
            !url.is_empty() && !password.is_empty(),
            "it says where it is and prints the password once"
        );
        Self {
            child,
            state,
            url,
            password,
        }
    }

    /// Where it put the shipped plugin.
    pub fn plugins_dir(&self) -> PathBuf {
        self.state.path().join("authly/plugins")
    }
}

impl Drop for DevProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log until the ready line, and goes on reading: a full pipe would block the server on its own log.
fn wait_until_ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut seen = String::new();
    loop {
        let Some(Ok(line)) = lines.next() else {
            panic!("the server stopped before it was ready:\n{seen}");
        };
        if line.contains("listening on http://") {
            break;
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    std::thread::spawn(move || lines.for_each(drop));
}

/// Memory a process holds now, in bytes (`VmRSS`); 0 when it is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        << 10
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill_nine();
    }
}
