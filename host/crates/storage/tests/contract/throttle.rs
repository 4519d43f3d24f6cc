//! The login throttle.

use std::time::Duration;

use authly_core::{
    AuditAction, Effects,
    ports::{ReserveOutcome, ThrottleKey, ThrottlePolicy},
};

use super::{
    Backend,
    fixtures::{at, effects, hash},
};

pub const POLICY: ThrottlePolicy = ThrottlePolicy {
    free_failures: 2,
    base_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(4),
    forget_after: Duration::from_mins(1),
};

pub fn key(name: &str) -> ThrottleKey {
    ThrottleKey(hash(name))
}

async fn reserve(backend: &impl Backend, names: &[&str], secs: i64) -> Option<i64> {
    let keys: Vec<_> = names.iter().map(|n| (key(n), POLICY)).collect();
    match backend.tenant().reserve_attempt(&keys, at(secs)).await.unwrap() {
        ReserveOutcome::Admitted => None,
        ReserveOutcome::Delayed { until } => Some(until.as_secs() - at(0).as_secs()),
    }
}

async fn count(backend: &impl Backend, name: &str) -> usize {
    let hex = hex::encode(hash(name).as_bytes());
    let rows = backend.sql("SELECT key, failures FROM login_throttle").await;
    rows.iter()
        .find(|row| row[0] == hex)
        .map_or(0, |row| row[1].parse().unwrap())
}

pub async fn attempt_is_delayed_after_the_free_failures(backend: &impl Backend) {
    for _ in 0..3 {
        assert_eq!(reserve(backend, &["alice"], 0).await, None);
    }
    assert_eq!(reserve(backend, &["alice"], 0).await, Some(1));
    assert_eq!(
        count(backend, "alice").await,
        3,
        "a delayed attempt is not counted"
    );
    assert_eq!(
        reserve(backend, &["alice"], 1).await,
        None,
        "the delay is over at its end"
    );
    assert_eq!(reserve(backend, &["alice"], 2).await, Some(3), "and has doubled");
    assert_eq!(reserve(backend, &["alice"], 3).await, None);
    assert_eq!(reserve(backend, &["alice"], 3).await, Some(7));
    assert_eq!(reserve(backend, &["alice"], 7).await, None);
    assert_eq!(reserve(backend, &["alice"], 7).await, Some(11), "up to its limit");
    assert_eq!(reserve(backend, &["bob"], 7).await, None);
    let elsewhere = backend.other_tenant().await;
    let outcome = elsewhere
        .reserve_attempt(&[(key("alice"), POLICY)], at(7))
        .await
        .unwrap();
    assert_eq!(outcome, ReserveOutcome::Admitted);
}

pub async fn one_delayed_key_stops_all(backend: &impl Backend) {
    for _ in 0..3 {
        assert_eq!(reserve(backend, &["alice", "address"], 0).await, None);
    }
    assert_eq!(reserve(backend, &["bob", "address"], 0).await, Some(1));
    assert_eq!(count(backend, "bob").await, 0, "on all keys or on none");
    assert_eq!(count(backend, "address").await, 3);
}

pub async fn success_takes_back_and_clears(backend: &impl Backend) {
    for _ in 0..3 {
        reserve(backend, &["alice", "address"], 0).await;
    }
    let settle = async |release: &[ThrottleKey], clear: &[ThrottleKey], effects| {
        backend
            .tenant()
            .settle_attempt(release, clear, effects)
            .await
            .unwrap();
    };
    let failed = effects(AuditAction::LoginFailed);
    settle(&[], &[], failed).await;
    assert_eq!(
        backend.audit().await,
        ["login_failed"],
        "a failure stands as reserved"
    );
    assert_eq!(count(backend, "alice").await, 3);
    settle(&[key("address")], &[key("alice")], Effects::none()).await;
    assert_eq!(
        (count(backend, "alice").await, count(backend, "address").await),
        (0, 2)
    );
    for _ in 0..4 {
        settle(
            &[key("address"), key("nobody")],
            &[key("nobody")],
            Effects::none(),
        )
        .await;
    }
    assert_eq!(
        backend.sql("SELECT 1 FROM login_throttle").await.len(),
        0,
        "nothing is kept of nothing"
    );
}

pub async fn count_is_forgotten(backend: &impl Backend) {
    for _ in 0..3 {
        reserve(backend, &["alice"], 0).await;
    }
    assert_eq!(reserve(backend, &["alice"], 59).await, None);
    assert_eq!(count(backend, "alice").await, 4);
    assert_eq!(reserve(backend, &["alice"], 59 + 60).await, None);
    assert_eq!(count(backend, "alice").await, 1);
}
