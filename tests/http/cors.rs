//! Who may read answers from another origin: programs' endpoints everybody, the browser's nobody.

use std::collections::BTreeSet;

use authly::web::routes::Cors;
use authly_testkit::{TestApp, site::read};
use reqwest::Method;

use crate::routes::{
    FORM, ORIGIN, assert_not_kept, assert_security_headers, assert_unreadable_elsewhere, path, rows,
};

#[tokio::test]
async fn edge_19_scripts_of_other_sites_may_read_programs_endpoints_and_never_the_browsers() {
    let app = TestApp::start().await;
    let mut public = BTreeSet::new();
    for route in rows() {
        let path = path(&app, route).await;
        for asked in [Method::GET, Method::POST, Method::DELETE] {
            let preflight = app
                .http
                .request(Method::OPTIONS, app.at(&path))
                .header("origin", ORIGIN);
            let preflight = preflight
                .header("access-control-request-method", asked.as_str())
                .header("access-control-request-headers", "authorization");
            let answer = read(preflight).await;
            assert_security_headers(&answer);
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            if route.cors == Cors::None {
                assert_eq!(answer.status, 405, "{path}");
                assert_unreadable_elsewhere(&answer);
                continue;
            }
            public.insert(route.path);
            assert_eq!(
                (answer.status.as_u16(), answer.body.as_str()),
                (204, ""),
                "{path}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            let methods: Vec<_> = route.methods.iter().map(Method::as_str).collect();
            assert_eq!(
                answer.header("access-control-allow-methods"),
                methods.join(", "),
                "{path}"
            );
            let headers = answer.header("access-control-allow-headers");
            assert!(
                headers.contains("authorization") && headers.contains("content-type"),
                "{headers}"
            );
        }
    }
    // RFC 9700 §2.6, and the metadata for clients that run in browsers.
    let expected = [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/api/v1/auth/change-password",
        "/api/v1/auth/logout",
        "/api/v1/auth/password-status",
        "/api/v1/oauth/refresh",
        "/api/v1/oauth/revoke",
        "/api/v1/oauth/token",
        "/api/v1/users/me",
        "/oidc/userinfo",
    ];
    assert_eq!(public, BTreeSet::from(expected));
}

#[tokio::test]
async fn edge_19_errors_of_programs_endpoints_can_be_read_too() {
    let app = TestApp::start().await;
    let requests = [
        app.http
            .post(app.at("/api/v1/oauth/token"))
            .header("content-type", "application/json")
            .body("{}"),
        app.http
            .post(app.at("/api/v1/oauth/token"))
            .basic_auth("nobody", Some("x"))
            .form(&[("grant_type", "x")]),
        app.http.get(app.at("/oidc/userinfo")),
        app.http.delete(app.at("/oidc/userinfo")),
        app.http
            .post(app.at("/api/v1/oauth/token"))
            .header("content-type", FORM)
            .body("a".repeat(70_000)),
    ];
    for request in requests {
        let answer = read(request.header("origin", ORIGIN)).await;
        assert!(answer.status.is_client_error());
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "*",
            "{} {}",
            answer.status,
            answer.url
        );
        assert!(
            answer
                .header("access-control-expose-headers")
                .contains("www-authenticate")
        );
        assert_not_kept(&answer);
    }
}
