//! One browser with two tabs, and two browsers with one page: nothing crosses.

use authly_testkit::{TestApp, site::claims};

#[tokio::test]
async fn edge_23_two_tabs_do_not_cross_client_state_or_nonce() {
    let app = TestApp::start().await;
    let (one, two) = (app.public_client("one").await, app.public_client("two").await);
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (first, first_pkce) = app.authorization(&one, "openid");
    let (second, second_pkce) = app.authorization(&two, "openid email");
    let first = first.set("state", "state-1").set("nonce", "nonce-1");
    let second = second.set("state", "state-2").set("nonce", "nonce-2");

    // Both are open before either is answered, and they are answered in the other order.
    let first_page = app.authorize(&mut browser, &first).await;
    let second_page = app.authorize(&mut browser, &second).await;
    assert!(first_page.has_field("password") && second_page.has_field("password"));
    let second_consent = app.sign_in(&mut browser, &second_page, &user).await;
    let first_consent = browser.get(first_page.url.as_str()).await;
    let first_consent = browser.follow(first_consent).await;
    assert!(
        second_consent.body.contains("The two application")
            && first_consent.body.contains("The one application")
    );
    let first_back = app.decide(&mut browser, &first_consent, "allow").await;
    let second_back = app.decide(&mut browser, &second_consent, "allow").await;

    let mut codes = Vec::new();
    for (back, client, number) in [(&first_back, &one, "1"), (&second_back, &two, "2")] {
        assert!(
            back.header("location")
                .starts_with(&format!("{}?", client.redirect_uri)),
            "{}",
            back.location()
        );
        assert_eq!(back.redirect_param("state"), Some(format!("state-{number}")));
        codes.push(back.redirect_param("code").expect("a code"));
    }
    for (client, code, pkce, nonce, scope) in [
        (&one, &codes[0], &first_pkce, "nonce-1", "openid"),
        (&two, &codes[1], &second_pkce, "nonce-2", "email openid"),
    ] {
        let tokens = app.token(client, &app.exchange(client, code, pkce)).await.json();
        let id = claims(tokens["id_token"].as_str().expect("an ID token"));
        assert_eq!(
            (&id["nonce"], &id["aud"]),
            (&nonce.into(), &client.id.as_str().into())
        );
        assert_eq!(
            claims(tokens["access_token"].as_str().expect("a token"))["scope"],
            scope
        );
    }
}

#[tokio::test]
async fn an_answer_of_one_person_is_not_taken_for_another_ones_in_the_same_browser() {
    let app = TestApp::start().await;
    let (one, two) = (app.public_client("one").await, app.public_client("two").await);
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut browser = app.browser();
    let (first, pkce) = app.authorization(&one, "openid");
    let (second, _) = app.authorization(&two, "openid");
    let second_login = app.authorize(&mut browser, &second).await;
    let first_login = app.authorize(&mut browser, &first).await;
    let asked_alice = app.sign_in(&mut browser, &first_login, &alice).await;
    assert!(
        asked_alice.body.contains("<bdi>alice</bdi>"),
        "{}",
        asked_alice.body
    );
    let asked_bob = app.sign_in(&mut browser, &second_login, &bob).await;
    assert!(asked_bob.body.contains("<bdi>bob</bdi>"), "{}", asked_bob.body);

    // The page that asked Alice is answered in Bob's session: Bob is asked himself.
    let page = app.decide(&mut browser, &asked_alice, "allow").await;
    assert_eq!(page.status, 200, "no code: {}", page.header("location"));
    assert!(
        page.has_field("decision") && page.body.contains("<bdi>bob</bdi>"),
        "{}",
        page.body
    );
    let back = app.decide(&mut browser, &page, "allow").await;
    let code = back.redirect_param("code").expect("a code");
    let tokens = app.token(&one, &app.exchange(&one, &code, &pkce)).await.json();
    assert_eq!(
        claims(tokens["id_token"].as_str().expect("an ID token"))["sub"],
        bob.id
    );
}

#[tokio::test]
async fn the_interaction_of_another_browser_is_refused_at_every_page() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    let login = app.authorize(&mut browser, &request).await;

    // Somebody signed in, with a binding cookie of their own, and everything they can copy.
    let mut attacker = app.browser();
    app.grant(&mut attacker, &request, &mallory).await;
    let before = attacker.cookies.clone();
    let hidden = login.hidden_fields();
    let (id, csrf) = (hidden["interaction"].as_str(), hidden["csrf"].as_str());
    let fields = [("interaction", id), ("csrf", csrf)];
    let login_form = [
        fields[0],
        fields[1],
        ("username", "mallory"),
        ("password", mallory.password.as_str()),
    ];
    let consent_form = [fields[0], fields[1], ("decision", "allow")];
    for mut other in [attacker, app.browser()] {
        let answers = [
            other.get(format!("/login?interaction={id}")).await,
            other.get(format!("/login?interaction={id}&switch=1")).await,
            other.get(format!("/consent?interaction={id}")).await,
            other.post("/login", &login_form).await,
            other.post("/consent", &consent_form).await,
        ];
        for answer in answers {
            app.assert_page(&answer, 400);
            assert!(
                answer.body.contains("belongs to another browser"),
                "{}",
                answer.body
            );
            assert!(
                !answer.body.contains("The web application"),
                "what is asked is not told either"
            );
        }
        assert!(other.cookies.is_empty() || other.cookies == before);
    }
    // The one it belongs to is not disturbed.
    assert!(
        app.sign_in(&mut browser, &login, &alice)
            .await
            .has_field("decision")
    );
}

#[tokio::test]
async fn a_request_that_came_by_post_belongs_to_the_first_browser_that_opens_it() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let posted = browser
        .post_cross_site("/api/v1/oauth/authorize", &request.pairs(), "https://web.example")
        .await;
    let url = posted.location();
    let login = browser.follow(posted).await;
    assert!(login.has_field("password"));
    app.assert_page(&app.browser().get(url.as_str()).await, 400);
    assert!(
        app.sign_in(&mut browser, &login, &user)
            .await
            .has_field("decision")
    );

    // A form is not an opening: without the page's token the POST neither signs in nor binds.
    let posted = browser
        .post_cross_site("/api/v1/oauth/authorize", &request.pairs(), "https://web.example")
        .await;
    let url = posted.location();
    let (_, id) = url.query_pairs().next().expect("the id");
    let mut direct = app.browser();
    let form = [
        ("interaction", id.as_ref()),
        ("username", "alice"),
        ("password", user.password.as_str()),
    ];
    let answer = direct.post("/login", &form).await;
    app.assert_page(&answer, 403);
    assert!(direct.cookies.is_empty());
}

#[tokio::test]
async fn of_20_browsers_that_open_a_posted_request_one_has_it() {
    one_browser_of_twenty(&TestApp::start().await).await;
}

#[tokio::test]
async fn of_20_browsers_that_open_a_posted_request_one_has_it_on_postgresql() {
    one_browser_of_twenty(&TestApp::builder().postgres().await.start().await).await;
}

async fn one_browser_of_twenty(app: &TestApp) {
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let posted = app
        .browser()
        .post_cross_site("/api/v1/oauth/authorize", &request.pairs(), "https://web.example")
        .await;
    let racers: Vec<_> = (0..20)
        .map(|_| (app.browser(), posted.location()))
        .map(|(mut browser, url)| tokio::spawn(async move { browser.get(url.as_str()).await }))
        .collect();
    let mut opened = 0;
    for racer in racers {
        let answer = racer.await.expect("a racer");
        match answer.status.as_u16() {
            200 => opened += 1,
            _ => app.assert_page(&answer, 400),
        }
    }
    assert_eq!(opened, 1);
}
