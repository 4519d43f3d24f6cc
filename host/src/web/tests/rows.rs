//! What every row of the table promises.

use axum::http::{Method, StatusCode};

use super::{FORM, Web};
use crate::web::{
    ServerLimits,
    routes::{Auth, Cache, Cors, Mount, Route, Surface, Throttle, When, table},
};

/// What a row that authenticates clients must refuse for want of credentials and nothing else.
const CLIENT_REQUEST: &str = "grant_type=refresh_token&token=t";

/// Whether the path of a row can be requested as it stands in the table.
fn is_complete(route: &Route) -> bool {
    !route.path.contains('{')
}

#[tokio::test]
async fn every_row_keeps_its_promises_to_a_stranger() {
    let web = Web::start().await;
    for route in table().filter(|route| route.when == When::Always) {
        for method in route.methods {
            let answer = web.send(method.clone(), route.path, &[FORM], "").await;
            let row = format!("{method} {}: {} {}", route.path, answer.status, answer.body);
            assert!(!answer.status.is_server_error(), "{row}");
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{row}");
            assert!(!answer.header("x-correlation-id").is_empty(), "{row}");
            let cors = if route.cors == Cors::Public { "*" } else { "" };
            assert_eq!(answer.header("access-control-allow-origin"), cors, "{row}");
            let kept = answer.header("cache-control").starts_with("public");
            assert_eq!(
                kept,
                route.cache != Cache::NoStore && answer.status.is_success(),
                "{row}"
            );
            match route.auth {
                Auth::Bearer => {
                    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{row}");
                    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{row}");
                }
                Auth::Client => {
                    let whole = web
                        .send(method.clone(), route.path, &[FORM], CLIENT_REQUEST)
                        .await;
                    assert_eq!(whole.status, StatusCode::UNAUTHORIZED, "{row}");
                    assert_eq!(whole.json()["error"], "invalid_client", "{row}");
                }
                // The form that signs in is bound to its browser; that is no session.
                Auth::Browser => assert!(
                    !answer.header("set-cookie").starts_with("__Host-authly-default="),
                    "{row}"
                ),
                Auth::Session => {
                    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{row}");
                    let login = "https://id.example.com/account/login?to=";
                    assert!(answer.header("location").starts_with(login), "{row}");
                    assert!(answer.header("set-cookie").is_empty(), "{row}");
                }
                Auth::Operator => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{row}"),
                Auth::None if !method.is_safe() => assert!(answer.status.is_client_error(), "{row}"),
                Auth::None => assert!(answer.status.is_success() || !is_complete(route), "{row}"),
            }
        }
        let unused = web.send(Method::DELETE, route.path, &[], "").await;
        assert_eq!(unused.status, StatusCode::METHOD_NOT_ALLOWED, "{}", route.path);
        assert!(!unused.header("allow").is_empty(), "{}", route.path);
        if table().any(|other| other.path == format!("{}/", route.path)) {
            continue;
        }
        let slash = web.get(&format!("{}/", route.path)).await;
        assert_eq!(slash.status, StatusCode::NOT_FOUND, "{}/", route.path);
    }
}

#[tokio::test]
async fn head_shows_what_get_does_but_moves_no_authorization_on() {
    let web = Web::start().await;
    for route in table().filter(|route| route.when == When::Always) {
        let head = web.send(Method::HEAD, route.path, &[], "").await;
        let of_path = || table().filter(|other| other.path == route.path);
        let has_get = of_path().any(|other| other.methods.contains(&Method::GET));
        let is_shown = has_get && route.surface != Surface::Flow;
        assert_eq!(
            head.status == StatusCode::METHOD_NOT_ALLOWED,
            !is_shown,
            "{}: {}",
            route.path,
            head.status
        );
        if !is_shown {
            assert!(!head.header("allow").contains("HEAD"), "{}", route.path);
            for method in of_path().flat_map(|other| other.methods) {
                assert!(
                    head.header("allow").contains(method.as_str()),
                    "{method} {}",
                    route.path
                );
            }
        }
        assert_eq!(head.body, "", "{}", route.path);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_of_a_row_is_413() {
    let web = Web::start().await;
    for route in table().filter(|route| route.methods.contains(&Method::POST)) {
        let body = "x".repeat(route.body_bytes_max + 1);
        let answer = web.send(Method::POST, route.path, &[FORM], &body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", route.path);
    }
}

#[tokio::test]
async fn rows_with_a_rate_answer_429_beyond_it_to_every_method() {
    let burst = ServerLimits::default().authorize_rate.burst;
    for route in table().filter(|route| route.throttle == Throttle::PerAddress) {
        let web = Web::start().await;
        for method in route.methods {
            for _ in 0..burst {
                web.send(method.clone(), route.path, &[FORM], "").await;
            }
            let refused = web.send(method.clone(), route.path, &[FORM], "").await;
            assert_eq!(
                refused.status,
                StatusCode::TOO_MANY_REQUESTS,
                "{method} {}",
                route.path
            );
            assert!(
                !refused.header("retry-after").is_empty(),
                "{method} {}",
                route.path
            );
        }
    }
}

#[tokio::test]
async fn the_demo_is_not_there_without_dev() {
    let web = Web::start().await;
    for route in table().filter(|route| route.when == When::Dev) {
        assert_eq!(
            web.get(route.path).await.status,
            StatusCode::NOT_FOUND,
            "{}",
            route.path
        );
    }
}

#[tokio::test]
async fn the_routes_of_an_issuer_with_a_path_are_below_it() {
    let web = Web::with_issuer("https://example.com/tenant").await;
    for route in table().filter(|route| route.when == When::Always && route.mount != Mount::Root) {
        let below = web
            .send(Method::DELETE, &format!("/tenant{}", route.path), &[], "")
            .await;
        assert_eq!(below.status, StatusCode::METHOD_NOT_ALLOWED, "{}", route.path);
        assert_eq!(
            web.get(route.path).await.status,
            StatusCode::NOT_FOUND,
            "{}",
            route.path
        );
    }
    for path in [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/openid-configuration/tenant",
        "/.well-known/oauth-authorization-server/tenant",
    ] {
        assert_eq!(
            web.get(path).await.json()["issuer"],
            "https://example.com/tenant",
            "{path}"
        );
    }
}
