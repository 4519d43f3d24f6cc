//! A browser in which a person signed in before is not held up by strangers who guess that person's password.

use std::time::Duration;

use authly_testkit::{
    TestApp, TestUser,
    browser::{Answer, TestBrowser},
};
use reqwest::Method;
use serde_json::json;

use crate::{
    login::{SESSION, at_login, try_login},
    users::{CHANGE, account_client, send, tokens},
};

const KNOWN: &str = "authly-default-known";

/// A browser in which the person signed in once, its session gone since, and a sign-in page in it.
async fn known_browser(app: &TestApp, user: &TestUser) -> (TestBrowser, Answer) {
    let (mut browser, page) = at_login(app, &format!("app-of-{}", user.username)).await;
    let answer = try_login(&mut browser, &page, &user.username, &user.password).await;
    assert_eq!(answer.status, 303);
    let token = browser.cookies[KNOWN].clone();
    let (mut browser, page) = at_login(app, &format!("other-of-{}", user.username)).await;
    browser.cookies.insert(KNOWN.to_owned(), token);
    (browser, page)
}

/// Guesses at the account until it is delayed.
async fn attack(attacker: &mut TestBrowser, page: &Answer, user: &TestUser) {
    for status in [400, 400, 429, 429] {
        let answer = try_login(attacker, page, &user.username, "a guess").await;
        assert_eq!(answer.status, status);
    }
}

async fn guarded() -> TestApp {
    let builder = TestApp::builder().set("login.account_free_failures", "1");
    builder.start().await
}

#[tokio::test]
async fn a_polling_attacker_delays_strangers_and_not_the_owner() {
    let app = guarded().await;
    let alice = app.user("alice").await;
    let (mut owner, owners_page) = known_browser(&app, &alice).await;
    let (mut attacker, attackers_page) = at_login(&app, "attacker").await;
    let (mut stranger, strangers_page) = at_login(&app, "stranger").await;
    attack(&mut attacker, &attackers_page, &alice).await;
    // The moment the delay ends the attacker takes the one attempt there is.
    for delay in [1, 2] {
        app.advance(Duration::from_secs(delay));
        let taken = try_login(&mut attacker, &attackers_page, "alice", "a guess").await;
        assert_eq!(taken.status, 400);
        let elsewhere = try_login(&mut stranger, &strangers_page, "alice", &alice.password).await;
        app.assert_page(&elsewhere, 429);
    }
    let answer = try_login(&mut owner, &owners_page, "alice", &alice.password).await;
    assert_eq!(answer.status, 303);
    assert!(owner.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn the_cookie_is_worth_nothing_for_another_account_or_forged() {
    let app = guarded().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut of_alice, page) = known_browser(&app, &alice).await;
    let (mut attacker, attackers_page) = at_login(&app, "attacker").await;
    attack(&mut attacker, &attackers_page, &bob).await;
    let delayed = try_login(&mut of_alice, &page, "bob", &bob.password).await;
    app.assert_page(&delayed, 429);

    attack(&mut attacker, &attackers_page, &alice).await;
    let genuine = of_alice.cookies[KNOWN].clone();
    let mut other_end = genuine.clone();
    let last = if genuine.ends_with('A') { "E" } else { "A" };
    other_end.replace_range(genuine.len() - 1.., last);
    for forged in ["forged", &other_end, &genuine[1..]] {
        attacker.cookies.insert(KNOWN.to_owned(), forged.to_owned());
        let delayed = try_login(&mut attacker, &attackers_page, "alice", &alice.password).await;
        assert_eq!(delayed.status, 429, "{forged}");
    }
    let answer = try_login(&mut of_alice, &page, "alice", &alice.password).await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn a_known_browser_is_throttled_by_its_own_failures() {
    let app = guarded().await;
    let alice = app.user("alice").await;
    let (mut browser, page) = known_browser(&app, &alice).await;
    attack(&mut browser, &page, &alice).await;
    // Nobody else is: the failures were this browser's.
    let (mut stranger, strangers_page) = at_login(&app, "stranger").await;
    let answer = try_login(&mut stranger, &strangers_page, "alice", &alice.password).await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn asking_during_a_delay_is_not_free_for_the_address() {
    let builder = TestApp::builder().set("login.account_free_failures", "1");
    let app = builder.set("login.address_free_failures", "4").start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut attacker, page) = at_login(&app, "attacker").await;
    attack(&mut attacker, &page, &alice).await;
    assert_eq!(
        try_login(&mut attacker, &page, "alice", "a guess").await.status,
        429
    );
    // Two guesses and three that came too early: the fifth is the first that costs, whatever the account.
    let delayed = try_login(&mut attacker, &page, "bob", &bob.password).await;
    app.assert_page(&delayed, 429);
    app.advance(Duration::from_secs(1));
    let answer = try_login(&mut attacker, &page, "bob", &bob.password).await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn the_cookie_lasts_half_a_year_out_of_reach_of_scripts() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    let wrong = try_login(&mut browser, &page, "alice", "a guess").await;
    assert!(
        !wrong.headers.contains_key("set-cookie"),
        "only a success is known"
    );
    let answer = try_login(&mut browser, &page, "alice", &alice.password).await;
    let lines = answer.headers.get_all("set-cookie").iter();
    let line = lines
        .filter_map(|line| line.to_str().ok())
        .find(|line| line.starts_with(&format!("{KNOWN}=")))
        .expect("the cookie");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=15552000"] {
        assert!(line.contains(attribute), "{line}");
    }
}

#[tokio::test]
async fn the_cookie_is_worth_nothing_once_the_password_is_changed() {
    const NEW: &str = "nine geese cross a bridge";
    let app = guarded().await;
    let alice = app.user("alice").await;
    let (mut known, page) = known_browser(&app, &alice).await;
    let (access, _) = tokens(&app, &account_client(&app).await, &alice).await;
    app.advance(Duration::from_secs(1));
    let (mut attacker, attackers_page) = at_login(&app, "attacker").await;
    attack(&mut attacker, &attackers_page, &alice).await;
    let body = json!({ "current_password": alice.password, "new_password": NEW });
    assert_eq!(send(&app, Method::POST, CHANGE, &access, &body).await.status, 200);
    // Whoever knew the old password may have been known as well.
    let delayed = try_login(&mut known, &page, "alice", NEW).await;
    app.assert_page(&delayed, 429);
    app.advance(Duration::from_secs(1));
    assert_eq!(try_login(&mut known, &page, "alice", NEW).await.status, 303);
}
