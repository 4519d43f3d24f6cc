//! Who is asked, and that an answer counts for the page it was given on and for nothing else.

use authly_oauth::clients::NewClient;
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
