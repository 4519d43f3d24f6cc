//! The flag that kills a family.

use authly_core::{AuditAction, Effects, GrantId};

use super::{
    Backend,
    fixtures::{at, completion, effects, granted, killed, user, user_id, uuid},
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

pub async fn grants_of_a_person_are_revoked_together(backend: &impl Backend) {
    let tenant = backend.tenant();
    for name in ["a", "b", "revoked"] {
        granted(backend, name).await;
    }
    let bob = user("bob");
    tenant.create_user(&bob, None, Effects::none()).await.unwrap();
    let mut expired = completion("expired");
    expired.grant.expires_at = at(5);
    let mut elsewhere = completion("elsewhere");
    elsewhere.grant.user_id = bob.id;
    for step in [expired, elsewhere] {
        tenant.complete_interaction(step, Effects::none()).await.unwrap();
    }
    let revoked = GrantId::from_uuid(uuid("revoked"));
    tenant
        .revoke_grant(revoked, at(1), Effects::none())
        .await
        .unwrap();
    let all = async |person| {
        let effects = effects(AuditAction::GrantsRevoked);
        tenant.revoke_grants_of(person, at(5), effects).await.unwrap()
    };
    assert_eq!(all(user_id("alice")).await, 2);
    assert_eq!(all(user_id("alice")).await, 0);
    assert_eq!(all(user_id("nobody")).await, 0);
    assert_eq!(backend.audit().await, ["grants_revoked"]);
    assert_eq!(killed(backend).await, ["a", "b"]);
    let spared = GrantId::from_uuid(uuid("elsewhere"));
    assert_eq!(
        tenant.load_grant(spared).await.unwrap().unwrap().revoked_at,
        None,
        "bob's"
    );
    let other = backend.other_tenant().await;
    assert_eq!(
        other
            .revoke_grants_of(bob.id, at(5), Effects::none())
            .await
            .unwrap(),
        0
    );
}
