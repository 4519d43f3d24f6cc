//! Browser sessions: listed and ended by their owner, and how long they live by themselves.

use std::time::Duration;

use authly_core::{Timestamp, UserId};
use authly_testkit::{
    TestApp, TestUser,
    browser::{Answer, TestBrowser},
};

use crate::account::enter;

const MINUTE: Duration = Duration::from_mins(1);

/// So many minutes, less the shortest time there is.
const fn almost(minutes: u64) -> Duration {
    Duration::from_micros(minutes * 60_000_000 - 1)
}

/// A browser that is signed in and says this of itself.
async fn signed_in(app: &TestApp, user: &TestUser, user_agent: &str) -> TestBrowser {
    let mut browser = app.browser();
    browser.headers = vec![("user-agent", user_agent.to_owned())];
    enter(&mut browser, "/account", user).await;
    browser
}

async fn is_signed_in(browser: &mut TestBrowser) -> bool {
    browser.get("/account").await.status == 200
}

/// The ids of the sessions that the page can end.
fn listed(page: &Answer) -> Vec<String> {
    let parts = page.body.split("name=\"session\" value=\"").skip(1);
    parts
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// Presses one of the page's buttons.
async fn press(browser: &mut TestBrowser, name: &str, value: &str) -> Answer {
    let page = browser.get("/account/sessions").await;
    let csrf = page.hidden_fields()["csrf"].clone();
    let form = [("csrf", csrf.as_str()), (name, value)];
    let answer = browser.post("/account/sessions", &form).await;
    browser.follow(answer).await
}

#[tokio::test]
async fn the_page_tells_browsers_apart_in_plain_words() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let evil = "Mozilla/5.0 <script>alert(1)</script>";
    signed_in(&app, &user, evil).await;
    app.advance(2 * MINUTE);
    signed_in(
        &app,
        &user,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) Version/18.1 Safari/604.1",
    )
    .await;
    app.advance(3 * MINUTE);
    let mut browser = signed_in(&app, &user, "Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0").await;
    let page = browser.get("/account/sessions").await;
    for text in [
        "Firefox on Linux",
        "This browser",
        "just now",
        "Safari on iPhone",
        "3 minutes ago",
        "Unknown browser",
        "5 minutes ago",
        "127.0.0.1",
        "<time datetime=\"",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(
        !page.body.contains("alert"),
        "nothing of what a browser says of itself is shown"
    );
    let [firefox, safari] = ["Firefox on Linux", "Safari on iPhone"].map(|name| page.body.find(name));
    assert!(firefox < safari, "this one comes first");
    assert_eq!(listed(&page).len(), 2, "this one is left by signing out");
    assert!(browser.get("/account").await.body.contains("open in 3 browsers"));
}

#[tokio::test]
async fn a_session_that_its_owner_ends_elsewhere_is_refused_at_once() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut lost = app.browser();
    app.grant(&mut lost, &request, &user).await;
    app.advance(MINUTE);
    let mut third = signed_in(&app, &user, "").await;
    // A page of a flow that stands open in the lost browser.
    let consent = app
        .authorize(&mut lost, &request.clone().set("prompt", "consent"))
        .await;
    assert!(consent.has_field("decision"));

    let mut browser = signed_in(&app, &user, "").await;
    let page = browser.get("/account/sessions").await;
    let oldest = listed(&page).last().unwrap().clone();
    let page = press(&mut browser, "session", &oldest).await;
    assert!(page.body.contains("Signed out there"), "{}", page.body);
    assert_eq!(listed(&page).len(), 1);

    assert!(!is_signed_in(&mut lost).await);
    let silent = request.clone().set("prompt", "none");
    app.assert_client_told(
        &app.authorize(&mut lost, &silent).await,
        &silent,
        "login_required",
    );
    let answer = app.decide(&mut lost, &consent, "allow").await;
    assert!(
        answer.has_field("password"),
        "no code: {} {}",
        answer.status,
        answer.body
    );
    assert!(is_signed_in(&mut third).await && is_signed_in(&mut browser).await);
    // Once more: it is not there any more.
    let page = press(&mut browser, "session", &oldest).await;
    assert!(!page.body.contains("Signed out there"));
}

#[tokio::test]
async fn every_other_session_ends_with_one_button() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut others = [
        signed_in(&app, &alice, "").await,
        signed_in(&app, &alice, "").await,
    ];
    let mut bobs = signed_in(&app, &bob, "").await;
    let mut browser = signed_in(&app, &alice, "").await;
    let page = press(&mut browser, "others", "1").await;
    assert!(
        page.body.contains("Signed out there") && listed(&page).is_empty(),
        "{}",
        page.body
    );
    for other in &mut others {
        assert!(!is_signed_in(other).await);
    }
    assert!(is_signed_in(&mut browser).await && is_signed_in(&mut bobs).await);
}

#[tokio::test]
async fn nobody_ends_or_sees_a_session_of_somebody_else() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let mut bobs = signed_in(&app, &bob, "").await;
    let mut bobs_second = signed_in(&app, &bob, "").await;
    let id_of_bobs = listed(&bobs_second.get("/account/sessions").await).remove(0);
    let mut browser = signed_in(&app, &alice, "").await;
    signed_in(&app, &alice, "").await;
    let page = press(&mut browser, "session", &id_of_bobs).await;
    app.assert_page(&page, 200);
    assert!(!page.body.contains("Signed out there") && !page.body.contains(&id_of_bobs));
    assert_eq!(listed(&page).len(), 1);
    assert!(is_signed_in(&mut bobs).await && is_signed_in(&mut bobs_second).await);
    // Nor does a form that makes no sense end anything.
    let csrf = page.hidden_fields()["csrf"].clone();
    for form in [vec![], vec![("session", "x"), ("others", "1")]] {
        let form: Vec<_> = form.into_iter().chain([("csrf", csrf.as_str())]).collect();
        app.assert_page(&browser.post("/account/sessions", &form).await, 400);
    }
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    let app = TestApp::builder()
        .set("oauth.session_idle_ttl", "1h")
        .start()
        .await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &user, "").await;
    // A use begins it anew; just before its end it is alive.
    for _ in 0..3 {
        app.advance(almost(60));
        assert!(is_signed_in(&mut browser).await);
    }
    let mut onlooker = signed_in(&app, &user, "").await;
    app.advance(60 * MINUTE);
    assert!(!is_signed_in(&mut browser).await, "exactly at its end it is over");
    let page = enter(&mut onlooker, "/account/sessions", &user).await;
    assert!(
        listed(&page).is_empty(),
        "and it is listed no more: {}",
        page.body
    );
}

#[tokio::test]
async fn asking_whether_somebody_is_signed_in_keeps_nobody_signed_in() {
    let app = TestApp::builder()
        .set("oauth.session_idle_ttl", "1h")
        .start()
        .await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &user, "").await;
    for _ in 0..2 {
        app.advance(29 * MINUTE);
        let answer = browser.get("/oidc/session/check").await;
        assert_eq!(answer.json()["authenticated"], true);
    }
    app.advance(2 * MINUTE);
    assert_eq!(
        browser.get("/oidc/session/check").await.json()["session_state"],
        "logged_out"
    );
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_end_however_much_it_is_used() {
    let app = TestApp::builder()
        .set("oauth.session_idle_ttl", "1h")
        .set("oauth.session_ttl", "2h")
        .start()
        .await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = signed_in(&app, &user, "").await;
    for _ in 0..3 {
        app.advance(30 * MINUTE);
        assert!(is_signed_in(&mut browser).await);
    }
    app.advance(almost(30));
    assert!(is_signed_in(&mut browser).await);
    app.advance(Duration::from_micros(1));
    assert!(!is_signed_in(&mut browser).await);
    let (request, _) = app.authorization(&client, "openid");
    let silent = request.set("prompt", "none");
    app.assert_client_told(
        &app.authorize(&mut browser, &silent).await,
        &silent,
        "login_required",
    );
}

#[tokio::test]
async fn an_authorization_is_a_use_and_a_use_is_written_down_once_a_step() {
    let app = TestApp::builder()
        .set("oauth.session_idle_ttl", "1h")
        .start()
        .await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    app.grant(&mut browser, &request, &user).await;
    let id = UserId::from_uuid(user.id.parse().unwrap());
    let last_seen = async || -> Timestamp {
        let sessions = app.tenant.list_sessions(Some(id), app.now(), 10).await.unwrap();
        sessions[0].last_seen_at
    };
    let begun = last_seen().await;
    // A twentieth of an hour is more than a minute, so a minute it is.
    app.advance(almost(1));
    app.authorize(&mut browser, &request).await;
    assert_eq!(last_seen().await, begun, "reading stays a read");
    app.advance(Duration::from_micros(1));
    app.authorize(&mut browser, &request).await;
    assert_eq!(last_seen().await, begun.plus(MINUTE));
}
