//! `redirect_uri`: where answers may go. Everything here ends on a page, or with the client that was registered.

use authly_core::{
    client::{Client, GrantType},
    ports::Page,
};
use authly_oauth::clients::{NewClient, create_client};
use authly_testkit::{TestApp, TestClient, browser::Answer};

/// A request that a known client would have answered by redirect at once: nobody is signed in.
async fn ask(app: &TestApp, client: &TestClient, redirect_uri: &str) -> Answer {
    let (request, _) = app.authorization(client, "openid");
    let request = request.set("redirect_uri", redirect_uri).set("prompt", "none");
    app.authorize(&mut app.browser(), &request).await
}

async fn client_at(app: &TestApp, redirect_uris: &[&str]) -> TestClient {
    app.client(NewClient {
        id: Some("web".to_owned()),
        token_endpoint_auth_method: Some("none".to_owned()),
        redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        ..NewClient::default()
    })
    .await
}

/// Sent back with an error, to exactly this address.
fn assert_answered_at(answer: &Answer, redirect_uri: &str) {
    assert_eq!(answer.status, 303, "{redirect_uri}: {}", answer.body);
    let rest = answer
        .header("location")
        .strip_prefix(redirect_uri)
        .unwrap_or_else(|| panic!("{answer:?}"));
    assert!(rest.starts_with(['?', '&']), "{redirect_uri} and then {rest}");
    assert_eq!(answer.redirect_param("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn edge_01_an_unknown_client_or_redirect_uri_is_a_page_and_never_a_redirect() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let disabled = app.public_client("off").await;
    app.set_client_enabled(&disabled, false).await;
    let (good, _) = app.authorization(&client, "openid");
    let (off, _) = app.authorization(&disabled, "openid");

    for (request, code) in [
        (good.clone().set("client_id", "nobody"), "invalid_client"),
        (good.clone().set("client_id", "WEB"), "invalid_client"),
        (good.clone().set("client_id", "web\u{1}"), "invalid_client"),
        (good.clone().without("client_id"), "invalid_request"),
        (
            good.clone().set("redirect_uri", "https://evil.example/cb"),
            "invalid_request",
        ),
        (
            good.clone().set("redirect_uri", &disabled.redirect_uri),
            "invalid_request",
        ),
        (off, "invalid_client"),
        // Whatever else is wrong with the request: first these two must be good.
        (
            good.clone()
                .set("client_id", "nobody")
                .set("response_type", "token"),
            "invalid_client",
        ),
        (
            good.clone()
                .set("redirect_uri", "https://evil.example/cb")
                .set("scope", "nope"),
            "invalid_request",
        ),
        (
            good.clone()
                .set("redirect_uri", "https://evil.example/cb")
                .set("prompt", "none"),
            "invalid_request",
        ),
        (
            good.clone()
                .set("redirect_uri", "https://evil.example/cb")
                .set("request", "x.y.z"),
            "invalid_request",
        ),
    ] {
        let mut browser = app.browser();
        let answers = [
            browser.get(request.url(&app.at("/api/v1/oauth/authorize"))).await,
            browser.post("/api/v1/oauth/authorize", &request.pairs()).await,
        ];
        for answer in answers {
            app.assert_page(&answer, 400);
            assert!(
                answer.body.contains(&format!("<code>{code}</code>")),
                "{request:?}: {}",
                answer.body
            );
            assert!(
                !answer.body.contains("evil.example"),
                "the page offers no way there either"
            );
        }
    }
}

#[tokio::test]
async fn edge_02_redirect_uri_is_compared_as_an_exact_string() {
    let app = TestApp::start().await;
    let client = client_at(&app, &["https://web.example/cb", "https://web.example/c.b"]).await;
    for other in [
        "https://web.example/cb/",
        "https://web.example/CB",
        "https://WEB.example/cb",
        "HTTPS://web.example/cb",
        "https://web.example/cb?",
        "https://web.example/cb?x=1",
        "https://web.example/%63b",
        "https://web.example/c%2eb",
        "https://web.example/cxb",
        "https://web.example/cb/more",
        "https://web.example/cb/../cb",
        "https://web.example/./cb",
        "https://web.example//cb",
        "https://web.example:443/cb",
        "https://user@web.example/cb",
        "https://web.example@evil.example/cb",
        "https://web.example:x@evil.example/cb",
        "https://evil.example/https://web.example/cb",
        "https://web.example.evil.example/cb",
        "https://evilweb.example/cb",
        "https://web.example\\@evil.example/cb",
        "https://web.example/cb ",
        " https://web.example/cb",
        "https://web.example/cb\r\nSet-Cookie: x=1",
        "//web.example/cb",
        "/cb",
        "http://web.example/cb",
        "javascript:alert(1)",
        "javascript://web.example/cb%0aalert(1)",
        "data:text/html,web.example/cb",
    ] {
        let answer = ask(&app, &client, other).await;
        app.assert_page(&answer, 400);
    }
    assert_answered_at(
        &ask(&app, &client, "https://web.example/cb").await,
        "https://web.example/cb",
    );
    assert_answered_at(
        &ask(&app, &client, "https://web.example/c.b").await,
        "https://web.example/c.b",
    );
}

#[tokio::test]
async fn edge_03_only_the_port_of_a_loopback_address_floats() {
    let app = TestApp::start().await;
    let client = client_at(
        &app,
        &[
            "http://127.0.0.1/cb?x=1",
            "http://[::1]:7000/cb",
            "http://localhost:3000/cb",
        ],
    )
    .await;
    for same in [
        "http://127.0.0.1/cb?x=1",
        "http://127.0.0.1:1/cb?x=1",
        "http://127.0.0.1:65535/cb?x=1",
        "http://[::1]:7000/cb",
        "http://[::1]:50123/cb",
        "http://localhost:3000/cb",
    ] {
        assert_answered_at(&ask(&app, &client, same).await, same);
    }
    for other in [
        "http://127.0.0.1:9/cb",
        "http://127.0.0.1:9/cb?x=2",
        "http://127.0.0.1:9/cb?x=1&y=2",
        "http://127.0.0.1:9/cb/?x=1",
        "http://127.0.0.1:9/?x=1",
        "https://127.0.0.1:9/cb?x=1",
        "http://127.0.0.2:9/cb?x=1",
        "http://127.1:9/cb?x=1",
        "http://2130706433:9/cb?x=1",
        "http://localhost/cb?x=1",
        "http://localhost:3001/cb",
        "http://localhost/cb",
        "http://[::1]:9/cb?x=1",
        "http://[0:0:0:0:0:0:0:1]:9/cb",
        "http://[::ffff:127.0.0.1]:9/cb?x=1",
        "http://127.0.0.1:65536/cb?x=1",
        "http://127.0.0.1:-1/cb?x=1",
        "http://127.0.0.1:/cb?x=1",
        "http://127.0.0.1:9@evil.example/cb?x=1",
        "http://127.0.0.1:9.evil.example/cb?x=1",
        "http://127.0.0.1.evil.example/cb?x=1",
        "http://user@127.0.0.1:9/cb?x=1",
        "http://127.0.0.1:9/cb?x=1#frag",
    ] {
        let answer = ask(&app, &client, other).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (400, ""),
            "{other}"
        );
    }
}

#[tokio::test]
async fn edge_04_a_fragment_is_refused_at_registration_and_in_the_request() {
    let app = TestApp::start().await;
    for uri in ["https://web.example/cb#x", "https://web.example/cb#"] {
        let new = NewClient {
            redirect_uris: vec![uri.to_owned()],
            ..NewClient::default()
        };
        let refused = create_client(app.tenant.as_ref(), new, app.now(), app.rng.as_ref()).await;
        let message = refused.expect_err("a fragment").to_string();
        assert!(message.contains("fragment"), "{message}");
    }
    let client = client_at(&app, &["https://web.example/cb"]).await;
    for uri in [
        "https://web.example/cb#x",
        "https://web.example/cb#",
        "https://web.example/cb?#",
    ] {
        app.assert_page(&ask(&app, &client, uri).await, 400);
    }
}

#[tokio::test]
async fn edge_12_a_registered_query_is_kept_and_the_answer_appended() {
    let app = TestApp::start().await;
    let registered = "https://web.example/cb?tenant=7&next=%2Fa%20b";
    let client = client_at(&app, &[registered]).await;
    let user = app.user("alice").await;
    let refused = ask(&app, &client, registered).await;
    assert!(
        refused
            .header("location")
            .starts_with(&format!("{registered}&error=login_required&")),
        "{refused:?}"
    );

    let (request, pkce) = app.authorization(&client, "openid");
    let back = app.grant(&mut app.browser(), &request, &user).await;
    assert!(
        back.header("location")
            .starts_with(&format!("{registered}&code=")),
        "{}",
        back.location()
    );
    assert_eq!(back.redirect_param("next").as_deref(), Some("/a b"));
    let code = back.redirect_param("code").expect("a code");
    assert_eq!(
        app.token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn redirect_uri_may_be_left_out_by_plain_oauth_when_one_is_registered() {
    let app = TestApp::start().await;
    let one = client_at(&app, &["https://web.example/cb"]).await;
    let (request, _) = app.authorization(&one, "email");
    let request = request.without("redirect_uri").set("prompt", "none");
    let answer = app.authorize(&mut app.browser(), &request).await;
    assert_answered_at(&answer, "https://web.example/cb");

    // OpenID Connect requires it (OIDC Core §3.1.2.1); the one that is registered is still a good place to say so.
    let answer = app
        .authorize(&mut app.browser(), &request.clone().set("scope", "openid"))
        .await;
    app.assert_client_told(&answer, &request, "invalid_request");

    let more = NewClient {
        id: Some("more".to_owned()),
        redirect_uris: vec![
            "https://more.example/a".to_owned(),
            "https://more.example/b".to_owned(),
        ],
        scopes: vec!["email".to_owned()],
        ..NewClient::default()
    };
    app.client(more).await;
    let answer = app
        .authorize(&mut app.browser(), &request.set("client_id", "more"))
        .await;
    app.assert_page(&answer, 400);
}

#[tokio::test]
async fn a_redirect_uri_that_could_harm_cannot_be_registered() {
    let app = TestApp::start().await;
    for uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://web.example@evil.example/",
        "https://*.web.example/cb",
        "https://WEB.example/cb",
        "http://web.example/cb",
        "http://localhost.evil.example/cb",
        "https://web.example/\u{202e}",
        "/cb",
    ] {
        let new = NewClient {
            redirect_uris: vec![uri.to_owned()],
            ..NewClient::default()
        };
        let refused = create_client(app.tenant.as_ref(), new, app.now(), app.rng.as_ref()).await;
        assert!(refused.is_err(), "{uri}");
    }
    let stored = app
        .tenant
        .list_clients(&Page {
            after: None,
            limit: 10,
        })
        .await;
    assert!(stored.expect("storage").is_empty(), "nothing was stored");
}

#[tokio::test]
async fn an_open_page_answers_nobody_whom_a_request_would_not_be_answered_to_any_more() {
    type Change = fn(&mut Client);
    let changes: [(&str, Change); 3] = [
        ("another address", |client| {
            client.redirect_uris = vec!["https://safe.example/cb".to_owned()];
        }),
        ("another path", |client| {
            for uri in &mut client.redirect_uris {
                uri.push_str("/moved");
            }
        }),
        ("no such grant", |client| {
            client.grant_types = vec![GrantType::ClientCredentials];
        }),
    ];
    for (name, change) in changes {
        let app = TestApp::start().await;
        let (client, user) = (app.confidential_client("web").await, app.user("alice").await);
        let (mut signing_in, mut agreeing) = (app.browser(), app.browser());
        let (request, _) = app.authorization(&client, "openid");
        let login = app.authorize(&mut signing_in, &request).await;
        let page = app.authorize(&mut agreeing, &request).await;
        let consent = app.sign_in(&mut agreeing, &page, &user).await;
        app.change_client(&client, change).await;

        let answers = [
            signing_in.get(login.url.as_str()).await,
            app.sign_in(&mut signing_in, &login, &user).await,
            agreeing.get(consent.url.as_str()).await,
            app.decide(&mut agreeing, &consent, "deny").await,
            app.decide(&mut agreeing, &consent, "allow").await,
        ];
        for answer in answers {
            app.assert_page(&answer, 400);
            assert!(answer.headers.get("location").is_none(), "{name}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_open_page_goes_on_when_another_address_is_removed_and_the_port_floats() {
    let app = TestApp::start().await;
    let client = client_at(&app, &["https://gone.example/cb", "http://127.0.0.1:1/cb"]).await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    let request = request.set("redirect_uri", "http://127.0.0.1:7/cb");
    let login = app.authorize(&mut browser, &request).await;
    app.change_client(&client, |client| {
        client.redirect_uris.retain(|uri| !uri.contains("gone"));
    })
    .await;
    let consent = app.sign_in(&mut browser, &login, &user).await;
    let back = app.decide(&mut browser, &consent, "allow").await;
    assert!(
        back.header("location").starts_with("http://127.0.0.1:7/cb?code="),
        "{back:?}"
    );
}
