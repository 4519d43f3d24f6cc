//! The authorization request: what is accepted, what is refused, and where the client hears of it.

use authly_testkit::{
    TestApp, TestClient,
    browser::{Answer, TestBrowser},
    client::Form,
};

const AUTHORIZE: &str = "/api/v1/oauth/authorize";

/// Sends `request` with `more` written behind it as it is.
async fn raw(app: &TestApp, request: &Form, more: &str) -> Answer {
    app.browser()
        .get(format!("{}&{more}", request.url(&app.at(AUTHORIZE))))
        .await
}

/// A request that the server can answer without a page, since nobody is signed in.
fn silent(app: &TestApp, client: &TestClient) -> Form {
    app.authorization(client, "openid").0.set("prompt", "none")
}

#[tokio::test]
async fn edge_05_a_parameter_given_twice_is_invalid_request() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");

    for twice in [
        "scope=openid",
        "response_type=code",
        "nonce=n-1",
        "code_challenge=x",
        "unknown=1&unknown=1",
        "scope=",
    ] {
        app.assert_client_told(&raw(&app, &request, twice).await, &request, "invalid_request");
    }
    // Which of two states is the client's? Neither is returned.
    let answer = raw(&app, &request, "state=s-2").await;
    app.assert_client_told(&answer, &request.clone().without("state"), "invalid_request");
    // The same where only one of the two may be believed: a page.
    for twice in [
        format!("client_id={}", client.id),
        "client_id=other".to_owned(),
        "client_id=".to_owned(),
        format!("redirect_uri={}", client.redirect_uri),
        "redirect_uri=https://evil.example/".to_owned(),
    ] {
        app.assert_page(&raw(&app, &request, &twice).await, 400);
    }
    // RFC 8707 §2 lets it repeat: what is refused is the parameter itself.
    let resources = raw(
        &app,
        &request,
        "resource=https://a.example&resource=https://b.example",
    )
    .await;
    app.assert_client_told(&resources, &request, "invalid_target");
}

#[tokio::test]
async fn edge_06_unknown_parameters_are_ignored_and_an_empty_value_is_absent() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");

    let ignored =
        "foo=bar&foo2=&=x&prompt=&max_age=&response_mode=&request=&request_uri=&claims=&id_token_hint=";
    let mut browser = app.browser();
    let answer = browser
        .get(format!("{}&{ignored}", request.url(&app.at(AUTHORIZE))))
        .await;
    let page = browser.follow(answer).await;
    assert!(page.has_field("password"), "{} {}", page.status, page.body);

    // Empty is absent, with what follows from that.
    for (name, error) in [
        ("response_type", "invalid_request"),
        ("code_challenge", "invalid_request"),
    ] {
        let request = request.clone().set(name, "");
        app.assert_client_told(
            &app.authorize(&mut app.browser(), &request).await,
            &request,
            error,
        );
    }
    app.assert_page(
        &app.authorize(&mut app.browser(), &request.clone().set("client_id", ""))
            .await,
        400,
    );
    let stateless = request.set("state", "").set("prompt", "none");
    let answer = app.authorize(&mut app.browser(), &stateless).await;
    assert!(
        !answer.header("location").contains("state"),
        "{}",
        answer.location()
    );
}

#[tokio::test]
async fn edge_07_other_response_types_are_refused_by_redirect_with_state_and_iss() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    for response_type in [
        "token",
        "id_token",
        "id_token token",
        "code token",
        "code id_token",
        "code id_token token",
        "none",
        "CODE",
        "code code",
    ] {
        let request = request.clone().set("response_type", response_type);
        let answer = app.authorize(&mut app.browser(), &request).await;
        app.assert_client_told(&answer, &request, "unsupported_response_type");
        assert_eq!(answer.location().fragment(), None);
    }
    let missing = request.without("response_type");
    app.assert_client_told(
        &app.authorize(&mut app.browser(), &missing).await,
        &missing,
        "invalid_request",
    );
}

#[tokio::test]
async fn edge_09_state_is_returned_byte_for_byte_and_only_when_it_was_sent() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let request = silent(&app, &client).without("state");
    let exactly_2048 = "s".repeat(2048);
    for state in [
        &"0123456789abcdef".repeat(8),
        "a b",
        "a+b",
        "%20",
        "a%2Bb",
        "ü€😀",
        "a&b=c#d?e/f\"<>'\\",
        "\r\nSet-Cookie: x=1",
        " ",
        &exactly_2048,
    ] {
        let request = request.clone().set("state", state);
        let answer = app.authorize(&mut app.browser(), &request).await;
        app.assert_client_told(&answer, &request, "login_required");
        let location = answer.header("location");
        assert!(
            !location.contains('+'),
            "a decoder that knows only %XX must read the same: {location}"
        );
        assert_eq!(answer.header("set-cookie"), "");
    }
    let absent = app.authorize(&mut app.browser(), &request).await;
    assert!(
        !absent.header("location").contains("state"),
        "{}",
        absent.location()
    );
    // Too long to be kept, so too long to be returned.
    let long = request.clone().set("state", "s".repeat(2049));
    app.assert_client_told(
        &app.authorize(&mut app.browser(), &long).await,
        &request,
        "invalid_request",
    );
}

#[tokio::test]
async fn edge_10_iss_is_in_successes_and_errors_and_is_the_metadata_issuer() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let metadata = app
        .request(reqwest::Method::GET, "/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let issuer = metadata["issuer"].as_str().expect("an issuer").to_owned();

    let mut browser = app.browser();
    let refused = app.authorize(&mut browser, &silent(&app, &client)).await;
    assert_eq!(refused.redirect_param("iss").as_ref(), Some(&issuer));
    // Characters that make a decoder err are in this state; the success carries it as the errors do.
    let (request, _) = app.authorization(&client, "openid");
    let granted = app
        .grant(&mut browser, &request.set("state", "a b+c%20ü"), &user)
        .await;
    assert!(granted.redirect_param("code").is_some());
    assert_eq!(granted.redirect_param("iss").as_ref(), Some(&issuer));
    assert_eq!(granted.redirect_param("state").as_deref(), Some("a b+c%20ü"));
}

#[tokio::test]
async fn edge_17_a_post_is_the_same_request_as_a_get() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (good, _) = app.authorization(&client, "openid");
    for request in [
        good.clone().set("prompt", "none"),
        good.clone().set("response_type", "token"),
        good.clone().set("scope", "a\"b"),
        good.clone().without("code_challenge"),
        good.clone().set("client_id", "nobody"),
        good.clone().set("redirect_uri", "https://evil.example/"),
    ] {
        let mut browser = app.browser();
        let get = app.authorize(&mut browser, &request).await;
        let post = browser.post(AUTHORIZE, &request.pairs()).await;
        let post = browser.follow(post).await;
        assert_eq!(get.status, post.status, "{request:?}");
        assert_eq!(get.header("location"), post.header("location"), "{request:?}");
    }
    let mut browser = app.browser();
    let post = browser.post(AUTHORIZE, &good.pairs()).await;
    assert_eq!(post.status, 303, "never 307: the form must not be sent on");
    assert!(browser.follow(post).await.has_field("password"));
}

#[tokio::test]
async fn a_post_takes_its_parameters_from_the_body_alone() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let request = silent(&app, &client);
    let in_url = app.http.post(request.url(&app.at(AUTHORIZE)));
    let answer = authly_testkit::site::read(in_url.form(&request.pairs())).await;
    app.assert_page(&answer, 400);
    let json = app
        .http
        .post(app.at(AUTHORIZE))
        .header("content-type", "application/json")
        .body("{}");
    app.assert_page(&authly_testkit::site::read(json).await, 400);
}

#[tokio::test]
async fn a_client_without_the_code_grant_cannot_send_people_here() {
    let app = TestApp::start().await;
    let client = app
        .client(authly_oauth::clients::NewClient {
            id: Some("batch".to_owned()),
            redirect_uris: vec!["https://batch.example/cb".to_owned()],
            grant_types: vec!["client_credentials".to_owned()],
            scopes: vec!["read".to_owned()],
            ..Default::default()
        })
        .await;
    let (request, _) = app.authorization(&client, "read");
    let answer = app.authorize(&mut app.browser(), &request).await;
    app.assert_client_told(&answer, &request, "unauthorized_client");
}

#[tokio::test]
async fn parameters_have_a_longest_length_and_a_largest_number() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    for (name, max) in [
        ("nonce", 512),
        ("login_hint", 255),
        ("ui_locales", 255),
        ("claims_locales", 255),
        ("acr_values", 255),
    ] {
        let fits = request.clone().set(name, "x".repeat(max));
        assert!(
            app.authorize(&mut app.browser(), &fits)
                .await
                .has_field("password"),
            "{name}"
        );
        let long = request.clone().set(name, "x".repeat(max + 1));
        app.assert_client_told(
            &app.authorize(&mut app.browser(), &long).await,
            &long,
            "invalid_request",
        );
    }
    // What cannot be decoded, or kept by every database, is no request of anybody's.
    for undecodable in ["x=%zz", "x=%", "x=%ff", "x=%00"] {
        app.assert_page(&raw(&app, &request, undecodable).await, 400);
    }
    let many = vec!["x=1"; 101].join("&");
    app.assert_page(&raw(&app, &request, &many).await, 400);
}

#[tokio::test]
async fn a_cross_site_post_is_persisted_and_goes_on_with_the_cookies_of_a_get() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (first, _) = app.authorization(&client, "openid");
    app.grant(&mut browser, &first, &user).await;
    let before = browser.cookies.clone();

    // SameSite=Lax keeps the cookies back from the POST; the GET that follows has them.
    let (request, pkce) = app.authorization(&client, "openid");
    let request = request.set("state", "cross-site").set("nonce", "cross-site");
    let posted = browser
        .post_cross_site(AUTHORIZE, &request.pairs(), "https://web.example")
        .await;
    assert_eq!(posted.status, 303);
    assert!(
        posted
            .header("location")
            .starts_with(&app.at("/login?interaction=")),
        "{}",
        posted.location()
    );
    let back = browser.follow(posted).await;
    assert_eq!(back.redirect_param("state").as_deref(), Some("cross-site"));
    let code = back
        .redirect_param("code")
        .expect("a code: signed in and agreed before");
    assert_eq!(
        browser.cookies, before,
        "the POST replaced no cookie of the browser"
    );
    let tokens = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);

    // prompt=none shows no page on this way either, whatever is asked of our own.
    let silent = request.clone().set("prompt", "none");
    let posted = browser
        .post_cross_site(AUTHORIZE, &silent.pairs(), "https://web.example")
        .await;
    let switched = browser.get(format!("{}&switch=1", posted.location())).await;
    assert!(switched.redirect_param("code").is_some(), "{}", switched.body);
    let silent = request.set("prompt", "none").set("scope", "openid email");
    let posted = browser
        .post_cross_site(AUTHORIZE, &silent.pairs(), "https://web.example")
        .await;
    app.assert_client_told(&browser.follow(posted).await, &silent, "consent_required");
    let mut nobody: TestBrowser = app.browser();
    let posted = nobody
        .post_cross_site(AUTHORIZE, &silent.pairs(), "https://web.example")
        .await;
    app.assert_client_told(&nobody.follow(posted).await, &silent, "login_required");
}

#[tokio::test]
async fn the_host_header_decides_nothing() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let mut browser = app.browser();
    browser.headers = vec![
        ("host", "evil.example".to_owned()),
        ("x-forwarded-host", "evil.example".to_owned()),
        ("x-forwarded-proto", "https".to_owned()),
        ("forwarded", "host=evil.example;proto=https".to_owned()),
    ];
    let (request, _) = app.authorization(&client, "openid");
    let answer = browser.get(request.url(&app.at(AUTHORIZE))).await;
    assert!(
        answer.header("location").starts_with(&app.at("/login?")),
        "{answer:?}"
    );
    let silent = request.set("prompt", "none");
    let answer = browser.get(silent.url(&app.at(AUTHORIZE))).await;
    app.assert_client_told(&answer, &silent, "login_required");
    let metadata = browser.get("/.well-known/openid-configuration").await;
    assert!(!metadata.body.contains("evil.example"), "{}", metadata.body);
    assert_eq!(metadata.json()["issuer"], app.url.as_str());
}
