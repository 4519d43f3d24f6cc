//! Makes what answers requests from the route table, and finds the row of each.
//!
//! HEAD is served wherever GET is, but within an authorization ([`Route::answers`]); another method is answered 405 with
//! `Allow`; `/a` and `/a/` are two paths.
//!
//! The handlers and their extractors are axum's; its `Router` is not used: a path is looked up in one table, and edge,
//! policy and handler are one future, where layers of that router would copy and box each of them for every request.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    handler::Handler,
    http::{HeaderValue, Method, header},
    response::Response,
};
use hyper::body::Body as _;

use super::{
    middleware::{
        edge,
        policy::{self, Row},
        rate_limit::AddressRate,
    },
    routes::{Mount, Route, When, table},
    state::{Edge, SharedState},
};

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// A handler with its state.
pub type Handle = Arc<dyn Fn(Request) -> Answering<'static> + Send + Sync>;

/// What a connection hands its requests to.
pub trait Answers: Send + Sync + 'static {
    /// Answers a request. The extension [`Peer`](super::server::Peer) says who sent it.
    fn answer(&self, request: Request) -> Answering<'_>;

    /// The same for a request that is there whole, without a connection that brought it.
    fn ask(&self, request: axum::http::Request<Bytes>) -> Answering<'_> {
        self.answer(request.map(Body::from))
    }
}

/// Binds a handler to its state.
pub fn handle<H, T, S>(state: S, handler: H) -> Handle
where
    H: Handler<T, S, Future = Answering<'static>> + Sync,
    S: Clone + Send + Sync + 'static,
{
    Arc::new(move |request| handler.clone().call(request, state.clone()))
}

/// A row in service.
pub struct Endpoint {
    /// Its policy.
    pub row: Row,
    /// What answers when the policy lets a request through.
    pub handle: Handle,
}

/// Every row that exists, each inside its policy, all inside the edge.
pub struct Routes {
    edge: Arc<Edge>,
    /// Rows by path; those of one path differ in their methods.
    exact: HashMap<String, Vec<Endpoint>>,
    /// Rows whose path has `{names}`.
    patterns: Vec<(String, Endpoint)>,
}

/// The rows of the table.
pub fn router(state: &SharedState) -> Arc<dyn Answers> {
    let rate = Arc::new(AddressRate::new(state.edge.limits.authorize_rate));
    let rows = table().filter(|route| route.when == When::Always || state.demo.is_some());
    let endpoints = rows.flat_map(|route| {
        let rate = Arc::clone(&rate);
        let endpoint = move |path| {
            let row = Row {
                edge: Arc::clone(&state.edge),
                route,
                rate: Arc::clone(&rate),
            };
            let handle = (route.handler)(Arc::clone(state));
            (path, Endpoint { row, handle })
        };
        paths(route, state.edge.issuer.path()).into_iter().map(endpoint)
    });
    Arc::new(Routes::new(Arc::clone(&state.edge), endpoints))
}

impl Routes {
    /// Endpoints and their paths, as the server sees them.
    pub fn new(edge: Arc<Edge>, endpoints: impl Iterator<Item = (String, Endpoint)>) -> Self {
        let (mut exact, mut patterns) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for (path, endpoint) in endpoints {
            if path.contains('{') {
                patterns.push((path, endpoint));
            } else {
                exact.entry(path).or_default().push(endpoint);
            }
        }
        Self {
            edge,
            exact,
            patterns,
        }
    }

    /// The row that serves the method at the path. Any other of the path knows which methods there are.
    fn find(&self, path: &str, method: &Method) -> Option<&Endpoint> {
        if let Some(endpoints) = self.exact.get(path) {
            let answers = |endpoint: &&Endpoint| endpoint.row.route.answers(method);
            return endpoints.iter().find(answers).or(endpoints.first());
        }
        let found = self.patterns.iter().find(|(pattern, _)| matches(pattern, path));
        found.map(|(_, endpoint)| endpoint)
    }

    async fn routed(&self, request: Request) -> Response {
        let Some(endpoint) = self.find(request.uri().path(), request.method()) else {
            return policy::unmatched(&self.edge, &request);
        };
        let is_head = request.method() == Method::HEAD;
        let response = policy::policy(&endpoint.row, request, &*endpoint.handle).await;
        if is_head { head_of(response) } else { response }
    }
}

impl Answers for Routes {
    fn answer(&self, request: Request) -> Answering<'_> {
        Box::pin(edge::edge(&self.edge, request, |request| self.routed(request)))
    }
}

/// Whether a path has the segments of a pattern, in which `{name}` stands for any but an empty one.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

/// The same without its content, whose length it still tells (RFC 9110 §9.3.2).
fn head_of(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        let length = HeaderValue::from(length);
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(length);
    }
    Response::from_parts(parts, Body::empty())
}

/// The paths a row is served at, for an issuer whose path is `prefix` (empty for most).
fn paths(route: &Route, prefix: &str) -> Vec<String> {
    let path = route.path;
    match route.mount {
        Mount::Issuer => vec![format!("{prefix}{path}")],
        Mount::WellKnown if prefix.is_empty() => vec![path.to_owned()],
        Mount::WellKnown => vec![format!("{prefix}{path}"), format!("{path}{prefix}")],
        Mount::Root => vec![path.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes::{Auth, Cache, Cors, Csrf, Surface, Throttle};

    #[test]
    fn every_row_is_consistent() {
        for route in table() {
            let path = route.path;
            // The predecessor's one is served in both forms.
            let is_slashed = path.ends_with('/') && path != "/api/v1/users/";
            assert!(path.starts_with('/') && !is_slashed, "{path}");
            assert!(!route.methods.is_empty(), "{path}");
            let changes = route.methods.iter().any(|m| !m.is_safe());
            assert_eq!(
                route.body_bytes_max > 0,
                changes,
                "{path}: a body limit exactly where a body is read"
            );
            if route.auth != Auth::None {
                assert_eq!(
                    route.cache,
                    Cache::NoStore,
                    "{path}: what is for one caller is never kept"
                );
            }
            if matches!(route.auth, Auth::Browser | Auth::Session) {
                assert_eq!(route.cors, Cors::None, "{path}: RFC 9700 2.6");
                assert_eq!(
                    route.throttle == Throttle::PerAddress,
                    route.csrf == Csrf::Open,
                    "{path}: where a stranger begins an interaction, it is stored"
                );
            }
            if route.auth == Auth::None && changes {
                assert_eq!(
                    route.throttle,
                    Throttle::PerAddress,
                    "{path}: nothing else slows a stranger down"
                );
            }
            if route.cors == Cors::Public {
                assert_eq!((route.surface, route.csrf), (Surface::Api, Csrf::Open), "{path}");
            }
        }
    }

    #[test]
    fn no_method_of_a_path_has_two_rows_and_their_policies_agree() {
        for (index, a) in table().enumerate() {
            for b in table().skip(index + 1).filter(|b| b.path == a.path) {
                assert!(a.methods.iter().all(|m| !b.methods.contains(m)), "{}", a.path);
                assert_eq!(
                    (a.surface, a.mount, a.when),
                    (b.surface, b.mount, b.when),
                    "{}",
                    a.path
                );
                assert_eq!(
                    a.cors,
                    Cors::None,
                    "{}: a preflight is answered by one row",
                    a.path
                );
            }
        }
    }

    #[test]
    fn an_issuer_with_a_path_moves_its_routes() {
        let of = |path: &str| table().find(|r| r.path == path).unwrap();
        let token = of("/api/v1/oauth/token");
        assert_eq!(paths(token, ""), ["/api/v1/oauth/token"]);
        assert_eq!(paths(token, "/a"), ["/a/api/v1/oauth/token"]);
        assert_eq!(
            paths(of("/.well-known/oauth-authorization-server"), "/a"),
            [
                "/a/.well-known/oauth-authorization-server",
                "/.well-known/oauth-authorization-server/a"
            ]
        );
        assert_eq!(paths(of("/health"), "/a"), ["/health"]);
    }

    #[test]
    fn name_in_a_pattern_stands_for_one_segment() {
        let is = |path| matches("/assets/{hash}/{name}", path);
        assert!(is("/assets/a/b.css"));
        for other in [
            "/assets/a",
            "/assets//b",
            "/assets/a/",
            "/assets/a/b/c",
            "/other/a/b",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
