//! The database goes away while a person signs in: they see a page, the client hears `temporarily_unavailable`, and the
//! same form works afterwards. Nobody is taken for signed out, unknown or unwilling.

use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::{Answer, TestBrowser},
    client::{Form, Pkce},
    postgres::PostgresServer,
};

/// A person at each step of the way.
struct Steps {
    client: TestClient,
    user: TestUser,
    request: Form,
    pkce: Pkce,
    stranger: TestBrowser,
    login: Answer,
    signed_in: TestBrowser,
    consent: Answer,
}

async fn at_every_step(app: &TestApp) -> Steps {
    let (client, user) = (app.public_client("web").await, app.user("alice").await);
    let (request, pkce) = app.authorization(&client, "openid");
    let mut stranger = app.browser();
    let login = app.authorize(&mut stranger, &request).await;
    let mut signed_in = app.browser();
    app.grant(&mut signed_in, &request, &user).await;
    let wider = request.clone().set("scope", "openid email");
    let consent = app.authorize(&mut signed_in, &wider).await;
    assert!(login.has_field("password") && consent.has_field("decision"));
    Steps {
        client,
        user,
        request,
        pkce,
        stranger,
        login,
        signed_in,
        consent,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_meets_an_outage_as_a_page_and_loses_nothing() {
    let postgres = PostgresServer::start_dedicated().await.expect("PostgreSQL");
    let database = postgres.create_database().await.expect("a database");
    let app = TestApp::builder()
        .on_database(database)
        .set("database.connect_timeout", "1s")
        .set("database.wait_timeout", "1s")
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let mut steps = at_every_step(&app).await;

    postgres.stop().await.expect("it stops");
    refused_meanwhile(&app, &mut steps).await;
    postgres.start().await.expect("it starts");

    // The forms that were open are as good as before, and no attempt was counted against the account.
    let Steps {
        client,
        user,
        request,
        pkce,
        mut stranger,
        login,
        mut signed_in,
        consent,
    } = steps;
    let back = app.sign_in(&mut stranger, &login, &user).await;
    assert!(
        back.redirect_param("code").is_some(),
        "{} {}",
        back.status,
        back.body
    );
    let back = app.decide(&mut signed_in, &consent, "allow").await;
    let code = back.redirect_param("code").expect("a code");
    assert_eq!(
        app.token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .status,
        200
    );
    let silent = app
        .authorize(&mut signed_in, &request.set("prompt", "none"))
        .await;
    assert!(
        silent.redirect_param("code").is_some(),
        "still signed in: {}",
        silent.location()
    );
}

async fn refused_meanwhile(app: &TestApp, steps: &mut Steps) {
    for _ in 0..3 {
        let answer = app.sign_in(&mut steps.stranger, &steps.login, &steps.user).await;
        app.assert_page(&answer, 503);
        assert!(
            !answer.body.contains("don’t match"),
            "no verdict on the password: {}",
            answer.body
        );
    }
    assert!(!steps.stranger.cookies.contains_key("authly-default"));
    for decision in ["allow", "deny"] {
        let answer = app.decide(&mut steps.signed_in, &steps.consent, decision).await;
        app.assert_page(&answer, 503);
    }
    for page in [&steps.login, &steps.consent] {
        let answer = steps.signed_in.get(page.url.as_str()).await;
        app.assert_page(&answer, 503);
    }
    // A client that cannot be looked up is not an unknown one; one that can is told by redirect, since a 503 cannot
    // travel there (RFC 6749 §4.1.2.1).
    for request in [steps.request.clone(), steps.request.clone().set("prompt", "none")] {
        let answer = app.authorize(&mut steps.signed_in, &request).await;
        match answer.status.as_u16() {
            303 => app.assert_client_told(&answer, &request, "temporarily_unavailable"),
            _ => app.assert_page(&answer, 503),
        }
        let unknown = request.set("client_id", "nobody");
        app.assert_page(&app.authorize(&mut steps.signed_in, &unknown).await, 503);
    }
}
