//! `POST /api/v1/oauth/token` with `authorization_code` and `client_credentials`.

use std::time::Duration;

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::Answer,
    client::{Form, Pkce, basic},
    site::{claims, jose_header, read},
};
use reqwest::{Method, header::CONTENT_TYPE};

const TOKEN: &str = "/api/v1/oauth/token";

/// A server, a confidential client, a person, and a code of theirs.
async fn with_code() -> (TestApp, TestClient, TestUser, String, Pkce) {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let (code, pkce) = app.code(&client, &user, "openid offline_access").await;
    (app, client, user, code, pkce)
}

/// The shape every error of the endpoint has (RFC 6749 §5.2).
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.json()["error"], error, "{}", answer.body);
    assert!(!answer.json()["error_description"].as_str().unwrap().is_empty());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-type").starts_with("application/json"));
}

#[tokio::test]
async fn edge_27_pkce_cannot_be_left_out_on_one_side() {
    let app = TestApp::builder()
        .set("oauth.pkce_required", "public-clients")
        .start()
        .await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let (code, pkce) = app.code(&client, &user, "openid").await;
    let missing = app.exchange(&client, &code, &pkce).without("code_verifier");
    refused(&app.token(&client, &missing).await, 400, "invalid_grant");
    let wrong = app.exchange(&client, &code, &Pkce::new(app.rng.as_ref()));
    refused(&app.token(&client, &wrong).await, 400, "invalid_grant");
    let answer = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(
        answer.status, 200,
        "a wrong verifier spends nothing: {}",
        answer.body
    );

    let (request, pkce) = app.authorization(&client, "openid");
    let request = request.without("code_challenge").without("code_challenge_method");
    let back = app.grant(&mut app.browser(), &request, &user).await;
    let code = back.redirect_param("code").unwrap();
    refused(
        &app.token(&client, &app.exchange(&client, &code, &pkce)).await,
        400,
        "invalid_grant",
    );
    let without = app.exchange(&client, &code, &pkce).without("code_verifier");
    assert_eq!(app.token(&client, &without).await.status, 200);
}

#[tokio::test]
async fn edge_28_a_replayed_code_revokes_what_it_gave() {
    let (app, client, _, code, pkce) = with_code().await;
    let exchange = app.exchange(&client, &code, &pkce);
    let tokens = app.token(&client, &exchange).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(app.userinfo(access_token).await.status, 200);
    refused(&app.token(&client, &exchange).await, 400, "invalid_grant");
    assert_eq!(app.userinfo(access_token).await.status, 401);
    let refresh = app.refresh(&client, tokens["refresh_token"].as_str().unwrap());
    refused(&app.token(&client, &refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn edge_30_a_code_belongs_to_its_client() {
    let (app, client, _, code, pkce) = with_code().await;
    let thief = app.confidential_client("thief").await;
    let exchange = app.exchange(&client, &code, &pkce);
    refused(&app.token(&thief, &exchange).await, 400, "invalid_grant");
    assert_eq!(
        app.token(&client, &exchange).await.status,
        200,
        "the thief's try spent nothing"
    );
    // After the owner spent it, the thief's try must not kill the family either.
    refused(&app.token(&thief, &exchange).await, 400, "invalid_grant");
}

#[tokio::test]
async fn edge_30_somebody_elses_replay_kills_no_family() {
    let (app, client, _, code, pkce) = with_code().await;
    let thief = app.confidential_client("thief").await;
    let exchange = app.exchange(&client, &code, &pkce);
    let tokens = app.token(&client, &exchange).await.json();
    refused(&app.token(&thief, &exchange).await, 400, "invalid_grant");
    let refresh = app.refresh(&client, tokens["refresh_token"].as_str().unwrap());
    assert_eq!(app.token(&client, &refresh).await.status, 200);
}

#[tokio::test]
async fn edge_31_redirect_uri_must_be_the_one_of_the_request() {
    let (app, client, _, code, pkce) = with_code().await;
    let exchange = app.exchange(&client, &code, &pkce);
    let other = exchange.clone().set("redirect_uri", "https://web.example/cb/");
    refused(&app.token(&client, &other).await, 400, "invalid_grant");
    let none = exchange.clone().without("redirect_uri");
    refused(&app.token(&client, &none).await, 400, "invalid_grant");
    assert_eq!(app.token(&client, &exchange).await.status, 200);
}

#[tokio::test]
async fn edge_32_a_code_ends_after_its_lifetime() {
    let (app, client, user, code, pkce) = with_code().await;
    app.advance(Duration::from_mins(1));
    refused(
        &app.token(&client, &app.exchange(&client, &code, &pkce)).await,
        400,
        "invalid_grant",
    );
    let (code, pkce) = app.code(&client, &user, "openid").await;
    app.advance(Duration::from_micros(59_999_999));
    assert_eq!(
        app.token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn edge_33_errors_are_json_that_nobody_keeps() {
    let (app, client, _, code, pkce) = with_code().await;
    refused(
        &app.token(&client, &Form::new().set("grant_type", "authorization_code"))
            .await,
        400,
        "invalid_request",
    );
    let answer = app
        .token_with(
            Some(&basic(&client.id, "wrong")),
            &app.exchange(&client, &code, &pkce),
        )
        .await;
    refused(&answer, 401, "invalid_client");
    assert!(
        answer.header("www-authenticate").starts_with("Basic "),
        "{:?}",
        answer.headers
    );
    let unknown = app
        .token_with(
            Some(&basic("nobody", "wrong")),
            &app.exchange(&client, &code, &pkce),
        )
        .await;
    assert_eq!(
        (unknown.status, &unknown.body),
        (answer.status, &answer.body),
        "an unknown client learns nothing"
    );
}

#[tokio::test]
async fn edge_37_only_a_form_in_the_body_of_a_post_is_read() {
    let (app, client, _, code, pkce) = with_code().await;
    let exchange = app.exchange(&client, &code, &pkce);
    let get = app.request(Method::GET, TOKEN).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
    let authorization = basic(&client.id, client.secret.as_ref().unwrap());
    let post = |url: String| app.http.post(url).header("authorization", &authorization);
    refused(
        &read(post(exchange.url(&app.at(TOKEN)).into())).await,
        400,
        "invalid_request",
    );
    refused(
        &read(post(exchange.url(&app.at(TOKEN)).into()).form(&exchange.pairs())).await,
        400,
        "invalid_request",
    );
    let json = serde_json::json!({ "grant_type": "client_credentials" });
    refused(
        &read(post(app.at(TOKEN)).json(&json)).await,
        400,
        "invalid_request",
    );
    let multipart = post(app.at(TOKEN))
        .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body("--x--");
    refused(&read(multipart).await, 400, "invalid_request");
    assert_eq!(
        app.token(&client, &exchange).await.status,
        200,
        "none of it spent the code"
    );
}

#[tokio::test]
async fn edge_38_grant_types_are_named_known_and_registered() {
    let app = TestApp::start().await;
    let service = app.service_client("service").await;
    refused(&app.token(&service, &Form::new()).await, 400, "invalid_request");
    for grant in [
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
        "nonsense",
    ] {
        refused(
            &app.token(&service, &Form::new().set("grant_type", grant)).await,
            400,
            "unsupported_grant_type",
        );
    }
    let code = Form::new()
        .set("grant_type", "authorization_code")
        .set("code", "x")
        .set("redirect_uri", "https://x");
    refused(&app.token(&service, &code).await, 400, "unauthorized_client");
    let refresh = Form::new()
        .set("grant_type", "refresh_token")
        .set("refresh_token", "x");
    refused(&app.token(&service, &refresh).await, 400, "unauthorized_client");
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused_and_spends_nothing() {
    let (app, client, _, code, pkce) = with_code().await;
    let exchange = app.exchange(&client, &code, &pkce);
    let mut twice = exchange.pairs();
    twice.push(("code", &code));
    let authorization = basic(&client.id, client.secret.as_ref().unwrap());
    let request = app
        .http
        .post(app.at(TOKEN))
        .header("authorization", &authorization)
        .form(&twice);
    refused(&read(request).await, 400, "invalid_request");
    refused(
        &app.token(&client, &exchange.clone().set("resource", "https://api.example"))
            .await,
        400,
        "invalid_target",
    );
    assert_eq!(app.token(&client, &exchange).await.status, 200);
}

#[tokio::test]
async fn edge_41_public_clients_get_no_client_credentials() {
    let app = TestApp::start().await;
    let registered = authly_oauth::clients::create_client(
        app.tenant.as_ref(),
        NewClient {
            id: Some("public".into()),
            grant_types: vec!["client_credentials".into()],
            scopes: vec!["read".into()],
            token_endpoint_auth_method: Some("none".into()),
            ..NewClient::default()
        },
        app.now(),
        app.rng.as_ref(),
    )
    .await;
    assert!(registered.is_err(), "not even registered");
    let public = app.public_client("web").await;
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("client_id", &public.id);
    refused(&app.token(&public, &form).await, 400, "unauthorized_client");
}

#[tokio::test]
async fn edge_42_a_clients_own_token_is_nobody_elses() {
    let app = TestApp::start().await;
    let service = app.service_client("service").await;
    let user = app.user("alice").await;
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let answer = app.token(&service, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();
    assert!(
        tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none(),
        "{tokens}"
    );
    assert_eq!(tokens["scope"], "read");
    let access = claims(tokens["access_token"].as_str().unwrap());
    assert_ne!(access["sub"], user.id);
    assert_eq!(access["client_id"], "service");
    assert!(access["sub"].as_str().unwrap().parse::<u128>().is_err());
    // A client named like a person's sub cannot be taken for that person.
    let imposter = app.service_client(&user.id).await;
    let answer = app.token(&imposter, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_ne!(
        claims(answer.json()["access_token"].as_str().unwrap())["sub"],
        user.id
    );
    for scope in ["openid", "offline_access", "admin:users:read", "phone"] {
        refused(
            &app.token(&service, &form.clone().set("scope", scope)).await,
            400,
            "invalid_scope",
        );
    }
}

#[tokio::test]
async fn edge_43_the_granted_scope_is_told() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid profile nobody:knows").await;
    assert_eq!(tokens["scope"], "openid profile");
    assert_eq!(
        claims(tokens["access_token"].as_str().unwrap())["scope"],
        "openid profile"
    );
    assert!(
        tokens.get("refresh_token").is_none(),
        "offline_access was not asked for"
    );
}

#[tokio::test]
async fn edge_64_the_two_kinds_of_token_cannot_stand_for_each_other() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    let (access, id) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["id_token"].as_str().unwrap(),
    );
    assert_eq!(jose_header(access)["typ"], "at+jwt");
    let of_access = claims(access);
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        assert!(of_access.get(name).is_some(), "{name} is missing (RFC 9068 §2.2)");
    }
    assert_eq!(
        of_access["aud"], app.url,
        "the issuer, where a client names no audience"
    );
    let of_id = claims(id);
    assert_eq!(
        (&of_id["iss"], &of_id["aud"]),
        (&of_access["iss"], &serde_json::json!("web"))
    );
    assert!(of_id["auth_time"].is_i64() && of_id["at_hash"].is_string());
    assert_eq!(app.userinfo(access).await.status, 200);
    assert_eq!(
        app.userinfo(id).await.status,
        401,
        "an ID token is no access token"
    );
}

#[tokio::test]
async fn administrators_scopes_are_for_administrators() {
    let app = TestApp::start().await;
    let console = app
        .client(NewClient {
            id: Some("console".into()),
            redirect_uris: vec!["https://console.example/cb".into()],
            grant_types: vec!["authorization_code".into()],
            scopes: vec!["openid".into(), "admin:users:read".into()],
            token_endpoint_auth_method: Some("none".into()),
            ..NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    let admin = app.user_with("root", serde_json::json!({}), true).await;
    assert_eq!(
        app.tokens(&console, &user, "openid admin:users:read").await["scope"],
        "openid"
    );
    assert_eq!(
        app.tokens(&console, &admin, "openid admin:users:read").await["scope"],
        "admin:users:read openid"
    );
    let (request, _) = app.authorization(&console, "admin:users:read");
    let back = app.grant(&mut app.browser(), &request, &user).await;
    assert_eq!(back.redirect_param("error").as_deref(), Some("invalid_scope"));
}
