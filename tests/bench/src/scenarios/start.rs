//! From the start of the process to its ready line.

use std::time::{Duration, Instant};

use anyhow::Result;
use authly_testkit::process::ServerProcess;

use super::{fact, median, ms, plugins};
use crate::report::Fact;

/// The figure.
pub const NAME: &str = "start to ready";
/// And what a start costs that finds nothing.
const FIRST: &str = "first start, nothing compiled";

const PLUGINS: u8 = 4;
/// An odd number has a middle.
const STARTS: usize = 9;

/// Starts a server again and again, with plugins whose machine code is kept.
#[expect(clippy::unused_async, reason = "a scenario is awaited")]
pub async fn measure() -> Result<Vec<Fact>> {
    let mut server = ServerProcess::prepare(None, "");
    plugins::install(&server.plugins_dir(), PLUGINS)?;
    let first = timed_start(&mut server);
    let warm: Vec<_> = (0..STARTS).map(|_| timed_start(&mut server)).collect();
    let longest = warm.iter().max().copied().unwrap_or_default();
    let note = format!(
        "median of {STARTS}, the longest took {:.0} ms; SQLite, four Rust plugins from the cache of machine code",
        ms(longest)
    );
    Ok(vec![
        fact(NAME, ms(median(warm)), "ms").noting(note),
        fact(FIRST, ms(first), "ms").noting("makes the database and the keys, and compiles four plugins"),
    ])
}

fn timed_start(server: &mut ServerProcess) -> Duration {
    let begin = Instant::now();
    server.start();
    let took = begin.elapsed();
    server.terminate();
    took
}
