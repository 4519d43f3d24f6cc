//! The change of a password, which asks for the one before as signing in does.

use authly_core::{GrantId, SessionId};

use super::*;

const NEW: &str = "nine geese cross a bridge";

impl Fixture {
    /// Alice changes her password.
    async fn change_at(&self, seconds: i64, current: &str, new: &str) -> Result<Ended, ChangePasswordError> {
        self.change_in(1, seconds, (current, new)).await
    }

    /// The same in one of several sessions.
    async fn change_in(
        &self,
        session: u128,
        seconds: i64,
        (current, new): (&str, &str),
    ) -> Result<Ended, ChangePasswordError> {
        let change = OwnPassword {
            user_id: self.alice.id,
            session_id: Some(SessionId::from_uuid(uuid::Uuid::from_u128(session))),
            grant_id: GrantId::from_uuid(uuid::Uuid::from_u128(7)),
            current: SecretText::new(current.to_owned()),
            new: SecretText::new(new.to_owned()),
            ends: PasswordEnds::Others { keep: None },
        };
        let ctx = RequestContext {
            request_id: "request".to_owned(),
            client_ip: "192.0.2.1".parse().unwrap(),
            user_agent: None,
            now: Timestamp::from_secs(START.as_secs() + seconds),
        };
        let rng: Arc<dyn Rng> = Arc::new(Counter(AtomicU8::new(100)));
        self.login.change_password(change, &rng, &ctx).await
    }
}

#[tokio::test]
async fn changed_password_replaces_the_one_before() {
    let f = Fixture::new().await;
    let before = f
        .try_from(None, 0, ("alice", PASSWORD), "192.0.2.1")
        .await
        .unwrap();
    assert_eq!(f.change_at(1, PASSWORD, NEW).await.unwrap(), Ended::default());
    assert_eq!(
        f.audited(),
        [(AuditAction::PasswordChanged, Some(f.alice.pseudonym))]
    );
    assert!(is_rejected(&f.try_at(2, "alice", PASSWORD, "192.0.2.1").await));
    let user = f.try_at(2, "alice", NEW, "192.0.2.1").await.unwrap();
    assert_eq!(user.password_changed_at, Some(START.plus(Duration::from_secs(1))));
    // Two failures of the account, after which one from a known browser would still be looked at.
    assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    let device = before.device.expose();
    let known = f.try_from(Some(device), 0, ("alice", NEW), "192.0.2.1").await;
    assert!(delay_of(&known).is_some(), "the browser is unknown now");
}

#[tokio::test]
async fn wrong_current_password_is_a_failed_attempt_and_is_throttled() {
    let f = Fixture::new().await;
    for _ in 0..3 {
        let result = f.change_at(0, "wrong password", NEW).await;
        assert!(
            matches!(result, Err(ChangePasswordError::WrongPassword)),
            "{result:?}"
        );
    }
    let refused = (AuditAction::PasswordChangeRefused, Some(f.alice.pseudonym));
    assert_eq!(f.audited(), [refused.clone(), refused.clone(), refused]);
    let result = f.change_at(0, PASSWORD, NEW).await;
    assert!(
        matches!(result, Err(ChangePasswordError::Delayed { .. })),
        "{result:?}"
    );
    // A right password clears the count.
    assert!(f.change_at(10, PASSWORD, NEW).await.is_ok());
    assert!(f.change_at(10, NEW, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn strangers_who_guess_do_not_keep_the_owner_from_changing_the_password() {
    let f = Fixture::new().await;
    for _ in 0..3 {
        assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    }
    assert!(delay_of(&f.try_at(0, "alice", PASSWORD, "192.0.2.9").await).is_some());
    assert!(f.change_at(0, PASSWORD, NEW).await.is_ok());
    // Nor does the change make room for more guesses.
    assert!(delay_of(&f.try_at(0, "alice", NEW, "192.0.2.9").await).is_some());
}

#[tokio::test]
async fn whoever_guesses_with_a_token_delays_no_login_and_no_other_session() {
    let f = Fixture::new().await;
    for _ in 0..3 {
        assert!(f.change_at(0, "wrong password", NEW).await.is_err());
    }
    let delayed = f.change_at(0, PASSWORD, NEW).await;
    assert!(
        matches!(delayed, Err(ChangePasswordError::Delayed { .. })),
        "{delayed:?}"
    );
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.9").await.is_ok());
    assert!(f.change_in(2, 0, (PASSWORD, NEW)).await.is_ok());
}

#[tokio::test]
async fn new_password_meets_the_policy_and_is_another_one() {
    let f = Fixture::new().await;
    for (new, why) in [
        (PASSWORD, PasswordRefusal::Same),
        ("alicealice", PasswordRefusal::OwnName),
        ("short", PasswordRefusal::Short { length_min: 8 }),
        ("password1", PasswordRefusal::Guessable),
    ] {
        let result = f.change_at(0, PASSWORD, new).await;
        assert!(
            matches!(result, Err(ChangePasswordError::Refused(refusal)) if refusal == why),
            "{new}: {result:?}"
        );
    }
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn outage_changes_no_password_and_counts_nothing() {
    let f = Fixture::new().await;
    f.storage.cut_load.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        let result = f.change_at(0, PASSWORD, NEW).await;
        assert!(
            matches!(result, Err(ChangePasswordError::Storage(_))),
            "{result:?}"
        );
    }
    f.storage.cut_load.store(false, Ordering::Relaxed);
    assert!(f.change_at(0, PASSWORD, NEW).await.is_ok());
}
