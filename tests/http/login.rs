//! The sign-in page: its form and the session it begins.

use authly_testkit::{
    TestApp,
    browser::{Answer, TestBrowser},
    site::read,
};

/// The session cookie of an issuer without TLS.
pub(crate) const SESSION: &str = "authly-default";

/// A browser at the sign-in page of a new client.
pub(crate) async fn at_login(app: &TestApp, client_id: &str) -> (TestBrowser, Answer) {
    let client = app.public_client(client_id).await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    let page = app.authorize(&mut browser, &request).await;
    (browser, page)
}

/// Sends the form without following where it leads.
pub(crate) async fn try_login(
    browser: &mut TestBrowser,
    page: &Answer,
    username: &str,
    password: &str,
) -> Answer {
    let hidden = page.hidden_fields();
    let form = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("username", username),
        ("password", password),
    ];
    browser.post("/login", &form).await
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
    // Browsers that say only one of the two, and sites that share our name but not our origin.
    let cookies: Vec<String> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = app
            .http
            .post(app.at("/login"))
            .header("cookie", cookies.join("; "));
        let answer = read(request.header(name, value).form(&pairs)).await;
        app.assert_page(&answer, 403);
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

/// What of an answer may tell names apart: everything but what differs each time.
fn seen(answer: &Answer, name: &str) -> (Vec<(String, String)>, String) {
    let csp = answer.header("content-security-policy");
    let (_, rest) = csp.split_once("'nonce-").expect("a nonce");
    let nonce = rest.split_once('\'').expect("its end").0;
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(header, _)| !["date", "x-correlation-id"].contains(&header.as_str()))
        .map(|(header, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (header.as_str().to_owned(), value.replace(nonce, "NONCE"))
        })
        .collect();
    headers.sort();
    (headers, answer.body.replace(nonce, "NONCE").replace(name, "NAME"))
}

#[tokio::test]
async fn edge_82_unknown_user_wrong_password_and_disabled_user_are_answered_the_same() {
    let app = TestApp::start().await;
    let (user, off) = (app.user("alice").await, app.user("carol").await);
    app.set_user_enabled(&off, false).await;
    let (mut at_app, page) = at_login(&app, "web").await;
    let mut at_account = app.browser();
    let account_page = at_account.get("/account/login").await.hidden_fields();
    let (mut of_app, mut of_account) = (Vec::new(), Vec::new());
    // All as long as each other: the page shows the name.
    for (name, password) in [
        (user.username.as_str(), "wrong"),
        ("david", "wrong"),
        (&off.username, &off.password),
        (&user.username, ""),
    ] {
        let answer = try_login(&mut at_app, &page, name, password).await;
        assert_eq!(answer.status, 400);
        assert!(!at_app.cookies.contains_key(SESSION), "{name}");
        of_app.push(seen(&answer, name));

        let form = [
            ("to", account_page["to"].as_str()),
            ("csrf", &account_page["csrf"]),
            ("username", name),
            ("password", password),
        ];
        let answer = at_account.post("/account/login", &form).await;
        assert_eq!(answer.status, 400);
        assert!(!at_account.cookies.contains_key(SESSION), "{name}");
        of_account.push(seen(&answer, name));
    }
    for answers in [of_app, of_account] {
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    }
}

#[tokio::test]
async fn a_double_click_on_sign_in_goes_on_like_a_single_one() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let (browser, page) = at_login(&app, "web").await;
    let clicks = [(); 3].map(|()| {
        let (mut browser, page, user) = (browser.clone(), page.clone(), user.clone());
        tokio::spawn(async move {
            let answer = try_login(&mut browser, &page, &user.username, &user.password).await;
            (browser, answer)
        })
    });
    for click in clicks {
        let (mut browser, answer) = click.await.expect("a click");
        assert_eq!(answer.status, 303, "{}", answer.body);
        let page = browser.follow(answer).await;
        assert!(page.has_field("decision"), "{} {}", page.status, page.body);
    }
}

#[tokio::test]
async fn a_form_that_no_page_of_ours_sends_is_not_an_attempt() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let user = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    let hidden = page.hidden_fields();
    let fields = [
        ("interaction", hidden["interaction"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("username", "alice"),
        ("password", user.password.as_str()),
    ];
    for twice in ["username", "password", "csrf", "other"] {
        let form = [&fields[..], &[(twice, "x"), (twice, "x")]].concat();
        app.assert_page(&browser.post("/login", &form).await, 400);
    }
    let long = try_login(&mut browser, &page, &"x".repeat(256), "x").await;
    app.assert_page(&long, 400);
    let cookies: Vec<String> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let request = app
        .http
        .post(app.at("/login"))
        .header("cookie", cookies.join("; "));
    let text = request.header("content-type", "text/plain").body("interaction=x");
    app.assert_page(&read(text).await, 400);
    assert_eq!(browser.post("/login", &fields).await.status, 303);
}

#[tokio::test]
async fn a_password_may_be_as_long_as_the_form_says_and_longer_is_only_wrong() {
    let app = TestApp::start().await;
    let (mut browser, page) = at_login(&app, "web").await;
    for length in [1024, 1025, 4096] {
        let answer = try_login(&mut browser, &page, "nobody", &"€".repeat(length / 3 + 1)).await;
        app.assert_page(&answer, 400);
        assert!(answer.body.contains("don’t match"), "{length}: {}", answer.body);
    }
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
