//! Client authentication by a signed assertion: `private_key_jwt` and `client_secret_jwt` (RFC 7521, RFC 7523, OIDC Core
//! §9).

use std::time::Duration;

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, TestClient, browser::Answer, client::Form, site::read};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::client_key::{ClientKey, KeySite, assertion_claims, sign_with_secret, with_assertion};

const TOKEN: &str = "/api/v1/oauth/token";
const INTROSPECT: &str = "/api/v1/oauth/introspect";
const REVOKE: &str = "/api/v1/oauth/revoke";

fn by_key() -> NewClient {
    NewClient {
        id: Some("service".into()),
        grant_types: vec!["client_credentials".into()],
        scopes: vec!["read".into()],
        token_endpoint_auth_method: Some("private_key_jwt".into()),
        ..NewClient::default()
    }
}

async fn client_with(app: &TestApp, key: &ClientKey) -> TestClient {
    app.client(NewClient {
        jwks: Some(key.jwks()),
        ..by_key()
    })
    .await
}

fn grant() -> Form {
    Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read")
}

async fn ask(app: &TestApp, assertion: &str) -> Answer {
    app.token_with(None, &with_assertion(&grant(), assertion)).await
}

fn assert_refused(answer: &Answer, why: &str) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (401, &"invalid_client".into()),
        "{why}: {}",
        answer.body
    );
}

#[tokio::test]
async fn edge_39_an_assertion_opens_every_endpoint_of_clients_and_serves_once() {
    let app = TestApp::start().await;
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let client = client_with(&app, &key).await;
    let assertion = key.sign(&assertion_claims(&app, &client.id));
    let first = ask(&app, &assertion).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_refused(&ask(&app, &assertion).await, "replayed");
    let token = first.json()["access_token"].as_str().unwrap().to_owned();
    let form = Form::new().set("token", &token);
    for path in [INTROSPECT, REVOKE] {
        let spent = with_assertion(&form, &assertion);
        assert_refused(
            &read(app.http.post(app.at(path)).form(&spent.pairs())).await,
            path,
        );
        let fresh = with_assertion(&form, &key.sign(&assertion_claims(&app, &client.id)));
        let answer = read(app.http.post(app.at(path)).form(&fresh.pairs())).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn edge_39_an_assertion_is_judged_claim_by_claim() {
    let app = TestApp::start().await;
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let client = client_with(&app, &key).await;
    let other = ClientKey::generate(Algorithm::ES256, "other");
    app.client(NewClient {
        id: Some("other".into()),
        jwks: Some(other.jwks()),
        ..by_key()
    })
    .await;
    let now = app.now().as_secs();
    let bad: [(&str, &str, Value); 16] = [
        ("its end has come", "exp", json!(now)),
        ("its end is too far away", "exp", json!(now + 4_000)),
        ("no end", "exp", Value::Null),
        ("an end that is no number", "exp", json!("tomorrow")),
        ("not valid yet", "nbf", json!(now + 120)),
        ("made in the future", "iat", json!(now + 120)),
        ("for somebody else", "aud", json!("https://other.example")),
        (
            "for a server whose name begins alike",
            "aud",
            json!(format!("{}.example", app.url)),
        ),
        ("for nobody", "aud", Value::Null),
        ("a list that is not all text", "aud", json!([app.url, 7])),
        ("by somebody else", "iss", json!("other")),
        ("about somebody else", "sub", json!("other")),
        ("about nobody", "sub", Value::Null),
        ("no jti", "jti", Value::Null),
        ("an empty jti", "jti", json!("")),
        ("an endless jti", "jti", json!("j".repeat(256))),
    ];
    for (why, name, value) in bad {
        let mut claims = assertion_claims(&app, &client.id);
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        assert_refused(&ask(&app, &key.sign(&claims)).await, why);
    }
    // The other side of the limits.
    let mut claims = assertion_claims(&app, &client.id);
    claims["exp"] = json!(now + 3_600);
    claims["nbf"] = json!(now);
    claims["jti"] = json!("j".repeat(255));
    let answer = ask(&app, &key.sign(&claims)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn edge_39_an_assertion_is_believed_only_with_the_clients_own_key_and_kind() {
    let app = TestApp::start().await;
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let client = client_with(&app, &key).await;
    let claims = || assertion_claims(&app, &client.id);
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "None", "nOnE"] {
        let unsigned = format!("{}.{}.", encode(&json!({ "alg": alg })), encode(&claims()));
        assert_refused(&ask(&app, &unsigned).await, alg);
    }
    let public = key.jwk();
    let point =
        [&public["x"], &public["y"]].map(|part| URL_SAFE_NO_PAD.decode(part.as_str().unwrap()).unwrap());
    for secret in [
        public.to_string().into_bytes(),
        key.jwks().into_bytes(),
        point.concat(),
    ] {
        assert_refused(&ask(&app, &sign_with_secret(&secret, &claims())).await, "HS256");
    }
    let stranger = ClientKey::generate(Algorithm::ES256, "k");
    assert_refused(&ask(&app, &stranger.sign(&claims())).await, "another key");
    let good = key.sign(&claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let tampered = format!("{header}.{}.{signature}", encode(&claims()));
    assert_refused(&ask(&app, &tampered).await, "tampered");
    assert_eq!(ask(&app, &good).await.status, 200);
    // One of our own tokens is no assertion, whatever it is signed with.
    let own = ask(&app, &key.sign(&claims())).await.json()["access_token"].clone();
    assert_refused(&ask(&app, own.as_str().unwrap()).await, "an access token");
}

#[tokio::test]
async fn edge_39_an_unknown_kid_fetches_the_keys_again_but_not_too_often() {
    let old = ClientKey::generate(Algorithm::ES256, "old");
    let new = ClientKey::generate(Algorithm::ES256, "new");
    let site = KeySite::start(old.jwks()).await;
    let app = TestApp::builder()
        .set("egress.allow_addresses", "127.0.0.1/32")
        .start()
        .await;
    let client = app
        .client(NewClient {
            jwks_uri: Some(site.jwks_uri.clone()),
            ..by_key()
        })
        .await;
    let with = |key: &ClientKey| key.sign(&assertion_claims(&app, &client.id));
    for _ in 0..2 {
        let answer = ask(&app, &with(&old)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(site.asked(), 1, "kept");
    site.publish(new.jwks());
    for _ in 0..3 {
        assert_refused(&ask(&app, &with(&new)).await, "asked a moment ago");
    }
    assert_eq!(site.asked(), 1, "an invented kid does not make the server ask");
    app.advance(Duration::from_secs(11));
    assert_eq!(ask(&app, &with(&new)).await.status, 200);
    assert_eq!(site.asked(), 2);
    assert_refused(&ask(&app, &with(&old)).await, "a key that is no longer published");
}

#[tokio::test]
async fn a_jwks_uri_leads_the_server_to_no_private_address() {
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let site = KeySite::start(key.jwks()).await;
    let app = TestApp::start().await;
    let port = site.jwks_uri.rsplit(':').next().unwrap();
    let urls = [
        site.jwks_uri.clone(),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("https://[::1]:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://2130706433/jwks".to_owned(),
    ];
    for (index, url) in urls.into_iter().enumerate() {
        let client = app
            .client(NewClient {
                id: Some(format!("service-{index}")),
                jwks_uri: Some(url.clone()),
                ..by_key()
            })
            .await;
        let answer = ask(&app, &key.sign(&assertion_claims(&app, &client.id))).await;
        assert_refused(&answer, &url);
    }
    assert_eq!(site.asked(), 0);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_an_outage_and_spend_nothing() {
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let site = KeySite::start("<html>not keys</html>".to_owned()).await;
    let app = TestApp::builder()
        .set("egress.allow_addresses", "127.0.0.1/32")
        .start()
        .await;
    let client = app
        .client(NewClient {
            jwks_uri: Some(site.jwks_uri.clone()),
            ..by_key()
        })
        .await;
    let assertion = key.sign(&assertion_claims(&app, &client.id));
    assert_refused(
        &ask(&app, &assertion).await,
        "what the client publishes is its own fault",
    );
    app.advance(Duration::from_secs(11));
    site.fail();
    let answer = ask(&app, &assertion).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    site.publish(key.jwks());
    app.advance(Duration::from_secs(11));
    let answer = ask(&app, &assertion).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn the_accepted_audience_is_that_of_the_clients_profile() {
    let app = TestApp::start().await;
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let strict = app
        .client(NewClient {
            id: Some("strict".into()),
            jwks: Some(key.jwks()),
            assertion_audience: Some("issuer".into()),
            ..by_key()
        })
        .await;
    let wide = client_with(&app, &key).await;
    let audiences = [
        (json!(app.url), true),
        (json!([app.url]), false),
        (json!(app.at(TOKEN)), false),
        (json!(["https://other.example", app.at(TOKEN)]), false),
    ];
    for (aud, strict_takes_it) in audiences {
        for (client, takes_it) in [(&strict, strict_takes_it), (&wide, true)] {
            let mut claims = assertion_claims(&app, &client.id);
            claims["aud"] = aud.clone();
            let answer = ask(&app, &key.sign(&claims)).await;
            assert_eq!(
                answer.status == 200,
                takes_it,
                "{} {aud}: {}",
                client.id,
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn a_shared_secret_signs_assertions_for_its_own_method_only() {
    let app = TestApp::start().await;
    let client = app
        .client(NewClient {
            token_endpoint_auth_method: Some("client_secret_jwt".into()),
            ..by_key()
        })
        .await;
    let secret = client.secret.clone().unwrap();
    let answer = ask(
        &app,
        &sign_with_secret(secret.as_bytes(), &assertion_claims(&app, &client.id)),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = ask(
        &app,
        &sign_with_secret(
            b"another secret, long enough to be one",
            &assertion_claims(&app, &client.id),
        ),
    )
    .await;
    assert_refused(&answer, "another secret");
    assert_refused(&app.token(&client, &grant()).await, "the secret itself, by Basic");
    let by_basic = app.service_client("basic").await;
    let secret = by_basic.secret.clone().unwrap();
    let answer = ask(
        &app,
        &sign_with_secret(secret.as_bytes(), &assertion_claims(&app, &by_basic.id)),
    )
    .await;
    assert_refused(&answer, "a client that registered another method");
}

#[tokio::test]
async fn an_assertion_comes_alone_and_whole() {
    let app = TestApp::start().await;
    let key = ClientKey::generate(Algorithm::ES256, "k");
    let client = client_with(&app, &key).await;
    let assertion = || key.sign(&assertion_claims(&app, &client.id));
    let whole = with_assertion(&grant(), &assertion());
    for part in ["client_assertion", "client_assertion_type"] {
        let answer = app.token_with(None, &whole.clone().without(part)).await;
        assert!(answer.status.is_client_error(), "{part}: {}", answer.body);
    }
    let answer = app
        .token_with(None, &whole.clone().set("client_assertion_type", "urn:x"))
        .await;
    assert!(answer.status.is_client_error(), "{}", answer.body);
    let two_ways = whole
        .clone()
        .set("client_id", &client.id)
        .set("client_secret", "x");
    let answer = app.token_with(None, &two_ways).await;
    assert_eq!(answer.json()["error"], "invalid_request", "{}", answer.body);
    let answer = app
        .token_with(None, &whole.clone().set("client_id", "another"))
        .await;
    assert!(answer.status.is_client_error(), "{}", answer.body);
    let answer = app
        .token_with(
            None,
            &with_assertion(&grant(), &assertion()).set("client_id", &client.id),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
