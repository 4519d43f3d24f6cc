//! One attempt: who is let in, and what is recorded.

use super::*;

#[tokio::test]
async fn right_password_signs_in_under_any_spelling_of_the_name() {
    let f = Fixture::new().await;
    for name in ["alice", "ALICE", " Alice "] {
        assert_eq!(
            f.try_at(0, name, PASSWORD, "192.0.2.1").await.unwrap().id,
            f.alice.id,
            "{name}"
        );
    }
    assert_eq!(f.audited(), [], "the session's start is what is recorded");
}

#[tokio::test]
async fn every_failure_has_one_answer_and_one_record() {
    let f = Fixture::new().await;
    let no_password = NewUser {
        username: "nopass".to_owned(),
        ..NewUser::default()
    };
    let nopass = create_user(&*f.storage, &f.login.passwords, no_password, START, &f.rng)
        .await
        .unwrap();
    f.audited();
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    for (i, (name, password, person)) in [
        ("alice", "wrong password", Some(f.alice.pseudonym)),
        ("alice", long.as_str(), Some(f.alice.pseudonym)),
        ("nobody", PASSWORD, None),
        ("nopass", "", Some(nopass.pseudonym)),
        ("", PASSWORD, None),
        ("a\u{0}b", PASSWORD, None),
        (long.as_str(), PASSWORD, None),
    ]
    .into_iter()
    .enumerate()
    {
        let result = f.try_at(0, name, password, &format!("192.0.2.{i}")).await;
        assert!(is_rejected(&result), "{name:.9}: {result:?}");
        assert_eq!(f.audited(), [(AuditAction::LoginFailed, person)], "{name:.9}");
    }
}

#[tokio::test]
async fn disabled_person_is_rejected_like_a_wrong_password() {
    let f = Fixture::new().await;
    let done = f
        .storage
        .set_user_enabled(f.alice.id, false, START, Effects::none())
        .await;
    assert!(done.unwrap());
    assert!(is_rejected(&f.try_at(0, "alice", PASSWORD, "192.0.2.1").await));
    assert_eq!(f.audited(), [(AuditAction::LoginFailed, Some(f.alice.pseudonym))]);
}

#[tokio::test]
async fn outage_is_no_rejection_and_counts_nothing() {
    let f = Fixture::new().await;
    f.storage.cut_load.store(true, Ordering::Relaxed);
    for _ in 0..10 {
        let result = f.try_at(0, "alice", PASSWORD, "192.0.2.1").await;
        assert!(
            matches!(result, Err(LoginError::Storage(StorageError::Unavailable(_)))),
            "{result:?}"
        );
    }
    f.storage.cut_load.store(false, Ordering::Relaxed);
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn outage_at_the_last_step_lets_nobody_in_and_rejects_nobody() {
    let f = Fixture::new().await;
    f.storage.cut_settle.store(true, Ordering::Relaxed);
    for password in [PASSWORD, "wrong password"] {
        let result = f.try_at(0, "alice", password, "192.0.2.1").await;
        assert!(matches!(result, Err(LoginError::Storage(_))), "{result:?}");
    }
}

#[tokio::test]
async fn right_password_whose_browser_went_away_is_no_failure() {
    let f = Fixture::new().await;
    for _ in 0..4 {
        let mut attempt = Box::pin(f.try_at(0, "alice", PASSWORD, "192.0.2.1"));
        tokio::select! {
            biased;
            result = &mut attempt => panic!("the password was checked before the browser went away: {result:?}"),
            () = f.storage.reserved.notified() => drop(attempt),
        }
        let settled = timeout(Duration::from_secs(30), f.storage.settled.notified()).await;
        assert!(settled.is_ok(), "the reservation stays counted");
    }
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn full_queue_is_busy_and_counts_nothing() {
    let mut f = Fixture::new().await;
    let real = std::mem::replace(&mut f.login.passwords, Arc::new(PasswordPool::new(1, 0).unwrap()));
    for _ in 0..10 {
        let result = f.try_at(0, "alice", PASSWORD, "192.0.2.1").await;
        assert!(matches!(result, Err(LoginError::Busy)), "{result:?}");
    }
    f.login.passwords = real;
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn made_account_is_recorded_under_a_pseudonym_of_its_own() {
    let f = Fixture::new().await;
    let new = NewUser {
        username: "bob".to_owned(),
        ..NewUser::default()
    };
    let bob = create_user(&*f.storage, &f.login.passwords, new, START, &f.rng)
        .await
        .unwrap();
    assert_eq!(f.audited(), [(AuditAction::UserCreated, Some(bob.pseudonym))]);
    assert_ne!(bob.pseudonym, bob.id.as_uuid());
    assert_eq!(f.storage.load_user(bob.id).await.unwrap(), Some(bob.into()));
}

#[tokio::test]
async fn unverified_person_is_rejected_like_a_wrong_password_where_verification_is_required() {
    let mut f = Fixture::new().await;
    f.login = f.login.clone().requiring_verified(true);
    assert!(is_rejected(&f.try_at(0, "alice", PASSWORD, "192.0.2.1").await));
    assert_eq!(f.audited(), [(AuditAction::LoginFailed, Some(f.alice.pseudonym))]);
    let verified = User {
        verified: true,
        ..f.alice.clone()
    };
    f.storage.update_user(&verified, Effects::none()).await.unwrap();
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}
