//! Access tokens that say nothing, for clients registered so (RFC 6749 §1.4), and the lifetimes that clients register.

use std::time::Duration;

use authly_core::client::AccessTokenFormat;
use authly_testkit::{TestApp, TestClient, client::Form, site::claims};
use serde_json::{Value, json};

const SCOPE: &str = "openid profile offline_access";
const INACTIVE: &str = r#"{"active":false}"#;

async fn opaque_client(app: &TestApp) -> TestClient {
    let client = app.confidential_client("web").await;
    make_opaque(app, &client).await;
    client
}

async fn make_opaque(app: &TestApp, client: &TestClient) {
    app.change_client(client, |client| {
        client.access_token_format = AccessTokenFormat::Opaque;
    })
    .await;
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

/// The left half of the SHA-256, as OIDC Core §3.1.3.6 wants it for RS256.
fn at_hash(access_token: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let hash = authly_core::TokenHash::of(access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_bytes()[..16])
}

#[tokio::test]
async fn an_opaque_token_opens_what_a_jwt_would_on_both_databases() {
    for postgres in [false, true] {
        let mut builder = TestApp::builder();
        if postgres {
            builder = builder.postgres().await;
        }
        let app = builder.start().await;
        let client = opaque_client(&app).await;
        let user = app.user("alice").await;
        let tokens = app.tokens(&client, &user, SCOPE).await;
        let access = text(&tokens, "access_token");
        assert_eq!(access.len(), 43, "256 bits and nothing else");
        assert_eq!(tokens["expires_in"], 600);
        let id_token = claims(text(&tokens, "id_token"));
        assert_eq!(id_token["at_hash"], at_hash(access));
        assert_eq!(app.userinfo(access).await.json()["name"], "Test alice");

        let told = app.introspect(&client, access).await.json();
        let now = app.now().as_secs();
        assert_eq!(
            (
                &told["active"],
                &told["sub"],
                &told["client_id"],
                &told["username"]
            ),
            (&json!(true), &json!(user.id), &json!("web"), &json!("alice"))
        );
        assert_eq!((&told["iat"], &told["exp"]), (&json!(now), &json!(now + 600)));
        assert_eq!(told["scope"], "offline_access openid profile");

        app.advance(Duration::from_secs(599));
        assert_eq!(app.userinfo(access).await.status, 200);
        app.advance(Duration::from_secs(1));
        assert_eq!(app.userinfo(access).await.status, 401, "exactly at its end");
        assert_eq!(app.introspect(&client, access).await.body, INACTIVE);
    }
}

#[tokio::test]
async fn each_refresh_and_each_retry_of_it_has_a_token_that_works() {
    let app = TestApp::start().await;
    let client = opaque_client(&app).await;
    let user = app.user("alice").await;
    let first = app.tokens(&client, &user, SCOPE).await;
    let refresh = app.refresh(&client, text(&first, "refresh_token"));
    let second = app.token(&client, &refresh).await.json();
    let retried = app.token(&client, &refresh).await.json();
    assert_eq!(second["refresh_token"], retried["refresh_token"], "one successor");
    let tokens = [&first, &second, &retried].map(|tokens| text(tokens, "access_token"));
    for token in tokens {
        assert_eq!(app.userinfo(token).await.status, 200);
    }
    app.revoke(&client, tokens[1]).await;
    let mut left = Vec::new();
    for token in tokens {
        left.push(app.userinfo(token).await.status == 200);
    }
    assert_eq!(left, [true, false, true], "it alone");
    app.revoke(&client, text(&second, "refresh_token")).await;
    for token in tokens {
        assert_eq!(app.userinfo(token).await.status, 401, "all of the grant");
    }
}

#[tokio::test]
async fn a_refresh_token_that_is_kept_gets_opaque_tokens_too() {
    let app = TestApp::start().await;
    let client = opaque_client(&app).await;
    app.change_client(&client, |web| web.rotate_refresh_tokens = false)
        .await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    let refresh = app.refresh(&client, text(&tokens, "refresh_token"));
    for _ in 0..2 {
        let renewed = app.token(&client, &refresh).await.json();
        assert_eq!(app.userinfo(text(&renewed, "access_token")).await.status, 200);
    }
}

#[tokio::test]
async fn a_replayed_code_kills_the_opaque_token_of_its_first_use() {
    let app = TestApp::start().await;
    let client = opaque_client(&app).await;
    let user = app.user("alice").await;
    let (code, pkce) = app.code(&client, &user, "openid").await;
    let exchange = app.exchange(&client, &code, &pkce);
    let tokens = app.token(&client, &exchange).await.json();
    let access = text(&tokens, "access_token");
    assert_eq!(app.userinfo(access).await.status, 200);
    assert_eq!(app.token(&client, &exchange).await.status, 400);
    assert_eq!(app.userinfo(access).await.status, 401);
}

#[tokio::test]
async fn a_clients_own_opaque_token_is_nobody_elses_to_ask_about_or_end() {
    let app = TestApp::start().await;
    let service = app.service_client("service").await;
    let other = app.service_client("other").await;
    make_opaque(&app, &service).await;
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let tokens = app.token(&service, &form).await.json();
    let access = text(&tokens, "access_token");
    assert!(!access.contains('.'));
    let told = app.introspect(&service, access).await.json();
    assert_eq!(
        (&told["active"], &told["sub"], &told["scope"]),
        (&json!(true), &json!("service"), &json!("read"))
    );
    assert_eq!(app.introspect(&other, access).await.body, INACTIVE);
    app.revoke(&other, access).await;
    assert_eq!(app.introspect(&service, access).await.json()["active"], true);
    app.revoke(&service, access).await;
    assert_eq!(app.introspect(&service, access).await.body, INACTIVE);
}

#[tokio::test]
async fn lifetimes_of_a_client_are_its_own_and_end_with_the_grant() {
    let app = TestApp::builder().set("oauth.grant_ttl", "15m").start().await;
    let client = app.confidential_client("web").await;
    app.change_client(&client, |web| {
        web.access_token_ttl = Some(Duration::from_secs(90));
        web.id_token_ttl = Some(Duration::from_secs(45));
        web.refresh_token_ttl = Some(Duration::from_mins(2));
    })
    .await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    let lifetime = |said: &Value| said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap();
    assert_eq!(tokens["expires_in"], 90);
    assert_eq!(lifetime(&claims(text(&tokens, "access_token"))), 90);
    assert_eq!(lifetime(&claims(text(&tokens, "id_token"))), 45);
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(lifetime(&app.introspect(&client, refresh).await.json()), 120);
    app.advance(Duration::from_mins(2));
    let late = app.token(&client, &app.refresh(&client, refresh)).await;
    assert_eq!(
        (late.status.as_u16(), &late.json()["error"]),
        (400, &json!("invalid_grant"))
    );

    app.change_client(&client, |web| {
        web.access_token_ttl = Some(Duration::from_hours(1));
        web.id_token_ttl = Some(Duration::from_hours(1));
    })
    .await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    assert_eq!(tokens["expires_in"], 900, "the grant ends, and all with it");
    for name in ["access_token", "id_token"] {
        assert_eq!(lifetime(&claims(text(&tokens, name))), 900, "{name}");
    }
}
