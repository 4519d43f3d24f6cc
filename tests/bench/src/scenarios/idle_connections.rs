//! What a connection costs on which nothing happens.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use authly_testkit::process::resident_bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    descriptors, fact, kilobytes,
    peer::{Peer, bytes_of},
    token_requests,
};
use crate::{plan::Plan, report::Fact, rows::own_token, setup::Stage};

/// The figure.
pub const NAME: &str = "idle connection";

const CONNECTIONS: usize = 10_000;
/// So many are made at the same time.
const AT_ONCE: usize = 32;

/// All of them from one address, and none is ended while we look.
const SETTINGS: &str = "connections_max = 16384\nconnections_per_address_max = 16384\nheader_timeout = \"5m\"\n\
                        idle_timeout = \"10m\"\n";

/// How long they rest before the server is looked at.
const REST: Duration = Duration::from_secs(3);

/// Ten thousand clients that got a token and keep their connection.
pub async fn measure(plan: &Plan) -> Result<Vec<Fact>> {
    descriptors::allow(CONNECTIONS)?;
    let stage = Stage::open_with(plan, SETTINGS).await?;
    // What a server takes for itself when it first works is not the connections'.
    token_requests(&stage, plan).await?;
    tokio::time::sleep(REST).await;
    let pid = stage.server.pid().context("the server runs")?;
    let address = stage.address()?;
    let request = bytes_of(&own_token(&stage), address);
    let before = resident_bytes(pid);
    let mut peers = connect(address, &request).await?;
    tokio::time::sleep(REST).await;
    let after = resident_bytes(pid);
    for peer in &mut peers {
        peer.ask(&request)
            .await
            .context("a connection was not there any more")?;
    }
    let each = kilobytes(after.saturating_sub(before)) / f64::from(u32::try_from(CONNECTIONS)?);
    let note = format!(
        "VmRSS with {CONNECTIONS} kept alive, each after a token request, less that before; then each asked again"
    );
    Ok(vec![fact(NAME, each, "KB").noting(note)])
}

async fn connect(address: SocketAddr, request: &[u8]) -> Result<Vec<Peer>> {
    let one = |_| async {
        let mut peer = Peer::connect(address).await?;
        peer.ask(request).await?;
        anyhow::Ok(peer)
    };
    stream::iter(0..CONNECTIONS)
        .map(one)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
