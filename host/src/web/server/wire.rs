//! The bytes of an HTTP/1 connection, and whether any of them still wait for something.
//!
//! A connection without anything half-read or half-written can be taken out of hyper's hands and given back later, and
//! neither side of it notices.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is unfinished on a connection.
#[derive(Debug, Default)]
pub struct Unfinished {
    /// Bytes came that no whole answer was made for yet.
    unanswered: AtomicBool,
    /// The peer did not take everything that was to be written.
    unwritten: AtomicBool,
}

impl Unfinished {
    /// Whether anything is.
    pub fn any(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) || self.unwritten.load(Ordering::Relaxed)
    }
}

/// A stream that hands out bytes which were read before, and notes what is unfinished.
pub struct Wire<S> {
    stream: S,
    unread: Bytes,
    unfinished: Arc<Unfinished>,
}

impl<S> Wire<S> {
    /// Around a stream from which `unread` was read already.
    pub fn new(stream: S, unread: Bytes) -> Self {
        let unfinished = Unfinished::default();
        unfinished.unanswered.store(!unread.is_empty(), Ordering::Relaxed);
        Self {
            stream,
            unread,
            unfinished: Arc::new(unfinished),
        }
    }

    /// What is unfinished, now and later.
    pub fn unfinished(&self) -> Arc<Unfinished> {
        Arc::clone(&self.unfinished)
    }

    /// The stream, and what nobody has read again.
    pub fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.unread)
    }

    fn wrote<T>(&self, attempt: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.unfinished
            .unwritten
            .store(attempt.is_pending(), Ordering::Relaxed);
        attempt
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buf.remaining());
            buf.put_slice(self.unread.get(..count).unwrap_or_default());
            self.unread.advance(count);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.unfinished.unanswered.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(attempt)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(attempt)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_flush(cx);
        self.wrote(attempt)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The body of an answer; what was read is answered once hyper has taken it whole.
pub struct AnswerBody {
    body: Body,
    unfinished: Option<Arc<Unfinished>>,
}

impl AnswerBody {
    /// Around a body; `None` where nobody asks.
    pub fn new(body: Body, unfinished: Option<Arc<Unfinished>>) -> Self {
        Self { body, unfinished }
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            unfinished.unanswered.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_was_read_before_comes_first_and_the_rest_is_handed_back() {
        let (mut peer, ours) = tokio::io::duplex(64);
        peer.write_all(b"!").await.unwrap();
        let mut wire = Wire::new(ours, Bytes::from_static(b"GET /"));
        let mut three = [0; 3];
        wire.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b"GET");
        wire.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b" /!");

        let mut wire = Wire::new(tokio::io::empty(), Bytes::from_static(b"GET /"));
        wire.read_exact(&mut three).await.unwrap();
        assert_eq!(wire.into_parts().1, " /");
    }

    #[tokio::test]
    async fn what_came_is_unfinished_until_its_answer_is_taken() {
        let (mut peer, ours) = tokio::io::duplex(64);
        let mut wire = Wire::new(ours, Bytes::new());
        let unfinished = wire.unfinished();
        assert!(!unfinished.any());
        peer.write_all(b"G").await.unwrap();
        wire.read_u8().await.unwrap();
        assert!(unfinished.any());
        drop(AnswerBody::new(Body::empty(), Some(Arc::clone(&unfinished))));
        assert!(!unfinished.any());
        assert!(
            Wire::new(tokio::io::empty(), Bytes::from_static(b"G"))
                .unfinished()
                .any()
        );
    }

    #[tokio::test]
    async fn what_the_peer_does_not_take_is_unfinished() {
        let (mut peer, ours) = tokio::io::duplex(1);
        let mut wire = Wire::new(ours, Bytes::new());
        let unfinished = wire.unfinished();
        wire.write_all(b"a").await.unwrap();
        assert!(!unfinished.any());
        assert!(futures_util::poll!(std::pin::pin!(wire.write_all(b"b"))).is_pending());
        assert!(unfinished.any());
        peer.read_u8().await.unwrap();
        wire.write_all(b"b").await.unwrap();
        assert!(!unfinished.any());
    }
}
