//! The `claims` parameter at the authorization endpoint: what is refused, and what a person is asked.

use authly_testkit::{TestApp, client::Form};
use serde_json::{Value, json};

fn asking(request: &Form, claims: &Value) -> Form {
    request.clone().set("claims", claims.to_string())
}

#[tokio::test]
async fn edge_18_malformed_claims_are_invalid_request_and_a_demand_that_cannot_be_met_is_told() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    for bad in [
        "not JSON",
        "[]",
        "{",
        "7",
        "{\"userinfo\":[]}",
        "{\"id_token\":{\"name\":true}}",
        "{\"userinfo\":{\"name\":{\"essential\":\"yes\"}}}",
    ] {
        let request = request.clone().set("claims", bad);
        let answer = app.authorize(&mut app.browser(), &request).await;
        app.assert_client_told(&answer, &request, "invalid_request");
    }
    let demand =
        json!({ "id_token": { "acr": { "essential": true, "values": ["urn:mace:incommon:iap:silver"] } } });
    let request_ = asking(&request, &demand);
    let answer = app.authorize(&mut app.browser(), &request_).await;
    app.assert_client_told(&answer, &request_, "unmet_authentication_requirements");

    // A wish is none, by whichever parameter; nor is a demand that can be met, or what nobody knows.
    let metadata = app
        .request(reqwest::Method::GET, "/.well-known/openid-configuration")
        .await
        .json();
    let ours = &metadata["acr_values_supported"][0];
    for wish in [
        json!({ "id_token": { "acr": { "value": "urn:mace:incommon:iap:silver" } } }),
        json!({ "id_token": { "acr": { "essential": true, "value": ours } } }),
        json!({ "id_token": { "shoe_size": { "essential": true } }, "elsewhere": 1 }),
    ] {
        let page = app.authorize(&mut app.browser(), &asking(&request, &wish)).await;
        assert!(
            page.has_field("password"),
            "{wish}: {} {}",
            page.status,
            page.body
        );
    }
    assert_eq!(metadata["claims_parameter_supported"], true);
}

#[tokio::test]
async fn a_claim_asked_for_by_name_needs_the_persons_word_like_the_scope_that_holds_it() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    app.grant(&mut browser, &request, &user).await;

    let mail = asking(
        &request,
        &json!({ "userinfo": { "email": null, "auth_time": null, "department": null } }),
    );
    let silent = mail.clone().set("prompt", "none");
    let answer = app.authorize(&mut browser, &silent).await;
    app.assert_client_told(&answer, &silent, "consent_required");
    let page = app.authorize(&mut browser, &mail).await;
    assert!(
        page.has_field("decision") && page.body.contains("See your e-mail address"),
        "{} {}",
        page.status,
        page.body
    );
    assert!(
        !page.body.contains("department"),
        "what no scope holds is not to be had"
    );
    let denied = app.decide(&mut browser, &page, "deny").await;
    app.assert_client_told(&denied, &mail, "access_denied");
    let page = app.authorize(&mut browser, &mail).await;
    let back = app.decide(&mut browser, &page, "allow").await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());
    // It was for this once: what is remembered are scopes.
    assert!(app.authorize(&mut browser, &mail).await.has_field("decision"));

    // Once the scope that holds it was agreed to, its claims go without a word.
    app.grant(&mut browser, &request.clone().set("scope", "openid email"), &user)
        .await;
    let back = app.authorize(&mut browser, &silent).await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());
}

#[tokio::test]
async fn a_claim_whose_scope_is_not_the_clients_is_not_even_asked_for() {
    let app = TestApp::start().await;
    let client = app
        .client(authly_oauth::clients::NewClient {
            id: Some("narrow".to_owned()),
            redirect_uris: vec!["https://narrow.example/cb".to_owned()],
            scopes: vec!["openid".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            ..authly_oauth::clients::NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    app.grant(&mut browser, &request, &user).await;
    let mail = asking(
        &request,
        &json!({ "userinfo": { "email": { "essential": true } } }),
    );
    let back = app.authorize(&mut browser, &mail.set("prompt", "none")).await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());
}
