//! A walk over the route table: what each row says is what HTTP shows.
//!
//! Where a row alone cannot say whether it is right, the walk holds a list, and a row that is in none fails.

mod auth;
mod limits;

use std::collections::BTreeSet;

use authly::web::routes::{Cache, Cors, Mount, Route, Surface, When, table};
use authly_testkit::{TestApp, browser::Answer, site::read};
use reqwest::Method;

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const ORIGIN: &str = "https://elsewhere.example";

pub(crate) fn rows() -> impl Iterator<Item = &'static Route> {
    table().filter(|route| route.when == When::Always)
}

/// A path of the row that exists.
pub(crate) async fn path(app: &TestApp, route: &Route) -> String {
    if !route.path.contains('{') {
        return route.path.to_owned();
    }
    assert_eq!(
        route.path, "/assets/{hash}/{name}",
        "a path with a pattern that the walk does not know"
    );
    let page = app.browser().get("/login").await;
    let (_, rest) = page.body.split_once("href=\"/assets/").expect("a stylesheet");
    format!("/assets/{}", rest.split_once('"').expect("its end").0)
}

/// The plainest request of the row, as a script of another site sends it.
async fn call(app: &TestApp, method: &Method, path: &str) -> Answer {
    let mut request = app
        .http
        .request(method.clone(), app.at(path))
        .header("origin", ORIGIN);
    if *method == Method::POST {
        request = request.header("content-type", FORM).body("a=b");
    }
    read(request).await
}

pub(crate) fn assert_security_headers(answer: &Answer) {
    let url = &answer.url;
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{url}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{url}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{url}");
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'"),
        "{url}"
    );
    assert!(
        answer
            .header("content-security-policy")
            .contains("frame-ancestors 'none'"),
        "{url}"
    );
    // It is for scripts, which only pages could have.
    if answer.header("content-type").starts_with("text/html") {
        let policy = answer.header("permissions-policy");
        assert!(policy.contains("geolocation=()"), "{url}");
    }
    assert!(!answer.header("x-correlation-id").is_empty(), "{url}");
    assert_eq!(
        answer.header("server"),
        "",
        "{url}: what runs here is nobody's business"
    );
    assert_eq!(
        answer.header("strict-transport-security"),
        "",
        "{url}: the issuer is http"
    );
}

pub(crate) fn assert_not_kept(answer: &Answer) {
    assert_eq!(
        answer.header("cache-control"),
        "no-store",
        "{} {}",
        answer.status,
        answer.url
    );
}

pub(crate) fn assert_unreadable_elsewhere(answer: &Answer) {
    let cors: Vec<_> = answer
        .headers
        .keys()
        .filter(|n| n.as_str().starts_with("access-control-"))
        .collect();
    assert!(cors.is_empty(), "{}: {cors:?}", answer.url);
}

#[tokio::test]
async fn every_row_has_its_cache_cors_and_security_headers() {
    let app = TestApp::start().await;
    let mut kept = BTreeSet::new();
    for route in rows() {
        let path = path(&app, route).await;
        for method in route.methods {
            let answer = call(&app, method, &path).await;
            assert_ne!(answer.status, 404, "{method} {path}");
            assert_ne!(answer.status, 405, "{method} {path}");
            assert!(
                !answer.status.is_server_error(),
                "{method} {path}: {}",
                answer.body
            );
            assert_security_headers(&answer);
            if route.cache != Cache::NoStore {
                kept.insert(route.path);
                assert_eq!(answer.status, 200, "{path}: or what is kept is never seen");
            }
            match route.cache {
                Cache::Public(age) => {
                    assert_eq!(
                        answer.header("cache-control"),
                        format!("public, max-age={}", age.as_secs()),
                        "{path}"
                    );
                }
                Cache::Immutable => {
                    assert_eq!(
                        answer.header("cache-control"),
                        "public, max-age=31536000, immutable",
                        "{path}"
                    );
                }
                Cache::NoStore => assert_not_kept(&answer),
            }
            let public = route.cors == Cors::Public;
            if public {
                assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            } else {
                assert_unreadable_elsewhere(&answer);
            }
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
            let policy = if public { "cross-origin" } else { "same-origin" };
            assert_eq!(answer.header("cross-origin-resource-policy"), policy, "{path}");
            let opener = if route.surface == Surface::Flow {
                "unsafe-none"
            } else {
                "same-origin"
            };
            assert_eq!(answer.header("cross-origin-opener-policy"), opener, "{path}");
            let is_page = matches!(route.surface, Surface::Flow | Surface::Page);
            if is_page && !answer.status.is_redirection() {
                assert_eq!(
                    answer.header("content-type"),
                    "text/html; charset=utf-8",
                    "{path}"
                );
            }
        }
    }
    // The same for everybody, whoever asks: caches in between give it to all.
    let public = [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/assets/{hash}/{name}",
    ];
    assert_eq!(kept, BTreeSet::from(public));
}

#[tokio::test]
async fn every_other_method_is_405_and_says_which_are_allowed() {
    let app = TestApp::start().await;
    for route in rows() {
        let path = path(&app, route).await;
        let of_path = rows()
            .filter(|other| other.path == route.path)
            .flat_map(|other| other.methods);
        let mut allowed: BTreeSet<&str> = of_path.map(Method::as_str).collect();
        if allowed.contains("GET") && route.surface != Surface::Flow {
            allowed.insert("HEAD");
        }
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
            Method::from_bytes(b"PROPFIND").expect("a method of others"),
        ] {
            if allowed.contains(method.as_str()) {
                continue;
            }
            let answer = call(&app, &method, &path).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let said: BTreeSet<&str> = answer.header("allow").split(',').map(str::trim).collect();
            assert_eq!(said, allowed, "{method} {path}");
            assert_security_headers(&answer);
            assert_not_kept(&answer);
        }
        let head = app.request(Method::HEAD, &path).await;
        assert_eq!(head.status != 405, allowed.contains("HEAD"), "{path}");
        assert_eq!(head.body, "");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_in_the_form_the_caller_reads() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/nothing",
        "/login/",
        "/api/v1/oauth/authorize/",
        "/API/v1/oauth/token",
        "//login",
        "/login%2f",
        "/.well-known/",
        "/oidc/userinfo/x",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let answer = call(&app, &method, path).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_security_headers(&answer);
            assert_not_kept(&answer);
            assert_unreadable_elsewhere(&answer);
            assert_eq!(answer.json()["error"], "not_found");
        }
        let page = read(app.http.get(app.at(path)).header("accept", "text/html")).await;
        app.assert_page(&page, 404);
    }
    for route in table().filter(|route| route.when == When::Dev) {
        assert_eq!(
            call(&app, &Method::GET, route.path).await.status,
            404,
            "{}: --dev only",
            route.path
        );
    }
}

#[tokio::test]
async fn the_rows_are_where_an_issuer_with_a_path_has_them() {
    // Root rows are for probes of the operator: no issuer moves them.
    let moved = rows()
        .filter(|route| route.mount == Mount::Root)
        .map(|route| route.path);
    assert_eq!(
        moved.collect::<Vec<_>>(),
        ["/health", "/health/ready", "/metrics"]
    );
}
