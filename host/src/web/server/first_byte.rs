//! A deadline for the bytes that decide the HTTP version.
//!
//! hyper-util's `auto` builder reads up to the 24 bytes of the HTTP/2 preface (RFC 9113 §3.4) without any timeout; a
//! peer that connects and sends nothing, or only `P`, would be held for ever. This wrapper ends the read instead.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// The HTTP/2 client connection preface.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose reads fail with `TimedOut` unless the version is decided in time.
pub struct FirstByteDeadline<S> {
    stream: S,
    /// `None` once the version is decided.
    deadline: Option<Pin<Box<Sleep>>>,
    /// How much of the preface was seen.
    matched: usize,
}

impl<S> FirstByteDeadline<S> {
    /// Starts the deadline now.
    pub fn new(stream: S, timeout: Duration) -> Self {
        Self {
            stream,
            deadline: Some(Box::pin(sleep(timeout))),
            matched: 0,
        }
    }

    /// Follows the preface; any other byte decides for HTTP/1, the last one for HTTP/2.
    fn observe(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if PREFACE.get(self.matched) != Some(byte) {
                self.deadline = None;
                return;
            }
            self.matched += 1;
        }
        if self.matched == PREFACE.len() {
            self.deadline = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstByteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(deadline) = self.deadline.as_mut() else {
            return read;
        };
        if read.is_pending() {
            ready!(deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.observe(buf.filled().get(before..).unwrap_or_default());
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstByteDeadline<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::{Instant, timeout},
    };

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(20);

    /// Sends `sent` and answers how a further read ends; `None` when it still waits long after the deadline.
    async fn read_after(sent: &[u8]) -> Option<io::ErrorKind> {
        let (mut peer, ours) = tokio::io::duplex(64);
        let started = Instant::now();
        let mut stream = FirstByteDeadline::new(ours, TIMEOUT);
        peer.write_all(sent).await.unwrap();
        let mut received = vec![0; sent.len()];
        stream.read_exact(&mut received).await.unwrap();
        let more = timeout(TIMEOUT * 4, stream.read_u8()).await;
        assert!(started.elapsed() >= TIMEOUT, "ended before its deadline");
        more.ok().map(|read| read.unwrap_err().kind())
    }

    #[tokio::test]
    async fn a_silent_peer_and_a_slow_preface_are_ended() {
        for sent in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            assert_eq!(read_after(sent).await, Some(io::ErrorKind::TimedOut), "{sent:?}");
        }
    }

    #[tokio::test]
    async fn once_the_version_is_decided_there_is_no_deadline() {
        for sent in [&b"G"[..], b"PO", PREFACE] {
            assert_eq!(read_after(sent).await, None, "{sent:?}");
        }
    }
}
