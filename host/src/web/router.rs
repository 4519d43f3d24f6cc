//! Makes the router from the route table.
//!
//! HEAD is served wherever GET is, but within an authorization ([`Route::answers`]); another method is answered 405 with `Allow`; `/a` and `/a/` are two paths.

use std::sync::Arc;

use axum::{
    Router, handler::Handler as _, http::Method, middleware::from_fn_with_state, routing::MethodFilter,
};

use super::{
    middleware::{
        edge,
        policy::{self, Row},
        rate_limit::AddressRate,
    },
    routes::{Mount, Route, When, table},
    state::SharedState,
};

/// What a connection hands its requests to; a test that counts what one request costs calls it without a connection.
pub type Routes = Router;

/// The router of every row that exists, each inside its policy, all inside the edge.
pub fn router(state: &SharedState) -> Routes {
    let mut router = Router::new();
    let rate = Arc::new(AddressRate::new(state.edge.limits.authorize_rate));
    for route in table().filter(|route| route.when == When::Always || state.demo.is_some()) {
        for path in paths(route, state.edge.issuer.path()) {
            let row = Row {
                edge: Arc::clone(&state.edge),
                route,
                rate: Arc::clone(&rate),
            };
            let policy = from_fn_with_state(row, policy::policy);
            router = router.route(&path, (route.handler)(filter(route.methods)).layer(policy));
        }
    }
    router
        .fallback_service(policy::unmatched.with_state(state.edge.clone()))
        .layer(from_fn_with_state(state.edge.clone(), edge::edge))
        .with_state(state.clone())
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

/// The methods as axum wants them. Methods outside its set cannot be in a row: a test walks the table.
fn filter(methods: &[Method]) -> MethodFilter {
    methods
        .iter()
        .filter_map(|method| MethodFilter::try_from(method.clone()).ok())
        .reduce(MethodFilter::or)
        .unwrap_or(MethodFilter::GET)
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
            assert!(
                route
                    .methods
                    .iter()
                    .all(|m| MethodFilter::try_from(m.clone()).is_ok()),
                "{path}"
            );
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
}
