//! A person changes the password through a client.

use std::time::Duration;

use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
};
use reqwest::Method;
use serde_json::json;

use crate::login::{at_login, try_login};
use crate::users::{CHANGE, STATUS, account_client, assert_refused, get, send, tokens};

const SCOPE: &str = "openid profile phone offline_access profile:write account:read account:write";
const NEW: &str = "nine geese cross a bridge";

async fn change(app: &TestApp, token: &str, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    send(app, Method::POST, CHANGE, token, &body).await
}

/// A browser in which the person signed in and let the client in, and the client's tokens from there.
async fn signed_in(app: &TestApp, client: &TestClient, user: &TestUser) -> (TestBrowser, String, String) {
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(client, SCOPE);
    let back = app.grant(&mut browser, &request, user).await;
    let code = back.redirect_param("code").expect("a code");
    let tokens = app
        .token(client, &app.exchange(client, &code, &pkce))
        .await
        .json();
    let text = |name: &str| tokens[name].as_str().expect(name).to_owned();
    (browser, text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn edge_48_changed_password_ends_other_sessions_and_every_grant() {
    let app = TestApp::start().await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let (mut strangers, other_access, other_refresh) = signed_in(&app, &client, &user).await;
    let (mut callers, access, refresh) = signed_in(&app, &client, &user).await;
    let (mut another, _, _) = signed_in(&app, &client, &user).await;
    for browser in [&mut strangers, &mut callers, &mut another] {
        assert_eq!(browser.get("/account").await.status, 200);
    }
    assert_eq!(
        get(&app, STATUS, &access).await.json(),
        json!({ "requires_password_change": false, "username": "alice" })
    );
    let answer = change(&app, &access, &user.password, NEW).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = json!({ "message": "Password successfully changed", "requires_password_change": false });
    assert_eq!(answer.json(), said);
    for dead in [&access, &other_access] {
        assert_eq!(get(&app, STATUS, dead).await.status, 401);
    }
    for dead in [&refresh, &other_refresh] {
        let answer = app.token(&client, &app.refresh(&client, dead)).await;
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
    // The session in which it was changed lives, those before and after it do not.
    assert_eq!(callers.get("/account").await.status, 200);
    for dead in [&mut strangers, &mut another] {
        let sent = dead.get("/account").await;
        assert!(
            sent.header("location").contains("/account/login"),
            "{}",
            sent.status
        );
    }
    let renewed = TestUser {
        id: user.id.clone(),
        username: user.username.clone(),
        password: NEW.to_owned(),
    };
    tokens(&app, &client, &renewed).await;
}

#[tokio::test]
async fn changed_password_ends_nothing_when_asked_so() {
    let app = TestApp::start().await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let (access, refresh) = tokens(&app, &client, &user).await;
    let body = json!({ "current_password": user.password, "new_password": NEW, "keep_sessions": true });
    assert_eq!(send(&app, Method::POST, CHANGE, &access, &body).await.status, 200);
    assert_eq!(get(&app, STATUS, &access).await.status, 200);
    let answer = app.token(&client, &app.refresh(&client, &refresh)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn changing_a_password_is_no_way_to_guess_it() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "2")
        .start()
        .await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let (access, _) = tokens(&app, &client, &user).await;
    for _ in 0..3 {
        let answer = change(&app, &access, "wrong password", NEW).await;
        assert_refused(&answer, 400, "The current password is wrong");
    }
    let answer = change(&app, &access, &user.password, NEW).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, "1"),
        "{}",
        answer.body
    );
    app.advance(Duration::from_secs(1));
    for (new, says) in [
        (user.password.as_str(), "is the current one"),
        ("short", "at least 8 characters"),
        ("alice@example.com", "with little else"),
        ("qwertyuiop", "too easy to guess"),
    ] {
        assert_refused(&change(&app, &access, &user.password, new).await, 400, says);
    }
    let missing = send(
        &app,
        Method::POST,
        CHANGE,
        &access,
        &json!({ "new_password": NEW }),
    )
    .await;
    assert_refused(&missing, 400, "current_password is missing");
    assert_eq!(change(&app, &access, &user.password, NEW).await.status, 200);
}

#[tokio::test]
async fn strangers_at_the_sign_in_page_do_not_keep_the_owner_from_changing_the_password() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let (access, _) = tokens(&app, &client, &user).await;
    let (mut stranger, page) = at_login(&app, "stranger").await;
    for status in [400, 400, 429] {
        let answer = try_login(&mut stranger, &page, "alice", "a guess").await;
        assert_eq!(answer.status, status);
    }
    // And what is said wrong with a token delays no sign-in.
    for status in [400, 400, 429] {
        assert_eq!(change(&app, &access, "wrong password", NEW).await.status, status);
    }
    app.advance(Duration::from_secs(1));
    assert_eq!(change(&app, &access, &user.password, NEW).await.status, 200);
    let renewed = try_login(&mut stranger, &page, "alice", NEW).await;
    assert_eq!(renewed.status, 303, "{}", renewed.body);
}
