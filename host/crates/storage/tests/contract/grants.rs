//! The flag that kills a family.

use authly_core::{
    AuditAction, Effects, GrantId,
    ports::{EndEffects, Ended, StartOutcome},
    user::User,
};

use super::{
    Backend,
    fixtures::{at, completion, effects, granted, killed, living, session, user, user_id, uuid},
};

pub async fn grant_is_revoked_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut grant = granted(backend, "g").await;
    assert_eq!(
        tenant.load_grant(grant.id).await.unwrap(),
        Some(grant.clone().into())
    );
    let revoked = || effects(AuditAction::GrantRevoked { grant_id: grant.id });
    assert!(tenant.revoke_grant(grant.id, at(5), revoked()).await.unwrap());
    assert!(!tenant.revoke_grant(grant.id, at(6), revoked()).await.unwrap());
    let unknown = GrantId::from_uuid(uuid("nothing"));
    assert!(!tenant.revoke_grant(unknown, at(6), revoked()).await.unwrap());
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    grant.revoked_at = Some(at(5));
    assert_eq!(
        tenant.load_grant(grant.id).await.unwrap(),
        Some(grant.clone().into())
    );
    assert_eq!(tenant.load_grant(unknown).await.unwrap(), None);
    let other = backend.other_tenant().await;
    assert_eq!(other.load_grant(grant.id).await.unwrap(), None);
    assert!(!other.revoke_grant(grant.id, at(6), revoked()).await.unwrap());
}

pub async fn everything_of_a_person_ends_in_one_step(backend: &impl Backend) {
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
    let owner = tenant.load_user(user_id("alice")).await.unwrap().unwrap();
    let start = async |name, owner: &User| {
        let made = session(name, owner);
        let started = tenant.start_session(&made, Some(at(0)), None, Effects::none());
        assert_eq!(started.await.unwrap(), StartOutcome::Started);
    };
    for (name, owner) in [("s", &*owner), ("t", &*owner), ("bobs", &bob)] {
        start(name, owner).await;
    }
    let end = async |person| {
        let effects = EndEffects {
            sessions: effects(AuditAction::SessionEnded),
            grants: effects(AuditAction::GrantsRevoked),
        };
        tenant.end_everything(person, at(5), effects).await.unwrap()
    };
    let ended = |sessions, grants| Ended { sessions, grants };
    assert_eq!(end(owner.id).await, ended(2, 2));
    assert_eq!(end(owner.id).await, ended(0, 0));
    assert_eq!(end(user_id("nobody")).await, ended(0, 0));
    assert_eq!(backend.audit().await, ["session_ended", "grants_revoked"]);
    assert_eq!(killed(backend).await, ["a", "b"]);
    // Whichever there is ends alone, and says so alone.
    start("u", &owner).await;
    assert_eq!(end(owner.id).await, ended(1, 0));
    granted(backend, "c").await;
    assert_eq!(end(owner.id).await, ended(0, 1));
    let both = ["session_ended", "grants_revoked"];
    assert_eq!(backend.audit().await, [both, both].concat());
    assert!(living(&*tenant, "bobs", 5).await.is_some());
    let spared = GrantId::from_uuid(uuid("elsewhere"));
    assert_eq!(
        tenant.load_grant(spared).await.unwrap().unwrap().revoked_at,
        None,
        "bob's"
    );
    let other = backend.other_tenant().await;
    assert_eq!(
        other
            .end_everything(bob.id, at(5), EndEffects::default())
            .await
            .unwrap(),
        ended(0, 0)
    );
}
