//! What a server holds that has nothing to do.

use std::time::Duration;

use anyhow::{Context as _, Result};
use authly_testkit::process::{ServerProcess, resident_bytes};

use super::{fact, megabytes, plugins, token_requests};
use crate::{plan::Plan, report::Fact, setup::Stage};

/// The figure without plugins.
pub const IDLE: &str = "idle memory";
/// The figure with some.
pub const WITH_PLUGINS: &str = "idle memory, four plugins";
/// And what a load leaves behind.
const AFTER_LOAD: &str = "memory after a load, four plugins";

const PLUGINS: u8 = 4;

/// How long a server rests before it is looked at. What it gives back after a pause it has given back by then.
const REST: Duration = Duration::from_secs(12);

/// A server as it starts every day.
pub async fn idle() -> Result<Vec<Fact>> {
    let bytes = after_restart(0).await?;
    Ok(vec![
        fact(IDLE, megabytes(bytes), "MB").noting("VmRSS on SQLite, at rest after a start"),
    ])
}

/// The same with plugins, from the cache of machine code.
pub async fn with_plugins(plan: &Plan) -> Result<Vec<Fact>> {
    let bytes = after_restart(PLUGINS).await?;
    let resting = fact(WITH_PLUGINS, megabytes(bytes), "MB").noting("four Rust plugins of different digests");
    let stage = Stage::open(plan, None, PLUGINS.into()).await?;
    token_requests(&stage, plan).await?;
    let left = fact(AFTER_LOAD, megabytes(resting_bytes(&stage.server).await?), "MB");
    Ok(vec![
        resting,
        left.noting(format!("token requests by {} callers, then rest", plan.callers)),
    ])
}

/// The first start makes a database and compiles; the next one finds both.
async fn after_restart(plugins: u8) -> Result<u64> {
    let mut server = ServerProcess::prepare(None, "");
    plugins::install(&server.plugins_dir(), plugins)?;
    server.start();
    server.terminate();
    server.start();
    resting_bytes(&server).await
}

async fn resting_bytes(server: &ServerProcess) -> Result<u64> {
    tokio::time::sleep(REST).await;
    Ok(resident_bytes(server.pid().context("the server runs")?))
}
