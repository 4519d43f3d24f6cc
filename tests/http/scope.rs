//! `scope` of the authorization request: what may be asked, of whom, and by which client.

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, site::claims};

#[tokio::test]
async fn edge_24_a_scope_outside_the_grammar_is_invalid_scope_and_injects_nothing() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    for scope in [
        "openid\r\nSet-Cookie: x=1",
        "openid\nemail",
        "openid\temail",
        "open\u{1}id",
        "open\"id",
        "open\\id",
        "openid \u{7f}",
        "openid émail",
        &(0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(" "),
        &"s".repeat(256),
    ] {
        let request = request.clone().set("scope", scope);
        let mut browser = app.browser();
        let answer = app.authorize(&mut browser, &request).await;
        app.assert_client_told(&answer, &request, "invalid_scope");
        assert!(browser.cookies.is_empty());
        assert!(
            answer.header("location").bytes().all(|b| b.is_ascii_graphic()),
            "{}",
            answer.header("location")
        );
    }
}

#[tokio::test]
async fn scope_is_limited_to_what_exists_and_what_the_client_may_ask() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    // Registered for nobody but administrators' clients; unknown ones are ignored (OIDC Core §3.1.2.1).
    let foreign = request.clone().set("scope", "openid admin:users:read");
    app.assert_client_told(
        &app.authorize(&mut app.browser(), &foreign).await,
        &foreign,
        "invalid_scope",
    );
    let nothing = request.clone().set("scope", "nobody:knows");
    app.assert_client_told(
        &app.authorize(&mut app.browser(), &nothing).await,
        &nothing,
        "invalid_scope",
    );
    let some = request.set("scope", "openid nobody:knows");
    assert!(
        app.authorize(&mut app.browser(), &some)
            .await
            .has_field("password")
    );
}

#[tokio::test]
async fn scopes_of_administrators_are_granted_to_administrators_only() {
    let app = TestApp::start().await;
    let client = app
        .client(NewClient {
            id: Some("console".to_owned()),
            redirect_uris: vec!["https://console.example/cb".to_owned()],
            scopes: vec!["openid".to_owned(), "admin:users:read".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            ..NewClient::default()
        })
        .await;
    let (alice, root) = (
        app.user("alice").await,
        app.user_with("root", serde_json::json!({}), true).await,
    );
    let (request, pkce) = app.authorization(&client, "openid");
    let only = request.clone().set("scope", "admin:users:read");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &only).await;
    let answer = app.sign_in(&mut browser, &page, &alice).await;
    app.assert_client_told(&answer, &only, "invalid_scope");
    let both = request.set("scope", "openid admin:users:read");
    for (user, scope) in [(&alice, "openid"), (&root, "admin:users:read openid")] {
        let back = app.grant(&mut app.browser(), &both, user).await;
        let code = back.redirect_param("code").expect("a code");
        let tokens = app
            .token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .json();
        let access = tokens["access_token"].as_str().expect("a token");
        assert_eq!(claims(access)["scope"], scope);
    }
}

#[tokio::test]
async fn offline_access_is_not_offered_where_it_could_not_be_used() {
    let app = TestApp::start().await;
    let client = app
        .client(NewClient {
            id: Some("once".to_owned()),
            redirect_uris: vec!["https://once.example/cb".to_owned()],
            scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            ..NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid offline_access");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &request).await;
    let consent = app.sign_in(&mut browser, &page, &user).await;
    assert!(consent.has_field("decision") && consent.body.contains("Know who you are here"));
    assert!(!consent.body.contains("Keep this access"), "{}", consent.body);
}

#[tokio::test]
async fn a_request_without_scope_asks_for_the_default_scopes_of_the_client() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, pkce) = app.authorization(&client, "");
    for request in [request.clone(), request.without("scope")] {
        let back = app.grant(&mut app.browser(), &request, &user).await;
        let code = back.redirect_param("code").expect("a code");
        let tokens = app
            .token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .json();
        // Told, because it is not what was asked (RFC 6749 §5.1).
        assert_eq!(tokens["scope"], "profile");
    }

    let bare = NewClient {
        id: Some("bare".to_owned()),
        redirect_uris: vec!["https://bare.example/cb".to_owned()],
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        ..NewClient::default()
    };
    let client = app.client(bare).await;
    let (request, _) = app.authorization(&client, "");
    let told = app.authorize(&mut app.browser(), &request).await;
    app.assert_client_told(&told, &request, "invalid_scope");
}

#[tokio::test]
async fn edge_48_offline_access_that_the_person_did_not_agree_to_is_not_granted() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (online, pkce) = app.authorization(&client, "openid");
    let back = app.grant(&mut browser, &online, &user).await;
    let tokens = app
        .token(
            &client,
            &app.exchange(&client, &back.redirect_param("code").expect("a code"), &pkce),
        )
        .await
        .json();
    assert_eq!(tokens.get("refresh_token"), None, "nobody asked for it");

    let (offline, pkce) = app.authorization(&client, "openid offline_access");
    let silent = offline.clone().set("prompt", "none");
    let answer = app.authorize(&mut browser, &silent).await;
    app.assert_client_told(&answer, &silent, "consent_required");
    let page = app.authorize(&mut browser, &offline).await;
    let denied = app.decide(&mut browser, &page, "deny").await;
    app.assert_client_told(&denied, &offline, "access_denied");
    let back = app.grant(&mut browser, &offline, &user).await;
    let tokens = app
        .token(
            &client,
            &app.exchange(&client, &back.redirect_param("code").expect("a code"), &pkce),
        )
        .await
        .json();
    assert!(tokens["refresh_token"].is_string(), "{tokens}");
}
