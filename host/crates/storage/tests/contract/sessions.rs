//! Browser sessions.

use authly_core::{AuditAction, Effects};

use super::{
    Backend,
    fixtures::{alice, at, effects, hash, session},
};

pub async fn session_lives_until_its_end(backend: &impl Backend) {
    let tenant = backend.tenant();
    let made = session("s", &alice(&*tenant).await);
    let started = effects(AuditAction::LoginSucceeded);
    tenant.start_session(&made, None, started).await.unwrap();
    assert_eq!(tenant.load_session(&hash("s"), at(99)).await.unwrap(), Some(made));
    assert_eq!(tenant.load_session(&hash("s"), at(100)).await.unwrap(), None);
    assert_eq!(tenant.load_session(&hash("other"), at(0)).await.unwrap(), None);
    assert_eq!(backend.audit().await, ["login_succeeded"]);
    let other = backend.other_tenant().await;
    assert_eq!(other.load_session(&hash("s"), at(0)).await.unwrap(), None);
}

pub async fn login_replaces_the_session_before(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alice = alice(&*tenant).await;
    tenant
        .start_session(&session("old", &alice), None, Effects::none())
        .await
        .unwrap();
    let replaces = hash("old");
    let new = session("new", &alice);
    tenant
        .start_session(&new, Some(&replaces), Effects::none())
        .await
        .unwrap();
    assert_eq!(tenant.load_session(&hash("old"), at(1)).await.unwrap(), None);
    assert_eq!(tenant.load_session(&hash("new"), at(1)).await.unwrap(), Some(new));
    let third = session("third", &alice);
    let planted = hash("planted");
    tenant
        .start_session(&third, Some(&planted), Effects::none())
        .await
        .unwrap();
    assert!(
        tenant
            .load_session(&hash("third"), at(1))
            .await
            .unwrap()
            .is_some()
    );
}

pub async fn session_is_ended_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alice = alice(&*tenant).await;
    let (made, late) = (session("s", &alice), session("late", &alice));
    tenant.start_session(&made, None, Effects::none()).await.unwrap();
    tenant.start_session(&late, None, Effects::none()).await.unwrap();
    let ended = || effects(AuditAction::SessionEnded);
    assert!(tenant.end_session(made.id, at(5), ended()).await.unwrap());
    assert!(!tenant.end_session(made.id, at(5), ended()).await.unwrap());
    assert!(
        !tenant.end_session(late.id, at(100), ended()).await.unwrap(),
        "it had expired"
    );
    assert_eq!(tenant.load_session(&hash("s"), at(6)).await.unwrap(), None);
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}
