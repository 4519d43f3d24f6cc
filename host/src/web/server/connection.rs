//! The life of one connection.
//!
//! 1. Its first bytes say which HTTP version the peer speaks ([`read_version`]).
//! 2. hyper serves it. Asked to end, it finishes what is under way.
//! 3. An HTTP/1 connection on which nothing happens is taken out of hyper's hands: hyper keeps two buffers and a header
//!    map for as long as it has a connection, some 25 KB that an idle one has no use for. What is left waits for a byte,
//!    and then step 2 begins anew. Nobody on the connection can tell.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use axum::{body::Body, http::Response};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Drained, Peer, Permits, ServerLimits,
    first_byte::{Version, read_version},
    under_way::{self, UnderWay},
    wire::{AnswerBody, Unfinished, Wire},
    write_deadline::WriteDeadline,
};
use crate::web::router::Answers;

/// A connection on which nothing happened for this long is parked (step 3). Long enough that a caller who asks again
/// and again never pays for the way back, which costs some microseconds; short enough that of a crowd that comes at once
/// few are in hyper's hands at the same time, since an allocator keeps most of what it once had.
const PARK_AFTER: Duration = Duration::from_millis(100);

/// What all connections share.
pub struct Connections {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    routes: Arc<dyn Answers>,
    limits: ServerLimits,
    /// Asks connections to end after what they are doing.
    drain: CancellationToken,
    /// Ends them now.
    cut: CancellationToken,
}

/// What is to become of a connection that hyper serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is to end, for the server does.
    Drain,
    /// It is to end: it is too old, or nobody used it.
    Outlived,
    /// Nothing happens on it: it is to be parked.
    Rest,
}

/// A connection at rest: what carries its bytes, and those of them that nobody has looked at.
type Rest<S> = (S, Bytes);

impl Connections {
    /// None yet.
    pub fn new(routes: Arc<dyn Answers>, limits: ServerLimits) -> Self {
        Self {
            http1: http1_builder(&limits),
            http2: http2_builder(&limits),
            routes,
            limits,
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// The deadlines and caps they have.
    pub fn limits(&self) -> &ServerLimits {
        &self.limits
    }

    /// Ends them: first those that do nothing, then those that have done what they were doing, and after
    /// `drain_timeout` the rest.
    pub async fn drain(&self, tracker: &TaskTracker) -> Drained {
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
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: Peer, _permits: Permits) {
        self.live(stream, peer).await;
    }

    /// Steps 1 to 3, each in memory of its own: what only one of them needs is not kept for the others.
    async fn live<S>(&self, mut stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let born = Instant::now();
        let first = tokio::select! {
            first = Box::pin(read_version(&mut stream, self.limits.first_byte_timeout)) => first,
            () = self.drain.cancelled() => return,
        };
        let (version, mut unread) = match first {
            Ok(decided) => decided,
            Err(error) => return told(peer, &error),
        };
        if version == Version::Http2 {
            return Box::pin(self.http2(stream, unread, peer, born)).await;
        }
        loop {
            let Some(rest) = Box::pin(self.http1(stream, unread, peer, born)).await else {
                return;
            };
            (stream, unread) = rest;
            if unread.is_empty() {
                let Some(byte) = self.parked(&mut stream, born).await else {
                    return;
                };
                unread = byte;
            }
        }
    }

    /// Step 2 for HTTP/1; answers what is left when nothing happens any more, `None` when the connection has ended.
    async fn http1<S>(&self, stream: S, unread: Bytes, peer: Peer, born: Instant) -> Option<Rest<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let wire = Wire::new(WriteDeadline::new(stream, self.limits.write_timeout), unread);
        let (unfinished, under_way) = (wire.unfinished(), UnderWay::new());
        let service = {
            let (routes, under_way, unfinished) =
                (Arc::clone(&self.routes), under_way.clone(), unfinished.clone());
            service_fn(move |request| {
                let unfinished = Some(Arc::clone(&unfinished));
                answer(Arc::clone(&routes), request, peer, under_way.begin(), unfinished)
            })
        };
        let mut connection = self.http1.serve_connection(TokioIo::new(wire), service);
        let mut watch = apart(self.fate(&under_way, Some(&unfinished), born));
        let fate = tokio::select! {
            biased;
            ended = &mut connection => {
                ended.unwrap_or_else(|error| told(peer, &error));
                return None;
            }
            fate = watch.select_next_some() => fate,
        };
        Pin::new(&mut connection).graceful_shutdown();
        if fate != Fate::Rest {
            if let Some(Err(error)) = self.last(fate, connection).await {
                told(peer, &error);
            }
            return None;
        }
        // Asked to end without anything to do it ends at once, and this way it does not close the stream.
        let parts = self.last(fate, connection.without_shutdown()).await?;
        let parts = parts.inspect_err(|error| told(peer, error)).ok()?;
        let (stream, again) = parts.io.into_inner().into_parts();
        Some((stream.into_inner(), [parts.read_buf, again].concat().into()))
    }

    /// Step 2 for HTTP/2.
    async fn http2<S>(&self, stream: S, unread: Bytes, peer: Peer, born: Instant)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let wire = Wire::new(WriteDeadline::new(stream, self.limits.write_timeout), unread);
        let under_way = UnderWay::new();
        let service = {
            let (routes, under_way) = (Arc::clone(&self.routes), under_way.clone());
            service_fn(move |request| answer(Arc::clone(&routes), request, peer, under_way.begin(), None))
        };
        let mut connection = self.http2.serve_connection(TokioIo::new(wire), service);
        let mut watch = apart(self.fate(&under_way, None, born));
        let ended = tokio::select! {
            biased;
            ended = &mut connection => Some(ended),
            fate = watch.select_next_some() => {
                Pin::new(&mut connection).graceful_shutdown();
                self.last(fate, connection).await
            }
        };
        if let Some(Err(error)) = ended {
            told(peer, &error);
        }
    }

    /// Step 3: the first byte that comes; `None` when the connection has ended, or is asked to.
    ///
    /// The time a kept-alive connection may be idle began when it fell silent.
    async fn parked(&self, stream: &mut (impl AsyncRead + Unpin), born: Instant) -> Option<Bytes> {
        let idle_max = self.limits.header_timeout.min(self.limits.idle_timeout);
        let until = (Instant::now() + idle_max.saturating_sub(PARK_AFTER)).min(self.dies(born));
        let mut byte = [0];
        tokio::select! {
            read = stream.read(&mut byte) => match read {
                Ok(1) => Some(Bytes::copy_from_slice(&byte)),
                _ => None,
            },
            () = sleep_until(until) => None,
            () = self.drain.cancelled() => None,
        }
    }

    /// Resolves when something is to become of a connection. Without `unfinished` it is never parked.
    async fn fate(&self, under_way: &UnderWay, unfinished: Option<&Arc<Unfinished>>, born: Instant) -> Fate {
        let rest = async {
            match unfinished {
                Some(unfinished) => rest(under_way, unfinished).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.drain.cancelled() => Fate::Drain,
            () = sleep_until(self.dies(born)) => Fate::Outlived,
            () = under_way.idle_for(self.limits.idle_timeout) => Fate::Outlived,
            () = rest => Fate::Rest,
        }
    }

    /// What a connection that was asked to end comes to; `None` when it was cut.
    async fn last<T>(&self, fate: Fate, ending: impl Future<Output = T>) -> Option<T> {
        let too_long = async {
            match fate {
                // The server waits for all of them together.
                Fate::Drain => std::future::pending().await,
                Fate::Outlived | Fate::Rest => sleep(self.limits.drain_timeout).await,
            }
        };
        tokio::select! {
            ended = ending => Some(ended),
            () = self.cut.cancelled() => None,
            () = too_long => None,
        }
    }

    fn dies(&self, born: Instant) -> Instant {
        born + self.limits.connection_age_max
    }
}

/// Hands a request to its route.
async fn answer(
    routes: Arc<dyn Answers>,
    mut request: hyper::Request<Incoming>,
    peer: Peer,
    _until_answered: under_way::Request,
    unfinished: Option<Arc<Unfinished>>,
) -> Result<Response<AnswerBody>, Infallible> {
    request.extensions_mut().insert(peer);
    let answer = routes.answer(request.map(Body::new)).await;
    Ok(answer.map(|body| AnswerBody::new(body, unfinished)))
}

/// A future that is looked at only when it has something to say: the timers and the shutdown a connection listens for
/// are shared with every other one, and looking at them costs more than many a request does.
fn apart<F: Future>(future: F) -> FuturesUnordered<F> {
    FuturesUnordered::from_iter([future])
}

/// Resolves once nothing has been under way for a while and nothing is unfinished.
async fn rest(under_way: &UnderWay, unfinished: &Unfinished) {
    loop {
        under_way.idle_for(PARK_AFTER).await;
        if !unfinished.any() {
            return;
        }
        sleep(PARK_AFTER).await;
    }
}

/// Peers hang up, send nonsense and time out all day: nobody has to act on it.
fn told(peer: Peer, error: &(dyn std::error::Error + 'static)) {
    tracing::debug!(client.address = %peer.0, error, "connection ended with an error");
}

fn http1_builder(limits: &ServerLimits) -> http1::Builder {
    let mut http1 = http1::Builder::new();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers_max)
        .max_buf_size(header_bytes_max(limits));
    http1
}

fn http2_builder(limits: &ServerLimits) -> http2::Builder<TokioExecutor> {
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams_max)
        .max_header_list_size(u32::try_from(header_bytes_max(limits)).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.http2_ping_interval)
        .keep_alive_timeout(limits.http2_ping_timeout);
    http2
}

fn header_bytes_max(limits: &ServerLimits) -> usize {
    limits.header_bytes_max.max(ServerLimits::HEADER_BYTES_MIN)
}

#[cfg(test)]
mod tests;
