//! `/oidc/userinfo` and the published keys.

use std::time::Duration;

use authly_core::key::SigningAlg;
use authly_testkit::{
    TestApp,
    client::Form,
    site::{claims, jose_header, read},
};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn edge_63_a_token_is_given_once_and_opens_what_it_may() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let none = app.request(Method::GET, "/oidc/userinfo").await;
    assert_eq!(none.status, 401);
    assert!(
        none.header("www-authenticate").starts_with("Bearer")
            && !none.header("www-authenticate").contains("error")
    );
    let bad = app.userinfo("nonsense").await;
    assert_eq!(bad.status, 401);
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));

    let tokens = app.tokens(&client, &user, "openid email").await;
    let access = tokens["access_token"].as_str().unwrap();
    let posted = app
        .http
        .post(app.at("/oidc/userinfo"))
        .form(&[("access_token", access)]);
    assert_eq!(read(posted).await.status, 200, "RFC 6750 §2.2");
    let empty_post = app.http.post(app.at("/oidc/userinfo")).bearer_auth(access);
    assert_eq!(read(empty_post).await.status, 200, "OIDC Core §5.3.1");
    let twice = app
        .http
        .post(app.at("/oidc/userinfo"))
        .bearer_auth(access)
        .form(&[("access_token", access)]);
    assert_eq!(read(twice).await.status, 400);
    let in_url = app
        .http
        .get(app.at(&format!("/oidc/userinfo?access_token={access}")));
    assert_eq!(read(in_url).await.status, 400);

    let without_openid = app.tokens(&client, &user, "profile read").await;
    let answer = app
        .userinfo(without_openid["access_token"].as_str().unwrap())
        .await;
    assert_eq!(answer.status, 403);
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("scope=\"openid\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn claims_follow_the_scope_and_absent_ones_are_left_out() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let info = |tokens: serde_json::Value| {
        let app = &app;
        async move {
            app.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .json()
        }
    };
    let bare = info(app.tokens(&client, &user, "openid").await).await;
    assert_eq!(bare, json!({ "sub": user.id }));
    let full = info(
        app.tokens(&client, &user, "openid profile email phone address")
            .await,
    )
    .await;
    assert_eq!(full["name"], "Test alice");
    assert_eq!(full["preferred_username"], "alice");
    assert!(full["updated_at"].is_i64());
    assert_eq!(
        (&full["email"], &full["email_verified"]),
        (&json!("alice@example.com"), &json!(true))
    );
    assert_eq!(full["phone_number_verified"], false);
    assert_eq!(full["address"]["country"], "DE");
    assert!(full.as_object().unwrap().values().all(|v| !v.is_null()), "{full}");
    assert!(
        full.get("department").is_none(),
        "the operator's attributes are the plugins' to give"
    );
}

#[tokio::test]
async fn an_access_token_ends_and_dies_with_its_client() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    app.set_client_enabled(&client, false).await;
    assert_eq!(app.userinfo(&access).await.status, 401);
    app.set_client_enabled(&client, true).await;
    app.advance(Duration::from_secs(599));
    assert_eq!(app.userinfo(&access).await.status, 200);
    app.advance(Duration::from_secs(1));
    assert_eq!(app.userinfo(&access).await.status, 401, "exactly at its end");
}

#[tokio::test]
async fn a_token_for_another_audience_does_not_open_userinfo() {
    let app = TestApp::start().await;
    let service = app.service_client("service").await;
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let answer = app.token(&service, &form).await.json();
    let refused = app.userinfo(answer["access_token"].as_str().unwrap()).await;
    assert_eq!(refused.status, 403, "no openid: {}", refused.body);
}

#[tokio::test]
async fn a_token_that_was_tampered_with_opens_nothing() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    let access = tokens["access_token"].as_str().unwrap();
    let parts: Vec<&str> = access.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    for forged in [
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!("{}.{}.{}", parts[0], parts[0], parts[2]),
        format!("{access}.x"),
        "x".repeat(100_000),
    ] {
        let status = app.userinfo(&forged).await.status.as_u16();
        assert!(status == 401 || status == 431, "{status} for {forged:.80}");
    }
}

#[tokio::test]
async fn edge_68_published_keys_are_public_and_verify_what_was_signed() {
    let app = TestApp::start().await;
    let answer = app.request(Method::GET, "/.well-known/jwks.json").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("cache-control").starts_with("public, max-age="));
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    let algs: Vec<&str> = keys.iter().map(|k| k["alg"].as_str().unwrap()).collect();
    for alg in ["RS256", "ES256", "PS256", "EdDSA"] {
        assert!(algs.contains(&alg), "{alg}");
    }
    for key in &keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(private).is_none(), "{private} is private");
        }
        assert_eq!(key["use"], "sig");
    }
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    for token in [&tokens["access_token"], &tokens["id_token"]] {
        let kid = jose_header(token.as_str().unwrap())["kid"].clone();
        assert!(keys.iter().any(|k| k["kid"] == kid));
    }
}

#[tokio::test]
async fn clients_choose_among_the_algorithms() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let client = app
            .client(authly_oauth::clients::NewClient {
                id: Some(alg.to_lowercase()),
                redirect_uris: vec!["https://c.example/cb".into()],
                scopes: vec!["openid".into()],
                id_token_signed_response_alg: Some(alg.into()),
                access_token_signed_response_alg: Some(alg.into()),
                ..Default::default()
            })
            .await;
        let tokens = app.tokens(&client, &user, "openid").await;
        for name in ["access_token", "id_token"] {
            assert_eq!(jose_header(tokens[name].as_str().unwrap())["alg"], alg, "{name}");
        }
        assert_eq!(
            app.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            200,
            "{alg}"
        );
    }
}

#[tokio::test]
async fn a_client_may_have_the_answer_signed() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    for alg in SigningAlg::ALL {
        app.change_client(&client, |web| web.userinfo_signed_response_alg = Some(alg))
            .await;
        let tokens = app.tokens(&client, &user, "openid email").await;
        let answer = app.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/jwt");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(jose_header(&answer.body)["alg"], alg.as_str());
        assert_eq!(
            claims(&answer.body),
            json!({ "iss": app.url, "aud": "web", "sub": user.id, "email": "alice@example.com",
                    "email_verified": true }),
            "OIDC Core §5.3.2: no nonce, no end"
        );
    }
}
