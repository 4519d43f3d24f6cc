//! What every page owes the person in front of it, whoever wrote the names on it.

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestUser,
    browser::{Answer, TestBrowser},
    client::Form,
};
use serde_json::json;

/// Every page of a flow: sign-in, sign-in refused, consent, finished, the choice of an account, an answer by form, and
/// errors of both kinds.
async fn pages(app: &TestApp, browser: &mut TestBrowser, request: &Form, user: &TestUser) -> Vec<Answer> {
    let login = app.authorize(browser, request).await;
    let rejected = app
        .sign_in(
            browser,
            &login,
            &TestUser {
                password: "wrong".to_owned(),
                ..user.clone()
            },
        )
        .await;
    let consent = app.sign_in(browser, &login, user).await;
    let again = app
        .authorize(browser, &request.clone().set("prompt", "login"))
        .await;
    let select = app
        .authorize(browser, &request.clone().set("prompt", "select_account"))
        .await;
    let posted = request
        .clone()
        .set("response_mode", "form_post")
        .set("max_age", "0");
    let posted = app.authorize(browser, &posted.set("prompt", "none")).await;
    app.decide(browser, &consent, "deny").await;
    let finished = browser.get(consent.url.as_str()).await;
    let error = app
        .authorize(
            browser,
            &request.clone().set("redirect_uri", "https://evil.example/"),
        )
        .await;
    let other = app.browser().get(login.url.as_str()).await;
    let mut missing = app.browser();
    missing.headers = vec![("accept", "text/html".to_owned())];
    let missing = missing.get("/nothing-here").await;
    assert!(login.has_field("password") && rejected.status == 400 && consent.has_field("decision"));
    assert!(again.has_field("password") && finished.body.contains("done here") && missing.status == 404);
    assert!(select.body.contains("/select-account") && posted.has_field("error"));
    vec![
        login, rejected, consent, again, select, posted, finished, error, other, missing,
    ]
}

async fn all(app: &TestApp) -> Vec<Answer> {
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid profile");
    pages(app, &mut app.browser(), &request, &user).await
}

fn csp_directive<'a>(page: &'a Answer, name: &str) -> Option<&'a str> {
    let mut directives = page.header("content-security-policy").split(';').map(str::trim);
    directives.find_map(|d| d.strip_prefix(name)).map(str::trim)
}

#[tokio::test]
async fn edge_20_no_page_can_be_framed() {
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
async fn edge_21_no_page_tells_its_url_to_others_or_loads_anything_of_theirs() {
    let app = TestApp::start().await;
    for page in all(&app).await {
        let url = &page.url;
        assert_eq!(page.header("referrer-policy"), "same-origin", "{url}");
        assert_eq!(page.header("cache-control"), "no-store", "{url}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{url}");
        assert_eq!(csp_directive(&page, "default-src"), Some("'none'"), "{url}");
        assert_eq!(csp_directive(&page, "style-src"), Some("'self'"), "{url}");
        assert_eq!(csp_directive(&page, "base-uri"), Some("'none'"), "{url}");
        assert!(
            csp_directive(&page, "script-src").is_none_or(|s| s.starts_with("'nonce-") && !s.contains(' ')),
            "{url}"
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
        for bad in [
            "<iframe",
            "<object",
            "<embed",
            "<base",
            "http-equiv",
            "style=\"",
            "onclick=",
            "<style",
        ] {
            assert!(!page.body.contains(bad), "{url} has {bad}");
        }
    }
}

#[tokio::test]
async fn the_nonce_of_a_page_is_never_used_twice() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &request).await;
    let again = browser.get(page.url.as_str()).await;
    let nonces = [&page, &again].map(|page| csp_directive(page, "script-src").expect("a nonce"));
    assert_ne!(nonces[0], nonces[1]);
    assert!(
        nonces[0].len() >= "'nonce-'".len() + 22,
        "128 bits: {}",
        nonces[0]
    );
}

#[tokio::test]
async fn names_of_clients_and_people_are_text_on_every_page() {
    const CLIENT: &str = "<script>alert(1)</script>\"'`{{7*7}}";
    const PERSON: &str = "</bdi><img src=x onerror=alert(2)>";
    const USERNAME: &str = "\"><svg onload=alert(3)>";
    const HINT: &str = "\" autofocus onfocus=\"alert(4)";
    let app = TestApp::start().await;
    let client = app
        .client(NewClient {
            id: Some("web".to_owned()),
            name: Some(CLIENT.to_owned()),
            redirect_uris: vec!["https://web.example/cb".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            scopes: vec!["openid".to_owned()],
            ..NewClient::default()
        })
        .await;
    let user = app.user_with(USERNAME, json!({ "name": PERSON }), false).await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let request = request
        .set("login_hint", HINT)
        .set("ui_locales", "<b>")
        .set("state", "<script>alert(5)</script>");
    let pages = pages(&app, &mut browser, &request, &user).await;
    for page in &pages {
        for evil in ["<script>alert", "<img src=x", "<svg onload", "onfocus=\""] {
            assert!(
                !page.body.contains(evil),
                "{} has {evil}: {}",
                page.url,
                page.body
            );
        }
    }
    let [login, rejected, consent, again, ..] = pages.as_slice() else {
        panic!("four pages")
    };
    for page in [login, consent, again] {
        assert!(
            page.body.contains("&lt;script&gt;alert(1)&lt;"),
            "the client's name is there: {}",
            page.body
        );
        assert!(page.body.contains("{{7*7}}"), "and is no template: {}", page.body);
    }
    assert!(
        login.body.contains("&quot; autofocus onfocus=&quot;alert(4)"),
        "{}",
        login.body
    );
    for page in [rejected, consent, again] {
        assert!(
            page.body.contains("&quot;&gt;&lt;svg onload=alert(3)&gt;"),
            "{}",
            page.body
        );
    }
    assert!(
        consent.body.contains("&lt;img src=x onerror=alert(2)&gt;"),
        "{}",
        consent.body
    );
}

#[tokio::test]
async fn links_of_a_client_are_web_links_or_not_there() {
    let app = TestApp::start().await;
    let harmful = NewClient {
        id: Some("evil".to_owned()),
        redirect_uris: vec!["https://evil.example/cb".to_owned()],
        client_uri: Some("javascript:alert(1)".to_owned()),
        policy_uri: Some("javascript:alert(2)".to_owned()),
        ..NewClient::default()
    };
    let refused =
        authly_oauth::clients::create_client(app.tenant.as_ref(), harmful, app.now(), app.rng.as_ref()).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn only_a_page_with_a_form_may_send_one_and_only_to_its_server_and_client() {
    let app = TestApp::start().await;
    let pages = all(&app).await;
    for page in &pages {
        let action = page.body.split_once("<form").map(|(_, form)| {
            let (_, action) = form.split_once("action=\"").expect("an action");
            action.split_once('"').expect("its end").0
        });
        // Chromium applies it to the client's own redirects too, so the client is named by its scheme.
        let expected = match action {
            None => "'none'",
            Some("/login" | "/consent" | "/select-account") => "'self' https:",
            // An answer by form goes to the client and nowhere else.
            Some("https:&#x2f;&#x2f;web.example&#x2f;cb") => "https:",
            Some(other) => panic!("a form goes to {other}"),
        };
        assert!(page.body.matches("<form").count() <= 1, "{}", page.url);
        assert_eq!(csp_directive(page, "form-action"), Some(expected), "{}", page.url);
    }
}

#[tokio::test]
async fn a_page_speaks_the_language_that_client_and_browser_ask_for() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut german = app.browser();
    german.headers = vec![("accept-language", "de-DE,de;q=0.9".to_owned())];
    for (browser, request, lang) in [
        (&mut app.browser(), request.clone(), "en"),
        (
            &mut app.browser(),
            request.clone().set("ui_locales", "fr de"),
            "de",
        ),
        (&mut german.clone(), request.clone(), "de"),
        (&mut german, request.set("ui_locales", "en"), "en"),
    ] {
        let page = app.authorize(browser, &request).await;
        assert!(
            page.body.contains(&format!("<html lang=\"{lang}\"")),
            "{lang}: {}",
            page.body
        );
    }
}
