//! The client against real sockets on loopback, with name servers that the tests speak for.
#![cfg(test)]

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use authly_core::ports::{FetchError, RemoteDocuments};
use authly_egress::{Egress, EgressError, EgressPolicy, Lookup};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

const NAME: &str = "keys.example.com";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Gives one answer after the other; the last one stays.
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>, AtomicUsize);

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers
            .iter()
            .map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect())
            .collect();
        Arc::new(Self(Mutex::new(parsed), AtomicUsize::new(0)))
    }

    fn asked(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Lookup for Answers {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.0.lock().unwrap();
        let next = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        next.ok_or_else(|| io::Error::other("no such name"))
    }
}

/// What the server does once it has read a request.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Writes this and closes.
    Say(&'static str),
    /// Writes this, then the letter x for as long as somebody reads.
    Flood(&'static str),
    /// Writes this, then nothing more.
    Stall(&'static str),
}

const JSON: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}";
const ENDLESS: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

struct Server {
    address: SocketAddr,
    /// Connections that came.
    reached: Arc<AtomicUsize>,
    /// Told of each request that was read.
    requested: Arc<Notify>,
    /// The last request's head.
    head: Arc<Mutex<String>>,
}

impl Server {
    async fn start(tls: Option<TlsAcceptor>, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            reached: Arc::default(),
            requested: Arc::default(),
            head: Arc::default(),
        };
        let (reached, requested, head) = (
            Arc::clone(&server.reached),
            Arc::clone(&server.requested),
            Arc::clone(&server.head),
        );
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                reached.fetch_add(1, Ordering::SeqCst);
                let (tls, requested, head) = (tls.clone(), Arc::clone(&requested), Arc::clone(&head));
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, behaviour, &requested, &head).await,
                        Some(tls) => converse(tls.accept(stream).await?, behaviour, &requested, &head).await,
                    }
                });
            }
        });
        server
    }

    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/jwks", self.address.port())
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    behaviour: Behaviour,
    requested: &Notify,
    head: &Mutex<String>,
) -> io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await?);
    }
    *head.lock().unwrap() = String::from_utf8(read).unwrap().to_lowercase();
    requested.notify_one();
    let (Behaviour::Say(text) | Behaviour::Flood(text) | Behaviour::Stall(text)) = behaviour;
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    match behaviour {
        Behaviour::Say(_) => stream.shutdown().await,
        Behaviour::Flood(_) => loop {
            stream.write_all(&[b'x'; 1024]).await?;
        },
        Behaviour::Stall(_) => std::future::pending().await,
    }
}

/// A server certificate for [`NAME`] and the authority that signed it, in PEM.
fn certificate() -> (TlsAcceptor, Vec<u8>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![NAME.to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem().into_bytes())
}

fn policy(exempt: &[&str]) -> EgressPolicy {
    EgressPolicy {
        allow_addresses: exempt.iter().map(|net| net.parse().unwrap()).collect(),
        // Only a failure takes this long.
        timeout: Duration::from_mins(1),
        connect_timeout: Duration::from_mins(1),
        ..EgressPolicy::default()
    }
}

fn egress(policy: EgressPolicy, answers: &[&[&str]]) -> Egress {
    Egress::with_lookup(policy, &(Answers::new(answers) as Arc<dyn Lookup>)).unwrap()
}

const AT_LOOPBACK: &[&[&str]] = &[&["127.0.0.1"]];

#[tokio::test]
async fn extra_authority_is_trusted_and_asked_politely() {
    let (tls, ca) = certificate();
    let server = Server::start(Some(tls), Behaviour::Say(JSON)).await;
    let policy = EgressPolicy {
        extra_ca: Some(ca),
        ..policy(&["127.0.0.1/32"])
    };
    let body = egress(policy, AT_LOOPBACK)
        .fetch_json(&server.url("https", NAME))
        .await
        .unwrap();
    assert_eq!(body, b"{\"keys\":[]}");
    let head = server.head.lock().unwrap().clone();
    assert!(head.starts_with("get /jwks http/1.1\r\n"), "{head}");
    assert!(
        head.contains("accept: application/json, application/jwk-set+json\r\n"),
        "{head}"
    );
    assert!(
        !head.contains("accept-encoding") && !head.contains("cookie"),
        "{head}"
    );
}

#[tokio::test]
async fn unknown_authority_and_wrong_name_are_refused() {
    let (tls, ca) = certificate();
    let server = Server::start(Some(tls), Behaviour::Say(JSON)).await;
    let unknown = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    let error = unknown.get_json(&server.url("https", NAME)).await.unwrap_err();
    assert!(matches!(error, EgressError::Tls(_)), "{error:?}");
    let known = EgressPolicy {
        extra_ca: Some(ca),
        ..policy(&["127.0.0.1/32"])
    };
    let url = server.url("https", "other.example.com");
    let error = egress(known, AT_LOOPBACK).get_json(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Tls(_)), "{error:?}");
    assert!(server.head.lock().unwrap().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn name_at_loopback_is_refused_unless_exempt() {
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    for answer in [
        &["127.0.0.1"][..],
        &["::ffff:127.0.0.1"],
        &["10.0.0.1", "169.254.169.254"],
        &[],
    ] {
        for scheme in ["https", "http"] {
            let egress = egress(policy(&[]), &[answer]);
            let error = egress.get_json(&server.url(scheme, NAME)).await.unwrap_err();
            assert!(
                matches!(error, EgressError::Address),
                "{scheme} {answer:?}: {error:?}"
            );
        }
    }
    assert_eq!(server.reached(), 0);
    let exempt = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    exempt.get_json(&server.url("http", NAME)).await.unwrap();
}

#[tokio::test]
async fn literal_addresses_are_refused_in_every_spelling() {
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    let answers = Answers::new(AT_LOOPBACK);
    let egress = Egress::with_lookup(policy(&[]), &(Arc::clone(&answers) as Arc<dyn Lookup>)).unwrap();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
    ] {
        for scheme in ["https", "http"] {
            let error = egress.get_json(&server.url(scheme, host)).await.unwrap_err();
            assert!(
                matches!(error, EgressError::Address),
                "{scheme} {host}: {error:?}"
            );
        }
    }
    assert_eq!((server.reached(), answers.asked()), (0, 0));
}

#[tokio::test]
async fn http_goes_to_exempt_addresses_alone() {
    for (exempt, answer) in [(&[][..], "8.8.8.8"), (&["127.0.0.1/32"], "8.8.8.8")] {
        let egress = egress(policy(exempt), &[&[answer]]);
        for host in [NAME, answer] {
            let error = egress.get_json(&format!("http://{host}/")).await.unwrap_err();
            assert!(matches!(error, EgressError::Address), "{host}: {error:?}");
        }
    }
}

#[tokio::test]
async fn urls_that_are_not_asked_say_why() {
    let egress = egress(policy(&["127.0.0.0/8"]), AT_LOOPBACK);
    for url in [
        "",
        "/jwks",
        "ftp://keys.example.com/",
        "file:///etc/passwd",
        "data:,x",
        "https://user@keys.example.com/",
        "https://:secret@keys.example.com/",
    ] {
        let error = egress.get_json(url).await.unwrap_err();
        assert!(matches!(error, EgressError::Url(_)), "{url}: {error:?}");
        let error = egress.fetch_json(url).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn name_that_moves_inside_is_not_followed() {
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    // A check by a look-up of its own would see the first answer and dial the second.
    let answers = Answers::new(&[&["203.0.113.7", "127.0.0.1"], &["127.0.0.2"]]);
    let egress = Egress::with_lookup(
        policy(&["127.0.0.1/32"]),
        &(Arc::clone(&answers) as Arc<dyn Lookup>),
    )
    .unwrap();
    egress.get_json(&server.url("http", NAME)).await.unwrap();
    assert_eq!((answers.asked(), server.reached()), (1, 1));
    let error = egress.get_json(&server.url("http", NAME)).await.unwrap_err();
    assert!(matches!(error, EgressError::Address), "{error:?}");
    assert_eq!((answers.asked(), server.reached()), (2, 1));
}

#[tokio::test]
async fn unknown_name_and_closed_port_are_told_apart() {
    let error = egress(policy(&[]), &[])
        .get_json("https://keys.example.com/")
        .await
        .unwrap_err();
    assert!(matches!(error, EgressError::Resolve(_)), "{error:?}");
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let egress = egress(policy(&["127.0.0.1/32"]), &[]);
    let error = egress.get_json(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(_)), "{error:?}");
    assert!(matches!(
        egress.fetch_json(&url).await,
        Err(FetchError::Unavailable(_))
    ));
}

#[tokio::test]
async fn redirect_is_an_answer_that_is_not_200() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let none = "HTTP/1.1 204 No Content\r\n\r\n";
    for (answer, expected) in [(redirect, 302), (none, 204)] {
        let server = Server::start(None, Behaviour::Say(answer)).await;
        let egress = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
        let error = egress.get_json(&server.url("http", NAME)).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Status(status) if status == expected),
            "{error:?}"
        );
        assert_eq!(server.reached(), 1);
    }
}

#[tokio::test]
async fn answer_may_be_as_long_as_the_limit_and_no_longer() {
    for (max, fits) in [(11, true), (10, false)] {
        let server = Server::start(None, Behaviour::Say(JSON)).await;
        let policy = EgressPolicy {
            response_bytes_max: max,
            ..policy(&["127.0.0.1/32"])
        };
        let answer = egress(policy, AT_LOOPBACK)
            .get_json(&server.url("http", NAME))
            .await;
        match answer {
            Ok(body) => assert!(fits && body.len() == 11),
            Err(error) => assert!(!fits && matches!(error, EgressError::TooLarge(10)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn endless_answer_is_cut_while_it_comes() {
    let server = Server::start(None, Behaviour::Flood(ENDLESS)).await;
    let egress = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    let error = egress.get_json(&server.url("http", NAME)).await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge(65_536)), "{error:?}");
}

#[tokio::test]
async fn compressed_answer_stays_as_it_came() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nzzzz";
    let server = Server::start(None, Behaviour::Say(answer)).await;
    let egress = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    assert_eq!(egress.get_json(&server.url("http", NAME)).await.unwrap(), "zzzz");
}

#[tokio::test]
async fn answer_that_stops_midway_is_given_up() {
    for start in ["", ENDLESS] {
        let server = Server::start(None, Behaviour::Stall(start)).await;
        let policy = EgressPolicy {
            timeout: Duration::from_millis(200),
            ..policy(&["127.0.0.1/32"])
        };
        let error = egress(policy, AT_LOOPBACK)
            .get_json(&server.url("http", NAME))
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::Timeout), "{error:?}");
    }
}

#[tokio::test]
async fn request_without_a_turn_is_told_so() {
    let server = Server::start(None, Behaviour::Stall("")).await;
    let policy = EgressPolicy {
        in_flight_max: 1,
        ..policy(&["127.0.0.1/32"])
    };
    let egress = egress(policy, AT_LOOPBACK);
    let url = server.url("http", NAME);
    let mut first = Box::pin(egress.get_json(&url));
    tokio::select! {
        answer = &mut first => panic!("{answer:?}"),
        () = server.requested.notified() => {}
    }
    // Nobody polls the first from here, so that it keeps its turn while the time of the second passes.
    tokio::time::pause();
    let error = egress.get_json(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Busy), "{error:?}");
    drop(first);
    let error = egress.get_json(&url).await.unwrap_err();
    assert!(
        matches!(error, EgressError::Timeout),
        "a turn that ends is free again: {error:?}"
    );
}

#[test]
fn certificates_that_cannot_be_read_are_found_before_the_start() {
    let (_, ca) = certificate();
    let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    for (pem, good) in [
        (ca, true),
        (junk, false),
        (b"no certificate".to_vec(), false),
        (Vec::new(), false),
    ] {
        let policy = EgressPolicy {
            extra_ca: Some(pem),
            ..EgressPolicy::default()
        };
        assert_eq!(policy.check().is_ok(), good);
    }
}
