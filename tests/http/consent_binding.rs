//! Who is asked, and that an answer counts for the page it was given on and for nothing else.

use authly_oauth::clients::NewClient;
use std::time::Duration;

use authly_testkit::{TestApp, site::claims};

/// A public client of the kind that runs on the person's device.
fn native(id: &str, redirect_uri: &str) -> NewClient {
    NewClient {
        id: Some(id.to_owned()),
        redirect_uris: vec![redirect_uri.to_owned()],
        grant_types: vec!["authorization_code".to_owned()],
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        ..NewClient::default()
    }
}

#[tokio::test]
async fn a_public_client_off_the_web_gets_no_code_without_a_page() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    for (id, redirect_uri) in [
        ("loopback", "http://127.0.0.1:8400/cb"),
        ("private", "com.example.app:/cb"),
    ] {
        let client = app.client(native(id, redirect_uri)).await;
        let mut browser = app.browser();
        let (request, _) = app.authorization(&client, "openid email");
        app.grant(&mut browser, &request, &user).await;

        // Any program of the device can send the same request: it is not answered in silence (RFC 8252 §8.6).
        let page = app.authorize(&mut browser, &request).await;
        assert!(page.has_field("decision"), "{id}: {} {}", page.status, page.body);
        assert!(
            !page.body.contains("would like more access"),
            "what was agreed to is shown as known: {}",
            page.body
        );
        let silent = request.clone().set("prompt", "none");
        let told = app.authorize(&mut browser, &silent).await;
        app.assert_client_told(&told, &silent, "consent_required");
        let back = app.decide(&mut browser, &page, "allow").await;
        assert!(back.redirect_param("code").is_some(), "{}", back.location());
    }
}

#[tokio::test]
async fn an_answer_given_to_one_person_s_page_is_not_taken_for_another_s() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (request, pkce) = app.authorization(&client, "openid email");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    let asked_alice = app.sign_in(&mut browser, &login, &alice).await;
    assert!(
        asked_alice.body.contains("<bdi>alice</bdi>"),
        "{}",
        asked_alice.body
    );

    // "Use another account" in a second tab, in the same interaction.
    let id = asked_alice.hidden_fields()["interaction"].clone();
    let switch = browser.get(format!("/login?interaction={id}&switch=1")).await;
    let asked_bob = app.sign_in(&mut browser, &switch, &bob).await;
    assert!(asked_bob.body.contains("<bdi>bob</bdi>"), "{}", asked_bob.body);

    for decision in ["allow", "deny"] {
        let page = app.decide(&mut browser, &asked_alice, decision).await;
        app.assert_page(&page, 200);
        assert!(
            page.has_field("decision") && page.body.contains("<bdi>bob</bdi>"),
            "Bob is asked himself: {}",
            page.body
        );
    }
    let back = app.decide(&mut browser, &asked_bob, "allow").await;
    let code = back.redirect_param("code").expect("a code");
    let tokens = app
        .token(&client, &app.exchange(&client, &code, &pkce))
        .await
        .json();
    assert_eq!(
        claims(tokens["id_token"].as_str().expect("an ID token"))["sub"],
        bob.id
    );
}

#[tokio::test]
async fn an_answer_that_comes_late_is_held_to_what_the_request_wants_now() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (first, _) = app.authorization(&client, "openid");
    app.grant(&mut browser, &first, &user).await;

    // The session is young enough for the request, and much too old for the answer.
    app.advance(Duration::from_secs(50));
    let (request, _) = app.authorization(&client, "openid email");
    let page = app
        .authorize(&mut browser, &request.clone().set("max_age", "60"))
        .await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
    app.advance(Duration::from_mins(25));
    let login = app.decide(&mut browser, &page, "allow").await;
    assert!(login.has_field("password"), "{} {}", login.status, login.body);
    let page = app.sign_in(&mut browser, &login, &user).await;

    // A login made for the request is good for as long as the page is.
    app.advance(Duration::from_mins(4));
    let back = app.decide(&mut browser, &page, "allow").await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());

    // Whoever may not sign in any more may not answer either.
    let wider = request.set("scope", "openid phone");
    let page = app.authorize(&mut browser, &wider).await;
    app.set_user_enabled(&user, false).await;
    let login = app.decide(&mut browser, &page, "allow").await;
    assert!(login.has_field("password"), "{} {}", login.status, login.body);
}

#[tokio::test]
async fn what_a_person_may_not_grant_any_more_is_not_granted_by_an_old_page() {
    let app = TestApp::builder().postgres().await.start().await;
    let console = NewClient {
        scopes: vec!["openid".to_owned(), "admin:users:read".to_owned()],
        ..native("console", "https://console.example/cb")
    };
    let client = app.client(console).await;
    let admin = app.user_with("root", serde_json::json!({}), true).await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid admin:users:read");
    let login = app.authorize(&mut browser, &request).await;
    let page = app.sign_in(&mut browser, &login, &admin).await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);

    let demote = "UPDATE users SET is_admin = false";
    app.postgres().execute(demote).await.expect("PostgreSQL");
    let narrower = app.decide(&mut browser, &page, "allow").await;
    app.assert_page(&narrower, 200);
    assert!(narrower.has_field("decision"), "asked for what is left");
    let back = app.decide(&mut browser, &narrower, "allow").await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());
}
