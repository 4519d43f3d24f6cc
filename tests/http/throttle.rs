//! Failed sign-ins slow down whoever makes them, and lock nobody out.

use std::time::Duration;

use authly_testkit::TestApp;

use crate::login::{SESSION, at_login, try_login};

#[tokio::test]
async fn an_account_is_delayed_after_failures_and_never_locked() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut browser, page) = at_login(&app, "web").await;
    for _ in 0..2 {
        assert_eq!(try_login(&mut browser, &page, "alice", "wrong").await.status, 400);
    }
    // Delayed: nothing is checked, the right password either, and any spelling of the name is the same account.
    for name in ["alice", "ALICE"] {
        let delayed = try_login(&mut browser, &page, name, &alice.password).await;
        app.assert_page(&delayed, 429);
        assert_eq!(delayed.header("retry-after"), "1");
        assert!(delayed.has_field("password"), "the form stays");
    }
    assert!(!browser.cookies.contains_key(SESSION));
    // Another account, from the same address, is not affected.
    let (mut other, other_page) = at_login(&app, "other").await;
    assert_eq!(
        try_login(&mut other, &other_page, &bob.username, &bob.password)
            .await
            .status,
        303
    );

    app.advance(Duration::from_millis(999));
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        429
    );
    app.advance(Duration::from_millis(1));
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn each_further_failure_doubles_the_delay_of_the_account() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    try_login(&mut browser, &page, "alice", "wrong").await;
    for delay in ["1", "2", "4"] {
        assert_eq!(try_login(&mut browser, &page, "alice", "wrong").await.status, 400);
        assert_eq!(
            try_login(&mut browser, &page, "alice", "wrong")
                .await
                .header("retry-after"),
            delay
        );
        app.advance(Duration::from_secs(delay.parse().expect("seconds")));
    }
    // An unknown name is counted like a known one.
    for status in [400, 400, 429] {
        assert_eq!(
            try_login(&mut browser, &page, "nobody", "wrong").await.status,
            status
        );
    }
}

#[tokio::test]
async fn parallel_guesses_do_not_outrun_the_throttle() {
    two_of_twenty(
        &TestApp::builder()
            .set("login.account_free_failures", "1")
            .start()
            .await,
    )
    .await;
}

#[tokio::test]
async fn parallel_guesses_do_not_outrun_the_throttle_on_postgresql() {
    let builder = TestApp::builder().set("login.account_free_failures", "1");
    two_of_twenty(&builder.postgres().await.start().await).await;
}

/// One failure is free and the next begins the delay: whatever comes at the same moment is not looked at.
async fn two_of_twenty(app: &TestApp) {
    let user = app.user("alice").await;
    let (browser, page) = at_login(app, "web").await;
    let racers: Vec<_> = (0..20)
        .map(|guess| (browser.clone(), page.clone(), format!("guess {guess}")))
        .map(|(mut browser, page, guess)| {
            tokio::spawn(async move { try_login(&mut browser, &page, "alice", &guess).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for racer in racers {
        statuses.push(racer.await.expect("a racer").as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [&[400; 2][..], &[429; 18]].concat());
    app.advance(Duration::from_secs(1));
    let mut browser = browser;
    let answer = try_login(&mut browser, &page, "alice", &user.password).await;
    assert_eq!(answer.status, 303, "delayed, never locked");
}

#[tokio::test]
async fn an_address_is_delayed_whatever_accounts_it_tries() {
    let app = TestApp::builder()
        .set("login.address_free_failures", "2")
        .start()
        .await;
    let alice = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    // Nobody believes a header of the peer's own.
    for (index, name) in ["one", "two", "three"].into_iter().enumerate() {
        browser.headers = vec![("x-forwarded-for", format!("192.0.2.{index}"))];
        assert_eq!(try_login(&mut browser, &page, name, "wrong").await.status, 400);
    }
    let delayed = try_login(&mut browser, &page, "alice", &alice.password).await;
    assert_eq!(
        (delayed.status.as_u16(), delayed.header("retry-after")),
        (429, "1")
    );
    app.advance(Duration::from_secs(1));
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_one_it_vouches_for() {
    let builder = TestApp::builder().set("login.address_free_failures", "1");
    let app = builder.set("server.trusted_proxies", "127.0.0.1").start().await;
    let alice = app.user("alice").await;
    let (mut browser, page) = at_login(&app, "web").await;
    browser.headers = vec![("x-forwarded-for", "198.51.100.9, 192.0.2.1".to_owned())];
    for (name, status) in [("one", 400), ("two", 400), ("three", 429)] {
        assert_eq!(
            try_login(&mut browser, &page, name, "wrong").await.status,
            status,
            "{name}"
        );
    }
    // What the client itself wrote to the left of it changes nothing.
    browser.headers = vec![("x-forwarded-for", "203.0.113.5, 192.0.2.1".to_owned())];
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        429
    );
    browser.headers = vec![("x-forwarded-for", "192.0.2.2".to_owned())];
    assert_eq!(
        try_login(&mut browser, &page, "alice", &alice.password)
            .await
            .status,
        303
    );
}
