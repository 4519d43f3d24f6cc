//! `prompt` and `max_age`: when a person is asked again, and when nobody may be asked.

use std::time::Duration;

use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::{Form, Pkce},
    site::claims,
};

/// A browser in which the person signed in and allowed `openid`.
async fn signed_in(app: &TestApp, client: &TestClient, user: &TestUser) -> TestBrowser {
    let mut browser = app.browser();
    let (request, _) = app.authorization(client, "openid");
    app.grant(&mut browser, &request, user).await;
    browser
}

/// The claims of the ID token that an authorization response leads to.
async fn id_claims(app: &TestApp, client: &TestClient, back: &Answer, pkce: &Pkce) -> serde_json::Value {
    let code = back
        .redirect_param("code")
        .unwrap_or_else(|| panic!("no code in {}", back.location()));
    let tokens = app.token(client, &app.exchange(client, &code, pkce)).await;
    claims(
        tokens.json()["id_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no ID token: {}", tokens.body)),
    )
}

fn with(request: &Form, name: &str, value: &str) -> Form {
    request.clone().set(name, value)
}

#[tokio::test]
async fn edge_13_prompt_none_stands_alone_and_never_shows_a_page() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, pkce) = app.authorization(&client, "openid");
    for prompt in [
        "none login",
        "none consent",
        "login none",
        "none select_account",
        "none nothing",
        "NONE",
        "create",
    ] {
        let request = with(&request, "prompt", prompt);
        app.assert_client_told(
            &app.authorize(&mut app.browser(), &request).await,
            &request,
            "invalid_request",
        );
    }
    let silent = with(&request, "prompt", "none");
    let mut stranger = app.browser();
    app.assert_client_told(
        &app.authorize(&mut stranger, &silent).await,
        &silent,
        "login_required",
    );
    assert!(stranger.cookies.is_empty(), "nothing was begun");
    stranger
        .cookies
        .insert("authly-default".to_owned(), "made-up".to_owned());
    app.assert_client_told(
        &app.authorize(&mut stranger, &silent).await,
        &silent,
        "login_required",
    );

    let mut browser = signed_in(&app, &client, &user).await;
    let wider = with(&silent, "scope", "openid email");
    app.assert_client_told(
        &app.authorize(&mut browser, &wider).await,
        &wider,
        "consent_required",
    );
    let again = with(&silent, "max_age", "0");
    app.assert_client_told(
        &app.authorize(&mut browser, &again).await,
        &again,
        "login_required",
    );
    let remembered = app.authorize(&mut browser, &silent).await;
    assert_eq!(id_claims(&app, &client, &remembered, &pkce).await["sub"], user.id);
    // The session's end is its end here too.
    app.advance(Duration::from_hours(24));
    app.assert_client_told(
        &app.authorize(&mut browser, &silent).await,
        &silent,
        "login_required",
    );
}

#[tokio::test]
async fn edge_14_prompt_login_and_max_age_sign_in_again_and_auth_time_is_later() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &client, &user).await;
    let mut last = app.now().as_secs();

    for (name, value) in [("prompt", "login"), ("max_age", "0"), ("max_age", "1")] {
        app.advance(Duration::from_secs(2));
        let (request, pkce) = app.authorization(&client, "openid");
        let page = app.authorize(&mut browser, &with(&request, name, value)).await;
        assert!(
            page.has_field("password"),
            "{name}={value}: {} {}",
            page.status,
            page.body
        );
        assert!(page.body.contains("alice"), "the page says who is asked");
        // Going back to the start does not get around it.
        let page = app.authorize(&mut browser, &with(&request, name, value)).await;
        let back = app.sign_in(&mut browser, &page, &user).await;
        let claims = id_claims(&app, &client, &back, &pkce).await;
        assert_eq!(claims["auth_time"], app.now().as_secs(), "{name}={value}");
        assert!(claims["auth_time"].as_i64() > Some(last));
        last = app.now().as_secs();
    }
}

#[tokio::test]
async fn max_age_is_honoured_to_the_second_and_auth_time_is_the_login_not_the_token() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &client, &user).await;
    let login = app.now().as_secs();

    app.advance(Duration::from_secs(100));
    let (request, pkce) = app.authorization(&client, "openid");
    let request = request.set("max_age", "100");
    let back = app.authorize(&mut browser, &request).await;
    let claims = id_claims(&app, &client, &back, &pkce).await;
    assert_eq!(
        (claims["auth_time"].as_i64(), claims["iat"].as_i64()),
        (Some(login), Some(login + 100))
    );
    app.advance(Duration::from_secs(1));
    assert!(app.authorize(&mut browser, &request).await.has_field("password"));
}

#[tokio::test]
async fn edge_15_max_age_that_is_no_number_of_seconds_is_invalid_request() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    for value in [
        "-1",
        "+1",
        "1.5",
        "1e3",
        " 1",
        "0x10",
        "abc",
        "4294967296",
        "99999999999999999999",
        "١",
    ] {
        let request = with(&request, "max_age", value);
        app.assert_client_told(
            &app.authorize(&mut app.browser(), &request).await,
            &request,
            "invalid_request",
        );
    }
    let largest = with(&request, "max_age", "4294967295");
    assert!(
        app.authorize(&mut app.browser(), &largest)
            .await
            .has_field("password")
    );
}

#[tokio::test]
async fn prompt_consent_asks_again_what_was_agreed_to() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &client, &user).await;
    let (request, _) = app.authorization(&client, "openid");
    let page = app
        .authorize(&mut browser, &with(&request, "prompt", "consent"))
        .await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
    let back = app.decide(&mut browser, &page, "allow").await;
    assert!(back.redirect_param("code").is_some());
    // Both at once: first who, then whether.
    let page = app
        .authorize(&mut browser, &with(&request, "prompt", "login consent"))
        .await;
    let page = app.sign_in(&mut browser, &page, &user).await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
}

#[tokio::test]
async fn a_client_without_max_age_has_the_one_it_registered() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &client, &user).await;
    let id = authly_core::ClientId::parse(&client.id).unwrap();
    let stored = app.tenant.load_client(&id).await.unwrap().expect("the client");
    let changed = authly_core::client::Client {
        default_max_age: Some(100),
        ..authly_core::client::Client::clone(&stored)
    };
    let effects = authly_core::Effects::none().invalidating(authly_core::Topic::Client, &client.id);
    app.tenant.update_client(&changed, effects).await.unwrap();

    app.advance(Duration::from_secs(101));
    let (request, _) = app.authorization(&client, "openid");
    assert!(app.authorize(&mut browser, &request).await.has_field("password"));
    let back = app
        .authorize(&mut browser, &with(&request, "max_age", "101"))
        .await;
    assert!(back.redirect_param("code").is_some(), "the request's own counts");
}

#[tokio::test]
async fn wishes_that_cannot_be_met_fail_nothing() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &client, &user).await;
    let (request, _) = app.authorization(&client, "openid");
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("display", "touch"),
        ("display", "hologram"),
        ("ui_locales", "se"),
        ("claims_locales", "se tlh"),
        ("acr_values", "urn:mace:incommon:iap:silver 1 2"),
        ("login_hint", "bob@example.com"),
    ] {
        let back = app.authorize(&mut browser, &with(&request, name, value)).await;
        assert!(
            back.status == 303 && back.redirect_param("code").is_some(),
            "{name}={value}: {back:?}"
        );
    }
}
