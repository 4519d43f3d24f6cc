//! Names become addresses here, and only those that may be asked are dialled.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{is_exempt, may_be_asked};

/// Asks for the addresses of a name. A port, so that a test can answer as a hostile name server would.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of `host`.
    ///
    /// # Errors
    /// What the resolver says.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Which addresses a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public ones and those that the operator exempted: with TLS.
    Filtered,
    /// Only those that the operator exempted: without.
    ExemptOnly,
}

impl Reach {
    pub(crate) fn allows(self, address: IpAddr, exempt: &[IpNet]) -> bool {
        match self {
            Self::Filtered => may_be_asked(address, exempt),
            Self::ExemptOnly => is_exempt(address, exempt),
        }
    }
}

/// A name whose addresses may not be asked.
#[derive(Debug, thiserror::Error)]
#[error("no address of {host} may be asked (egress.allow_addresses exempts addresses)")]
pub(crate) struct NoAddress {
    host: String,
}

/// A name that the resolver knows no address of.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {reason}")]
pub(crate) struct Unresolved {
    host: String,
    reason: io::Error,
}

/// The resolver of one client: what it answers is what is dialled, so a name cannot change in between.
pub(crate) struct FilteredResolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) exempt: Arc<[IpNet]>,
    pub(crate) reach: Reach,
}

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, exempt, reach) = (Arc::clone(&self.lookup), Arc::clone(&self.exempt), self.reach);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = match lookup.lookup(&host).await {
                Ok(found) => found,
                Err(reason) => return Err(Unresolved { host, reason }.into()),
            };
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| reach.allows(*address, &exempt))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if allowed.is_empty() {
                return Err(NoAddress { host }.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
