//! A walk over the route table: what each row says is what HTTP shows.

use std::collections::BTreeSet;

use authly::web::routes::{Auth, Cache, Cors, Csrf, Mount, Route, Surface, When, table};
use authly_testkit::{TestApp, browser::Answer, site::read};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
    assert!(
        answer.header("permissions-policy").contains("geolocation=()"),
        "{url}"
    );
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
            match route.cache {
                Cache::Public(age) if answer.status.is_success() => {
                    assert_eq!(
                        answer.header("cache-control"),
                        format!("public, max-age={}", age.as_secs()),
                        "{path}"
                    );
                }
                Cache::Immutable if answer.status.is_success() => {
                    assert_eq!(
                        answer.header("cache-control"),
                        "public, max-age=31536000, immutable",
                        "{path}"
                    );
                }
                _ => assert_not_kept(&answer),
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
}

#[tokio::test]
async fn every_row_asks_for_what_it_says_callers_must_prove() {
    let app = TestApp::start().await;
    for route in rows() {
        for method in route.methods {
            let answer = call(&app, method, &path(&app, route).await).await;
            let at = format!("{method} {}: {} {}", route.path, answer.status, answer.body);
            match route.auth {
                Auth::Bearer => {
                    assert_eq!(answer.status, 401, "{at}");
                    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{at}");
                }
                Auth::Client => {
                    // Complete but for the credentials, so that nothing else can be what is refused.
                    let whole = app
                        .http
                        .request(method.clone(), app.at(route.path))
                        .header("content-type", FORM)
                        .body("grant_type=refresh_token&token=t");
                    let whole = read(whole).await;
                    assert_eq!(whole.status, 401, "{at}");
                    assert_eq!(whole.json()["error"], "invalid_client", "{at}");
                }
                Auth::Browser | Auth::Session
                    if route.csrf == Csrf::SameOrigin && *method == Method::POST =>
                {
                    assert_eq!(answer.status, 403, "{at}");
                }
                Auth::Session => {
                    let login = app.at("/account/login?to=");
                    assert!(answer.header("location").starts_with(&login), "{at}");
                }
                Auth::Browser => assert!(!answer.headers.contains_key("location"), "{at}"),
                // Whatever it changes for a stranger, it does not by such a request.
                Auth::None if !method.is_safe() => assert!(answer.status.is_client_error(), "{at}"),
                // The test's own address is one of an operator; the policy's own tests have others.
                Auth::None | Auth::Operator => assert!(answer.status.is_success(), "{at}"),
            }
        }
    }
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
async fn a_body_beyond_the_limit_of_its_row_is_413_and_one_at_the_limit_is_read() {
    let app = TestApp::start().await;
    let mut crossed = 0;
    for route in rows().filter(|route| route.body_bytes_max > 0) {
        for (size, over) in [(route.body_bytes_max, false), (route.body_bytes_max + 1, true)] {
            let body = format!("a={}", "x".repeat(size - 2));
            let request = app
                .http
                .post(app.at(route.path))
                .header("content-type", FORM)
                .body(body.clone());
            let answer = read(request).await;
            assert_eq!(
                answer.status == 413,
                over,
                "{} {size}: {}",
                route.path,
                answer.status
            );
            // Without Content-Length the size shows only as it arrives.
            let status = post_chunked(&app, route.path, &body).await;
            assert_eq!(status == "413", over, "{} {size}: {status}", route.path);
            if over {
                assert_security_headers(&answer);
                assert_not_kept(&answer);
                crossed += 1;
            }
        }
    }
    assert!(
        crossed >= 5,
        "authorize, token, userinfo, login and consent read bodies: {crossed}"
    );
}

/// POSTs a form in chunks and answers the status.
async fn post_chunked(app: &TestApp, path: &str, form: &str) -> String {
    let address = app.url.strip_prefix("http://").expect("http");
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("a request");
    for chunk in form.as_bytes().chunks(10_000) {
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        // The server may answer, and stop reading, before the end.
        if stream.write_all(&framed).await.is_err() {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("an answer");
    String::from_utf8_lossy(&status[9..]).into_owned()
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
