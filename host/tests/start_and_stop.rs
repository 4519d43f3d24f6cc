//! The server as its service manager sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unused_crate_dependencies,
    reason = "a test that cannot go on stops at once and says where"
)]

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A server on this database, in a folder of its own.
fn serve(directory: &std::path::Path, database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authly"));
    command
        .arg("serve")
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
