//! `id_token_hint`, and `sub` in the claims parameter: the client says whom it means, and hears of nobody else.

use std::time::Duration;

use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::{Form, Pkce},
    site::claims,
};

/// An ID token of the person, issued to the client.
async fn id_token(app: &TestApp, client: &TestClient, user: &TestUser) -> String {
    let tokens = app.tokens(client, user, "openid").await;
    tokens["id_token"].as_str().expect("an ID token").to_owned()
}

/// A browser in which the person signed in and allowed `openid`.
async fn signed_in(app: &TestApp, client: &TestClient, user: &TestUser) -> TestBrowser {
    let mut browser = app.browser();
    let (request, _) = app.authorization(client, "openid");
    app.grant(&mut browser, &request, user).await;
    browser
}

/// Whom the code is about.
async fn subject(app: &TestApp, client: &TestClient, back: &Answer, pkce: &Pkce) -> String {
    let code = back
        .redirect_param("code")
        .unwrap_or_else(|| panic!("no code in {}", back.location()));
    let tokens = app.token(client, &app.exchange(client, &code, pkce)).await.json();
    let claims = claims(tokens["id_token"].as_str().expect("an ID token"));
    claims["sub"].as_str().expect("sub").to_owned()
}

fn silent(request: &Form) -> Form {
    request.clone().set("prompt", "none")
}

#[tokio::test]
async fn edge_16_a_hint_is_ours_and_the_clients_own_and_nobody_else_is_answered() {
    let app = TestApp::start().await;
    let (client, other) = (app.public_client("web").await, app.public_client("other").await);
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let hint = id_token(&app, &client, &alice).await;
    let foreign = id_token(&app, &other, &alice).await;
    let access_token = app.tokens(&client, &alice, "openid").await["access_token"]
        .as_str()
        .expect("an access token")
        .to_owned();
    let (request, pkce) = app.authorization(&client, "openid");
    let mut browser = signed_in(&app, &client, &alice).await;

    let (head, _) = hint.rsplit_once('.').expect("a signature");
    for bad in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{head}.{}", "A".repeat(86)),
        format!("{head}."),
        foreign,
        access_token,
    ] {
        let request = request.clone().set("id_token_hint", bad.clone());
        let answer = app.authorize(&mut browser, &request).await;
        app.assert_client_told(&answer, &request, "invalid_request");
    }

    // Long past its end it still says who is meant; the session has to be younger.
    app.advance(Duration::from_hours(2));
    let hinted = request.clone().set("id_token_hint", hint.clone());
    let back = app.authorize(&mut browser, &silent(&hinted)).await;
    assert_eq!(subject(&app, &client, &back, &pkce).await, alice.id);

    // Somebody else is there.
    let mut browser = signed_in(&app, &client, &bob).await;
    let asked = silent(&hinted);
    let answer = app.authorize(&mut browser, &asked).await;
    app.assert_client_told(&answer, &asked, "login_required");
    let page = app.authorize(&mut browser, &hinted).await;
    assert!(
        page.has_field("password") && !page.body.contains("bob"),
        "{}",
        page.body
    );
    let answer = app.sign_in(&mut browser, &page, &bob).await;
    app.assert_client_told(&answer, &hinted, "login_required");
    // The one who is meant may still come.
    let page = app.authorize(&mut browser, &hinted).await;
    let back = app.sign_in(&mut browser, &page, &alice).await;
    assert_eq!(subject(&app, &client, &back, &pkce).await, alice.id);
}

#[tokio::test]
async fn a_sub_in_claims_is_a_hint_and_may_not_contradict_another() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (request, pkce) = app.authorization(&client, "openid");
    let wants = |user: &TestUser| {
        let claims = serde_json::json!({ "id_token": { "sub": { "value": user.id } } });
        request.clone().set("claims", claims.to_string())
    };
    let mut browser = signed_in(&app, &client, &alice).await;
    let back = app.authorize(&mut browser, &silent(&wants(&alice))).await;
    assert_eq!(subject(&app, &client, &back, &pkce).await, alice.id);
    let asked = silent(&wants(&bob));
    let answer = app.authorize(&mut browser, &asked).await;
    app.assert_client_told(&answer, &asked, "login_required");

    let hint = id_token(&app, &client, &alice).await;
    let both = wants(&bob).set("id_token_hint", hint);
    let answer = app.authorize(&mut browser, &both).await;
    app.assert_client_told(&answer, &both, "invalid_request");
}

#[tokio::test]
async fn a_hint_survives_a_new_beginning() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let hint = id_token(&app, &client, &alice).await;
    let (request, pkce) = app.authorization(&client, "openid");
    let hinted = request.set("id_token_hint", hint).set("response_mode", "query");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &hinted).await;
    app.advance(Duration::from_mins(30));
    let expired = browser.get(page.url.as_str()).await;
    app.assert_page(&expired, 410);
    let again = expired
        .links()
        .into_iter()
        .find(|link| link.contains("authorize"))
        .expect("a way on");
    let answer = browser.get(again).await;
    let page = browser.follow(answer).await;
    let answer = app.sign_in(&mut browser, &page, &bob).await;
    app.assert_client_told(&answer, &hinted, "login_required");
    let page = app.authorize(&mut browser, &hinted).await;
    let back = app.sign_in(&mut browser, &page, &alice).await;
    assert_eq!(subject(&app, &client, &back, &pkce).await, alice.id);
}
