//! A person or client disabled on the way is refused at the next step, whichever that is.

use authly_core::{Effects, Topic, UserId, ports::UpdateOutcome, user::User};
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::Answer,
    client::{Form, basic},
    site::read,
};

const SCOPE: &str = "openid offline_access";

async fn people(app: &TestApp) -> (TestClient, TestUser) {
    (app.public_client("web").await, app.user("alice").await)
}

#[tokio::test]
async fn a_disabled_person_is_refused_at_login() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    app.set_user_enabled(&user, false).await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, SCOPE);
    let page = app.authorize(&mut browser, &request).await;
    let answer = app.sign_in(&mut browser, &page, &user).await;
    app.assert_page(&answer, 400);
    assert!(answer.has_field("password") && !browser.cookies.contains_key("authly-default"));
}

#[tokio::test]
async fn a_disabled_person_is_refused_at_consent_and_with_a_live_session() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, SCOPE);
    let page = app.authorize(&mut browser, &request).await;
    let consent = app.sign_in(&mut browser, &page, &user).await;
    app.set_user_enabled(&user, false).await;

    let reload = browser.get(consent.url.as_str()).await;
    assert!(browser.follow(reload).await.has_field("password"), "signed out");
    let answer = app.decide(&mut browser, &consent, "allow").await;
    assert_eq!(answer.status, 200, "no code: {}", answer.header("location"));
    assert!(answer.has_field("password"), "signed out: {}", answer.body);
    let silent = request.set("prompt", "none");
    app.assert_client_told(
        &app.authorize(&mut browser, &silent).await,
        &silent,
        "login_required",
    );
}

#[tokio::test]
async fn a_disabled_person_is_refused_at_code_refresh_and_userinfo() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(&client, SCOPE);
    let code = |back: &Answer| back.redirect_param("code").expect("a code");
    let first = code(&app.grant(&mut browser, &request, &user).await);
    let second = code(&app.authorize(&mut browser, &request).await);
    let tokens = app
        .token(&client, &app.exchange(&client, &first, &pkce))
        .await
        .json();
    let (access, refresh) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    );

    app.set_user_enabled(&user, false).await;
    let answer = app.token(&client, &app.exchange(&client, &second, &pkce)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &"invalid_grant".into())
    );
    let answer = app.token(&client, &app.refresh(&client, refresh)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &"invalid_grant".into())
    );
    assert_eq!(app.userinfo(access).await.status, 401);
}

#[tokio::test]
async fn a_disabled_client_is_refused_at_every_step() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(&client, SCOPE);
    let code = |back: &Answer| back.redirect_param("code").expect("a code");
    // One thing at each step.
    let mut at_login = app.browser();
    let login = app.authorize(&mut at_login, &request).await;
    let first = code(&app.grant(&mut browser, &request, &user).await);
    let second = code(&app.authorize(&mut browser, &request).await);
    let consent = app
        .authorize(&mut browser, &request.clone().set("prompt", "consent"))
        .await;
    assert!(consent.has_field("decision"));
    let tokens = app
        .token(&client, &app.exchange(&client, &first, &pkce))
        .await
        .json();
    let (access, refresh) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    );

    app.set_client_enabled(&client, false).await;
    for request in [request.clone(), request.clone().set("prompt", "none")] {
        app.assert_page(&app.authorize(&mut browser, &request).await, 400);
        app.assert_page(
            &browser.post("/api/v1/oauth/authorize", &request.pairs()).await,
            400,
        );
    }
    app.assert_page(&at_login.get(login.url.as_str()).await, 400);
    app.assert_page(&app.sign_in(&mut at_login, &login, &user).await, 400);
    assert!(
        !at_login.cookies.contains_key("authly-default"),
        "nobody is signed in for it"
    );
    app.assert_page(&browser.get(consent.url.as_str()).await, 400);
    for decision in ["allow", "deny"] {
        app.assert_page(&app.decide(&mut browser, &consent, decision).await, 400);
    }
    for form in [
        app.exchange(&client, &second, &pkce),
        app.refresh(&client, refresh),
    ] {
        let answer = app.token(&client, &form).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (401, &"invalid_client".into())
        );
    }
    assert_eq!(
        app.userinfo(access).await.status,
        401,
        "nor does its token open anything"
    );

    // And back: nothing was lost.
    app.set_client_enabled(&client, true).await;
    let answer = app.token(&client, &app.exchange(&client, &second, &pkce)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    code(&app.decide(&mut browser, &consent, "allow").await);
}

async fn set_verified(app: &TestApp, user: &TestUser, verified: bool) {
    let id = UserId::from_uuid(user.id.parse().expect("a UUID"));
    let stored = app
        .tenant
        .load_user(id)
        .await
        .expect("storage")
        .expect("the person");
    let changed = User {
        verified,
        ..User::clone(&stored)
    };
    let effects = Effects::none().invalidating(Topic::User, &user.id);
    let outcome = app.tenant.update_user(&changed, effects).await.expect("storage");
    assert_eq!(outcome, UpdateOutcome::Updated);
}

#[tokio::test]
async fn an_unverified_person_is_refused_like_a_disabled_one_where_that_is_required() {
    let app = TestApp::builder()
        .set("accounts.unverified", "refused")
        .start()
        .await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    set_verified(&app, &user, false).await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &request).await;
    let refused = app.sign_in(&mut browser, &page, &user).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        !browser.cookies.contains_key("authly-default"),
        "no session began"
    );

    set_verified(&app, &user, true).await;
    let consent = app.sign_in(&mut browser, &page, &user).await;
    assert!(
        consent.has_field("decision"),
        "{} {}",
        consent.status,
        consent.body
    );
    // Taken back between two steps: the person has to sign in again, and cannot.
    set_verified(&app, &user, false).await;
    let page = app.decide(&mut browser, &consent, "allow").await;
    assert!(page.has_field("password"), "{} {}", page.status, page.body);
}

#[tokio::test]
async fn an_unverified_person_is_refused_at_code_and_introspection_where_that_is_required() {
    let app = TestApp::builder()
        .set("accounts.unverified", "refused")
        .start()
        .await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    set_verified(&app, &user, true).await;
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(&client, "openid");
    let code = |back: &Answer| back.redirect_param("code").expect("a code");
    let first = code(&app.grant(&mut browser, &request, &user).await);
    let second = code(&app.authorize(&mut browser, &request).await);
    let tokens = app
        .token(&client, &app.exchange(&client, &first, &pkce))
        .await
        .json();
    let form = Form::new().set("token", tokens["access_token"].as_str().expect("a token"));
    let secret = client.secret.as_deref().expect("a secret");
    let is_active = async || {
        let request = app.http.post(app.at("/api/v1/oauth/introspect"));
        let request = request.header("authorization", basic(&client.id, secret));
        let answer = read(request.form(&form.pairs())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["active"].clone()
    };
    assert_eq!(is_active().await, true);

    set_verified(&app, &user, false).await;
    let answer = app.token(&client, &app.exchange(&client, &second, &pkce)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &"invalid_grant".into())
    );
    assert_eq!(is_active().await, false);
}
