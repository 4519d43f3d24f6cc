//! `prompt=select_account`: a person who is signed in says whether to go on as who they are.

use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::{Form, Pkce},
    site::claims,
};

const SELECT: &str = "action=\"/select-account\"";

/// A browser in which the person signed in and allowed `openid`, and a request to select an account.
async fn before(app: &TestApp, client: &TestClient, user: &TestUser) -> (TestBrowser, Form, Pkce) {
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(client, "openid");
    app.grant(&mut browser, &request, user).await;
    (browser, request.set("prompt", "select_account"), pkce)
}

async fn go_on(browser: &mut TestBrowser, page: &Answer) -> Answer {
    let hidden = page.hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
    ];
    let answer = browser.post("/select-account", &form).await;
    browser.follow(answer).await
}

async fn subject(app: &TestApp, client: &TestClient, back: &Answer, pkce: &Pkce) -> String {
    let code = back
        .redirect_param("code")
        .unwrap_or_else(|| panic!("no code in {}", back.location()));
    let tokens = app.token(client, &app.exchange(client, &code, pkce)).await.json();
    let claims = claims(tokens["id_token"].as_str().expect("an ID token"));
    claims["sub"].as_str().expect("sub").to_owned()
}

#[tokio::test]
async fn a_person_goes_on_as_who_they_are_without_signing_in_again() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (mut browser, request, pkce) = before(&app, &client, &user).await;
    let page = app.authorize(&mut browser, &request).await;
    assert!(
        page.body.contains(SELECT) && !page.has_field("password"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Continue as") && page.body.contains("<bdi>alice</bdi>"));
    let back = go_on(&mut browser, &page).await;
    assert_eq!(subject(&app, &client, &back, &pkce).await, user.id);
    // A double click finds it done.
    let again = go_on(&mut browser, &page).await;
    assert_eq!(again.header("location"), "");
    assert!(again.body.contains("done here"), "{}", again.body);
    // Every request asks anew.
    assert!(app.authorize(&mut browser, &request).await.body.contains(SELECT));
}

#[tokio::test]
async fn another_account_may_be_used_and_nobody_signed_in_means_signing_in() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut browser, request, pkce) = before(&app, &client, &alice).await;
    let page = app.authorize(&mut browser, &request).await;
    let links = page.links();
    let switch = links
        .iter()
        .find(|link| link.contains("switch=1"))
        .expect("another account");
    let form = browser.get(switch).await;
    assert!(
        form.has_field("password") && !form.body.contains("alice"),
        "{}",
        form.body
    );
    let consent = app.sign_in(&mut browser, &form, &bob).await;
    assert!(consent.has_field("decision") && consent.body.contains("bob"));
    let back = app.decide(&mut browser, &consent, "allow").await;
    assert_eq!(subject(&app, &client, &back, &pkce).await, bob.id);

    let mut nobody = app.browser();
    let page = app.authorize(&mut nobody, &request).await;
    let back = app.sign_in(&mut nobody, &page, &alice).await;
    assert_eq!(
        subject(&app, &client, &back, &pkce).await,
        alice.id,
        "to sign in is to choose"
    );
}

#[tokio::test]
async fn a_choice_is_no_sign_in_and_no_consent() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (mut browser, request, _) = before(&app, &client, &user).await;
    let both = request.clone().set("prompt", "select_account login consent");
    let page = app.authorize(&mut browser, &both).await;
    assert!(page.body.contains(SELECT));
    let page = go_on(&mut browser, &page).await;
    assert!(page.has_field("password"), "{} {}", page.status, page.body);
    let page = app.sign_in(&mut browser, &page, &user).await;
    let back = app.decide(&mut browser, &page, "allow").await;
    assert!(back.redirect_param("code").is_some());

    let wider = request.set("scope", "openid email");
    let page = app.authorize(&mut browser, &wider).await;
    let page = go_on(&mut browser, &page).await;
    let back = app.decide(&mut browser, &page, "allow").await;
    assert!(back.redirect_param("code").is_some());
}

#[tokio::test]
async fn the_choice_is_for_the_account_that_the_page_showed_in_this_browser() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut browser, request, _) = before(&app, &client, &alice).await;
    let page = app.authorize(&mut browser, &request).await;

    // Bob signs in in another tab: alice's page does not speak for him.
    let (second, _) = app.authorization(&client, "openid");
    let login = app.authorize(&mut browser, &second.set("prompt", "login")).await;
    app.sign_in(&mut browser, &login, &bob).await;
    let asked = go_on(&mut browser, &page).await;
    assert!(
        asked.body.contains(SELECT) && asked.body.contains("<bdi>bob</bdi>"),
        "{}",
        asked.body
    );

    let hidden = asked.hidden_fields();
    let forged = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", "made-up"),
    ];
    app.assert_page(&browser.post("/select-account", &forged).await, 403);
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
    ];
    let foreign = browser
        .post_with_origin("/select-account", &form, "https://evil.example")
        .await;
    app.assert_page(&foreign, 403);
    let mut stranger = app.browser();
    app.assert_page(&stranger.post("/select-account", &form).await, 400);
}
