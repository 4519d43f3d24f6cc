//! `grant_type=refresh_token`: rotation, families, replay, and a retry within the grace.

use std::time::Duration;

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, TestClient, TestUser, browser::Answer, site::claims};
use serde_json::Value;

const SCOPE: &str = "openid profile offline_access";

async fn with_tokens() -> (TestApp, TestClient, TestUser, Value) {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    (app, client, user, tokens)
}

fn refresh_token(tokens: &Value) -> String {
    tokens["refresh_token"]
        .as_str()
        .unwrap_or_else(|| panic!("no refresh token: {tokens}"))
        .to_owned()
}

#[track_caller]
fn refused(answer: &Answer, error: &str) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &error.into()),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn edge_44_scope_narrows_for_one_answer_and_never_widens() {
    let (app, client, _, tokens) = with_tokens().await;
    let first = refresh_token(&tokens);
    let wider = app.refresh(&client, &first).set("scope", "openid email");
    refused(&app.token(&client, &wider).await, "invalid_scope");
    let narrow = app
        .token(&client, &app.refresh(&client, &first).set("scope", "openid"))
        .await
        .json();
    assert_eq!(narrow["scope"], "openid");
    let whole = app
        .token(&client, &app.refresh(&client, &refresh_token(&narrow)))
        .await
        .json();
    assert_eq!(
        whole["scope"], "offline_access openid profile",
        "the refresh token kept its scope"
    );
}

#[tokio::test]
async fn edge_45_a_rotated_token_used_late_kills_its_family() {
    let (app, client, _, tokens) = with_tokens().await;
    let first = refresh_token(&tokens);
    let second = app.token(&client, &app.refresh(&client, &first)).await.json();
    app.advance(Duration::from_secs(30));
    refused(
        &app.token(&client, &app.refresh(&client, &first)).await,
        "invalid_grant",
    );
    refused(
        &app.token(&client, &app.refresh(&client, &refresh_token(&second)))
            .await,
        "invalid_grant",
    );
    assert_eq!(
        app.userinfo(second["access_token"].as_str().unwrap())
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn edge_45_a_retry_within_the_grace_gets_the_same_successor() {
    let (app, client, _, tokens) = with_tokens().await;
    let first = refresh_token(&tokens);
    let second = refresh_token(&app.token(&client, &app.refresh(&client, &first)).await.json());
    app.advance(Duration::from_micros(29_999_999));
    let again = app.token(&client, &app.refresh(&client, &first)).await;
    assert_eq!(again.status, 200, "the last moment of the grace: {}", again.body);
    assert_eq!(refresh_token(&again.json()), second);
    let third = app.token(&client, &app.refresh(&client, &second)).await;
    assert_eq!(third.status, 200, "the family lives");
}

#[tokio::test]
async fn edge_45_a_retry_after_the_successor_was_used_is_a_replay() {
    let (app, client, _, tokens) = with_tokens().await;
    let first = refresh_token(&tokens);
    let second = refresh_token(&app.token(&client, &app.refresh(&client, &first)).await.json());
    let third = refresh_token(&app.token(&client, &app.refresh(&client, &second)).await.json());
    refused(
        &app.token(&client, &app.refresh(&client, &first)).await,
        "invalid_grant",
    );
    refused(
        &app.token(&client, &app.refresh(&client, &third)).await,
        "invalid_grant",
    );
}

#[tokio::test]
async fn edge_46_a_refresh_token_belongs_to_its_client() {
    let (app, client, _, tokens) = with_tokens().await;
    let thief = app.confidential_client("thief").await;
    let first = refresh_token(&tokens);
    refused(
        &app.token(&thief, &app.refresh(&client, &first).without("client_id"))
            .await,
        "invalid_grant",
    );
    let second = app.token(&client, &app.refresh(&client, &first)).await;
    assert_eq!(second.status, 200, "the thief's try spent and killed nothing");
    refused(
        &app.token(&thief, &app.refresh(&client, &first).without("client_id"))
            .await,
        "invalid_grant",
    );
    let third = app
        .token(&client, &app.refresh(&client, &refresh_token(&second.json())))
        .await;
    assert_eq!(third.status, 200);
}

#[tokio::test]
async fn edge_47_a_refreshed_id_token_is_about_the_same_login() {
    let (app, client, user, tokens) = with_tokens().await;
    let before = claims(tokens["id_token"].as_str().unwrap());
    app.advance(Duration::from_mins(2));
    let answer = app
        .token(&client, &app.refresh(&client, &refresh_token(&tokens)))
        .await
        .json();
    let after = claims(answer["id_token"].as_str().unwrap());
    for name in ["iss", "sub", "aud", "auth_time", "sid", "acr"] {
        assert!(!before[name].is_null(), "{name}");
        assert_eq!(after[name], before[name], "{name} (OIDC Core §12.2)");
    }
    assert_eq!(after["sub"], user.id);
    assert_eq!(
        after["iat"].as_i64().unwrap() - before["iat"].as_i64().unwrap(),
        120
    );
    assert!(after.get("nonce").is_none_or(|n| *n == before["nonce"]));
}

#[tokio::test]
async fn edge_48_a_disabled_person_refreshes_nothing_and_nothing_is_spent() {
    let (app, client, user, tokens) = with_tokens().await;
    let first = refresh_token(&tokens);
    app.set_user_enabled(&user, false).await;
    refused(
        &app.token(&client, &app.refresh(&client, &first)).await,
        "invalid_grant",
    );
    assert_eq!(
        app.userinfo(tokens["access_token"].as_str().unwrap())
            .await
            .status,
        401
    );
    app.set_user_enabled(&user, true).await;
    assert_eq!(
        app.token(&client, &app.refresh(&client, &first)).await.status,
        200
    );
}

#[tokio::test]
async fn refresh_tokens_end_when_unused_and_families_end_anyway() {
    let app = TestApp::builder()
        .set("oauth.refresh_token_ttl", "10m")
        .set("oauth.grant_ttl", "15m")
        .start()
        .await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let left_alone = refresh_token(&app.tokens(&client, &user, SCOPE).await);
    let rotated = refresh_token(&app.tokens(&client, &user, SCOPE).await);
    app.advance(Duration::from_secs(599));
    let second = app.token(&client, &app.refresh(&client, &rotated)).await;
    assert_eq!(second.status, 200, "{}", second.body);
    app.advance(Duration::from_secs(1));
    refused(
        &app.token(&client, &app.refresh(&client, &left_alone)).await,
        "invalid_grant",
    );
    app.advance(Duration::from_mins(5));
    refused(
        &app.token(&client, &app.refresh(&client, &refresh_token(&second.json())))
            .await,
        "invalid_grant",
    );
}

#[tokio::test]
async fn a_client_may_keep_its_refresh_token() {
    let app = TestApp::start().await;
    let client = app
        .client(NewClient {
            id: Some("keeper".into()),
            redirect_uris: vec!["https://keeper.example/cb".into()],
            grant_types: vec!["authorization_code".into(), "refresh_token".into()],
            scopes: vec!["openid".into(), "offline_access".into()],
            keep_refresh_tokens: true,
            ..NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    let first = refresh_token(&app.tokens(&client, &user, "openid offline_access").await);
    for _ in 0..3 {
        app.advance(Duration::from_mins(1));
        let answer = app.token(&client, &app.refresh(&client, &first)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(
            answer
                .json()
                .get("refresh_token")
                .is_none_or(|t| *t == first.as_str())
        );
    }
}
