//! Clients that send a request head byte by byte, beside others that want a token.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{task::JoinSet, time::sleep};

use super::{descriptors, fact, median, ms, peer::Peer, ratio, token_requests};
use crate::{plan::Plan, report::Fact, setup::Stage};

/// The figure: a ratio of two p99.
pub const NAME: &str = "slow-loris, p99 of the others";

const CONNECTIONS: usize = 2_000;
/// All of them come from one address.
const FROM_ONE_ADDRESS: &str = "connections_per_address_max = 8192\n";
/// A p99 of a few seconds is not the same twice. An odd number has a middle.
const ROUNDS: usize = 3;
/// Between two bytes of one of them.
const DRIP: Duration = Duration::from_secs(1);
/// What each begins with; it never ends.
const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nx: ";

/// p99 of token requests without them and beside them.
pub async fn measure(plan: &Plan) -> Result<Vec<Fact>> {
    descriptors::allow(CONNECTIONS)?;
    let stage = Stage::open_with(plan, FROM_ONE_ADDRESS).await?;
    let (mut without, mut beside, mut dripped) = (Vec::new(), Vec::new(), (0, 0));
    for _ in 0..ROUNDS {
        without.push(token_requests(&stage, plan).await?.p99);
        let crowd = Crowd::gather(stage.address()?);
        // Every one of them is there, and no two drip in step.
        sleep(DRIP * 2).await;
        beside.push(token_requests(&stage, plan).await?.p99);
        dripped = crowd.counts();
        ensure!(
            dripped.1 >= CONNECTIONS as u64,
            "only {} connections were made",
            dripped.1
        );
    }
    let (without, beside, (bytes, made)) = (median(without), median(beside), dripped);
    let note = format!(
        "p99 {:.2} ms beside {CONNECTIONS} that drip a byte each second, {:.2} ms without; {bytes} bytes dripped over \
         {made} connections, each of which the server ends at server.header_timeout; medians of {ROUNDS} rounds",
        ms(beside),
        ms(without)
    );
    Ok(vec![fact(NAME, ratio(beside, without), "×").noting(note)])
}

/// All of them; gone when dropped.
struct Crowd {
    counts: Arc<Counts>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    bytes: AtomicU64,
    connections: AtomicU64,
}

impl Crowd {
    fn gather(address: SocketAddr) -> Self {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        for nth in 0..CONNECTIONS {
            let counts = Arc::clone(&counts);
            let late = DRIP.mul_f64(share(nth));
            tasks.spawn(async move {
                sleep(late).await;
                loop {
                    // Ended, or refused: it comes again.
                    let _ = drip(address, &counts).await;
                    sleep(DRIP).await;
                }
            });
        }
        Self {
            counts,
            _tasks: tasks,
        }
    }

    /// Bytes dripped and connections made so far.
    fn counts(&self) -> (u64, u64) {
        let Counts { bytes, connections } = self.counts.as_ref();
        (bytes.load(Ordering::Relaxed), connections.load(Ordering::Relaxed))
    }
}

async fn drip(address: SocketAddr, counts: &Counts) -> Result<()> {
    let mut peer = Peer::connect(address).await?;
    peer.send(HEAD).await?;
    counts.connections.fetch_add(1, Ordering::Relaxed);
    loop {
        sleep(DRIP).await;
        peer.send(b"y").await.context("the server ended it")?;
        counts.bytes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Which part of all of them comes before this one.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn share(nth: usize) -> f64 {
    nth as f64 / CONNECTIONS as f64
}
