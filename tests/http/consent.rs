//! The consent page: remembered, asked again for more, and answered once.

use std::{collections::BTreeMap, time::Duration};

use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::Form,
    site::claims,
};

/// A browser in which the person signed in and is at the consent page of `request`.
async fn at_consent(app: &TestApp, request: &Form, user: &TestUser) -> (TestBrowser, Answer) {
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, request).await;
    let page = app.sign_in(&mut browser, &login, user).await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
    (browser, page)
}

async fn people(app: &TestApp) -> (TestClient, TestUser) {
    (app.public_client("web").await, app.user("alice").await)
}

/// The page's form with `allow` pressed.
fn form_of(page: &Answer) -> Form {
    let hidden = page.hidden_fields().into_iter();
    hidden
        .fold(Form::new(), |form, (name, value)| form.set(&name, value))
        .set("decision", "allow")
}

/// Sends a form and follows nothing.
async fn submit(browser: &mut TestBrowser, form: &Form) -> Answer {
    browser.post("/consent", &form.pairs()).await
}

#[tokio::test]
async fn consent_is_remembered_and_asked_again_only_for_more() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, _) = app.authorization(&client, "openid email");
    let (mut browser, page) = at_consent(&app, &request, &user).await;
    assert!(page.body.contains("See your e-mail address"));
    app.decide(&mut browser, &page, "allow").await;

    for scope in ["openid email", "email openid openid", "openid", "email"] {
        let back = app
            .authorize(&mut browser, &request.clone().set("scope", scope))
            .await;
        assert!(
            back.redirect_param("code").is_some(),
            "{scope}: {} {}",
            back.status,
            back.body
        );
    }
    let wider = request.clone().set("scope", "openid email phone");
    let page = app.authorize(&mut browser, &wider).await;
    assert!(
        page.has_field("decision") && page.body.contains("See your phone number"),
        "{}",
        page.body
    );
    assert!(page.body.contains("would like more access"), "{}", page.body);
    app.decide(&mut browser, &page, "allow").await;
    assert!(
        app.authorize(&mut browser, &wider)
            .await
            .redirect_param("code")
            .is_some()
    );

    // What was agreed with one client is nothing to another, and another person agreed to nothing.
    let other = app.public_client("other").await;
    let (foreign, _) = app.authorization(&other, "openid");
    assert!(app.authorize(&mut browser, &foreign).await.has_field("decision"));
    let bob = app.user("bob").await;
    at_consent(&app, &request, &bob).await;
}

#[tokio::test]
async fn offline_access_is_named_on_the_page_and_agreed_to_like_the_rest() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, _) = app.authorization(&client, "openid");
    let (mut browser, page) = at_consent(&app, &request, &user).await;
    app.decide(&mut browser, &page, "allow").await;
    let page = app
        .authorize(&mut browser, &request.set("scope", "openid offline_access"))
        .await;
    assert!(
        page.body.contains("Keep this access while you are not using it"),
        "{} {}",
        page.status,
        page.body
    );
}

#[tokio::test]
async fn denied_is_access_denied_with_state_and_iss_and_is_not_remembered() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, _) = app.authorization(&client, "openid");
    let (mut browser, page) = at_consent(&app, &request, &user).await;
    let back = app.decide(&mut browser, &page, "deny").await;
    app.assert_client_told(&back, &request, "access_denied");

    // The back button and a change of mind: that answer was given.
    let late = submit(&mut browser, &form_of(&page)).await;
    app.assert_page(&late, 200);
    assert!(
        late.body.contains("done here") && !late.body.contains("code="),
        "{}",
        late.body
    );
    let page = app.authorize(&mut browser, &request).await;
    assert!(
        page.has_field("decision"),
        "a no to one request is no no for ever"
    );
    assert!(
        app.decide(&mut browser, &page, "allow")
            .await
            .redirect_param("code")
            .is_some()
    );

    // A no to more takes nothing back.
    let wider = request.clone().set("scope", "openid email");
    let page = app.authorize(&mut browser, &wider).await;
    app.assert_client_told(
        &app.decide(&mut browser, &page, "deny").await,
        &wider,
        "access_denied",
    );
    assert!(
        app.authorize(&mut browser, &request)
            .await
            .redirect_param("code")
            .is_some()
    );
}

#[tokio::test]
async fn edge_22_a_consent_form_without_its_token_or_from_elsewhere_is_refused() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, _) = app.authorization(&client, "openid");
    let (mut browser, page) = at_consent(&app, &request, &user).await;
    let other = app.authorize(&mut browser, &request).await.hidden_fields()["csrf"].clone();

    let good = form_of(&page);
    let answers = [
        submit(&mut browser, &good.clone().without("csrf")).await,
        submit(&mut browser, &good.clone().set("csrf", "")).await,
        submit(&mut browser, &good.clone().set("csrf", "AAAA")).await,
        submit(&mut browser, &good.clone().set("csrf", other)).await,
    ];
    for answer in answers {
        app.assert_page(&answer, 403);
    }
    let fields = page.hidden_fields();
    let form = [
        ("interaction", fields["interaction"].as_str()),
        ("csrf", &fields["csrf"]),
        ("decision", "allow"),
    ];
    for origin in ["https://evil.example", "null", "https://web.example"] {
        let answer = browser.post_with_origin("/consent", &form, origin).await;
        app.assert_page(&answer, 403);
    }
    for decision in ["", "yes", "ALLOW", "allow "] {
        let answer = submit(&mut browser, &good.clone().set("decision", decision)).await;
        app.assert_page(&answer, 400);
    }
    // A GET decides nothing.
    let got = browser
        .get(format!(
            "/consent?interaction={}&csrf={}&decision=allow",
            form[0].1, form[1].1
        ))
        .await;
    assert!(got.status == 200 && got.has_field("decision"), "{}", got.status);
    // All that left the form as good as it was.
    let back = submit(&mut browser, &form_of(&page)).await;
    assert!(back.redirect_param("code").is_some(), "{}", back.location());
}

#[tokio::test]
async fn the_form_decides_yes_or_no_and_never_the_scope() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, pkce) = app.authorization(&client, "openid");
    let (mut browser, page) = at_consent(&app, &request, &user).await;
    let wider = form_of(&page).set("scope", "openid email phone");
    let back = submit(&mut browser, &wider).await;
    let code = back.redirect_param("code").expect("a code");
    let tokens = app
        .token(&client, &app.exchange(&client, &code, &pkce))
        .await
        .json();
    assert_eq!(
        claims(tokens["access_token"].as_str().expect("a token"))["scope"],
        "openid"
    );
}

#[tokio::test]
async fn a_step_cannot_be_skipped() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    // The tokens of the sign-in form are those of the interaction: they do not stand in for the person.
    let answer = submit(&mut browser, &form_of(&login)).await;
    assert!(
        !answer.header("location").contains("code="),
        "{}",
        answer.location()
    );
    assert!(browser.follow(answer).await.has_field("password"));
    let id = login.hidden_fields()["interaction"].clone();
    let page = browser.get(format!("/consent?interaction={id}")).await;
    assert!(browser.follow(page).await.has_field("password"));
    assert!(
        app.sign_in(&mut browser, &login, &user)
            .await
            .has_field("decision")
    );
}

#[tokio::test]
async fn consent_submitted_twice_leads_to_one_code() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, _) = app.authorization(&client, "openid");
    let (mut browser, page) = at_consent(&app, &request, &user).await;
    assert!(
        submit(&mut browser, &form_of(&page))
            .await
            .redirect_param("code")
            .is_some()
    );
    let second = submit(&mut browser, &form_of(&page)).await;
    app.assert_page(&second, 200);
    assert!(second.body.contains("done here"), "{}", second.body);
    // Neither do the pages before it lead to another one.
    let id = page.hidden_fields()["interaction"].clone();
    for path in ["/login", "/consent"] {
        app.assert_page(&browser.get(format!("{path}?interaction={id}")).await, 200);
    }
}

#[tokio::test]
async fn consent_submitted_20_times_at_once_leads_to_one_code() {
    one_code_of_twenty(&TestApp::start().await).await;
}

#[tokio::test]
async fn consent_submitted_20_times_at_once_leads_to_one_code_on_postgresql() {
    one_code_of_twenty(&TestApp::builder().postgres().await.start().await).await;
}

async fn one_code_of_twenty(app: &TestApp) {
    let (client, user) = people(app).await;
    let (request, pkce) = app.authorization(&client, "openid");
    let (browser, page) = at_consent(app, &request, &user).await;
    let racers: Vec<_> = (0..20)
        .map(|_| (browser.clone(), page.clone()))
        .map(|(mut browser, page)| tokio::spawn(async move { submit(&mut browser, &form_of(&page)).await }))
        .collect();
    let mut codes = Vec::new();
    for racer in racers {
        let answer = racer.await.expect("a racer");
        match answer.status.as_u16() {
            303 => codes.push(answer.redirect_param("code").expect("a code")),
            _ => app.assert_page(&answer, 200),
        }
    }
    assert_eq!(codes.len(), 1, "{codes:?}");
    let tokens = app.token(&client, &app.exchange(&client, &codes[0], &pkce)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
}

#[tokio::test]
async fn an_expired_interaction_offers_to_begin_again_and_that_link_works() {
    let app = TestApp::start().await;
    let (client, user) = people(&app).await;
    let (request, pkce) = app.authorization(&client, "openid email");
    let request = request
        .set("state", "a b+ü")
        .set("login_hint", "alice")
        .set("ui_locales", "de fr");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    let consent = app.sign_in(&mut browser, &login, &user).await;
    app.advance(Duration::from_mins(30));

    let expired = submit(&mut browser, &form_of(&consent)).await;
    app.assert_page(&expired, 410);
    let mut posted = browser.clone();
    let fields = login.hidden_fields();
    let form = [
        ("interaction", fields["interaction"].as_str()),
        ("csrf", &fields["csrf"]),
        ("username", "alice"),
    ];
    app.assert_page(&posted.post("/login", &form).await, 410);

    let link = expired
        .links()
        .into_iter()
        .find(|link| link.contains("/authorize?"))
        .expect("a way to begin again");
    let asked: BTreeMap<_, _> = reqwest::Url::parse(&link)
        .expect("a URL")
        .query_pairs()
        .into_owned()
        .collect();
    let expected: BTreeMap<_, _> = request
        .pairs()
        .into_iter()
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    let sorted = |text: &str| {
        text.split(' ')
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(sorted(&asked["scope"]), sorted(&expected["scope"]));
    let without_scope = |mut m: BTreeMap<String, String>| (m.remove("scope"), m).1;
    assert_eq!(
        without_scope(asked),
        without_scope(expected),
        "the same request from its beginning"
    );

    let page = browser.get(&link).await;
    let page = browser.follow(page).await;
    assert!(
        page.has_field("decision"),
        "still signed in: {} {}",
        page.status,
        page.body
    );
    let back = app.decide(&mut browser, &page, "allow").await;
    assert_eq!(back.redirect_param("state").as_deref(), Some("a b+ü"));
    let code = back.redirect_param("code").expect("a code");
    assert_eq!(
        app.token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_day_after_it_expired_nobody_remembers_what_an_interaction_asked() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let login = app.authorize(&mut browser, &request).await;
    let way_back = |page: &Answer| page.links().iter().any(|link| link.contains("/authorize?"));
    app.advance(Duration::from_mins(30));
    let expired = browser.get(login.url.as_str()).await;
    app.assert_page(&expired, 410);
    assert!(way_back(&expired), "{:?}", expired.links());
    app.advance(Duration::from_hours(24));
    let gone = browser.get(login.url.as_str()).await;
    app.assert_page(&gone, 410);
    assert!(!way_back(&gone), "{:?}", gone.links());
}
