//! Around every request, also those that no route serves.
//!
//! 1. The request id and the client's address are decided: the [`RequestContext`]. Its time is that of the head until
//!    the body is read, which is when the policy sets it for the handler.
//! 2. The rest of the server answers.
//! 3. Security headers and the request id are set, the request is logged and counted.

use std::net::{IpAddr, Ipv4Addr};

use authly_core::RequestContext;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    access_log::{self, OfClient},
    client_ip::client_ip,
    policy::Matched,
    request_id, security_headers,
};
use crate::web::{
    server::Peer,
    state::{Edge, ObservedRequest},
};

/// How much of `User-Agent` is kept, in bytes.
const USER_AGENT_BYTES_MAX: usize = 256;

/// The outermost middleware, around whatever else answers.
pub async fn edge<F>(edge: &Edge, mut request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let started = Instant::now();
    let method = ObservedRequest::method_label(request.method());
    let context = context(edge, &request);
    request.extensions_mut().insert(context.clone());
    let span = tracing::info_span!("request", request.id = %context.request_id);

    let mut response = next(request).instrument(span).await;

    let route = response.extensions().get::<Matched>().map(|matched| matched.0);
    security_headers::apply(&mut response, route, edge.issuer.is_https());
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        response
            .headers_mut()
            .insert(request_id::X_CORRELATION_ID.clone(), id);
    }
    let observed = ObservedRequest {
        method,
        route: route.map_or(ObservedRequest::UNMATCHED, |route| route.path),
        status: response.status().as_u16(),
        duration: started.elapsed(),
    };
    access_log::write(&context, &observed, response.extensions().get::<OfClient>());
    edge.observer.request(&observed);
    response
}

/// Step 1.
fn context(edge: &Edge, request: &Request) -> RequestContext {
    let headers = request.headers();
    // The server always says who the peer is; a router driven without one has an address that nobody trusts.
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    RequestContext {
        request_id: request_id::accept_or_generate(headers, &edge.ids),
        client_ip: client_ip(peer, headers, &edge.trusted_proxies),
        user_agent: user_agent(headers),
        now: edge.clock.now(),
    }
}

/// The `User-Agent`, cut to its limit; `None` for one that is not plain ASCII, as every real one is.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.get(..USER_AGENT_BYTES_MAX).unwrap_or(text).to_owned())
}
