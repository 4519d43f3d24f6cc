//! Open files: each connection takes one here, and one in the server.

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process needs beside its connections.
const RESERVE: u64 = 256;

/// Raises the limit of open files as far as it goes, which programs started later inherit.
///
/// # Errors
/// When so many connections are still not possible.
pub fn allow(connections: usize) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).context("cannot raise the limit of open files")?;
    let needed = u64::try_from(connections)? + RESERVE;
    ensure!(
        limit.maximum.is_none_or(|most| most >= needed),
        "{needed} open files are needed: raise the hard limit (ulimit -Hn)"
    );
    Ok(())
}
