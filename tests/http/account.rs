//! A person's own pages: the way in, and what each of them owes whoever is in front of it.

use authly_testkit::{
    TestApp, TestUser,
    browser::{Answer, TestBrowser},
};

use crate::login::SESSION;

/// Every page of one's own, and the word that leads back to it.
const PAGES: [(&str, &str); 3] = [
    ("/account", "account"),
    ("/account/consents", "consents"),
    ("/account/sessions", "sessions"),
];

/// Opens one of them in a browser where nobody is signed in, and signs in there.
pub(crate) async fn enter(browser: &mut TestBrowser, path: &str, user: &TestUser) -> Answer {
    let sent = browser.get(path).await;
    let page = browser.follow(sent).await;
    assert!(page.has_field("password"), "{} {}", page.status, page.body);
    let answer = sign_in(browser, &page, user).await;
    browser.follow(answer).await
}

/// Fills the form of the way in.
async fn sign_in(browser: &mut TestBrowser, page: &Answer, user: &TestUser) -> Answer {
    let hidden = page.hidden_fields();
    let form = [
        ("to", hidden["to"].as_str()),
        ("csrf", hidden["csrf"].as_str()),
        ("username", user.username.as_str()),
        ("password", user.password.as_str()),
    ];
    browser.post("/account/login", &form).await
}

#[tokio::test]
async fn the_way_in_leads_back_to_the_page_that_was_asked_for() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    for (path, word) in PAGES {
        let mut browser = app.browser();
        let sent = browser.get(path).await;
        assert_eq!(
            sent.header("location"),
            app.at(&format!("/account/login?to={word}"))
        );
        let page = enter(&mut browser, path, &user).await;
        app.assert_page(&page, 200);
        assert_eq!(page.url.path(), path);
        assert!(page.body.contains("Test alice"), "{}", page.body);
        // Who is signed in is not asked again.
        let again = browser.get(format!("/account/login?to={word}")).await;
        assert_eq!(again.header("location"), app.at(path));
    }
}

#[tokio::test]
async fn the_way_in_leads_nowhere_but_to_pages_of_ours() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    for to in [
        "https://evil.example/",
        "//evil.example",
        "/oidc/logout",
        "",
        "javascript:alert(1)",
    ] {
        let mut browser = app.browser();
        let query: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let page = browser.get(format!("/account/login?to={query}")).await;
        assert_eq!(page.hidden_fields()["to"], "account", "{to}");
        let csrf = page.hidden_fields()["csrf"].clone();
        let form = [
            ("to", to),
            ("csrf", csrf.as_str()),
            ("username", user.username.as_str()),
            ("password", user.password.as_str()),
        ];
        let answer = browser.post("/account/login", &form).await;
        assert_eq!(answer.header("location"), app.at("/account"), "{to}");
    }
}

#[tokio::test]
async fn signing_in_there_begins_a_session_like_any_other() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut browser = app.browser();
    enter(&mut browser, "/account", &alice).await;
    let first = browser.cookies[SESSION].clone();
    assert!(
        browser.cookies.contains_key("authly-default-known"),
        "the browser is known"
    );

    // A form from before still works, and what was there ends: a cookie that somebody planted is worth nothing.
    let mut planted = app.browser();
    let page = planted.get("/account/login?to=sessions").await;
    planted.cookies.insert(SESSION.to_owned(), first.clone());
    let answer = sign_in(&mut planted, &page, &bob).await;
    assert_eq!(answer.header("location"), app.at("/account/sessions"));
    assert_ne!(planted.cookies[SESSION], first);
    assert!(planted.get("/account").await.body.contains("Test bob"));
    assert_eq!(browser.get("/account").await.status, 303, "alice's session ended");
}

#[tokio::test]
async fn the_way_in_is_throttled_with_every_other() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let alice = app.user("alice").await;
    let wrong = TestUser {
        password: "wrong".to_owned(),
        ..alice.clone()
    };
    let mut browser = app.browser();
    let page = browser.get("/account/login").await;
    for _ in 0..2 {
        let refused = sign_in(&mut browser, &page, &wrong).await;
        app.assert_page(&refused, 400);
        assert!(refused.body.contains("value=\"alice\""), "what was typed is kept");
        assert!(!refused.body.contains("wrong"), "but not the password");
    }
    let delayed = sign_in(&mut browser, &page, &alice).await;
    app.assert_page(&delayed, 429);
    assert_eq!(delayed.header("retry-after"), "1");
    assert!(!browser.cookies.contains_key(SESSION));
    // It is the account that is delayed, whichever form is used.
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut other = app.browser();
    let login = app.authorize(&mut other, &request).await;
    app.assert_page(&app.sign_in(&mut other, &login, &alice).await, 429);
}

#[tokio::test]
async fn a_disabled_person_is_out_of_their_pages_at_once() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    enter(&mut app.browser(), "/account", &user).await;
    let page = enter(&mut browser, "/account/sessions", &user).await;
    let csrf = page.hidden_fields()["csrf"].clone();
    app.set_user_enabled(&user, false).await;
    for (path, _) in PAGES {
        assert_eq!(browser.get(path).await.status, 303, "{path}");
    }
    let answer = browser
        .post("/account/sessions", &[("csrf", csrf.as_str()), ("others", "1")])
        .await;
    assert_eq!(answer.header("location"), app.at("/account/login?to=sessions"));
}

/// Every page of one's own and of signing out.
async fn all(app: &TestApp) -> Vec<Answer> {
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let login = browser.get("/account/login").await;
    let rejected = sign_in(
        &mut browser,
        &login,
        &TestUser {
            password: "wrong".to_owned(),
            ..user.clone()
        },
    )
    .await;
    enter(&mut browser, "/account", &user).await;
    let mut pages = vec![login, rejected];
    for path in [
        "/account",
        "/account/consents",
        "/account/sessions",
        "/logout",
        "/oidc/logout",
    ] {
        pages.push(browser.get(path).await);
    }
    let crossed = browser.post_cross_site("/oidc/logout", &[("state", "s")], "https://web.example");
    pages.push(crossed.await);
    pages.push(browser.get("/oidc/logout?client_id=nobody").await);
    pages.push(app.browser().get("/logout").await);
    pages
}

fn csp_directive<'a>(page: &'a Answer, name: &str) -> Option<&'a str> {
    let mut directives = page.header("content-security-policy").split(';').map(str::trim);
    directives.find_map(|d| d.strip_prefix(name)).map(str::trim)
}

#[tokio::test]
async fn edge_20_no_page_of_ones_own_can_be_framed() {
    let app = TestApp::start().await;
    for page in all(&app).await {
        assert_eq!(page.header("x-frame-options"), "DENY", "{}", page.url);
        assert_eq!(
            csp_directive(&page, "frame-ancestors"),
            Some("'none'"),
            "{}",
            page.url
        );
    }
}

#[tokio::test]
async fn edge_21_no_page_of_ones_own_tells_its_url_or_loads_anything_of_others() {
    let app = TestApp::start().await;
    for page in all(&app).await {
        let url = &page.url;
        assert_eq!(page.header("referrer-policy"), "same-origin", "{url}");
        assert_eq!(page.header("cache-control"), "no-store", "{url}");
        assert_eq!(csp_directive(&page, "default-src"), Some("'none'"), "{url}");
        let action = csp_directive(&page, "form-action");
        let expected = if page.body.contains("<form") {
            "'self'"
        } else {
            "'none'"
        };
        // The overview has no form, and may have one.
        assert!(
            action == Some(expected) || action == Some("'self'"),
            "{url}: {action:?}"
        );
        for loading in [
            " src=\"",
            "<link rel=\"stylesheet\" href=\"",
            "<link rel=\"icon\" href=\"",
        ] {
            for rest in page.body.split(loading).skip(1) {
                assert!(
                    rest.starts_with("/assets/"),
                    "{url} loads {}",
                    &rest[..rest.len().min(80)]
                );
            }
        }
    }
}

/// Tokens that are right elsewhere: for others, in other browsers, for other forms of this very session; and some that
/// are right nowhere.
async fn wrong_tokens(
    app: &TestApp,
    others: &mut [&mut TestBrowser],
    browser: &mut TestBrowser,
    (page, good): (&str, &str),
) -> Vec<String> {
    const PAGES: [&str; 3] = ["/account/consents", "/account/sessions", "/logout"];
    let mut pages = vec![app.browser().get("/account/login").await];
    for other in others {
        for path in PAGES {
            pages.push(other.get(path).await);
        }
    }
    for path in PAGES.into_iter().filter(|path| *path != page) {
        pages.push(browser.get(path).await);
    }
    let found = pages
        .iter()
        .filter_map(|page| page.hidden_fields().get("csrf").cloned());
    found
        .chain([String::new(), format!("{good}A"), "x".to_owned()])
        .collect()
}

#[tokio::test]
async fn edge_22_forms_of_ones_own_pages_need_their_token_and_our_origin() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    app.grant(&mut browser, &request, &alice).await;
    let mut elsewhere = app.browser();
    enter(&mut elsewhere, "/account", &alice).await;
    let mut stranger = app.browser();
    enter(&mut stranger, "/account", &mallory).await;

    let login = [("username", "mallory"), ("password", mallory.password.as_str())];
    let forms = [
        ("/account/consents", &[("client_id", "web")][..]),
        ("/account/sessions", &[("others", "1")]),
        ("/logout", &[("decision", "logout")]),
        ("/account/login", &login),
    ];
    for (page, fields) in forms {
        let path = page;
        // Whoever is signed in is not shown the form that signs in.
        let good = match browser.get(page).await.hidden_fields().get("csrf") {
            Some(token) => token.clone(),
            None => app.browser().get(page).await.hidden_fields()["csrf"].clone(),
        };
        let tokens = wrong_tokens(
            &app,
            &mut [&mut stranger, &mut elsewhere],
            &mut browser,
            (page, &good),
        )
        .await;
        for token in &tokens {
            let form: Vec<_> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
            let refused = browser.post(path, &form).await;
            app.assert_page(&refused, 403);
        }
        let form: Vec<_> = fields.iter().copied().chain([("csrf", good.as_str())]).collect();
        for origin in ["https://evil.example", "null"] {
            app.assert_page(&browser.post_with_origin(path, &form, origin).await, 403);
        }
        assert_eq!(
            browser.post(path, fields).await.status,
            403,
            "{path}: no token at all"
        );
    }
    // Nothing happened.
    assert!(browser.get("/account").await.body.contains("Test alice"));
    assert!(elsewhere.get("/account").await.body.contains("Test alice"));
    assert!(
        browser
            .get("/account/consents")
            .await
            .body
            .contains("The web application")
    );
}

#[tokio::test]
async fn an_issuer_in_german_has_german_pages() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    browser.headers = vec![("accept-language", "de".to_owned())];
    let page = enter(&mut browser, "/account/sessions", &user).await;
    assert!(page.body.contains("<html lang=\"de\"") && page.body.contains("Angemeldete Browser"));
    let bye = browser.get("/oidc/logout?ui_locales=en").await;
    assert!(
        bye.body.contains("<html lang=\"en\""),
        "the client's wish comes first"
    );
}
