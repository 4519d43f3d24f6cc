//! Who is asked, and that an answer counts for the page it was given on and for nothing else.

use authly_oauth::clients::NewClient;
use authly_testkit::TestApp;

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
