//! The client against real sockets on loopback, with name servers that the tests speak for.
#![cfg(test)]

mod addresses;
mod answers;
mod authorities;

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
