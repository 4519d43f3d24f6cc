//! Opaque access tokens, and JWTs that were revoked.

use std::sync::Arc;

use authly_core::{
    AuditAction, Effects, GrantId, StorageError, Topic,
    ports::{RedeemEffects, Redemption, RotateOutcome, Standing, TenantStorage},
};

use super::{
    Backend,
    fixtures::{GRACE, access_token, at, effects, family, granted, hash, rotation},
    refresh::by_outcome,
};

fn revoked() -> Effects {
    effects(AuditAction::AccessTokenRevoked)
}

pub async fn opaque_token_is_loaded_until_and_after_its_revocation(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut made = access_token("t", None);
    tenant.store_access_token(&made, revoked()).await.unwrap();
    assert_eq!(
        tenant.load_access_token(&made.hash).await.unwrap(),
        Some(made.clone())
    );
    assert_eq!(tenant.load_access_token(&hash("other")).await.unwrap(), None);
    let again = tenant.store_access_token(&made, revoked()).await;
    assert!(matches!(again, Err(StorageError::Conflict(_))));
    let other = backend.other_tenant().await;
    assert_eq!(other.load_access_token(&made.hash).await.unwrap(), None);
    let none = other.revoke_access_token(&made.hash, at(5), revoked()).await;
    assert!(!none.unwrap());
    for (name, expected) in [("t", true), ("t", false), ("other", false)] {
        let outcome = tenant.revoke_access_token(&hash(name), at(5), revoked()).await;
        assert_eq!(outcome.unwrap(), expected, "{name}");
    }
    made.revoked_at = Some(at(5));
    assert_eq!(tenant.load_access_token(&made.hash).await.unwrap(), Some(made));
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}

pub async fn revoked_jwt_is_remembered(backend: &impl Backend) {
    let tenant = backend.tenant();
    let node = backend.node(super::fixtures::sealer(1)).await;
    let elsewhere = node.tenant(&authly_core::TenantId::default_tenant());
    let is_revoked = async |tenant: &Arc<dyn TenantStorage>, jti: &str| {
        let standing = tenant.load_standing(Some(jti), None).await.unwrap();
        assert_eq!(standing.person, None);
        standing.is_jti_revoked
    };
    assert!(!is_revoked(&elsewhere, "j").await);
    let told = || revoked().invalidating(Topic::AccessToken, "j");
    assert!(tenant.revoke_jti("j", at(600), told()).await.unwrap());
    assert!(!tenant.revoke_jti("j", at(600), told()).await.unwrap());
    for node in [&tenant, &elsewhere] {
        assert!(is_revoked(node, "j").await);
        assert!(!is_revoked(node, "J").await, "byte for byte");
        assert!(!is_revoked(node, "j\0").await);
    }
    let other = backend.other_tenant().await;
    assert!(!is_revoked(&other, "j").await);
    assert_eq!(backend.effect_counts().await, [1, 2, 0]);
}

pub async fn standing_is_the_token_the_grant_and_its_person(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    let user = tenant.load_user(grant.user_id).await.unwrap().unwrap();
    let mut standing = Standing {
        is_jti_revoked: false,
        person: Some((Arc::new(grant.clone()), user)),
    };
    for jti in [None, Some("j"), Some("j\0")] {
        let now = tenant.load_standing(jti, Some(grant.id)).await.unwrap();
        assert_eq!(now, standing, "{jti:?}");
    }
    tenant.revoke_jti("j", at(600), revoked()).await.unwrap();
    standing.is_jti_revoked = true;
    let now = tenant.load_standing(Some("j"), Some(grant.id)).await.unwrap();
    assert_eq!(now, standing);
    tenant.revoke_grant(grant.id, at(7), revoked()).await.unwrap();
    let (dead, _) = tenant
        .load_standing(None, Some(grant.id))
        .await
        .unwrap()
        .person
        .unwrap();
    assert_eq!(dead.revoked_at, Some(at(7)), "a dead grant is told as one");
    let unknown = GrantId::from_uuid(uuid::Uuid::from_u128(404));
    for (tenant, id) in [(&tenant, unknown), (&backend.other_tenant().await, grant.id)] {
        let standing = tenant.load_standing(Some("x"), Some(id)).await.unwrap();
        assert_eq!(standing, Standing::default());
    }
}

pub async fn redemption_stores_the_opaque_token(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    for (name, stored) in [("first", true), ("replayed", false)] {
        let redemption = Redemption {
            hash: hash("c"),
            refresh_token: None,
            access_token: Some(access_token(name, Some(&grant))),
            now: at(1),
        };
        tenant
            .redeem_code(redemption, RedeemEffects::default())
            .await
            .unwrap();
        let loaded = tenant.load_access_token(&hash(name)).await.unwrap();
        let expected = stored.then(|| access_token(name, Some(&grant)));
        assert_eq!(loaded, expected, "{name}");
    }
}

pub async fn rotation_stores_the_opaque_token(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    for (name, secs, stored) in [
        ("rotated", 1, true),
        ("retried", 2, true),
        ("replayed", 1 + GRACE, false),
    ] {
        let mut step = rotation("a", "b", &grant, secs);
        step.access_token = Some(access_token(name, Some(&grant)));
        let outcome = tenant.rotate_refresh(step, by_outcome(grant.id)).await.unwrap();
        assert_eq!(super::refresh::name(&outcome).split(' ').next(), Some(name));
        let loaded = tenant.load_access_token(&hash(name)).await.unwrap();
        assert_eq!(loaded.is_some(), stored, "{name}");
    }
}

pub async fn use_without_rotation_stores_the_opaque_token(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = family(backend, "a").await;
    let use_it = async |name: &str, of: GrantId| {
        let token = Some(access_token(name, Some(&grant)));
        tenant
            .use_refresh(&hash("a"), token, at(1), by_outcome(of))
            .await
            .unwrap()
    };
    assert!(matches!(use_it("used", grant.id).await, RotateOutcome::Rotated));
    tenant
        .revoke_grant(grant.id, at(1), Effects::none())
        .await
        .unwrap();
    assert!(matches!(use_it("late", grant.id).await, RotateOutcome::Revoked));
    assert!(tenant.load_access_token(&hash("used")).await.unwrap().is_some());
    assert!(tenant.load_access_token(&hash("late")).await.unwrap().is_none());
}
