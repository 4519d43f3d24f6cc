//! The limits over real sockets. Deadlines are a few tens of milliseconds; tests wait for what the server does.

use axum::{Router, extract::Request, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use tower::ServiceExt as _;

use super::*;
use crate::web::router::Answering;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(40);
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the server is given here is a router of handlers of a line.
impl Answers for Router {
    fn answer(&self, request: Request) -> Answering<'_> {
        let answer = self.clone().oneshot(request);
        Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) })
    }
}

/// A running server and the way to stop it.
struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
}

impl Running {
    async fn start(limits: ServerLimits, router: Router) -> Self {
        let answers: Arc<dyn Answers> = Arc::new(router);
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), limits)
            .await
            .unwrap();
        let addr = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.serve(answers, async move {
            let _ = stopped.await;
        }));
        Self { addr, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    async fn stop(self) -> Drained {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap()
    }
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// Reads until the server closes.
async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is a close, too: the peer's last bytes may have been unread.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

/// Reads one answer to the end of `hello`.
async fn read_hello(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"hello") {
        let byte = stream.read_u8().await.unwrap();
        text.push(byte);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_silent_connection_is_closed_at_the_first_byte_deadline() {
    let server = Running::start(
        ServerLimits {
            first_byte_timeout: SHORT,
            ..ServerLimits::default()
        },
        hello(),
    )
    .await;
    for sent in [&b""[..], b"P"] {
        let mut stream = server.connect().await;
        stream.write_all(sent).await.unwrap();
        assert_eq!(read_to_close(&mut stream).await, "");
    }
    assert_eq!(server.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn an_unfinished_head_and_an_idle_connection_are_closed_at_the_header_deadline() {
    let server = Running::start(
        ServerLimits {
            header_timeout: SHORT,
            ..ServerLimits::default()
        },
        hello(),
    )
    .await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    let answer = read_to_close(&mut slow).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );

    let mut idle = server.connect().await;
    idle.write_all(REQUEST).await.unwrap();
    let answer = read_to_close(&mut idle).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
        "{answer}"
    );
}

#[tokio::test]
async fn at_the_cap_a_connection_waits_until_another_ends() {
    let server = Running::start(
        ServerLimits {
            connections_max: 1,
            ..ServerLimits::default()
        },
        hello(),
    )
    .await;
    let mut first = server.connect().await;
    first.write_all(REQUEST).await.unwrap();
    read_hello(&mut first).await;

    let mut second = server.connect().await;
    second.write_all(REQUEST).await.unwrap();
    assert!(
        timeout(SHORT, second.read_u8()).await.is_err(),
        "the second was served beside the first"
    );
    drop(first);
    assert!(read_hello(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn too_many_and_too_large_headers_are_refused() {
    let limits = ServerLimits {
        headers_max: 8,
        ..ServerLimits::default()
    };
    let header_bytes_max = limits.header_bytes_max;
    let server = Running::start(limits, hello()).await;
    for headers in [
        "x: 1\r\n".repeat(8),
        format!("x: {}\r\n", "y".repeat(header_bytes_max)),
    ] {
        let mut stream = server.connect().await;
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_to_close(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn shutdown_ends_idle_connections_and_finishes_requests_under_way() {
    let entered = Arc::new(Notify::new());
    let release = Arc::new(Notify::new());
    let (inside, gate) = (Arc::clone(&entered), Arc::clone(&release));
    let router = hello().route(
        "/slow",
        get(move || async move {
            inside.notify_one();
            gate.notified().await;
            "done"
        }),
    );
    let server = Running::start(ServerLimits::default(), router).await;
    let mut idle = server.connect().await;
    idle.write_all(REQUEST).await.unwrap();
    read_hello(&mut idle).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    entered.notified().await;

    server.stop.send(()).unwrap();
    assert_eq!(read_to_close(&mut idle).await, "");
    assert!(
        TcpStream::connect(server.addr).await.is_err(),
        "a stopping server accepts nobody"
    );
    release.notify_one();
    assert!(read_to_close(&mut busy).await.ends_with("done"));
    assert_eq!(server.ended.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn shutdown_cuts_what_is_left_at_the_drain_deadline() {
    let entered = Arc::new(Notify::new());
    let inside = Arc::clone(&entered);
    let router = Router::new().route(
        "/",
        get(move || async move {
            inside.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let server = Running::start(
        ServerLimits {
            drain_timeout: SHORT,
            ..ServerLimits::default()
        },
        router,
    )
    .await;
    let mut stuck = server.connect().await;
    stuck.write_all(REQUEST).await.unwrap();
    entered.notified().await;
    assert_eq!(server.stop().await, Drained { cut: 1 });
    assert_eq!(read_to_close(&mut stuck).await, "");
}

#[tokio::test]
async fn an_old_connection_is_ended() {
    let server = Running::start(
        ServerLimits {
            connection_age_max: SHORT,
            ..ServerLimits::default()
        },
        hello(),
    )
    .await;
    let mut stream = server.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    assert!(read_to_close(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn one_address_cannot_take_more_than_its_share() {
    let limits = ServerLimits {
        connections_per_address_max: 1,
        ..ServerLimits::default()
    };
    let server = Running::start(limits.clone(), hello()).await;
    let mut first = server.connect().await;
    first.write_all(REQUEST).await.unwrap();
    read_hello(&mut first).await;
    let mut second = server.connect().await;
    assert_eq!(read_to_close(&mut second).await, "", "the second was served");
    drop(first);
    // The server learns of the end in its own time; until then newcomers are still refused.
    let admitted = async {
        loop {
            let mut third = server.connect().await;
            let _ = third.write_all(REQUEST).await;
            let _ = third.shutdown().await;
            if read_to_close(&mut third).await.ends_with("hello") {
                return;
            }
        }
    };
    timeout(PATIENCE, admitted).await.unwrap();

    let behind_a_proxy = ServerLimits {
        uncapped_peers: vec!["127.0.0.0/8".parse().unwrap()],
        ..limits
    };
    let server = Running::start(behind_a_proxy, hello()).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        read_hello(&mut stream).await;
        held.push(stream);
    }
}

const PREFACE_AND_SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The frame type of an answer's head (RFC 9113 §6.2).
const HEADERS: u8 = 1;
/// `GET http://a/` on stream 1, complete: three fields of HPACK's static table and `:authority`.
const GET_ON_STREAM_1: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";

/// Speaks HTTP/2 and answers whatever must be answered (RFC 9113 §6.5, §6.7) until a frame of type `until` comes or the
/// server closes; answers how many pings came before.
async fn obey_until(stream: &mut TcpStream, until: Option<u8>) -> usize {
    let mut pings = 0;
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            assert_eq!(until, None, "closed too early");
            return pings;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let (kind, is_ack) = (head[3], head[4] & 1 == 1);
        if until == Some(kind) {
            return pings;
        }
        if matches!(kind, 4 | 6) && !is_ack {
            pings += usize::from(kind == 6);
            let body = if kind == 6 { payload } else { Vec::new() };
            let mut ack = vec![0, 0, u8::try_from(body.len()).unwrap(), kind, 1, 0, 0, 0, 0];
            ack.extend(body);
            // The server may have closed meanwhile; the next read says so.
            let _ = stream.write_all(&ack).await;
        }
    }
}

#[tokio::test]
async fn an_http2_peer_that_only_answers_pings_is_ended() {
    let server = Running::start(
        ServerLimits {
            idle_timeout: SHORT * 3,
            http2_ping_interval: SHORT / 4,
            ..ServerLimits::default()
        },
        hello(),
    )
    .await;
    let mut peer = server.connect().await;
    peer.write_all(PREFACE_AND_SETTINGS).await.unwrap();
    let pings = timeout(PATIENCE, obey_until(&mut peer, None)).await.unwrap();
    assert!(pings > 1, "it was there all the time: {pings} pings");
}

#[tokio::test]
async fn an_http2_request_under_way_keeps_its_connection() {
    let release = Arc::new(Notify::new());
    let gate = Arc::clone(&release);
    let router = Router::new().route("/", get(move || async move { gate.notified().await }));
    let server = Running::start(
        ServerLimits {
            idle_timeout: SHORT,
            ..ServerLimits::default()
        },
        router,
    )
    .await;
    let mut peer = server.connect().await;
    peer.write_all(PREFACE_AND_SETTINGS).await.unwrap();
    peer.write_all(GET_ON_STREAM_1).await.unwrap();
    assert!(
        timeout(SHORT * 4, obey_until(&mut peer, Some(HEADERS)))
            .await
            .is_err(),
        "answered before its time"
    );
    release.notify_one();
    timeout(PATIENCE, obey_until(&mut peer, Some(HEADERS)))
        .await
        .unwrap();
}

#[test]
fn accept_errors_are_backed_off_up_to_a_second() {
    let mut backoff = Backoff::default();
    let waits: Vec<_> = (0..9).map(|_| backoff.next_wait().as_millis()).collect();
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    assert!(
        !is_of_one_connection(&io::Error::from_raw_os_error(24)),
        "EMFILE must be backed off"
    );
}
