//! The flag that kills a family.

use authly_core::{AuditAction, GrantId};

use super::{
    Backend,
    fixtures::{at, effects, granted, uuid},
};

pub async fn grant_is_revoked_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut grant = granted(backend, "g").await;
    assert_eq!(tenant.load_grant(grant.id).await.unwrap(), Some(grant.clone()));
    let revoked = || effects(AuditAction::GrantRevoked { grant_id: grant.id });
    assert!(tenant.revoke_grant(grant.id, at(5), revoked()).await.unwrap());
    assert!(!tenant.revoke_grant(grant.id, at(6), revoked()).await.unwrap());
    let unknown = GrantId::from_uuid(uuid("nothing"));
    assert!(!tenant.revoke_grant(unknown, at(6), revoked()).await.unwrap());
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    grant.revoked_at = Some(at(5));
    assert_eq!(tenant.load_grant(grant.id).await.unwrap(), Some(grant.clone()));
    assert_eq!(tenant.load_grant(unknown).await.unwrap(), None);
    let other = backend.other_tenant().await;
    assert_eq!(other.load_grant(grant.id).await.unwrap(), None);
    assert!(!other.revoke_grant(grant.id, at(6), revoked()).await.unwrap());
}
