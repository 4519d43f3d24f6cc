//! The accept loop: every connection is counted, every wait has a deadline, and stopping takes a bounded time.
//!
//! `axum::serve` sets no timer, so none of hyper's timeouts would run; it has no cap on connections and no drain
//! deadline either. TLS ends in front of this server for the time being.
//!
//! 1. A permit is taken before a connection is accepted: at the cap the kernel's backlog holds newcomers. A peer that
//!    holds as many as one address may ([`AddressCap`]) is hung up on at once.
//! 2. Each connection runs in a task of its own ([`connection`]), where every read and write has its deadline. One that
//!    is too old, or was without a request for too long, is asked to end.
//! 3. On shutdown the listener closes, idle connections end, busy ones finish what they are doing.
//! 4. After `drain_timeout` what is left is cut.

mod address_cap;
mod connection;
mod first_byte;
mod limits;
#[cfg(test)]
mod tests;
mod under_way;
mod wire;
mod write_deadline;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::task::TaskTracker;

pub use limits::ServerLimits;

use self::{
    address_cap::{AddressCap, AddressPermit},
    connection::Connections,
};
use crate::web::router::Answers;

/// The address at the other end of the connection, in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that had to be cut at the drain deadline; zero when every answer was delivered.
    pub cut: usize,
}

/// A bound listener with its limits.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    limits: ServerLimits,
}

impl Server {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// What the operating system says: the address is in use, or not ours.
    pub async fn bind(addr: SocketAddr, limits: ServerLimits) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local_addr = listener.local_addr()?;
        Ok(Self {
            listener,
            local_addr,
            limits,
        })
    }

    /// Where it listens, with the port the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` resolves, then drains.
    pub async fn serve(self, routes: Arc<dyn Answers>, shutdown: impl Future<Output = ()> + Send) -> Drained {
        let connections = Arc::new(Connections::new(routes, self.limits));
        let tracker = TaskTracker::new();
        let accepting = accept_loop(&self.listener, &connections, &tracker);
        tokio::select! {
            () = accepting => {}
            () = shutdown => {}
        }
        drop(self.listener);
        connections.drain(&tracker).await
    }
}

/// What a connection holds while it is open: its place among all, and among those of its address.
type Permits = (OwnedSemaphorePermit, AddressPermit);

/// Steps 1 and 2, for ever. Cancel safe: an accepted connection is handed to its task at once.
async fn accept_loop(listener: &TcpListener, connections: &Arc<Connections>, tracker: &TaskTracker) {
    let limits = connections.limits();
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let addresses = Arc::new(AddressCap::new(
        limits.connections_per_address_max,
        limits.uncapped_peers.clone(),
    ));
    let mut backoff = Backoff::default();
    // The semaphore is never closed, so the loop ends only with its future.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                backoff = Backoff::default();
                let peer = Peer(peer.ip().to_canonical());
                let Some(of_address) = addresses.admit(peer.0) else {
                    tracing::debug!(client.address = %peer.0, "refused: at server.connections_per_address_max");
                    continue;
                };
                // Answers are small and written whole: waiting to fill a segment only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(error = %error, "the peer left before it was served");
                }
                tracker.spawn(Arc::clone(connections).serve(stream, peer, (permit, of_address)));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                let wait = backoff.next_wait();
                tracing::error!(error = %error, wait_ms = wait.as_millis(), "cannot accept connections");
                sleep(wait).await;
            }
        }
    }
}

/// Whether an accept error concerns only the connection that was about to be accepted (accept(2)); any other, such as
/// EMFILE, comes back at once, and a loop that tried again without waiting would burn a core.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Waits between accept errors: doubled each time, at most one second.
#[derive(Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    fn next_wait(&mut self) -> Duration {
        let wait = Self::FIRST
            .saturating_mul(2u32.saturating_pow(self.failures))
            .min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}
