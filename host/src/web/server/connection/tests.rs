//! Steps 2 and 3 over a pipe, on a clock that stands still while anybody works.

use std::net::Ipv4Addr;

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream, duplex},
    sync::Notify,
};

use super::*;

const PEER: Peer = Peer(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
/// What the kernel would hold.
const PIPE_BYTES: usize = 4096;
/// More than hyper or the pipe hold.
const LARGE: usize = 1 << 20;

fn connections(router: Router) -> Arc<Connections> {
    Arc::new(Connections::new(Arc::new(router), ServerLimits::default()))
}

fn hello() -> Arc<Connections> {
    connections(Router::new().route("/", get(|| async { "hello" })))
}

/// Reads one answer to the end of `hello`.
async fn read_hello(peer: &mut DuplexStream) {
    let mut text = Vec::new();
    while !text.ends_with(b"hello") {
        text.push(peer.read_u8().await.unwrap());
    }
    assert!(text.starts_with(b"HTTP/1.1 200"));
}

async fn ask(peer: &mut DuplexStream) {
    peer.write_all(REQUEST).await.unwrap();
    read_hello(peer).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_at_rest_is_taken_apart_with_nothing_left_over() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let asking = async {
        ask(&mut peer).await;
        Instant::now()
    };
    let connections = hello();
    let serving = async {
        let rest = connections.http1(ours, Bytes::new(), PEER, Instant::now()).await;
        (rest, Instant::now())
    };
    let (answered, (rest, rested)) = tokio::join!(asking, serving);
    let (_, unread) = rest.unwrap();
    assert!(unread.is_empty());
    assert_eq!(rested - answered, PARK_AFTER);
}

#[tokio::test(start_paused = true)]
async fn a_parked_connection_is_served_again_and_ends_at_the_header_deadline() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let connections = hello();
    let serving = connections.live(ours, PEER);
    let asking = async {
        for _ in 0..3 {
            ask(&mut peer).await;
            sleep(PARK_AFTER * 2).await;
        }
        ask(&mut peer).await;
        let answered = Instant::now();
        assert_eq!(
            peer.read_u8().await.unwrap_err().kind(),
            std::io::ErrorKind::UnexpectedEof
        );
        assert_eq!(answered.elapsed(), ServerLimits::default().header_timeout);
    };
    tokio::join!(serving, asking);
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_no_rest() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let connections = hello();
    ask_half(&mut peer).await;
    let started = Instant::now();
    let rest = connections.http1(ours, Bytes::new(), PEER, started).await;
    assert!(rest.is_none());
    assert_eq!(started.elapsed(), ServerLimits::default().header_timeout);
}

async fn ask_half(peer: &mut DuplexStream) {
    peer.write_all(REQUEST.split_at(9).0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn half_a_head_behind_a_whole_request_is_kept() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let connections = hello();
    let asking = async {
        peer.write_all(REQUEST).await.unwrap();
        ask_half(&mut peer).await;
        read_hello(&mut peer).await;
        sleep(PARK_AFTER * 4).await;
        peer.write_all(REQUEST.split_at(9).1).await.unwrap();
        read_hello(&mut peer).await;
        drop(peer);
    };
    tokio::join!(connections.live(ours, PEER), asking);
}

#[tokio::test(start_paused = true)]
async fn what_trickles_in_does_not_put_the_header_deadline_off() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let connections = hello();
    let trickling = async {
        ask(&mut peer).await;
        let answered = Instant::now();
        let mut head = b"GET / HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat(&b'y'));
        while peer.write_all(&[*head.next().unwrap()]).await.is_ok() {
            sleep(Duration::from_millis(700)).await;
        }
        answered.elapsed()
    };
    let ((), lasted) = tokio::join!(connections.live(ours, PEER), trickling);
    let most = ServerLimits::default().header_timeout + Duration::from_secs(1);
    assert!(lasted <= most, "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_taken_is_no_rest() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let connections = connections(Router::new().route("/", get(|| async { "a".repeat(LARGE) + "hello" })));
    let asking = async {
        peer.write_all(REQUEST).await.unwrap();
        sleep(PARK_AFTER * 8).await;
        read_hello(&mut peer).await;
        ask(&mut peer).await;
        drop(peer);
    };
    tokio::join!(connections.live(ours, PEER), asking);
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_is_no_rest() {
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let release = Arc::new(Notify::new());
    let gate = Arc::clone(&release);
    let slow = || async move {
        gate.notified().await;
        "hello"
    };
    let connections = connections(Router::new().route("/", get(slow)));
    let asking = async {
        peer.write_all(REQUEST).await.unwrap();
        sleep(PARK_AFTER * 8).await;
        release.notify_one();
        read_hello(&mut peer).await;
        drop(peer);
    };
    tokio::join!(connections.live(ours, PEER), asking);
}

#[tokio::test(start_paused = true)]
async fn a_parked_connection_ends_at_its_age_and_when_the_server_drains() {
    let limits = ServerLimits {
        connection_age_max: PARK_AFTER * 3,
        ..ServerLimits::default()
    };
    let router = || Router::new().route("/", get(|| async { "hello" }));
    let old = Connections::new(Arc::new(router()), limits);
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let started = Instant::now();
    tokio::join!(old.live(ours, PEER), ask(&mut peer));
    assert_eq!(started.elapsed(), PARK_AFTER * 3);

    let drained = connections(router());
    let (mut peer, ours) = duplex(PIPE_BYTES);
    let started = Instant::now();
    let ending = async {
        ask(&mut peer).await;
        sleep(PARK_AFTER * 2).await;
        drained.drain.cancel();
    };
    tokio::join!(drained.live(ours, PEER), ending);
    assert_eq!(started.elapsed(), PARK_AFTER * 2);
}
