//! Refresh tokens.

use authly_core::{
    AuditAction, Effects, GrantId, StorageError,
    grant::Grant,
    ports::{RotateEffects, RotateOutcome, TenantStorage},
};

use super::{
    Backend,
    fixtures::{GRACE, at, effects, event, family, hash, rotation},
};

pub fn by_outcome(grant_id: GrantId) -> RotateEffects {
    RotateEffects {
        rotated: event(AuditAction::RefreshRotated { grant_id }),
        replayed: effects(AuditAction::RefreshReplayed { grant_id }),
    }
}

/// An outcome as text, with the nonce of a retry.
pub fn name(outcome: &RotateOutcome) -> String {
    match outcome {
        RotateOutcome::Retried { nonce } => format!("retried {}", String::from_utf8_lossy(nonce.expose())),
        RotateOutcome::Replayed { .. } => "replayed".to_owned(),
        RotateOutcome::Rotated => "rotated".to_owned(),
        RotateOutcome::Unknown => "unknown".to_owned(),
        RotateOutcome::Expired => "expired".to_owned(),
        RotateOutcome::Revoked => "revoked".to_owned(),
    }
}

pub async fn rotate(tenant: &dyn TenantStorage, of: &Grant, names: (&str, &str), secs: i64) -> String {
    let (from, to) = names;
    let outcome = tenant
        .rotate_refresh(rotation(from, to, of, secs), by_outcome(of.id))
        .await;
    name(&outcome.unwrap())
}

async fn use_unrotated(tenant: &dyn TenantStorage, of: &Grant, token: &str, secs: i64) -> String {
    let outcome = tenant
        .use_refresh(&hash(token), None, at(secs), by_outcome(of.id))
        .await;
    name(&outcome.unwrap())
}

pub async fn token_is_rotated_until_its_expiry(backend: &impl Backend) {
    let tenant = backend.tenant();
    let (early, late) = (family(backend, "early").await, family(backend, "late").await);
    assert_eq!(rotate(&*tenant, &early, ("early", "next"), 999).await, "rotated");
    assert_eq!(rotate(&*tenant, &late, ("late", "never"), 1_000).await, "expired");
    assert_eq!(rotate(&*tenant, &late, ("nothing", "never"), 1).await, "unknown");
    let old = tenant.load_refresh(&hash("early")).await.unwrap().unwrap();
    assert_eq!(old.token.consumed_at, Some(at(999)));
    let next = tenant.load_refresh(&hash("next")).await.unwrap().unwrap();
    assert_eq!(next.user.id, early.user_id);
    assert_eq!((next.token.consumed_at, next.grant), (None, early));
    assert!(tenant.load_refresh(&hash("never")).await.unwrap().is_none());
    assert_eq!(backend.audit().await, ["refresh_rotated"]);
}

pub async fn retry_within_the_grace_gets_the_same_nonce(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    assert_eq!(rotate(&*tenant, &grant, ("a", "b"), 1).await, "rotated");
    for secs in [1, GRACE] {
        let again = rotate(&*tenant, &grant, ("a", "other"), secs).await;
        assert_eq!(again, "retried nonce:a:b");
    }
    assert!(
        tenant.load_refresh(&hash("other")).await.unwrap().is_none(),
        "the family did not fork"
    );
    assert_eq!(
        backend.effect_counts().await,
        [1, 0, 0],
        "a retry is no new event"
    );
}

pub async fn grace_is_over_at_its_end(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    rotate(&*tenant, &grant, ("a", "b"), 1).await;
    assert_eq!(rotate(&*tenant, &grant, ("a", "c"), 1 + GRACE).await, "replayed");
}

pub async fn use_of_the_successor_erases_the_nonce(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    rotate(&*tenant, &grant, ("a", "b"), 1).await;
    assert_eq!(rotate(&*tenant, &grant, ("b", "c"), 2).await, "rotated");
    let kept = backend
        .sql("SELECT hash FROM refresh_tokens WHERE nonce_sealed IS NOT NULL")
        .await;
    assert_eq!(
        kept,
        [[hex::encode(hash("b").as_bytes())]],
        "only the youngest rotation can be retried"
    );
    assert_eq!(
        rotate(&*tenant, &grant, ("a", "d"), 3).await,
        "replayed",
        "although the grace still runs"
    );
    assert_eq!(rotate(&*tenant, &grant, ("c", "d"), 3).await, "revoked");
}

pub async fn replay_revokes_the_family(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    rotate(&*tenant, &grant, ("a", "b"), 1).await;
    let late = 1 + GRACE;
    assert_eq!(rotate(&*tenant, &grant, ("a", "x"), late).await, "replayed");
    assert_eq!(
        rotate(&*tenant, &grant, ("b", "c"), late).await,
        "revoked",
        "the child died with it"
    );
    assert_eq!(
        rotate(&*tenant, &grant, ("a", "x"), late).await,
        "revoked",
        "revoked and audited once"
    );
    let now = tenant.load_grant(grant.id).await.unwrap().unwrap();
    assert_eq!(now.revoked_at, Some(at(late)));
    assert_eq!(backend.audit().await, ["refresh_rotated", "refresh_replayed"]);
    assert_eq!(backend.effect_counts().await, [2, 1, 0]);
}

pub async fn grant_ends_its_tokens(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    assert_eq!(
        rotate(&*tenant, &grant, ("a", "b"), 10_000).await,
        "revoked",
        "the grant has expired"
    );
    assert_eq!(use_unrotated(&*tenant, &grant, "a", 10_000).await, "revoked");
    tenant
        .revoke_grant(grant.id, at(1), Effects::none())
        .await
        .unwrap();
    assert_eq!(rotate(&*tenant, &grant, ("a", "b"), 2).await, "revoked");
    assert_eq!(use_unrotated(&*tenant, &grant, "a", 2).await, "revoked");
    assert_eq!(backend.effect_counts().await, [0, 0, 0]);
}

pub async fn token_is_used_without_rotation(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    for secs in [1, 2, 999] {
        assert_eq!(use_unrotated(&*tenant, &grant, "a", secs).await, "rotated");
    }
    assert_eq!(use_unrotated(&*tenant, &grant, "a", 1_000).await, "expired");
    assert_eq!(use_unrotated(&*tenant, &grant, "b", 1).await, "unknown");
    assert_eq!(backend.audit().await, ["refresh_rotated"; 3]);
}

pub async fn rotated_token_is_judged_without_rotation_too(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    rotate(&*tenant, &grant, ("a", "b"), 1).await;
    assert_eq!(use_unrotated(&*tenant, &grant, "a", 2).await, "retried nonce:a:b");
    assert_eq!(use_unrotated(&*tenant, &grant, "b", 3).await, "rotated");
    assert_eq!(
        use_unrotated(&*tenant, &grant, "a", 4).await,
        "replayed",
        "its successor was used"
    );
    assert_eq!(use_unrotated(&*tenant, &grant, "b", 5).await, "revoked");
    assert_eq!(
        backend.audit().await,
        ["refresh_rotated", "refresh_rotated", "refresh_replayed"]
    );
}

pub async fn nonce_is_sealed_to_its_row(backend: &impl Backend) {
    let tenant = backend.tenant();
    let (one, two) = (family(backend, "a").await, family(backend, "c").await);
    rotate(&*tenant, &one, ("a", "b"), 1).await;
    rotate(&*tenant, &two, ("c", "d"), 1).await;
    let rows = backend
        .sql("SELECT nonce_sealed FROM refresh_tokens WHERE nonce_sealed IS NOT NULL")
        .await;
    let plain = hex::encode("nonce:");
    assert!(rows.iter().flatten().all(|sealed| !sealed.contains(&plain)));
    backend
        .sql(
            "UPDATE refresh_tokens SET nonce_sealed = (SELECT o.nonce_sealed FROM refresh_tokens o \
             WHERE o.nonce_sealed IS NOT NULL ORDER BY o.nonce_sealed DESC LIMIT 1) \
              WHERE nonce_sealed IS NOT NULL",
        )
        .await;
    let outcomes = [
        tenant
            .rotate_refresh(rotation("a", "x", &one, 2), by_outcome(one.id))
            .await,
        tenant
            .rotate_refresh(rotation("c", "y", &two, 2), by_outcome(two.id))
            .await,
    ];
    let corrupt = |o: &&Result<_, StorageError>| matches!(o, Err(StorageError::Corrupt(_)));
    assert_eq!(
        outcomes.iter().filter(corrupt).count(),
        1,
        "one of the two holds the other's nonce"
    );
}

pub async fn tokens_belong_to_their_tenant(backend: &impl Backend) {
    let grant = family(backend, "a").await;
    let other = backend.other_tenant().await;
    assert_eq!(rotate(&*other, &grant, ("a", "b"), 1).await, "unknown");
    assert_eq!(use_unrotated(&*other, &grant, "a", 1).await, "unknown");
    assert!(other.load_refresh(&hash("a")).await.unwrap().is_none());
}
