//! Who has signed in stays signed in, whatever becomes of the request they signed in for.

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, browser::Answer};

/// The names of the cookies that an answer sets.
fn cookies_set(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.get_all("set-cookie").into_iter();
    lines
        .filter_map(|line| line.to_str().ok()?.split_once('='))
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test]
async fn a_sign_in_for_what_the_person_may_not_have_is_still_a_sign_in() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let console = NewClient {
        id: Some("console".to_owned()),
        redirect_uris: vec!["https://console.example/cb".to_owned()],
        scopes: vec!["admin:users:read".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        ..NewClient::default()
    };
    let console = app.client(console).await;
    let (request, _) = app.authorization(&console, "admin:users:read");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    let told = app.sign_in(&mut browser, &login, &user).await;
    app.assert_client_told(&told, &request, "invalid_scope");
    assert!(
        cookies_set(&told).contains(&"authly-default"),
        "{:?}",
        cookies_set(&told)
    );

    // The next request finds her signed in.
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let page = app.authorize(&mut browser, &request).await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
}
