//! The page of an interaction that was answered before: it says so, and knows a way on.

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, TestClient};

#[tokio::test]
async fn whoever_clicked_twice_and_lost_the_code_gets_another_one() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, pkce) = app.authorization(&client, "openid email");
    let request = request.set("ui_locales", "de fr").set("state", "a b+ü");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    let page = app.sign_in(&mut browser, &login, &user).await;
    // The browser gave the first answer up when the second click came.
    app.decide(&mut browser, &page, "allow").await;
    let finished = app.decide(&mut browser, &page, "allow").await;
    app.assert_page(&finished, 200);

    let again = finished
        .links()
        .into_iter()
        .find(|link| link.contains("/authorize?"))
        .expect("a way on");
    assert!(again.contains("ui_locales=de+fr"), "{again}");
    let back = browser.get(&again).await;
    let back = browser.follow(back).await;
    assert_eq!(back.redirect_param("state").as_deref(), Some("a b+ü"));
    let code = back
        .redirect_param("code")
        .expect("signed in and agreed: no page is due");
    let tokens = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);

    // What was asked is none of another browser's business.
    let id = page.hidden_fields()["interaction"].clone();
    let other = app.browser().get(format!("/consent?interaction={id}")).await;
    app.assert_page(&other, 200);
    assert!(!other.body.contains("/authorize?"), "{}", other.body);
}

#[tokio::test]
async fn a_client_that_has_a_page_of_its_own_is_the_way_on() {
    let app = TestApp::start().await;
    let client: TestClient = app
        .client(NewClient {
            id: Some("web".to_owned()),
            redirect_uris: vec!["https://web.example/cb".to_owned()],
            scopes: vec!["openid".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            client_uri: Some("https://web.example/start".to_owned()),
            ..NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    let page = app.sign_in(&mut browser, &login, &user).await;
    app.decide(&mut browser, &page, "allow").await;
    let finished = app.decide(&mut browser, &page, "allow").await;
    assert!(
        finished.links().contains(&"https://web.example/start".to_owned()),
        "{:?}",
        finished.links()
    );
}
