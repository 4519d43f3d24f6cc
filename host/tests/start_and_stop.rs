//! The server as its service manager sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unused_crate_dependencies,
    reason = "a test that cannot go on stops at once and says where"
)]

use std::{
    io::{BufRead as _, BufReader, Lines, PipeReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A server on this database, in a folder of its own.
fn serve(directory: &Path, database_url: &str) -> Command {
    serve_under(directory, database_url, "true")
}

/// The same, after the shell's `limits`.
fn serve_under(directory: &Path, database_url: &str, limits: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("{limits} && exec \"$0\" serve")])
        .arg(env!("CARGO_BIN_EXE_authly"))
        .current_dir(directory)
        .env_clear()
        .env("AUTHLY__ISSUER", "https://login.example.com")
        .env("AUTHLY__LISTEN", "127.0.0.1:0")
        .env("AUTHLY__DATABASE__URL", database_url)
        .env(
            "AUTHLY__KEYS__ENCRYPTION_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        )
        .stdin(Stdio::null());
    command
}

/// A database that takes the connection and never says anything: the start waits for it.
#[test]
fn a_server_that_is_told_to_stop_while_it_starts_stops_at_once_and_is_content() {
    for signal in [Signal::TERM, Signal::INT] {
        let directory = tempfile::tempdir().unwrap();
        let database = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://authly@{}/authly", database.local_addr().unwrap());
        let mut server = serve(directory.path(), &url).spawn().unwrap();
        let _connection = database.accept().unwrap();
        kill_process(Pid::from_child(&server), signal).unwrap();
        // Without the signal the start would fail with 4, "unavailable", after database.connect_timeout.
        assert_eq!(server.wait().unwrap().code(), Some(0), "{signal:?}");
    }
}

/// A server that listens, and what it logs.
struct Running {
    server: Child,
    log: Lines<BufReader<PipeReader>>,
}

impl Running {
    /// Also answers what it has logged until it listened.
    fn start(directory: &Path, limits: &str) -> (Self, Vec<String>) {
        let url = format!("sqlite:{}", directory.join("authly.sqlite").display());
        // Both streams into one pipe: where logs go is not the question here.
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = serve_under(directory, &url, limits);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let server = command.spawn().unwrap();
        // With its ends of the pipe, so that a server that dies ends the log.
        drop(command);
        let log = BufReader::new(reader).lines();
        let mut running = Self { server, log };
        let logged = running.log_until("listening");
        (running, logged)
    }

    fn log_until(&mut self, text: &str) -> Vec<String> {
        let mut logged = Vec::new();
        for line in self.log.by_ref() {
            logged.push(line.unwrap());
            if logged.iter().any(|line| line.contains(text)) {
                return logged;
            }
        }
        panic!("{:?}: {logged:#?}", self.server.wait());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.server), signal).unwrap();
    }

    fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.server.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn every_descriptor_that_may_be_had_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (running, logged) = Running::start(directory.path(), "ulimit -Sn 300 && ulimit -Hn 9000");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.server.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files"));
    let files: Vec<_> = files.unwrap().split_whitespace().skip(3).take(2).collect();
    assert_eq!(files, ["9000", "9000"]);
    assert!(
        !logged.iter().any(|line| line.contains("connections_max")),
        "{logged:#?}"
    );
    running.stop();
}

#[test]
fn more_connections_than_descriptors_are_not_promised() {
    let directory = tempfile::tempdir().unwrap();
    let (running, logged) = Running::start(directory.path(), "ulimit -n 400");
    let warning = logged.iter().find(|line| line.contains("server.connections_max"));
    let warning = warning.unwrap_or_else(|| panic!("{logged:#?}"));
    assert!(
        warning.contains("272") && warning.contains("LimitNOFILE"),
        "{warning}"
    );
    running.stop();
}

#[test]
fn a_hangup_says_what_it_applies_and_what_it_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let (mut running, _) = Running::start(directory.path(), "true");
    running.signal(Signal::HUP);
    let logged = running.log_until("SIGHUP");
    let line = logged.last().unwrap();
    assert!(
        line.contains("plugin policy") && line.contains("plugins.dir") && line.contains("needs a restart"),
        "{line}"
    );
    running.stop();
}
