//! Housekeeping.

use authly_core::{
    Effects, Topic,
    ports::{PurgeReport, RotateOutcome, ThrottleKey},
};

use super::{
    Backend,
    fixtures::{
        GRACE, access_token, alice, at, client, effects, family, hash, interaction, message, rotation,
        session,
    },
    refresh::{by_outcome, rotate},
    replay::claim,
    throttle::POLICY,
};

/// For how long what has ended is still known.
const DAY: i64 = 24 * 60 * 60;

async fn purge(backend: &impl Backend, secs: i64) -> PurgeReport {
    backend.storage().purge(at(secs), 100).await.unwrap()
}

async fn rows(backend: &impl Backend, table: &str) -> usize {
    backend.sql(&format!("SELECT 1 FROM {table}")).await.len()
}

pub async fn expired_rows_go_and_live_ones_stay(backend: &impl Backend) {
    let tenant = backend.tenant();
    let owner = alice(&*tenant).await;
    tenant
        .start_session(&session("s", &owner), Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    tenant.create_interaction(&interaction("i")).await.unwrap();
    family(backend, "f").await;
    tenant
        .reserve_attempt(&[(ThrottleKey(hash("k")), POLICY)], at(0))
        .await
        .unwrap();
    let mut left = effects(authly_core::AuditAction::ClientCreated);
    left.outbox = vec![message("m")];
    tenant.create_client(&client("app"), left).await.unwrap();
    assert_eq!(purge(backend, 59).await.removed, 0);
    for (secs, gone) in [
        (60, vec!["login_throttle"]),
        (100, vec!["sessions"]),
        (600, vec!["outbox"]),
        (1_000, vec!["refresh_tokens"]),
        (10_000, vec!["grants", "invalidations"]),
        (DAY + 60, vec!["authorization_codes"]),
        (DAY + 100, vec!["interactions"]),
    ] {
        for table in &gone {
            assert_eq!(rows(backend, table).await, 1, "{table} before {secs}");
        }
        assert_eq!(purge(backend, secs).await.removed, gone.len() as u64, "at {secs}");
        for table in gone {
            assert_eq!(rows(backend, table).await, 0, "{table} at {secs}");
        }
    }
    for kept in ["users", "clients", "audit_events"] {
        assert_eq!(rows(backend, kept).await, 1, "{kept}");
    }
    let ended = session("ended", &owner);
    tenant
        .start_session(&ended, Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    tenant
        .end_session(ended.id, at(50), Effects::none())
        .await
        .unwrap();
    assert_eq!(
        purge(backend, 50).await.removed,
        1,
        "an ended session goes before it expires"
    );
}

pub async fn nonces_go_when_the_grace_ends(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    rotate(&*tenant, &grant, ("a", "b"), 1).await;
    assert_eq!(purge(backend, GRACE).await.nonces_erased, 0);
    assert_eq!(purge(backend, 1 + GRACE).await.nonces_erased, 1);
    assert_eq!(purge(backend, 1 + GRACE).await.nonces_erased, 0);
    let left = backend
        .sql("SELECT 1 FROM refresh_tokens WHERE nonce_sealed IS NOT NULL")
        .await;
    assert!(left.is_empty());
    assert_eq!(
        rotate(&*tenant, &grant, ("a", "x"), 2 + GRACE).await,
        "replayed",
        "it is still known"
    );
}

pub async fn spent_refresh_token_is_a_replay_until_its_grant_ends(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    let mut first = rotation("a", "b", &grant, 990);
    first.successor.expires_at = at(2_000);
    let outcome = tenant.rotate_refresh(first, by_outcome(grant.id)).await.unwrap();
    assert!(matches!(outcome, RotateOutcome::Rotated));
    // The first token has expired; its successor has not.
    purge(backend, 1_005).await;
    assert_eq!(rotate(&*tenant, &grant, ("a", "x"), 1_005).await, "replayed");
    assert_eq!(
        rotate(&*tenant, &grant, ("b", "c"), 1_005).await,
        "revoked",
        "the family is dead"
    );
    let other = family(backend, "d").await;
    for (from, to) in [("d", "e"), ("e", "f"), ("f", "g")] {
        assert_eq!(rotate(&*tenant, &other, (from, to), 1).await, "rotated");
    }
    assert_eq!(
        backend.storage().purge(at(9_999), 2).await.unwrap().removed,
        2,
        "g and b"
    );
    for _ in 0..5 {
        backend.storage().purge(at(10_000), 2).await.unwrap();
    }
    for table in ["refresh_tokens", "grants"] {
        assert_eq!(rows(backend, table).await, 0, "{table}: nothing is left behind");
    }
}

pub async fn batch_is_a_limit(backend: &impl Backend) {
    for name in ["a", "b", "c"] {
        family(backend, name).await;
    }
    let purged = async || backend.storage().purge(at(1_000), 2).await.unwrap();
    for (removed, more) in [(2, true), (1, false), (0, false)] {
        let report = purged().await;
        assert_eq!((report.removed, report.more), (removed, more));
    }
}

pub async fn invalidations_age_as_fast_as_they_come(backend: &impl Backend) {
    for id in ["a", "b", "c"] {
        let left = Effects::none().invalidating(Topic::Client, id);
        backend.tenant().create_client(&client(id), left).await.unwrap();
    }
    let more = async || backend.storage().purge(at(0), 2).await.unwrap().more;
    assert!(more().await, "the third one's hour has not begun");
    assert!(!more().await);
    assert_eq!(purge(backend, 3_600).await.removed, 3);
}

pub async fn invalidations_outlive_a_slow_poll(backend: &impl Backend) {
    let storage = backend.storage();
    let cursor = storage.invalidation_start().await.unwrap();
    let left = Effects::none().invalidating(Topic::Client, "app");
    backend
        .tenant()
        .create_client(&client("app"), left)
        .await
        .unwrap();
    assert_eq!(
        purge(backend, 0).await.removed,
        0,
        "the hour begins with the first purge that sees it"
    );
    assert_eq!(purge(backend, 3_599).await.removed, 0);
    assert_eq!(storage.poll_invalidations(cursor).await.unwrap().items.len(), 1);
    assert_eq!(purge(backend, 3_600).await.removed, 1);
    let batch = storage.poll_invalidations(cursor).await.unwrap();
    assert!(batch.items.is_empty());
    let left = Effects::none().invalidating(Topic::Client, "next");
    backend
        .tenant()
        .create_client(&client("next"), left)
        .await
        .unwrap();
    let start = storage.invalidation_start().await.unwrap();
    assert!(start.0 >= batch.cursor.0, "the sequence does not start again");
    assert_eq!(
        storage
            .poll_invalidations(batch.cursor)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

pub async fn tokens_and_claims_go_after_their_end(backend: &impl Backend) {
    /// How far behind another node's clock may be.
    const TOLERANCE: i64 = 5 * 60;
    let tenant = backend.tenant();
    for name in ["t", "revoked"] {
        let token = access_token(name, None);
        tenant.store_access_token(&token, Effects::none()).await.unwrap();
    }
    tenant
        .revoke_access_token(&hash("revoked"), at(1), Effects::none())
        .await
        .unwrap();
    tenant.revoke_jti("j", at(600), Effects::none()).await.unwrap();
    claim(&*tenant, "a", 600, 0).await;
    assert_eq!(purge(backend, 599).await.removed, 0);
    assert_eq!(purge(backend, 600).await.removed, 2);
    assert_eq!(rows(backend, "access_tokens").await, 0);
    assert_eq!(purge(backend, 599 + TOLERANCE).await.removed, 0);
    assert!(
        tenant
            .load_standing(Some("j"), None)
            .await
            .unwrap()
            .is_jti_revoked
    );
    assert_eq!(purge(backend, 600 + TOLERANCE).await.removed, 2);
    for table in ["revoked_jwts", "used_once"] {
        assert_eq!(rows(backend, table).await, 0, "{table}");
    }
}

pub async fn removed_signing_key_is_kept_by_name(backend: &impl Backend) {
    let tenant = backend.tenant();
    let key = super::keys::key("k", authly_core::key::SigningAlg::Es256);
    tenant.add_pending_key(&key, Effects::none()).await.unwrap();
    tenant.remove_key(&key.kid, at(1), Effects::none()).await.unwrap();
    purge(backend, 10 * DAY).await;
    assert!(
        !tenant.add_pending_key(&key, Effects::none()).await.unwrap(),
        "a kid is never given twice"
    );
}
