//! The accept loop: every connection is counted, every wait has a deadline, and stopping takes a bounded time.
//!
//! `axum::serve` sets no timer, so none of hyper's timeouts would run; it has no cap on connections and no drain
//! deadline either. TLS ends in front of this server for the time being.
//!
//! 1. A permit is taken before a connection is accepted: at the cap the kernel's backlog holds newcomers. A peer that
//!    holds as many as one address may ([`AddressCap`]) is hung up on at once.
//! 2. Each connection runs in a task of its own, with [`FirstByteDeadline`] around its bytes. One that is too old, or
//!    was without a request for too long ([`UnderWay`]), is asked to end.
//! 3. On shutdown the listener closes, idle connections end, busy ones finish what they are doing.
//! 4. After `drain_timeout` what is left is cut.

mod address_cap;
mod first_byte;
mod limits;
#[cfg(test)]
mod tests;
mod under_way;
mod write_deadline;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

pub use limits::ServerLimits;

use self::{
    address_cap::{AddressCap, AddressPermit},
    first_byte::FirstByteDeadline,
    under_way::UnderWay,
    write_deadline::WriteDeadline,
};

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
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()> + Send) -> Drained {
        let connections = Arc::new(Connections {
            http: http_builder(&self.limits),
            router,
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
            limits: self.limits,
        });
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

/// What all connections share.
struct Connections {
    http: auto::Builder<TokioExecutor>,
    router: Router,
    limits: ServerLimits,
    /// Asks connections to end after what they are doing.
    drain: CancellationToken,
    /// Ends them now.
    cut: CancellationToken,
}

impl Connections {
    /// Steps 3 and 4.
    async fn drain(&self, tracker: &TaskTracker) -> Drained {
        self.drain.cancel();
        tracker.close();
        let cut = match timeout(self.limits.drain_timeout, tracker.wait()).await {
            Ok(()) => 0,
            Err(_) => tracker.len(),
        };
        self.cut.cancel();
        tracker.wait().await;
        Drained { cut }
    }

    /// Serves one connection until it ends, is asked to, or is cut.
    async fn serve(self: Arc<Self>, stream: TcpStream, peer: Peer, _permits: Permits) {
        let stream = WriteDeadline::new(stream, self.limits.write_timeout);
        let io = TokioIo::new(FirstByteDeadline::new(stream, self.limits.first_byte_timeout));
        let router = self.router.clone();
        let under_way = UnderWay::new();
        let counted = under_way.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let this = counted.begin();
            let answer = router.clone().call(request.map(Body::new));
            async move {
                let _until_answered = this;
                answer.await
            }
        });
        let mut connection = pin!(self.http.serve_connection(io, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => return,
                }
            }
            () = self.outlived(&under_way) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => return,
                    () = sleep(self.limits.drain_timeout) => return,
                }
            }
        };
        if let Err(error) = ended {
            // Peers hang up, send nonsense and time out all day: nobody has to act on it.
            tracing::debug!(client.address = %peer.0, error = %error, "connection ended with an error");
        }
    }

    /// Resolves when a connection is too old, or was idle for too long.
    async fn outlived(&self, under_way: &UnderWay) {
        tokio::select! {
            () = sleep(self.limits.connection_age_max) => {}
            () = under_way.idle_for(self.limits.idle_timeout) => {}
        }
    }
}

/// What a connection holds while it is open: its place among all, and among those of its address.
type Permits = (OwnedSemaphorePermit, AddressPermit);

/// The HTTP/1 and HTTP/2 settings of every connection.
fn http_builder(limits: &ServerLimits) -> auto::Builder<TokioExecutor> {
    let header_bytes_max = limits.header_bytes_max.max(ServerLimits::HEADER_BYTES_MIN);
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers_max)
        .max_buf_size(header_bytes_max);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams_max)
        .max_header_list_size(u32::try_from(header_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.http2_ping_interval)
        .keep_alive_timeout(limits.http2_ping_timeout);
    http
}

/// Steps 1 and 2, for ever. Cancel safe: an accepted connection is handed to its task at once.
async fn accept_loop(listener: &TcpListener, connections: &Arc<Connections>, tracker: &TaskTracker) {
    let limits = &connections.limits;
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
