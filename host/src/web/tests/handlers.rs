//! The thin handlers: what they refuse, and how answers look.

use std::{
    io::Write,
    sync::{Arc, Mutex, atomic::Ordering},
};

use authly_core::{Clock as _, Effects};
use authly_oauth::{
    clients::{NewClient, create_client},
    scopes,
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::json;

use super::{FORM, Fixed, Web};
use crate::web::{pages::Pages, routes::table, server::Peer};

#[tokio::test]
async fn the_token_endpoint_takes_a_form_by_post_and_nothing_else() {
    let web = Web::start().await;
    let get = web.get("/api/v1/oauth/token?grant_type=client_credentials").await;
    assert_eq!(
        (get.status, get.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    let grant = "grant_type=client_credentials&client_id=a&client_secret=b";
    let in_url = web
        .send(
            Method::POST,
            &format!("/api/v1/oauth/token?{grant}"),
            &[FORM],
            grant,
        )
        .await;
    let json_type = ("content-type", "application/json");
    let multipart = ("content-type", "multipart/form-data; boundary=x");
    for answer in [
        in_url,
        web.token(&[json_type], r#"{"grant_type":"client_credentials"}"#)
            .await,
        web.token(&[multipart], "--x--").await,
        web.token(&[], grant).await,
        web.token(&[FORM], "grant_type=a&grant_type=a").await,
        web.token(&[FORM], "client_id=a&client_secret=b").await,
        web.token(&[FORM], &vec!["a=1"; 101].join("&")).await,
        web.token(
            &[
                FORM,
                ("authorization", "Basic YTpi"),
                ("authorization", "Basic YTpi"),
            ],
            grant,
        )
        .await,
    ] {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert_eq!(answer.json()["error"], "invalid_request", "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_client_that_fails_by_header_is_challenged_and_counted() {
    let web = Web::start().await;
    let basic = web
        .token(
            &[FORM, ("authorization", "Basic YTpi")],
            "grant_type=client_credentials",
        )
        .await;
    assert_eq!(
        (basic.status, basic.json()["error"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("invalid_client"))
    );
    assert!(
        basic.header("www-authenticate").starts_with("Basic realm="),
        "{}",
        basic.header("www-authenticate")
    );
    let body = "grant_type=client_credentials&client_id=a&client_secret=b";
    let post = web.token(&[FORM], body).await;
    assert_eq!(
        (post.status, post.header("www-authenticate")),
        (StatusCode::UNAUTHORIZED, basic.header("www-authenticate"))
    );
    let unsupported = web
        .token(&[FORM], "grant_type=password&client_id=a&client_secret=b")
        .await;
    assert_eq!(unsupported.json()["error"], "unsupported_grant_type");
    let text = web.metrics.render().unwrap();
    assert!(
        text.contains(r#"grant_type="client_credentials",outcome="invalid_client"} 2"#),
        "{text}"
    );
}

#[tokio::test]
async fn metrics_are_for_operators_and_a_proxy_of_nobody_is_none() {
    let web = Web::start().await;
    let status = async |peer: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get("/metrics").extension(Peer(peer.parse().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        web.routes.answer(request).await.status()
    };
    for operator in ["127.0.0.1", "127.1.2.3", "::1"] {
        assert_eq!(status(operator, &[]).await, StatusCode::OK, "{operator}");
    }
    for stranger in ["192.0.2.1", "10.0.0.1", "::2", "2001:db8::1"] {
        assert_eq!(status(stranger, &[]).await, StatusCode::NOT_FOUND, "{stranger}");
        let claims = [("x-forwarded-for", "127.0.0.1")];
        assert_eq!(
            status(stranger, &claims).await,
            StatusCode::NOT_FOUND,
            "{stranger}"
        );
    }
    for passed_on in [
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        // A proxy that names nobody: the address is its own.
        ("via", "1.1 proxy"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "login.example.com"),
    ] {
        assert_eq!(status("127.0.0.1", &[passed_on]).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(web.get("/metrics").await.status, StatusCode::NOT_FOUND, "no peer");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_access_log_names_a_registered_client_and_nothing_else_that_was_sent() {
    let web = Web::start().await;
    let new = NewClient {
        id: Some("known".to_owned()),
        redirect_uris: vec!["https://known.example/cb".to_owned()],
        scopes: vec!["openid".to_owned()],
        ..NewClient::default()
    };
    web.tenant
        .seed_scopes(&scopes::seeded(), Effects::none())
        .await
        .unwrap();
    create_client(web.tenant.as_ref(), new, Fixed.now(), &Fixed)
        .await
        .unwrap();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for client in ["known", "unknown"] {
        let body = format!("grant_type=client_credentials&client_id={client}&client_secret=s3cret");
        assert_eq!(web.token(&[FORM], &body).await.status, StatusCode::UNAUTHORIZED);
    }
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let answered: Vec<_> = text
        .lines()
        .filter(|line| line.contains("request answered"))
        .collect();
    assert_eq!(answered.len(), 2, "{text}");
    assert!(answered[0].contains("client.id=\"known\""), "{text}");
    assert!(!answered[1].contains("client.id"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn userinfo_without_a_good_token_follows_rfc_6750() {
    let web = Web::start().await;
    let none = web.get("/oidc/userinfo").await;
    assert_eq!((none.status, none.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"authly\"");
    let bearer = ("authorization", "Bearer abc");
    let bad = web.send(Method::GET, "/oidc/userinfo", &[bearer], "").await;
    assert_eq!(
        (bad.status, bad.json()["error"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("invalid_token"))
    );
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
    let twice = web
        .send(
            Method::POST,
            "/oidc/userinfo",
            &[bearer, FORM],
            "access_token=abc",
        )
        .await;
    assert_eq!(
        (twice.status, twice.json()["error"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_request"))
    );
}

#[tokio::test]
async fn keys_and_metadata_are_public_and_kept_for_minutes() {
    let web = Web::start().await;
    let jwks = web.get("/.well-known/jwks.json").await;
    assert_eq!(jwks.header("content-type"), "application/json");
    assert_eq!(jwks.header("cache-control"), "public, max-age=300");
    let keys = jwks.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 2);
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{key}");
        }
    }
    let metadata = web.get("/.well-known/openid-configuration").await.json();
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        let url = metadata[endpoint].as_str().unwrap();
        let path = url.strip_prefix("https://id.example.com").unwrap();
        assert!(table().any(|route| route.path == path), "{endpoint}: {url}");
    }
}

#[tokio::test]
async fn health_is_about_the_process_and_readiness_about_its_surroundings() {
    let web = Web::start().await;
    assert_eq!(
        web.get("/health").await.json(),
        json!({ "status": "healthy", "version": env!("CARGO_PKG_VERSION") })
    );
    let ready = web.get("/health/ready").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(
        ready.json()["checks"],
        json!({ "storage": "ok", "keys": "ok", "plugins": "ok" })
    );
    web.plugins_ready.store(false, Ordering::Relaxed);
    let failing = web.get("/health/ready").await;
    assert_eq!(
        (failing.status, failing.json()["status"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("not_ready"))
    );
    assert_eq!(failing.json()["checks"]["plugins"], "failing");
    assert_eq!(web.get("/health").await.status, StatusCode::OK);
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_hash_alone() {
    let web = Web::start().await;
    let pages = Pages::load(None, "", Arc::new(Fixed)).unwrap();
    let current = format!("/assets/{}/authly.css", pages.assets().hash());
    let css = web.get(&current).await;
    assert_eq!(
        (css.status, css.header("content-type")),
        (StatusCode::OK, "text/css; charset=utf-8")
    );
    assert!(css.header("cache-control").ends_with("immutable"));
    let unknown = web.get(&current.replace("authly.css", "nothing.css")).await;
    assert_eq!(
        (unknown.status, unknown.header("cache-control")),
        (StatusCode::NOT_FOUND, "no-store")
    );
    let older = web.get("/assets/0000000000000000/authly.css").await;
    assert_eq!(
        (older.status, older.header("location")),
        (StatusCode::SEE_OTHER, current.as_str())
    );
    assert_eq!(
        older.header("cache-control"),
        "no-store",
        "what another version named is not kept as this one"
    );
}
