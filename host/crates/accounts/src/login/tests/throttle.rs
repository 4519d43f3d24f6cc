//! Many attempts: whom failures delay, and whom they do not.

use super::*;

#[tokio::test]
async fn account_is_delayed_after_its_free_failures_and_never_locked() {
    let f = Fixture::new().await;
    for i in 0..2 {
        assert!(is_rejected(&f.guess("alice", &format!("192.0.2.{i}")).await));
    }
    // The third failure is the first that costs.
    assert!(is_rejected(&f.guess("alice", "192.0.2.7").await));
    let right = f.try_at(9, "alice", PASSWORD, "192.0.2.8").await;
    assert_eq!(
        delay_of(&right),
        Some(10),
        "not even the right password is looked at"
    );
    assert!(
        f.try_at(10, "alice", PASSWORD, "192.0.2.8").await.is_ok(),
        "exactly at the end of the delay"
    );
    // Success forgets the account's failures.
    assert!(is_rejected(
        &f.try_at(10, "alice", "wrong password", "192.0.2.9").await
    ));
}

/// An account that an attacker at ever new addresses keeps delayed; the token of its owner's browser.
async fn under_attack() -> (Fixture, String) {
    let f = Fixture::new().await;
    let signed_in = f.try_from(None, 0, ("alice", PASSWORD), "192.0.2.1").await;
    let token = signed_in.unwrap().device.expose().to_owned();
    for i in 0..4 {
        f.guess("alice", &format!("198.51.100.{i}")).await.unwrap_err();
    }
    assert_eq!(delay_of(&f.guess("alice", "198.51.100.9").await), Some(10));
    (f, token)
}

#[tokio::test]
async fn owner_in_a_known_browser_is_not_delayed_by_strangers() {
    let (f, token) = under_attack().await;
    let owner = f
        .try_from(Some(&token), 0, ("ALICE", PASSWORD), "192.0.2.1")
        .await;
    assert_eq!(owner.unwrap().user.id, f.alice.id);
    // The owner's success does not forgive what others did.
    let elsewhere = f.try_at(0, "alice", PASSWORD, "192.0.2.1").await;
    assert_eq!(delay_of(&elsewhere), Some(10));
}

#[tokio::test]
async fn known_browser_is_delayed_by_its_own_failures_alone() {
    let (f, token) = under_attack().await;
    for i in 0..3 {
        let address = format!("192.0.2.{i}");
        let wrong = f.try_from(Some(&token), 0, ("alice", "wrong"), &address).await;
        assert!(is_rejected(&wrong), "{wrong:?}");
    }
    let delayed = f
        .try_from(Some(&token), 0, ("alice", PASSWORD), "192.0.2.9")
        .await;
    assert_eq!(
        delay_of(&delayed),
        Some(10),
        "a stolen token is no way around the throttle"
    );
}

#[tokio::test]
async fn token_of_another_person_or_nobody_changes_nothing() {
    let (f, token) = under_attack().await;
    let new = NewUser {
        username: "bob".to_owned(),
        password: Some(SecretText::new(PASSWORD.to_owned())),
        ..NewUser::default()
    };
    create_user(&*f.storage, &f.login.passwords, new, START, &f.rng)
        .await
        .unwrap();
    let bob = f.try_from(Some(&token), 0, ("bob", PASSWORD), "192.0.2.1").await;
    let bobs = bob.unwrap().device;
    for presented in [bobs.expose(), "", "forged", &token[1..]] {
        let result = f
            .try_from(Some(presented), 0, ("alice", PASSWORD), "192.0.2.1")
            .await;
        assert_eq!(delay_of(&result), Some(10), "{presented}");
    }
    // An unknown name with a token is delayed like any other.
    let mut delays = Vec::new();
    for i in 0..4 {
        let address = format!("203.0.113.{i}");
        delays.push(delay_of(
            &f.try_from(Some(&token), 0, ("nobody", "x"), &address).await,
        ));
    }
    assert_eq!(delays, [None, None, None, Some(10)]);
}

#[tokio::test]
async fn asking_during_a_delay_counts_against_the_address() {
    let (f, _) = under_attack().await;
    for _ in 0..5 {
        assert_eq!(delay_of(&f.guess("alice", "192.0.2.7").await), Some(10));
    }
    let other = f.try_at(9, "nobody", "x", "192.0.2.7").await;
    assert_eq!(delay_of(&other), Some(10), "four are free, the fifth costs");
    // Not for the account: its delay does not grow.
    assert!(f.try_at(10, "alice", PASSWORD, "192.0.2.8").await.is_ok());
}

#[tokio::test]
async fn unknown_name_is_delayed_like_a_known_one() {
    let f = Fixture::new().await;
    for name in ["alice", "nobody"] {
        let mut delays = Vec::new();
        for i in 0..5 {
            delays.push(delay_of(&f.guess(name, &format!("2001:db8:0:{i}::1")).await));
        }
        assert_eq!(delays, [None, None, None, Some(10), Some(10)], "{name}");
    }
}

#[tokio::test]
async fn address_is_delayed_over_many_names_and_success_does_not_clear_it() {
    let f = Fixture::new().await;
    for i in 0..4 {
        assert!(is_rejected(&f.guess(&format!("name{i}"), "2001:db8::1").await));
    }
    // A good login in between is not a failure, and forgives none.
    assert!(f.try_at(0, "alice", PASSWORD, "2001:db8::2").await.is_ok());
    assert!(is_rejected(&f.guess("name5", "2001:db8::3").await));
    assert_eq!(delay_of(&f.guess("name6", "2001:db8::4").await), Some(10));
    assert_eq!(
        delay_of(&f.guess("name6", "2001:db8:0:1::4").await),
        None,
        "another /64"
    );
}

#[tokio::test]
async fn parallel_guesses_do_not_outrun_the_count() {
    let f = Fixture::new().await;
    let addresses: Vec<String> = (0..20).map(|i| format!("192.0.2.{i}")).collect();
    let guesses: Vec<_> = addresses
        .iter()
        .map(|address| Box::pin(f.guess("alice", address)))
        .collect();
    let mut hashed = 0;
    for result in join_all(guesses).await {
        hashed += usize::from(is_rejected(&result));
    }
    assert_eq!(
        hashed, 3,
        "two free ones and the first that costs; the others were not checked"
    );
}

/// Polls all of them in turn until each is done.
async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut results = Vec::new();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| match std::pin::Pin::new(future).poll(cx) {
            std::task::Poll::Ready(result) => {
                results.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    results
}
