//! What every use case may know of the request it serves, without knowing HTTP.

use std::net::IpAddr;

use crate::time::Timestamp;

/// Facts about the request, gathered once at the edge.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Correlates logs, traces, audit events and the `X-Correlation-ID` answer. Validated at the edge.
    pub request_id: String,
    /// The peer, or what a trusted proxy vouched for.
    pub client_ip: IpAddr,
    /// `User-Agent`, cut to 256 bytes.
    pub user_agent: Option<String>,
    /// The one clock reading of this request: every decision in it uses the same time.
    pub now: Timestamp,
}
