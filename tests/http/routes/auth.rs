//! What the callers of each row must prove: what they get without it, and with what is forged or too little.

use std::collections::{BTreeMap, BTreeSet};

use authly::web::routes::{Auth, Csrf, Route};
use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp,
    browser::{Answer, TestBrowser},
    client::Form,
    site::read,
};
use reqwest::{Method, RequestBuilder};

use super::{FORM, call, path, rows};
use crate::login::SESSION;

/// Each method of each row that asks for this.
fn asking(auth: Auth) -> impl Iterator<Item = (&'static Route, &'static Method)> {
    let rows = rows().filter(move |route| route.auth == auth);
    rows.flat_map(|route| route.methods.iter().map(move |method| (route, method)))
}

/// An access token of a person with these scopes.
pub(super) async fn bearer_of(app: &TestApp, scope: &str) -> String {
    let client = app
        .client(NewClient {
            id: Some("asking".to_owned()),
            redirect_uris: vec!["https://asking.example/cb".to_owned()],
            scopes: vec![scope.to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            ..NewClient::default()
        })
        .await;
    let user = app.user("asking").await;
    let tokens = app.tokens(&client, &user, scope).await;
    tokens["access_token"]
        .as_str()
        .expect("an access token")
        .to_owned()
}

#[tokio::test]
async fn rows_that_ask_for_nothing_are_these() {
    let app = TestApp::start().await;
    let mut open = BTreeSet::new();
    for (route, method) in asking(Auth::None) {
        open.insert((route.path, method.as_str()));
        let answer = call(&app, method, &path(&app, route).await).await;
        let at = format!("{method} {}: {} {}", route.path, answer.status, answer.body);
        if method.is_safe() {
            assert!(answer.status.is_success(), "{at}");
        } else {
            // Whatever it changes for a stranger, it does not by such a request.
            assert!(answer.status.is_client_error(), "{at}");
        }
    }
    let expected = [
        ("/.well-known/jwks.json", "GET"),
        ("/.well-known/oauth-authorization-server", "GET"),
        ("/.well-known/openid-configuration", "GET"),
        ("/api/v1/users", "POST"),
        ("/api/v1/users/", "POST"),
        ("/assets/{hash}/{name}", "GET"),
        ("/health", "GET"),
        ("/health/ready", "GET"),
    ];
    assert_eq!(open, BTreeSet::from(expected));
}

#[tokio::test]
async fn rows_for_tokens_refuse_none_a_forged_one_and_one_of_too_little() {
    let app = TestApp::start().await;
    let (good, little) = (bearer_of(&app, "read").await, "insufficient_scope");
    let mut forged = good.clone();
    let last = forged.pop().expect("a signature");
    forged.push(if last == 'A' { 'Q' } else { 'A' });
    for (route, method) in asking(Auth::Bearer) {
        let ask = |token: Option<&str>| {
            let mut request = app.http.request(method.clone(), app.at(route.path));
            if !method.is_safe() {
                request = request.header("content-type", "application/json").body("{}");
            }
            read(match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            })
        };
        for (token, status, code) in [
            (None, 401, ""),
            (Some("x"), 401, "invalid_token"),
            (Some(forged.as_str()), 401, "invalid_token"),
            (Some(good.as_str()), 403, little),
        ] {
            let answer = ask(token).await;
            let at = format!("{method} {}: {}", route.path, answer.body);
            assert_eq!(answer.status, status, "{at}");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.starts_with("Bearer"), "{at}: {challenge}");
            // RFC 6750 §3.1: no code for a request without a token.
            let says = challenge.split_once("error=\"").map_or("", |(_, rest)| rest);
            assert_eq!(says.split('"').next(), Some(code), "{at}: {challenge}");
        }
    }
}

#[tokio::test]
async fn rows_for_clients_refuse_none_an_unknown_one_and_a_wrong_secret() {
    let app = TestApp::start().await;
    app.confidential_client("known").await;
    // Complete but for the credentials, so that nothing else can be what is refused.
    let whole = || {
        Form::new()
            .set("grant_type", "refresh_token")
            .set("token", "t")
            .set("refresh_token", "t")
    };
    for (route, method) in asking(Auth::Client) {
        let ask = |form: Form| {
            app.http
                .request(method.clone(), app.at(route.path))
                .form(&form.pairs())
        };
        let in_form = |id: &str| ask(whole().set("client_id", id).set("client_secret", "wrong"));
        let refused: [(RequestBuilder, &str); 5] = [
            (ask(whole()), ""),
            (ask(whole()).basic_auth("nobody", Some("wrong")), "Basic"),
            (ask(whole()).basic_auth("known", Some("wrong")), "Basic"),
            (in_form("nobody"), ""),
            (in_form("known"), ""),
        ];
        for (request, challenge) in refused {
            let answer = read(request).await;
            let at = format!("{method} {}: {}", route.path, answer.body);
            assert_eq!(answer.status, 401, "{at}");
            assert_eq!(answer.json()["error"], "invalid_client", "{at}");
            // RFC 6749 §5.2: the challenge is for who used that scheme.
            if !challenge.is_empty() {
                assert!(answer.header("www-authenticate").starts_with(challenge), "{at}");
            }
        }
    }
}

/// A browser with a session cookie that nobody gave it.
fn forger(app: &TestApp) -> TestBrowser {
    let mut browser = app.browser();
    browser.cookies.insert(SESSION.to_owned(), "A".repeat(43));
    browser
}

async fn visit(browser: &mut TestBrowser, method: &Method, path: &str) -> Answer {
    if method.is_safe() {
        browser.get(path).await
    } else {
        browser.post(path, &[("a", "b")]).await
    }
}

#[tokio::test]
async fn rows_for_sessions_send_whoever_has_none_to_sign_in() {
    let app = TestApp::start().await;
    let login = app.at("/account/login?to=");
    for (route, method) in asking(Auth::Session) {
        for mut browser in [app.browser(), forger(&app)] {
            let answer = visit(&mut browser, method, route.path).await;
            let at = format!("{method} {}: {} {}", route.path, answer.status, answer.body);
            assert!(answer.header("location").starts_with(&login), "{at}");
        }
    }
}

#[tokio::test]
async fn rows_for_browsers_show_a_stranger_what_is_listed_here() {
    let app = TestApp::start().await;
    let session = format!("{SESSION}=");
    let mut shown = BTreeMap::new();
    for (route, method) in asking(Auth::Browser) {
        let stranger = visit(&mut app.browser(), method, route.path).await;
        let forged = visit(&mut forger(&app), method, route.path).await;
        let at = format!("{method} {}", route.path);
        assert_eq!(stranger.status, forged.status, "{at}: a forged session is none");
        for answer in [&stranger, &forged] {
            assert!(!answer.headers.contains_key("location"), "{at}");
            let mut cookies = answer.headers.get_all("set-cookie").iter();
            let begun = cookies.find(|cookie| {
                let value = cookie.as_bytes().strip_prefix(session.as_bytes());
                value.is_some_and(|value| !value.starts_with(b";"))
            });
            assert!(begun.is_none(), "{at}: nobody proved anything, {begun:?}");
        }
        shown.insert((route.path, method.as_str()), stranger.status.as_u16());
    }
    let expected = [
        (("/account/login", "GET"), 200),
        (("/account/login", "POST"), 403),
        (("/api/v1/oauth/authorize", "GET"), 400),
        (("/api/v1/oauth/authorize", "POST"), 400),
        (("/consent", "GET"), 200),
        (("/consent", "POST"), 200),
        (("/login", "GET"), 200),
        (("/login", "POST"), 200),
        (("/logout", "GET"), 200),
        (("/logout", "POST"), 400),
        (("/new-password", "POST"), 200),
        (("/oidc/logout", "GET"), 200),
        (("/oidc/logout", "POST"), 200),
        (("/oidc/session/check", "GET"), 200),
        (("/select-account", "POST"), 200),
    ];
    assert_eq!(shown, BTreeMap::from(expected));
}

#[tokio::test]
async fn rows_for_operators_are_not_there_for_others() {
    let app = TestApp::start().await;
    let elsewhere = TestApp::builder().set("server.metrics_allow", "192.0.2.0/24");
    let elsewhere = elsewhere.start().await;
    for (route, method) in asking(Auth::Operator) {
        let answer = app.request(method.clone(), route.path).await;
        assert_eq!(answer.status, 200, "{}", route.path);
        let answer = elsewhere.request(method.clone(), route.path).await;
        assert_eq!(answer.status, 404, "{}", route.path);
    }
}

#[tokio::test]
async fn rows_for_our_own_pages_refuse_what_another_site_sends() {
    let app = TestApp::start().await;
    for route in rows().filter(|route| route.csrf == Csrf::SameOrigin) {
        for method in route.methods.iter().filter(|method| !method.is_safe()) {
            let at = format!("{method} {}", route.path);
            assert_eq!(call(&app, method, route.path).await.status, 403, "{at}");
            for site in ["cross-site", "same-site"] {
                let request = app.http.request(method.clone(), app.at(route.path));
                let request = request
                    .header("content-type", FORM)
                    .header("sec-fetch-site", site);
                assert_eq!(read(request.body("a=b")).await.status, 403, "{at}: {site}");
            }
        }
    }
}
