//! `response_mode=form_post`: answers that a form carries, errors as well as codes.

use authly_testkit::{
    TestApp,
    browser::{Answer, TestBrowser},
    client::Form,
};

const AUTHORIZE: &str = "/api/v1/oauth/authorize";

/// Asserts that the page's one form carries an answer to the client, and answers its fields.
fn answer_of(app: &TestApp, page: &Answer, request: &Form) -> std::collections::BTreeMap<String, String> {
    app.assert_page(page, 200);
    let asked = |name| {
        request
            .pairs()
            .into_iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    };
    let redirect_uri = asked("redirect_uri")
        .expect("a redirect URI")
        .replace('/', "&#x2f;");
    assert_eq!(page.body.matches("<form").count(), 1);
    assert!(
        page.body
            .contains(&format!("<form method=\"post\" action=\"{redirect_uri}\">")),
        "{}",
        page.body
    );
    assert!(page.body.contains("type=\"submit\""), "it works without script");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("; form-action https:;"),
        "only out, never back here: {policy}"
    );
    assert!(policy.contains("; script-src 'nonce-"), "{policy}");
    let fields = page.hidden_fields();
    assert_eq!(fields.get("state").map(String::as_str), asked("state"));
    assert_eq!(fields["iss"], app.url);
    fields
}

/// Asserts that the client is told `error` by a form.
fn assert_told(app: &TestApp, page: &Answer, request: &Form, error: &str) {
    let fields = answer_of(app, page, request);
    assert_eq!(fields["error"], error);
    assert!(!fields["error_description"].is_empty() && !fields.contains_key("code"));
}

async fn ask(app: &TestApp, browser: &mut TestBrowser, request: &Form) -> Answer {
    app.authorize(browser, request).await
}

#[tokio::test]
async fn edge_08_errors_come_by_the_mode_that_was_asked_for_and_never_by_fragment() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let posted = request.clone().set("response_mode", "form_post");
    for (name, value, error) in [
        ("prompt", "none", "login_required"),
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "nobody:knows", "invalid_scope"),
        ("code_challenge", "short", "invalid_request"),
        ("request", "x.y.z", "request_not_supported"),
        ("max_age", "-1", "invalid_request"),
    ] {
        let request = posted.clone().set(name, value);
        assert_told(
            &app,
            &ask(&app, &mut app.browser(), &request).await,
            &request,
            error,
        );
    }
    // By POST the browser's cookies come one step later, and the answer with them.
    let silent = posted.clone().set("prompt", "none");
    let mut browser = app.browser();
    let answer = browser
        .post_cross_site(AUTHORIZE, &silent.pairs(), "https://web.example")
        .await;
    assert_told(&app, &browser.follow(answer).await, &silent, "login_required");

    for mode in ["fragment", "jwt", "query.jwt", "FORM_POST", "web_message"] {
        let request = request.clone().set("response_mode", mode);
        let answer = ask(&app, &mut app.browser(), &request).await;
        app.assert_client_told(&answer, &request, "invalid_request");
        assert_eq!(answer.location().fragment(), None, "{mode}");
    }
    // Until both are known, nothing is sent anywhere, by no mode.
    for (name, value) in [
        ("client_id", "nobody"),
        ("redirect_uri", "https://evil.example/cb"),
    ] {
        let page = ask(&app, &mut app.browser(), &posted.clone().set(name, value)).await;
        app.assert_page(&page, 400);
        assert!(!page.body.contains("<form") && !page.body.contains("evil.example"));
    }
}

#[tokio::test]
async fn a_code_and_a_refusal_come_by_form() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, pkce) = app.authorization(&client, "openid email");
    let request = request.set("response_mode", "form_post");
    let mut browser = app.browser();
    let page = ask(&app, &mut browser, &request).await;
    let consent = app.sign_in(&mut browser, &page, &user).await;
    let denied = app.decide(&mut browser, &consent, "deny").await;
    assert_told(&app, &denied, &request, "access_denied");

    let consent = ask(&app, &mut browser, &request).await;
    let allowed = app.decide(&mut browser, &consent, "allow").await;
    let code = answer_of(&app, &allowed, &request)["code"].clone();
    let tokens = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);

    // And where no page of ours is needed.
    let silent = ask(&app, &mut browser, &request).await;
    assert!(answer_of(&app, &silent, &request).contains_key("code"));
}

#[tokio::test]
async fn what_a_client_sent_is_text_in_the_form() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let request = request
        .set("response_mode", "form_post")
        .set("prompt", "none")
        .set(
            "state",
            "\"><script>alert('x')</script><input name='code' value='x'>&amp;",
        );
    let page = ask(&app, &mut app.browser(), &request).await;
    let fields = answer_of(&app, &page, &request);
    assert_eq!(fields.len(), 4, "{fields:?}");
    assert!(
        !page.body.contains("<script>") && !page.body.contains("alert('x')"),
        "{}",
        page.body
    );
    assert_eq!(page.body.matches("<script").count(), 1, "ours alone");
}
