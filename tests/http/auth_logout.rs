//! Signing out everywhere, by access token.

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    site::read,
};
use serde_json::{Value, json};

use crate::account::enter;

const PATH: &str = "/api/v1/auth/logout";

/// A client that may act on accounts.
async fn client(app: &TestApp, id: &str) -> TestClient {
    app.client(NewClient {
        id: Some(id.to_owned()),
        redirect_uris: vec![format!("https://{id}.example/cb")],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: vec!["openid account:read account:write offline_access".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        ..NewClient::default()
    })
    .await
}

async fn logout(app: &TestApp, tokens: &Value) -> Answer {
    let token = tokens["access_token"].as_str().unwrap();
    read(app.http.post(app.at(PATH)).bearer_auth(token)).await
}

async fn refresh(app: &TestApp, client: &TestClient, tokens: &Value) -> Answer {
    let token = tokens["refresh_token"].as_str().unwrap();
    app.token(client, &app.refresh(client, token)).await
}

async fn signed_in(app: &TestApp, user: &TestUser) -> TestBrowser {
    let mut browser = app.browser();
    enter(&mut browser, "/account", user).await;
    browser
}

#[tokio::test]
async fn everything_that_was_opened_in_the_persons_name_ends() {
    let app = TestApp::start().await;
    let (first, second) = (client(&app, "first").await, client(&app, "second").await);
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let scope = "openid account:write offline_access";
    let mine = app.tokens(&first, &alice, scope).await;
    let other = app.tokens(&second, &alice, scope).await;
    let of_bob = app.tokens(&first, &bob, scope).await;
    let (mut browser, mut bobs) = (signed_in(&app, &alice).await, signed_in(&app, &bob).await);

    let answer = logout(&app, &mine).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let expected = json!({ "message": "Successfully logged out", "invalidated_tokens": 2 });
    assert_eq!(answer.json(), expected, "two grants were alive");

    for (client, tokens) in [(&first, &mine), (&second, &other)] {
        assert_eq!(
            refresh(&app, client, tokens).await.json()["error"],
            "invalid_grant"
        );
        assert_eq!(logout(&app, tokens).await.status, 401);
    }
    assert_eq!(browser.get("/account").await.status, 303);
    assert_eq!(bobs.get("/account").await.status, 200);
    assert_eq!(refresh(&app, &first, &of_bob).await.status, 200);

    // Counted is what this call ended, not what ever did.
    let fresh = app.tokens(&first, &alice, scope).await;
    assert_eq!(logout(&app, &fresh).await.json()["invalidated_tokens"], 1);
}

#[tokio::test]
async fn a_token_without_the_scope_ends_nothing() {
    let app = TestApp::start().await;
    let (client, user) = (client(&app, "web").await, app.user("alice").await);
    let narrow = app
        .tokens(&client, &user, "openid account:read offline_access")
        .await;
    let mut browser = signed_in(&app, &user).await;
    let refused = logout(&app, &narrow).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(refused.json()["error"], "insufficient_scope");
    assert!(
        refused
            .header("www-authenticate")
            .contains("scope=\"account:write\"")
    );
    // A cookie is no access token: no page of another site signs anybody out here.
    let by_cookie = browser.post(PATH, &[]).await;
    assert_eq!(by_cookie.status, 401);
    let id_token = json!({ "access_token": narrow["id_token"] });
    assert_eq!(logout(&app, &id_token).await.status, 401);
    assert_eq!(browser.get("/account").await.status, 200);
    assert_eq!(refresh(&app, &client, &narrow).await.status, 200);
}
