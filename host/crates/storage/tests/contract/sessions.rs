//! Browser sessions.

use authly_core::{
    AuditAction, Effects,
    ports::{PasswordEnds, StartOutcome},
};

use super::{
    Backend,
    fixtures::{alice, at, client_id, completion, consent, effects, hash, living, session, user},
    users::password,
};

pub async fn session_lives_until_its_end(backend: &impl Backend) {
    let tenant = backend.tenant();
    let made = session("s", &alice(&*tenant).await);
    let started = effects(AuditAction::LoginSucceeded);
    tenant
        .start_session(&made, Some(at(0)), None, started)
        .await
        .unwrap();
    assert_eq!(living(&*tenant, "s", 99).await, Some(made.clone()));
    assert_eq!(living(&*tenant, "s", 100).await, None);
    assert_eq!(living(&*tenant, "other", 0).await, None);
    assert_eq!(backend.audit().await, ["login_succeeded"]);
    for (secs, found) in [(99, Some(made.clone())), (100, None)] {
        assert_eq!(
            tenant.find_session(made.id, at(secs)).await.unwrap(),
            found,
            "by id"
        );
    }
    let other = backend.other_tenant().await;
    assert_eq!(living(&*other, "s", 0).await, None);
    assert_eq!(other.find_session(made.id, at(0)).await.unwrap(), None);
}

pub async fn session_is_loaded_with_its_person_and_what_they_agreed_to(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alice = alice(&*tenant).await;
    let made = session("s", &alice);
    let started = tenant.start_session(&made, Some(at(0)), None, Effects::none());
    assert_eq!(started.await.unwrap(), StartOutcome::Started);
    let mut agreed = completion("c");
    agreed.consent = Some(consent("openid", 0));
    tenant
        .complete_interaction(agreed.clone(), Effects::none())
        .await
        .unwrap();
    let load = async |client: Option<&str>| {
        let client = client.map(client_id);
        let loaded = tenant.load_session(&hash("s"), client.as_ref(), at(1)).await;
        loaded.unwrap().unwrap()
    };
    let loaded = load(Some("app")).await;
    assert_eq!((loaded.session, loaded.user.id), (made, alice.id));
    assert_eq!(loaded.consent, agreed.consent);
    for other in [Some("other"), None] {
        assert_eq!(load(other).await.consent, None, "{other:?}");
    }
    let changed = tenant.set_user_enabled(alice.id, false, at(1), Effects::none());
    assert!(changed.await.unwrap());
    assert!(!load(None).await.user.enabled, "whoever asks judges them");
}

pub async fn login_replaces_the_session_before(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alice = alice(&*tenant).await;
    tenant
        .start_session(&session("old", &alice), Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    let replaces = hash("old");
    let new = session("new", &alice);
    tenant
        .start_session(&new, Some(at(0)), Some(&replaces), Effects::none())
        .await
        .unwrap();
    assert_eq!(living(&*tenant, "old", 1).await, None);
    assert_eq!(living(&*tenant, "new", 1).await, Some(new));
    let third = session("third", &alice);
    let planted = hash("planted");
    tenant
        .start_session(&third, Some(at(0)), Some(&planted), Effects::none())
        .await
        .unwrap();
    assert!(living(&*tenant, "third", 1).await.is_some());
}

pub async fn session_needs_the_person_as_they_proved_it(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alice = alice(&*tenant).await;
    let start = async |name, checked, replaces: Option<&str>| {
        let made = session(name, &alice);
        let replaces = replaces.map(hash);
        let started = effects(AuditAction::LoginSucceeded);
        tenant
            .start_session(&made, checked, replaces.as_ref(), started)
            .await
            .unwrap()
    };
    assert_eq!(start("first", Some(at(0)), None).await, StartOutcome::Started);
    let change = password("new", None, PasswordEnds::Nothing);
    tenant.set_password(change, Effects::none()).await.unwrap();
    for checked in [Some(at(0)), None] {
        let outcome = start("late", checked, Some("first")).await;
        assert_eq!(outcome, StartOutcome::Refused, "{checked:?}");
    }
    assert_eq!(living(&*tenant, "late", 6).await, None);
    let before = living(&*tenant, "first", 6).await;
    assert!(before.is_some(), "nothing took its place");
    assert_eq!(start("second", Some(at(5)), None).await, StartOutcome::Started);
    let set_enabled = async |enabled| {
        let done = tenant.set_user_enabled(alice.id, enabled, at(6), Effects::none());
        assert!(done.await.unwrap());
    };
    set_enabled(false).await;
    assert_eq!(start("third", Some(at(5)), None).await, StartOutcome::Refused);
    set_enabled(true).await;
    assert_eq!(start("third", Some(at(5)), None).await, StartOutcome::Started);
    tenant.delete_user(alice.id, Effects::none()).await.unwrap();
    assert_eq!(start("fourth", Some(at(5)), None).await, StartOutcome::Refused);
    assert_eq!(backend.audit().await, ["login_succeeded"; 3]);
}

pub async fn session_of_a_person_without_password_begins(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut bob = user("bob");
    bob.password_changed_at = None;
    tenant.create_user(&bob, None, Effects::none()).await.unwrap();
    let made = session("s", &bob);
    let start = tenant.start_session(&made, None, None, Effects::none());
    assert_eq!(start.await.unwrap(), StartOutcome::Started);
}

pub async fn session_is_ended_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alice = alice(&*tenant).await;
    let (made, late) = (session("s", &alice), session("late", &alice));
    tenant
        .start_session(&made, Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    tenant
        .start_session(&late, Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    let ended = || effects(AuditAction::SessionEnded);
    assert!(tenant.end_session(made.id, at(5), ended()).await.unwrap());
    assert!(!tenant.end_session(made.id, at(5), ended()).await.unwrap());
    assert!(
        !tenant.end_session(late.id, at(100), ended()).await.unwrap(),
        "it had expired"
    );
    assert_eq!(living(&*tenant, "s", 6).await, None);
    assert_eq!(tenant.find_session(made.id, at(6)).await.unwrap(), None);
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}

pub async fn login_is_noted(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut owner = alice(&*tenant).await;
    let mut made = session("s", &owner);
    made.auth_time = at(7);
    tenant
        .start_session(&made, Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    owner.last_login_at = Some(at(7));
    assert_eq!(
        tenant.load_user(owner.id).await.unwrap(),
        Some(owner.into()),
        "and nothing else, the version neither"
    );
}

pub async fn sessions_are_listed_from_the_newest(backend: &impl Backend) {
    let tenant = backend.tenant();
    let (alice, bob) = (alice(&*tenant).await, user("bob"));
    tenant.create_user(&bob, None, Effects::none()).await.unwrap();
    for (name, owner, secs, until) in [
        ("old", &alice, 1, 100),
        ("new", &alice, 3, 100),
        ("expired", &alice, 2, 10),
        ("ended", &alice, 4, 100),
        ("bobs", &bob, 2, 100),
    ] {
        let mut made = session(name, owner);
        (made.created_at, made.expires_at) = (at(secs), at(until));
        tenant
            .start_session(&made, Some(at(0)), None, Effects::none())
            .await
            .unwrap();
    }
    let ended = session("ended", &alice).id;
    tenant.end_session(ended, at(5), Effects::none()).await.unwrap();
    let list = async |owner, limit| {
        let sessions = tenant.list_sessions(owner, at(10), limit).await.unwrap();
        sessions.into_iter().map(|s| s.hash).collect::<Vec<_>>()
    };
    assert_eq!(list(Some(alice.id), 10).await, [hash("new"), hash("old")]);
    assert_eq!(
        list(None, 10).await,
        [hash("new"), hash("bobs"), hash("old")],
        "everybody's"
    );
    assert_eq!(list(None, 2).await, [hash("new"), hash("bobs")]);
    let other = backend.other_tenant().await;
    assert!(other.list_sessions(None, at(10), 10).await.unwrap().is_empty());
}

pub async fn use_of_a_session_is_noted_forwards(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut made = session("s", &alice(&*tenant).await);
    tenant
        .start_session(&made, Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    for (secs, seen) in [(9, 9), (5, 9), (11, 11)] {
        tenant.touch_session(&hash("s"), at(secs)).await.unwrap();
        made.last_seen_at = at(seen);
        let now = living(&*tenant, "s", 12).await;
        assert_eq!(now.as_ref(), Some(&made), "at {secs}");
    }
    tenant.touch_session(&hash("unknown"), at(1)).await.unwrap();
    assert_eq!(backend.effect_counts().await, [0, 0, 0]);
}

pub async fn sessions_of_a_person_are_ended_but_one(backend: &impl Backend) {
    let tenant = backend.tenant();
    let (alice, bob) = (alice(&*tenant).await, user("bob"));
    tenant.create_user(&bob, None, Effects::none()).await.unwrap();
    for (name, owner) in [("a", &alice), ("b", &alice), ("kept", &alice), ("bobs", &bob)] {
        let made = session(name, owner);
        tenant
            .start_session(&made, Some(at(0)), None, Effects::none())
            .await
            .unwrap();
    }
    let keep = Some(session("kept", &alice).id);
    let end = async |keep, secs| {
        let ended = effects(AuditAction::SessionEnded);
        tenant
            .end_sessions(alice.id, keep, at(secs), ended)
            .await
            .unwrap()
    };
    assert_eq!(end(keep, 5).await, 2);
    assert_eq!(end(keep, 6).await, 0);
    let left = tenant.list_sessions(None, at(6), 10).await.unwrap();
    let mut left: Vec<_> = left.into_iter().map(|s| s.hash).collect();
    left.sort_by_key(|hash| *hash.as_bytes());
    let mut expected = [hash("kept"), hash("bobs")];
    expected.sort_by_key(|hash| *hash.as_bytes());
    assert_eq!(left, expected);
    assert_eq!(end(None, 100).await, 0, "the last had expired");
    assert_eq!(end(None, 99).await, 1);
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}
