//! The main job, end to end: a person signs in and consents, a client gets tokens and uses them.

use authly_testkit::{
    TestApp,
    site::{claims, jose_header},
};

#[tokio::test]
async fn a_person_signs_in_and_a_client_gets_tokens() {
    let app = TestApp::start().await;
    a_whole_flow(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let app = TestApp::builder().postgres().await.start().await;
    a_whole_flow(&app).await;
    app.stop().await;
}

async fn a_whole_flow(app: &TestApp) {
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(&client, "openid profile email offline_access");

    let login = app.authorize(&mut browser, &request).await;
    assert_eq!(login.status, 200);
    assert!(
        login.body.contains("The web application"),
        "the page says who asks"
    );
    let consent = app.sign_in(&mut browser, &login, &user).await;
    assert!(consent.has_field("decision"), "{}", consent.body);
    let back = app.decide(&mut browser, &consent, "allow").await;
    assert_eq!(back.status, 303);
    assert!(back.location().as_str().starts_with("https://web.example/cb?"));
    assert_eq!(back.redirect_param("state").as_deref(), Some("s-1"));
    assert_eq!(back.redirect_param("iss"), Some(app.url.clone()));

    let code = back.redirect_param("code").expect("a code");
    let answer = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.json();
    let (access, id) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["id_token"].as_str().unwrap(),
    );
    assert_eq!(jose_header(access)["typ"], "at+jwt");
    assert_eq!(jose_header(access)["alg"], "ES256");
    assert_eq!(jose_header(id)["alg"], "RS256");
    assert_eq!(claims(id)["aud"], client.id.as_str());
    assert_eq!(claims(id)["nonce"], "n-1");
    assert_eq!(claims(id)["sub"], user.id.clone());
    assert_eq!(
        claims(id).get("email"),
        None,
        "claims of a scope are UserInfo's (OIDC Core §5.4)"
    );

    let userinfo = app.userinfo(access).await;
    assert_eq!(userinfo.status, 200, "{}", userinfo.body);
    assert_eq!(userinfo.json()["sub"], user.id.clone());
    assert_eq!(userinfo.json()["email"], "alice@example.com");

    let first = tokens["refresh_token"].as_str().unwrap();
    let refreshed = app.token(&client, &app.refresh(&client, first)).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert_ne!(refreshed.json()["refresh_token"], first);
    assert_eq!(
        claims(refreshed.json()["id_token"].as_str().unwrap())["sub"],
        user.id.clone()
    );
}
