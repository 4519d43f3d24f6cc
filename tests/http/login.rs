//! The sign-in page: its form, its throttle, and the session it begins.

use std::time::Duration;

use authly_testkit::{
    TestApp, TestUser,
    browser::{Answer, TestBrowser},
};

const SESSION: &str = "authly-default";

/// A browser at the sign-in page of a new client.
async fn at_login(app: &TestApp, client_id: &str) -> (TestBrowser, Answer) {
    let client = app.public_client(client_id).await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    let page = app.authorize(&mut browser, &request).await;
    (browser, page)
}

/// Sends the form without following where it leads.
async fn try_login(browser: &mut TestBrowser, page: &Answer, username: &str, password: &str) -> Answer {
    let hidden = page.hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("username", username),
        ("password", password),
    ];
    browser.post("/login", &form).await
}

fn wrong(user: &TestUser) -> TestUser {
    TestUser {
        password: "not the password".to_owned(),
        ..user.clone()
    }
}

#[tokio::test]
async fn edge_11_the_redirect_after_a_form_is_303() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    let answer = try_login(&mut browser, &page, &user.username, &user.password).await;
    assert_eq!(answer.status, 303);
    assert!(
        answer
            .header("location")
            .starts_with(&app.at("/consent?interaction="))
    );
    let consent = browser.follow(answer).await;
    let hidden = consent.hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", &hidden["csrf"]),
        ("decision", "allow"),
    ];
    let answer = browser.post("/consent", &form).await;
    assert_eq!(answer.status, 303);
    assert!(answer.redirect_param("code").is_some(), "{}", answer.location());
}

#[tokio::test]
async fn edge_22_a_login_form_without_its_token_or_from_elsewhere_is_refused() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let user = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    let (_, other) = at_login(&app, "other").await;
    let hidden = page.hidden_fields();
    let form = |csrf: &str| {
        let mut form = vec![
            ("interaction".to_owned(), hidden["interaction"].clone()),
            ("username".to_owned(), user.username.clone()),
            ("password".to_owned(), user.password.clone()),
        ];
        form.extend((csrf != "absent").then(|| ("csrf".to_owned(), csrf.to_owned())));
        form
    };
    let foreign_csrf = other.hidden_fields()["csrf"].clone();
    for csrf in ["absent", "", "x", &foreign_csrf, &format!("{}A", hidden["csrf"])] {
        let form = form(csrf);
        let pairs: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = browser.post("/login", &pairs).await;
        app.assert_page(&answer, 403);
        assert!(!browser.cookies.contains_key(SESSION), "{csrf}");
    }
    let good = form(&hidden["csrf"]);
    let pairs: Vec<_> = good.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "https://127.0.0.1:1",
    ] {
        let answer = browser.post_with_origin("/login", &pairs, origin).await;
        app.assert_page(&answer, 403);
        assert!(!browser.cookies.contains_key(SESSION), "{origin}");
    }
    // Without the cookie that binds the interaction to this browser the token is worth nothing.
    let mut stolen = app.browser();
    let answer = stolen.post("/login", &pairs).await;
    assert!(
        answer.status.is_client_error() && stolen.cookies.is_empty(),
        "{}",
        answer.status
    );
    // None of it was an attempt, and the form is still good.
    assert_eq!(browser.post("/login", &pairs).await.status, 303);
    assert!(browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn edge_22_the_session_changes_at_login_and_the_old_one_is_dead() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    // What somebody else planted is not adopted.
    browser.cookies.insert(SESSION.to_owned(), "planted".to_owned());
    app.grant(&mut browser, &request, &user).await;
    let first = browser.clone();
    assert_ne!(first.cookies[SESSION], "planted");

    let page = app
        .authorize(&mut browser, &request.clone().set("prompt", "login"))
        .await;
    app.sign_in(&mut browser, &page, &user).await;
    assert_ne!(browser.cookies[SESSION], first.cookies[SESSION]);
    let silent = request.set("prompt", "none");
    app.assert_client_told(
        &app.authorize(&mut first.clone(), &silent).await,
        &silent,
        "login_required",
    );
    let answer = app.authorize(&mut browser, &silent).await;
    assert!(answer.redirect_param("code").is_some(), "{}", answer.location());
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    let answer = try_login(&mut browser, &page, &user.username, &user.password).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with(&format!("{SESSION}=")), "{cookie}");
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn unknown_user_wrong_password_and_disabled_user_are_answered_the_same() {
    let app = TestApp::start().await;
    let (user, off) = (app.user("alice").await, app.user("carol").await);
    app.set_user_enabled(&off, false).await;
    let (mut browser, page) = at_login(&app, "web").await;
    let mut seen = Vec::new();
    for (name, password) in [
        (user.username.as_str(), "wrong"),
        ("nobody", "wrong"),
        (&off.username, &off.password),
        (&user.username, ""),
    ] {
        let answer = try_login(&mut browser, &page, name, password).await;
        assert_eq!(answer.status, 400);
        assert!(!browser.cookies.contains_key(SESSION), "{name}");
        let csp = answer.header("content-security-policy");
        let (_, rest) = csp.split_once("'nonce-").expect("a nonce");
        let nonce = rest.split_once('\'').expect("its end").0;
        let body = answer.body.replace(nonce, "NONCE").replace(name, "NAME");
        let mut headers: Vec<_> = answer
            .headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        headers.sort();
        seen.push((headers, body));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
}

#[tokio::test]
async fn an_account_is_delayed_after_failures_and_never_locked() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut browser, page) = at_login(&app, "web").await;
    for _ in 0..2 {
        let bad = wrong(&alice);
        assert_eq!(
            try_login(&mut browser, &page, &bad.username, &bad.password)
                .await
                .status,
            400
        );
    }
    // Delayed: nothing is checked, the right password either, and any spelling of the name is the same account.
    for name in ["alice", "ALICE"] {
        let delayed = try_login(&mut browser, &page, name, &alice.password).await;
        app.assert_page(&delayed, 429);
        assert_eq!(delayed.header("retry-after"), "1");
        assert!(delayed.has_field("password"), "the form stays");
    }
    assert!(!browser.cookies.contains_key(SESSION));
    // Another account, from the same address, is not affected.
    let (mut other, other_page) = at_login(&app, "other").await;
    assert_eq!(
        try_login(&mut other, &other_page, &bob.username, &bob.password)
            .await
            .status,
        303
    );

    app.advance(Duration::from_millis(999));
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        429
    );
    app.advance(Duration::from_millis(1));
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn each_further_failure_doubles_the_delay_of_the_account() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    try_login(&mut browser, &page, "alice", "wrong").await;
    for delay in ["1", "2", "4"] {
        assert_eq!(try_login(&mut browser, &page, "alice", "wrong").await.status, 400);
        assert_eq!(
            try_login(&mut browser, &page, "alice", "wrong")
                .await
                .header("retry-after"),
            delay
        );
        app.advance(Duration::from_secs(delay.parse().expect("seconds")));
    }
    // An unknown name is counted like a known one.
    for status in [400, 400, 429] {
        assert_eq!(
            try_login(&mut browser, &page, "nobody", "wrong").await.status,
            status
        );
    }
}

#[tokio::test]
async fn an_address_is_delayed_whatever_accounts_it_tries() {
    let app = TestApp::builder()
        .set("login.address_free_failures", "2")
        .start()
        .await;
    let alice = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    // Nobody believes a header of the peer's own.
    for (index, name) in ["one", "two", "three"].into_iter().enumerate() {
        browser.headers = vec![("x-forwarded-for", format!("192.0.2.{index}"))];
        assert_eq!(try_login(&mut browser, &page, name, "wrong").await.status, 400);
    }
    let delayed = try_login(&mut browser, &page, "alice", &alice.password).await;
    assert_eq!(
        (delayed.status.as_u16(), delayed.header("retry-after")),
        (429, "1")
    );
    app.advance(Duration::from_secs(1));
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_one_it_vouches_for() {
    let builder = TestApp::builder().set("login.address_free_failures", "1");
    let app = builder.set("server.trusted_proxies", "127.0.0.1").start().await;
    let alice = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    browser.headers = vec![("x-forwarded-for", "198.51.100.9, 192.0.2.1".to_owned())];
    for (name, status) in [("one", 400), ("two", 400), ("three", 429)] {
        assert_eq!(
            try_login(&mut browser, &page, name, "wrong").await.status,
            status,
            "{name}"
        );
    }
    // What the client itself wrote to the left of it changes nothing.
    browser.headers = vec![("x-forwarded-for", "203.0.113.5, 192.0.2.1".to_owned())];
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        429
    );
    browser.headers = vec![("x-forwarded-for", "192.0.2.2".to_owned())];
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn login_hint_fills_the_name_and_nothing_else() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let page = app
        .authorize(
            &mut app.browser(),
            &request.set("login_hint", "alice@example.com"),
        )
        .await;
    assert!(page.body.contains("value=\"alice@example.com\""), "{}", page.body);
}

#[tokio::test]
async fn opened_by_hand_the_pages_say_where_to_start() {
    let app = TestApp::start().await;
    for path in [
        "/login",
        "/consent",
        "/login?interaction=",
        "/login?interaction=a&interaction=b",
    ] {
        let answer = app.browser().get(path).await;
        app.assert_page(&answer, 200);
        assert!(
            answer.body.contains("Start at an app") && !answer.body.contains("<form"),
            "{}",
            answer.body
        );
    }
    for path in ["/login?interaction=unknown", "/consent?interaction=unknown"] {
        let answer = app.browser().get(path).await;
        app.assert_page(&answer, 410);
    }
}
