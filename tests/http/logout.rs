//! Signing out: by the person, and by a client (OpenID Connect RP-Initiated Logout 1.0).

use std::time::Duration;

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::Form,
};

use crate::{account::enter, login::SESSION};

const BYE: &str = "https://web.example/bye?from=authly";

/// A client that people come back to.
async fn client(app: &TestApp, id: &str) -> TestClient {
    app.client(NewClient {
        id: Some(id.to_owned()),
        name: Some(format!("The {id} application")),
        redirect_uris: vec![format!("https://{id}.example/cb")],
        post_logout_redirect_uris: vec![BYE.replace("web", id), format!("https://{id}.example/other")],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        client_uri: Some(format!("https://{id}.example/")),
        ..NewClient::default()
    })
    .await
}

/// Signs in for the client in this browser; answers its tokens.
async fn tokens(
    app: &TestApp,
    browser: &mut TestBrowser,
    client: &TestClient,
    user: &TestUser,
) -> serde_json::Value {
    let (request, pkce) = app.authorization(client, "openid offline_access");
    let back = app.grant(browser, &request, user).await;
    let code = back.redirect_param("code").expect("a code");
    let answer = app.token(client, &app.exchange(client, &code, &pkce)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn id_token(app: &TestApp, browser: &mut TestBrowser, client: &TestClient, user: &TestUser) -> String {
    tokens(app, browser, client, user).await["id_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn request(id_token: &str) -> Form {
    Form::new()
        .set("id_token_hint", id_token)
        .set("post_logout_redirect_uri", BYE)
        .set("state", "a b+&\u{e9}")
}

async fn send(app: &TestApp, browser: &mut TestBrowser, form: &Form) -> Answer {
    browser.get(form.url(&app.at("/oidc/logout"))).await
}

async fn is_signed_in(browser: &mut TestBrowser) -> bool {
    browser.get("/account").await.status == 200
}

/// Presses a button of the confirmation page.
async fn decide(browser: &mut TestBrowser, page: &Answer, decision: &str) -> Answer {
    assert!(
        page.has_field("decision"),
        "not a confirmation: {} {}",
        page.status,
        page.body
    );
    let hidden = page.hidden_fields();
    let fields: Vec<_> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let form: Vec<_> = fields.into_iter().chain([("decision", decision)]).collect();
    browser.post("/logout", &form).await
}

#[tokio::test]
async fn edge_79_a_client_signs_its_own_session_out_and_gets_the_person_back() {
    let app = TestApp::start().await;
    let (web, user) = (client(&app, "web").await, app.user("alice").await);
    let mut browser = app.browser();
    let hint = id_token(&app, &mut browser, &web, &user).await;
    let session = browser.cookies[SESSION].clone();
    let left = send(&app, &mut browser, &request(&hint)).await;
    assert_eq!(left.status, 303, "{}", left.body);
    assert_eq!(
        left.header("location"),
        "https://web.example/bye?from=authly&state=a%20b%2B%26%C3%A9"
    );
    assert!(!browser.cookies.contains_key(SESSION), "the cookie is taken back");
    assert!(
        left.header("set-cookie").contains("Max-Age=0") && left.header("set-cookie").contains("HttpOnly")
    );

    // The session is over, and not only in this browser's memory.
    browser.cookies.insert(SESSION.to_owned(), session);
    let (silent, _) = app.authorization(&web, "openid");
    let silent = silent.set("prompt", "none");
    app.assert_client_told(
        &app.authorize(&mut browser, &silent).await,
        &silent,
        "login_required",
    );
    // Once more, with nobody signed in: the client still gets the person back.
    let again = send(&app, &mut app.browser(), &request(&hint).without("state")).await;
    assert_eq!(
        again.header("location"),
        BYE,
        "no state was sent, none comes back"
    );
}

#[tokio::test]
async fn edge_79_a_hint_may_be_expired() {
    let app = TestApp::builder().set("oauth.id_token_ttl", "10s").start().await;
    let (web, user) = (client(&app, "web").await, app.user("alice").await);
    let mut browser = app.browser();
    let hint = id_token(&app, &mut browser, &web, &user).await;
    app.advance(Duration::from_hours(1));
    let left = send(&app, &mut browser, &request(&hint)).await;
    assert!(
        left.header("location").starts_with(BYE),
        "{} {}",
        left.status,
        left.body
    );
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn edge_79_what_does_not_fit_sends_nobody_anywhere_and_signs_nobody_out() {
    let app = TestApp::start().await;
    let (web, other, user) = (
        client(&app, "web").await,
        client(&app, "other").await,
        app.user("alice").await,
    );
    let mut browser = app.browser();
    let all = tokens(&app, &mut browser, &web, &user).await;
    let hint = all["id_token"].as_str().unwrap();
    let good = request(hint);
    let (head, signature) = hint.rsplit_once('.').unwrap();
    let unsigned = format!(
        "{}.",
        head.replace(head.split('.').next().unwrap(), "eyJhbGciOiJub25lIn0")
    );
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let bad = [
        // Another client than the hint's.
        good.clone().set("client_id", &other.id),
        good.clone().set("client_id", "nobody"),
        // Addresses that are not the client's.
        good.clone()
            .set("post_logout_redirect_uri", "https://evil.example/"),
        good.clone().set(
            "post_logout_redirect_uri",
            "https://other.example/bye?from=authly",
        ),
        good.clone().set("post_logout_redirect_uri", format!("{BYE}&x=1")),
        good.clone()
            .set("post_logout_redirect_uri", "https://web.example/bye"),
        good.clone()
            .set("post_logout_redirect_uri", "https://web.example/cb"),
        // Hints that are none.
        good.clone().set("id_token_hint", &unsigned),
        good.clone().set("id_token_hint", &forged),
        good.clone().set("id_token_hint", "x"),
        good.clone()
            .set("id_token_hint", all["access_token"].as_str().unwrap()),
        good.clone().set("id_token_hint", "x".repeat(16 * 1024 + 1)),
        // An address of nobody.
        good.clone().without("id_token_hint"),
        good.clone().without("id_token_hint").set("client_id", "nobody"),
        good.clone().set("state", "s".repeat(2049)),
    ];
    for form in &bad {
        let page = browser.post("/oidc/logout", &form.pairs()).await;
        app.assert_page(&page, 400);
        assert!(
            page.links().contains(&app.at("/logout")),
            "there is a next step: {}",
            page.body
        );
        assert!(!page.body.contains("evil.example/\""), "{}", page.body);
        let crossed = browser
            .post_cross_site("/oidc/logout", &form.pairs(), "https://web.example")
            .await;
        app.assert_page(&crossed, 400);
        if form.url("https://x.example").as_str().len() < 8_000 {
            app.assert_page(&send(&app, &mut browser, form).await, 400);
        }
    }
    let twice = format!("{}&state=2", good.url(&app.at("/oidc/logout")));
    app.assert_page(&browser.get(twice).await, 400);
    app.set_client_enabled(&web, false).await;
    app.assert_page(&send(&app, &mut browser, &good).await, 400);
    assert!(
        is_signed_in(&mut browser).await,
        "nothing of it signed anybody out"
    );
}

#[tokio::test]
async fn edge_79_without_a_hint_the_person_is_asked() {
    let app = TestApp::start().await;
    let (web, user) = (client(&app, "web").await, app.user("alice").await);
    let mut browser = app.browser();
    enter(&mut browser, "/account", &user).await;
    for form in [
        Form::new(),
        Form::new().set("state", "s"),
        Form::new().set("client_id", &web.id),
        Form::new().set("logout_hint", "alice"),
        request("").without("id_token_hint").set("client_id", &web.id),
    ] {
        let page = send(&app, &mut browser, &form).await;
        app.assert_page(&page, 200);
        assert!(
            page.has_field("decision") && page.body.contains("Test alice"),
            "{}",
            page.body
        );
        let stayed = decide(&mut browser, &page, "stay").await;
        app.assert_page(&stayed, 200);
        assert!(stayed.body.contains("still signed in"), "{}", stayed.body);
        assert!(is_signed_in(&mut browser).await);
    }
    // The client that is named and the address that is its own are shown; a yes leads there.
    let form = request("").without("id_token_hint").set("client_id", &web.id);
    let page = send(&app, &mut browser, &form).await;
    assert!(page.body.contains("The web application") && page.body.contains("web.example"));
    let left = decide(&mut browser, &page, "logout").await;
    assert_eq!(
        left.header("location"),
        "https://web.example/bye?from=authly&state=a%20b%2B%26%C3%A9"
    );
    assert!(!is_signed_in(&mut browser).await);
    // With nobody signed in nobody is sent there unasked.
    let page = send(&app, &mut browser, &form).await;
    app.assert_page(&page, 200);
    assert!(
        page.body.contains("signed out") && page.links().iter().any(|l| l.starts_with(BYE)),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_hint_of_another_session_or_person_does_not_sign_this_one_out() {
    let app = TestApp::start().await;
    let web = client(&app, "web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let of_bob = id_token(&app, &mut app.browser(), &web, &bob).await;
    let mut browser = app.browser();
    enter(&mut browser, "/account", &alice).await;
    let page = send(&app, &mut browser, &request(&of_bob)).await;
    app.assert_page(&page, 200);
    assert!(
        page.has_field("decision") && page.body.contains("Test alice"),
        "{}",
        page.body
    );
    assert!(is_signed_in(&mut browser).await);
    let left = decide(&mut browser, &page, "logout").await;
    assert!(left.header("location").starts_with(BYE));

    // Her own, of a session in another browser: that one is not this one.
    let of_elsewhere = id_token(&app, &mut app.browser(), &web, &alice).await;
    enter(&mut browser, "/account", &alice).await;
    let page = send(&app, &mut browser, &request(&of_elsewhere)).await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn what_the_confirmation_carries_is_checked_again() {
    let app = TestApp::start().await;
    let (web, user) = (client(&app, "web").await, app.user("alice").await);
    let mut browser = app.browser();
    enter(&mut browser, "/account", &user).await;
    let page = browser.get("/logout").await;
    let csrf = page.hidden_fields()["csrf"].clone();
    for (client_id, uri) in [
        (web.id.as_str(), "https://evil.example/"),
        ("nobody", BYE),
        ("", BYE),
    ] {
        let form = [
            ("csrf", csrf.as_str()),
            ("decision", "logout"),
            ("client_id", client_id),
            ("post_logout_redirect_uri", uri),
        ];
        app.assert_page(&browser.post("/logout", &form).await, 400);
    }
    let undecided = [("csrf", csrf.as_str()), ("decision", "perhaps")];
    app.assert_page(&browser.post("/logout", &undecided).await, 400);
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_person_signs_out_by_themselves() {
    let app = TestApp::start().await;
    let (web, user) = (client(&app, "web").await, app.user("alice").await);
    let mut browser = app.browser();
    let tokens = tokens(&app, &mut browser, &web, &user).await;
    let page = browser.get("/logout").await;
    let bye = decide(&mut browser, &page, "logout").await;
    app.assert_page(&bye, 200);
    assert!(
        bye.body.contains("signed out") && !browser.cookies.contains_key(SESSION),
        "{}",
        bye.body
    );
    assert!(!is_signed_in(&mut browser).await);
    // A second click finds it done.
    app.assert_page(&decide(&mut browser, &page, "logout").await, 200);
    app.assert_page(&browser.get("/logout").await, 200);
    // What was agreed to go on without the person goes on (OIDC Core 11).
    let refreshed = app
        .token(
            &web,
            &app.refresh(&web, tokens["refresh_token"].as_str().unwrap()),
        )
        .await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
}

#[tokio::test]
async fn a_form_of_the_clients_page_signs_out_as_a_link_does_and_no_url_holds_the_hint() {
    let app = TestApp::start().await;
    let (web, user) = (client(&app, "web").await, app.user("alice").await);
    let mut browser = app.browser();
    let hint = id_token(&app, &mut browser, &web, &user).await;
    // Without cookies nobody can tell whose browser it is: a page of ours sends the form again.
    let form = request(&hint);
    let page = browser
        .post_cross_site("/oidc/logout", &form.pairs(), "https://web.example")
        .await;
    app.assert_page(&page, 200);
    assert!(!page.has_field("decision") && !page.url.as_str().contains(&hint));
    let csp = page.header("content-security-policy");
    assert!(csp.contains("form-action 'self' https:"), "{csp}");
    assert!(is_signed_in(&mut browser).await);
    let hidden = page.hidden_fields();
    let fields: Vec<_> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut sent = form.pairs();
    sent.sort_unstable();
    assert_eq!(fields, sent, "exactly what was sent");
    let left = browser.post("/oidc/logout", &fields).await;
    assert!(
        left.header("location").starts_with(BYE),
        "{} {}",
        left.status,
        left.body
    );
    assert!(!is_signed_in(&mut browser).await);
    // Parameters of a POST are in its body.
    app.assert_page(&browser.post("/oidc/logout?state=s", &[]).await, 400);
}

#[tokio::test]
async fn discovery_names_the_end_session_endpoint() {
    let app = TestApp::start().await;
    let metadata = app
        .browser()
        .get("/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(metadata["end_session_endpoint"], app.at("/oidc/logout"));
}
