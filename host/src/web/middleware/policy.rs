//! Around each route, what its row says.
//!
//! 1. A CORS preflight is answered.
//! 2. Requests from another site, from elsewhere than an operator's address, and from an address that sent too many are
//!    refused where the row says so.
//! 3. Within the request's deadline: the body is read, then the clock, then the handler runs. A panic is a 500 of this
//!    request alone.
//! 4. Errors are put in the form of the row's surface: JSON for programs, a page for people.
//! 5. Cache and CORS headers are set, on errors too.

use std::{panic::AssertUnwindSafe, sync::Arc};

use authly_core::RequestContext;
use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use ipnet::IpNet;
use tokio::time::timeout;

use super::{body, cache, client_ip::is_behind_a_stranger, cors, csrf, rate_limit::AddressRate};
use crate::web::{
    error::{Failure, Rendering, wants_html},
    router::Answering,
    routes::{Auth, Cache, Csrf, Route, Surface, Throttle, table},
    server::Peer,
    state::Edge,
};

/// Room for the headers that every answer gets, so that they are moved once at most.
const HEADERS: usize = 16;

/// The handler behind a policy.
type Next = dyn Fn(Request) -> Answering<'static> + Send + Sync;

/// What the middleware of one row works with.
pub struct Row {
    /// What all requests share.
    pub edge: Arc<Edge>,
    /// What is decided about this one.
    pub route: &'static Route,
    /// What every address has sent to the rows with [`Throttle::PerAddress`], together.
    pub rate: Arc<AddressRate>,
}

/// The row that served a request, in the extensions of its response.
#[derive(Clone, Copy)]
pub struct Matched(pub &'static Route);

/// The middleware of one row.
pub async fn policy(row: &Row, request: Request, next: &Next) -> Response {
    let route = row.route;
    let mut response = match cors::preflight(route, &request) {
        Some(answer) => answer,
        None => answer(row, request, next).await,
    };
    let status = response.status();
    response.headers_mut().reserve(HEADERS);
    cache::apply(route.cache, status, response.headers_mut());
    cors::apply(route.cors, response.headers_mut());
    response.extensions_mut().insert(Matched(route));
    response
}

/// Steps 2 to 4.
async fn answer(row: &Row, request: Request, next: &Next) -> Response {
    let (edge, route) = (row.edge.as_ref(), row.route);
    let render = Rendering::of(&request, route.surface);
    let response = if !route.answers(request.method()) {
        // Not the router's own answer: it would serve HEAD wherever GET is.
        not_allowed(route)
    } else if let Err(refused) = admit(row, &request) {
        refused.into_response()
    } else {
        run(edge, route, request, next).await
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut response = render.apply(&edge.pages, response);
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// 405 with the methods of every row of this path (RFC 9110 §15.5.6).
fn not_allowed(route: &Route) -> Response {
    let rows = || table().filter(|row| row.path == route.path);
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let allowed: Vec<&str> = known
        .iter()
        .filter(|method| route.answers(method) || rows().any(|row| row.answers(method)))
        .map(Method::as_str)
        .collect();
    let mut response = Failure::method_not_allowed().into_response();
    if let Ok(allow) = HeaderValue::from_str(&allowed.join(",")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Step 2.
fn admit(row: &Row, request: &Request) -> Result<(), Failure> {
    let route = row.route;
    if route.csrf == Csrf::SameOrigin
        && !csrf::is_same_origin(request.method(), request.headers(), &row.edge.issuer)
    {
        return Err(Failure::cross_site());
    }
    let context = request.extensions().get::<RequestContext>();
    let context = context.ok_or_else(Failure::internal)?;
    if route.auth == Auth::Operator && !is_operator(&row.edge, context, request) {
        return Err(Failure::not_found());
    }
    if route.throttle == Throttle::PerAddress {
        let admitted = row.rate.admit(context.client_ip, context.now);
        admitted.map_err(Failure::too_many_requests)?;
    }
    Ok(())
}

/// Whether a request comes from an address in `server.metrics_allow`.
fn is_operator(edge: &Edge, context: &RequestContext, request: &Request) -> bool {
    let Some(Peer(peer)) = request.extensions().get::<Peer>() else {
        return false;
    };
    let is_allowed = |net: &IpNet| net.contains(&context.client_ip);
    edge.limits.metrics_allow.iter().any(is_allowed)
        && !is_behind_a_stranger(*peer, request.headers(), &edge.trusted_proxies)
}

/// Step 3.
async fn run(edge: &Edge, route: &Route, request: Request, next: &Next) -> Response {
    let handled = async {
        match body::read(request, route.body_bytes_max, edge.limits.body_timeout).await {
            Ok(mut request) => {
                // A body may take its time to arrive; what expired meanwhile has expired.
                if let Some(context) = request.extensions_mut().get_mut::<RequestContext>() {
                    context.now = edge.clock.now();
                }
                next(request).await
            }
            Err(failure) => failure.into_response(),
        }
    };
    match timeout(
        edge.limits.request_timeout,
        AssertUnwindSafe(handled).catch_unwind(),
    )
    .await
    {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(http.route = route.path, "a handler panicked");
            Failure::internal().into_response()
        }
        Err(_) => {
            tracing::error!(
                http.route = route.path,
                "a request exceeded server.request_timeout"
            );
            Failure::unavailable().into_response()
        }
    }
}

/// The answer where no row matches: a page for those who ask for HTML.
pub fn unmatched(edge: &Edge, request: &Request) -> Response {
    let surface = if wants_html(request.headers()) {
        Surface::Page
    } else {
        Surface::Api
    };
    let render = Rendering::of(request, surface);
    let mut response = render.apply(&edge.pages, Failure::not_found().into_response());
    cache::apply(Cache::NoStore, StatusCode::NOT_FOUND, response.headers_mut());
    response
}
