//! The limit server, as whoever measures it sees it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::spec::Spec;

/// What this program is started with to be the limit server.
pub const COMMAND: &str = "limit-server";

/// The limit server, running; ended when dropped.
pub struct LimitProcess {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
}

impl LimitProcess {
    /// Starts this same program as the limit server.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(spec: &Spec) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the limit server")?;
        // It stays open: the limit server ends with it.
        let stdin = child.stdin.as_mut().context("piped")?;
        let started = writeln!(stdin, "{}", serde_json::to_string(spec)?);
        started.context("the limit server ended at once")?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut address)?;
        let address = address.trim().parse().context("the limit server did not start");
        Ok(Self {
            address: address.inspect_err(|_| drop(child.kill()))?,
            child,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for LimitProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
