//! Asking.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use authly_core::ports::{FetchError, RemoteDocuments};
use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode, header, redirect};
use tokio::sync::Semaphore;
use tokio_rustls::rustls::Error as TlsError;
use url::{Host, Url};

use crate::resolver::{FilteredResolver, Lookup, NoAddress, Reach, SystemLookup, Unresolved};

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct EgressPolicy {
    /// `egress.allow_addresses`: addresses exempt from the filter; http without TLS goes to these alone.
    pub allow_addresses: Vec<IpNet>,
    /// `egress.extra_ca`: certificates trusted beside the system's, PEM.
    pub extra_ca: Option<Vec<u8>>,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long everything may take, waiting for its turn included.
    pub timeout: Duration,
    /// The longest answer, in bytes.
    pub response_bytes_max: usize,
    /// How many requests may be under way at once; others wait within their timeout.
    pub in_flight_max: usize,
}

impl Default for EgressPolicy {
    fn default() -> Self {
        Self {
            allow_addresses: Vec::new(),
            extra_ca: None,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(5),
            response_bytes_max: 64 * 1024,
            in_flight_max: 32,
        }
    }
}

impl EgressPolicy {
    /// Whether the extra certificates can be read; for a message before the server starts.
    ///
    /// # Errors
    /// [`EgressError::Certificates`].
    pub fn check(&self) -> Result<(), EgressError> {
        let certificates = self.certificates()?;
        if certificates.is_empty() {
            return Ok(());
        }
        // What PEM wraps is read only when a client is made.
        let made = Client::builder().tls_certs_only(certificates).build();
        made.map(drop).map_err(|_| EgressError::Certificates)
    }

    fn certificates(&self) -> Result<Vec<Certificate>, EgressError> {
        let Some(pem) = &self.extra_ca else {
            return Ok(Vec::new());
        };
        match Certificate::from_pem_bundle(pem) {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(EgressError::Certificates),
        }
    }
}

/// Why there is no answer. For the log: the texts may name addresses.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// `egress.extra_ca` holds no certificate.
    #[error("holds no certificate in PEM")]
    Certificates,
    /// The client itself cannot be made.
    #[error("the client for outbound requests cannot be made")]
    Setup(#[source] reqwest::Error),
    /// Without certificate authorities no certificate can be checked.
    #[error(
        "this host has no certificate authorities: install its package of them (ca-certificates) or set egress.extra_ca, \
         then start again"
    )]
    NoAuthorities,
    /// Not a URL that is asked.
    #[error("{0}")]
    Url(&'static str),
    /// The address, or every address of the name, is refused.
    #[error("the address may not be asked (egress.allow_addresses exempts addresses)")]
    Address,
    /// Too many requests were under way for all of the time.
    #[error("too many outbound requests are under way")]
    Busy,
    /// The name has no address that could be found out.
    #[error("the host name cannot be resolved: {0}")]
    Resolve(String),
    /// Nobody answers at the address.
    #[error("no connection: {0}")]
    Connect(String),
    /// The other side's certificate, or what else TLS asks for.
    #[error("no TLS connection: {0} (egress.extra_ca adds certificate authorities)")]
    Tls(String),
    /// The time is up.
    #[error("no answer in time (egress.timeout)")]
    Timeout,
    /// The connection broke, or what came over it is not HTTP.
    #[error("the request failed: {0}")]
    Failed(String),
    /// More bytes than allowed.
    #[error("the answer is larger than {0} bytes (egress.response_bytes_max)")]
    TooLarge(usize),
    /// Not 200. A redirect is not followed.
    #[error("the answer has status {0}")]
    Status(u16),
}

/// The outbound client. Cheap to clone; clones share connections and limits.
#[derive(Clone)]
pub struct Egress {
    /// `None` on a host without certificate authorities: a server that asks nobody needs none.
    filtered: Option<Client>,
    exempt_only: Client,
    policy: Arc<EgressPolicy>,
    turns: Arc<Semaphore>,
}

impl Egress {
    /// A client that resolves names as the operating system does.
    ///
    /// # Errors
    /// [`EgressError::Certificates`], [`EgressError::Setup`]. A host without certificate authorities is no error here:
    /// [`Egress::has_authorities`].
    pub fn new(policy: EgressPolicy) -> Result<Self, EgressError> {
        let lookup: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Self::with_lookup(policy, &lookup)
    }

    /// The same with another resolver.
    ///
    /// # Errors
    /// [`EgressError::Certificates`], [`EgressError::Setup`]. A host without certificate authorities is no error here:
    /// [`Egress::has_authorities`].
    pub fn with_lookup(policy: EgressPolicy, lookup: &Arc<dyn Lookup>) -> Result<Self, EgressError> {
        let extra = policy.certificates()?;
        // This one speaks no TLS, so that it can be made on any host.
        let exempt_only = builder(&policy, lookup, Reach::ExemptOnly).tls_certs_only([]);
        let exempt_only = exempt_only.build().map_err(EgressError::Setup)?;
        let filtered = builder(&policy, lookup, Reach::Filtered).tls_certs_merge(extra);
        Ok(Self {
            // What else could be wrong would have shown above.
            filtered: filtered.build().ok(),
            exempt_only,
            turns: Arc::new(Semaphore::new(policy.in_flight_max)),
            policy: Arc::new(policy),
        })
    }

    /// Whether there are certificate authorities. Without any, every https request fails, and says so.
    pub fn has_authorities(&self) -> bool {
        self.filtered.is_some()
    }

    /// The body of a JSON document.
    ///
    /// # Errors
    /// [`EgressError`].
    pub async fn get_json(&self, url: &str) -> Result<Bytes, EgressError> {
        let (client, url) = self.check_url(url)?;
        let mut had_its_turn = false;
        let work = async {
            let _turn = self.turns.acquire().await.map_err(|_| EgressError::Busy)?;
            had_its_turn = true;
            let request = client
                .get(url)
                .header(header::ACCEPT, "application/json, application/jwk-set+json");
            let response = request.send().await.map_err(|error| failed(&error))?;
            if response.status() != StatusCode::OK {
                return Err(EgressError::Status(response.status().as_u16()));
            }
            self.body(response).await
        };
        let answer = tokio::time::timeout(self.policy.timeout, work).await;
        match answer {
            Ok(answer) => answer,
            Err(_) if had_its_turn => Err(EgressError::Timeout),
            Err(_) => Err(EgressError::Busy),
        }
    }

    /// Which client may ask the URL. The resolver never sees a literal address, so that one is looked at here.
    fn check_url(&self, text: &str) -> Result<(&Client, Url), EgressError> {
        let url = Url::parse(text).map_err(|_| EgressError::Url("not an absolute URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Url(
                "a URL with a user name or password is not asked",
            ));
        }
        let (client, reach) = match url.scheme() {
            "https" => (self.filtered.as_ref(), Reach::Filtered),
            "http" => (Some(&self.exempt_only), Reach::ExemptOnly),
            _ => return Err(EgressError::Url("only https URLs are asked")),
        };
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(EgressError::Url("the URL names no host")),
        };
        if literal.is_some_and(|address| !reach.allows(address, &self.policy.allow_addresses)) {
            return Err(EgressError::Address);
        }
        Ok((client.ok_or(EgressError::NoAuthorities)?, url))
    }

    /// Reads no more than the limit, whatever the header promises.
    async fn body(&self, mut response: Response) -> Result<Bytes, EgressError> {
        let max = self.policy.response_bytes_max;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len().saturating_add(chunk.len()) > max {
                return Err(EgressError::TooLarge(max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn builder(policy: &EgressPolicy, lookup: &Arc<dyn Lookup>, reach: Reach) -> ClientBuilder {
    let resolver = FilteredResolver {
        lookup: Arc::clone(lookup),
        exempt: policy.allow_addresses.clone().into(),
        reach,
    };
    Client::builder()
        .user_agent(concat!("authly/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        // Another crate of the build may switch the features on that decompress.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .https_only(reach == Reach::Filtered)
        .connect_timeout(policy.connect_timeout)
        .timeout(policy.timeout)
        .pool_max_idle_per_host(1)
        .dns_resolver(Arc::new(resolver))
}

/// Finds the cause that says something: the library's own text names only the URL.
fn failed(error: &reqwest::Error) -> EgressError {
    if error.is_timeout() {
        return EgressError::Timeout;
    }
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(deeper) = cause.source() {
        if deeper.is::<NoAddress>() {
            return EgressError::Address;
        }
        if let Some(unresolved) = deeper.downcast_ref::<Unresolved>() {
            return EgressError::Resolve(unresolved.to_string());
        }
        if is_tls(deeper) {
            return EgressError::Tls(deeper.to_string());
        }
        cause = deeper;
    }
    let text = cause.to_string();
    if error.is_connect() {
        EgressError::Connect(text)
    } else {
        EgressError::Failed(text)
    }
}

/// An I/O error hands out what lies below the error it wraps, so that the wrapped one is asked for here.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<TlsError>() || wrapped.is_some_and(|wrapped| wrapped.is::<TlsError>() || is_tls(wrapped))
}

#[async_trait]
impl RemoteDocuments for Egress {
    async fn fetch_json(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.get_json(url).await.map(Vec::from).map_err(|error| {
            let text = error.to_string();
            match error {
                EgressError::Url(_) | EgressError::Address => FetchError::Refused(text),
                _ => FetchError::Unavailable(text),
            }
        })
    }
}
