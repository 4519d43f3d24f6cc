//! What a person agreed to, and what ends when they take it back.

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
};

use crate::account::enter;

/// Takes back, as the page's form does, what was agreed to for a client.
async fn withdraw(browser: &mut TestBrowser, client_id: &str) -> Answer {
    let page = browser.get("/account/consents").await;
    let csrf = page.hidden_fields()["csrf"].clone();
    let form = [("csrf", csrf.as_str()), ("client_id", client_id)];
    let answer = browser.post("/account/consents", &form).await;
    browser.follow(answer).await
}

/// The error of a token request.
fn error(answer: &Answer) -> String {
    assert_eq!(answer.status, 400, "{}", answer.body);
    answer.json()["error"].as_str().unwrap().to_owned()
}

async fn refresh(app: &TestApp, client: &TestClient, tokens: &serde_json::Value) -> Answer {
    let token = tokens["refresh_token"].as_str().unwrap();
    app.token(client, &app.refresh(client, token)).await
}

#[tokio::test]
async fn the_page_lists_who_may_do_what_since_when() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let empty = enter(&mut browser, "/account/consents", &user).await;
    assert!(empty.body.contains("No app has access"), "{}", empty.body);

    let client = app.public_client("web").await;
    let named = app
        .client(NewClient {
            id: Some("evil".to_owned()),
            name: Some("<script>alert(1)</script>".to_owned()),
            redirect_uris: vec!["https://evil.example/cb".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            scopes: vec!["openid".to_owned()],
            ..NewClient::default()
        })
        .await;
    for (client, scope) in [(&client, "openid email offline_access"), (&named, "openid")] {
        let (request, _) = app.authorization(client, scope);
        app.grant(&mut browser, &request, &user).await;
    }
    let page = browser.get("/account/consents").await;
    for text in [
        "The web application",
        "web.example",
        "See your e-mail address",
        "Keep this access while you are not using it",
        "<time datetime=\"",
        "&lt;script&gt;alert(1)",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("<script>alert"));
    assert!(
        !page.body.contains("See your postal address"),
        "what was not agreed to is not there"
    );
    let overview = browser.get("/account").await;
    assert!(overview.body.contains("2 apps have access"), "{}", overview.body);
}

#[tokio::test]
async fn edge_48_what_a_client_got_ends_when_consent_is_withdrawn() {
    let app = TestApp::start().await;
    let (client, other) = (app.public_client("web").await, app.public_client("other").await);
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let scope = "openid offline_access";
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(&client, scope);
    let first = app.grant(&mut browser, &request, &alice).await;
    let code = |answer: &Answer| answer.redirect_param("code").expect("a code");
    let tokens = app
        .token(&client, &app.exchange(&client, &code(&first), &pkce))
        .await
        .json();
    // A second grant of the same consent, its code not yet redeemed.
    let unredeemed = code(&app.authorize(&mut browser, &request).await);
    let of_other = app.tokens(&other, &alice, scope).await;
    let of_bob = app.tokens(&client, &bob, scope).await;

    let page = withdraw(&mut browser, "web").await;
    app.assert_page(&page, 200);
    assert!(page.body.contains("Access removed"), "{}", page.body);
    assert!(!page.body.contains("The web application") && page.body.contains("The other application"));

    assert_eq!(error(&refresh(&app, &client, &tokens).await), "invalid_grant");
    let late = app
        .token(&client, &app.exchange(&client, &unredeemed, &pkce))
        .await;
    assert_eq!(error(&late), "invalid_grant");
    assert_eq!(
        app.userinfo(tokens["access_token"].as_str().unwrap())
            .await
            .status,
        401
    );
    // Nobody else lost anything.
    assert_eq!(refresh(&app, &other, &of_other).await.status, 200);
    assert_eq!(refresh(&app, &client, &of_bob).await.status, 200);
    // And the client has to ask again.
    let asked = app.authorize(&mut browser, &request).await;
    assert!(asked.has_field("decision"), "{} {}", asked.status, asked.body);
}

#[tokio::test]
async fn nobody_withdraws_for_somebody_else() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let tokens = app.tokens(&client, &alice, "openid offline_access").await;
    let other = app.public_client("other").await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&other, "openid");
    app.grant(&mut browser, &request, &bob).await;
    for id in ["web", "nobody-knows-this-one"] {
        let page = withdraw(&mut browser, id).await;
        app.assert_page(&page, 200);
        assert!(!page.body.contains("Access removed"), "{}", page.body);
    }
    assert_eq!(refresh(&app, &client, &tokens).await.status, 200);
    let alices = enter(&mut app.browser(), "/account/consents", &alice).await;
    assert!(alices.body.contains("The web application"));
}

#[tokio::test]
async fn a_form_without_a_client_changes_nothing_and_says_so() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user: TestUser = app.user("alice").await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    app.grant(&mut browser, &request, &user).await;
    let csrf = browser.get("/account/consents").await.hidden_fields()["csrf"].clone();
    for form in [
        vec![],
        vec![("client_id", "a b")],
        vec![("client_id", "web"), ("client_id", "web")],
    ] {
        let form: Vec<_> = form.into_iter().chain([("csrf", csrf.as_str())]).collect();
        app.assert_page(&browser.post("/account/consents", &form).await, 400);
    }
    assert!(
        browser
            .get("/account/consents")
            .await
            .body
            .contains("The web application")
    );
}
