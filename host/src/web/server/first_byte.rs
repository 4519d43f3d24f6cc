//! Which HTTP version a peer speaks, and how long it may take to show it.
//!
//! The first bytes decide: those of the HTTP/2 preface (RFC 9113 §3.4) or any other. A peer that connects and sends
//! nothing, or only `P`, would be waited for as long as it likes; here it has a deadline.

use std::{io, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

/// The HTTP/2 client connection preface.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2, by prior knowledge.
    Http2,
}

/// Reads until the version is decided, within `limit`. The bytes it took are to be read again by whoever serves the
/// connection; there are none when the peer left without a word.
///
/// # Errors
/// `TimedOut` at the deadline, and whatever the stream says.
pub async fn read_version(
    stream: &mut (impl AsyncRead + Unpin),
    limit: Duration,
) -> io::Result<(Version, Bytes)> {
    timeout(limit, decide(stream))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn decide(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(Version, Bytes)> {
    let mut bytes = [0; PREFACE.len()];
    let mut count = 0;
    loop {
        let room = bytes.get_mut(count..).unwrap_or_default();
        let read = stream.read(room).await?;
        count += read;
        let seen = bytes.get(..count).unwrap_or_default();
        let version = if seen == PREFACE {
            Version::Http2
        } else if read == 0 || !PREFACE.starts_with(seen) {
            Version::Http1
        } else {
            continue;
        };
        return Ok((version, Bytes::copy_from_slice(seen)));
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt as _, time::Instant};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// What is decided after these writes, and nothing more.
    async fn after(writes: &[&[u8]]) -> io::Result<(Version, Bytes)> {
        let (mut peer, mut ours) = tokio::io::duplex(64);
        let writing = async {
            for bytes in writes {
                peer.write_all(bytes).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (version, ()) = tokio::join!(read_version(&mut ours, LIMIT), writing);
        version
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_and_a_slow_preface_are_given_up_at_the_deadline() {
        for sent in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            let started = Instant::now();
            let error = after(&[sent]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{sent:?}");
            assert_eq!(started.elapsed(), LIMIT);
        }
    }

    #[tokio::test]
    async fn the_preface_decides_however_it_comes_and_is_handed_on() {
        let (head, tail) = PREFACE.split_at(3);
        for writes in [&[&PREFACE[..]][..], &[head, tail]] {
            let decided = after(writes).await.unwrap();
            assert_eq!(decided, (Version::Http2, Bytes::from_static(PREFACE)));
        }
    }

    #[tokio::test]
    async fn any_other_byte_decides_for_http1() {
        for sent in [&b"G"[..], b"PO", b"PRI * HTTP/1.1\r\n"] {
            let (version, taken) = after(&[sent]).await.unwrap();
            assert_eq!((version, &taken[..]), (Version::Http1, sent));
        }
    }

    #[tokio::test]
    async fn a_peer_that_leaves_is_handed_on_too() {
        let (peer, mut ours) = tokio::io::duplex(64);
        drop(peer);
        let decided = read_version(&mut ours, LIMIT).await.unwrap();
        assert_eq!(decided, (Version::Http1, Bytes::new()));
    }
}
