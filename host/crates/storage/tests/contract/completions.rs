//! The end of an interaction: consent, grant and code in one step, and what must still hold for it.

use authly_core::{
    AuditAction, Effects,
    grant::Consent,
    interaction::InteractionState,
    ports::{CompleteOutcome, Completion},
};

use super::{
    Backend,
    fixtures::{
        alice, at, client_id, completion, consent, effects, event, hash, interaction, scopes, session, user,
        user_id,
    },
    interactions::transition,
};

pub async fn completion_writes_consent_grant_and_code(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    tenant.create_interaction(&interaction("i")).await.unwrap();
    let mut done = completion("c");
    done.interaction = Some((hash("i"), 0));
    done.consent = Some(consent("openid", 1));
    let (grant, code) = (done.grant.clone(), done.code.clone());
    let issued = effects(AuditAction::CodeIssued { grant_id: grant.id });
    let outcome = tenant.complete_interaction(done, issued).await.unwrap();
    assert_eq!(outcome, CompleteOutcome::Completed);
    let loaded = tenant.load_code(&hash("c")).await.unwrap().unwrap();
    assert_eq!((loaded.code, loaded.grant), (code, grant));
    let remembered = tenant
        .load_consent(user_id("alice"), &client_id("app"))
        .await
        .unwrap();
    assert_eq!(remembered, Some(consent("openid", 1)));
    let now = tenant.load_interaction(&hash("i"), at(1)).await.unwrap().unwrap();
    assert_eq!((now.state, now.version), (InteractionState::Done, 1));
    assert_eq!(backend.audit().await, ["code_issued"]);
}

pub async fn completion_happens_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    tenant.create_interaction(&interaction("i")).await.unwrap();
    for (name, expected) in [
        ("first", CompleteOutcome::Completed),
        ("second", CompleteOutcome::AlreadyFinished),
    ] {
        let mut done = completion(name);
        done.interaction = Some((hash("i"), 0));
        let issued = effects(AuditAction::CodeIssued {
            grant_id: done.grant.id,
        });
        assert_eq!(tenant.complete_interaction(done, issued).await.unwrap(), expected);
    }
    assert!(tenant.load_code(&hash("second")).await.unwrap().is_none());
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}

pub async fn completion_refuses_what_moved_or_expired(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    tenant.create_interaction(&interaction("i")).await.unwrap();
    for (name, hash, now) in [
        ("moved", (hash("i"), 1), at(0)),
        ("expired", (hash("i"), 0), at(100)),
        ("unknown", (hash("j"), 0), at(0)),
    ] {
        let mut done = completion(name);
        done.interaction = Some(hash);
        done.consent = Some(consent("openid", 1));
        done.now = now;
        let outcome = tenant.complete_interaction(done, Effects::none()).await.unwrap();
        assert_eq!(outcome, CompleteOutcome::Stale, "{name}");
    }
    let remembered = tenant
        .load_consent(user_id("alice"), &client_id("app"))
        .await
        .unwrap();
    assert_eq!(remembered, None);
    assert_eq!(backend.sql("SELECT 1 FROM grants").await.len(), 0);
    let denied = transition(0, InteractionState::Denied, 1);
    tenant.advance_interaction(denied, Effects::none()).await.unwrap();
    for version in [0, 1] {
        let mut done = completion("denied");
        done.interaction = Some((hash("i"), version));
        let outcome = tenant.complete_interaction(done, Effects::none()).await.unwrap();
        assert_eq!(outcome, CompleteOutcome::AlreadyFinished, "an answer was given");
    }
}

pub async fn completion_needs_no_interaction(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    let outcome = tenant
        .complete_interaction(completion("c"), Effects::none())
        .await
        .unwrap();
    assert_eq!(outcome, CompleteOutcome::Completed);
    assert!(tenant.load_code(&hash("c")).await.unwrap().is_some());
}

pub async fn consent_grows_by_what_is_agreed(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    for (name, scope, secs) in [
        ("a", "openid email", 1),
        ("b", "openid profile", 3),
        ("c", "openid", 2),
    ] {
        let mut done = completion(name);
        done.consent = Some(consent(scope, secs));
        tenant.complete_interaction(done, Effects::none()).await.unwrap();
    }
    let remembered = tenant
        .load_consent(user_id("alice"), &client_id("app"))
        .await
        .unwrap();
    assert_eq!(remembered, Some(consent("email openid profile", 3)));
    let rows = backend.sql("SELECT scope FROM consents").await;
    assert_eq!(
        rows,
        [["email openid profile"]],
        "in the form every scope is stored in"
    );
    let elsewhere = tenant
        .load_consent(user_id("alice"), &client_id("other"))
        .await
        .unwrap();
    assert_eq!(elsewhere, None);
}

pub async fn completion_needs_a_living_session(backend: &impl Backend) {
    let tenant = backend.tenant();
    let owner = alice(&*tenant).await;
    let bob = user("bob");
    tenant.create_user(&bob, None, Effects::none()).await.unwrap();
    for (name, owner) in [("living", &owner), ("ended", &owner), ("bobs", &bob)] {
        let made = session(name, owner);
        tenant
            .start_session(&made, Some(at(0)), None, Effects::none())
            .await
            .unwrap();
    }
    let ended = session("ended", &owner).id;
    tenant.end_session(ended, at(1), Effects::none()).await.unwrap();
    tenant.create_interaction(&interaction("i")).await.unwrap();
    let complete = async |name: &str, secs| {
        let mut done = completion(name);
        done.grant.session_id = Some(session(name, &owner).id);
        done.interaction = Some((hash("i"), 0));
        done.consent = Some(consent("openid", 1));
        done.now = at(secs);
        let issued = effects(AuditAction::CodeIssued {
            grant_id: done.grant.id,
        });
        tenant.complete_interaction(done, issued).await.unwrap()
    };
    for (name, secs) in [("ended", 2), ("bobs", 2), ("unknown", 2), ("living", 100)] {
        assert_eq!(complete(name, secs).await, CompleteOutcome::Stale, "{name}");
    }
    for table in ["grants", "authorization_codes", "consents", "audit_events"] {
        let rows = backend.sql(&format!("SELECT 1 FROM {table}")).await;
        assert!(rows.is_empty(), "{table}");
    }
    let now = tenant.load_interaction(&hash("i"), at(1)).await.unwrap().unwrap();
    assert_eq!((now.state, now.version), (InteractionState::Pending, 0));
    assert_eq!(complete("living", 99).await, CompleteOutcome::Completed);
    assert_eq!(
        complete("living", 99).await,
        CompleteOutcome::AlreadyFinished,
        "a second click"
    );
}

pub async fn completion_needs_the_consent_it_relies_on(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    tenant.create_interaction(&interaction("i")).await.unwrap();
    let complete = async |name: &str, needed: &str| {
        let mut done = completion(name);
        done.interaction = Some((hash("i"), 0));
        done.relies_on = Some(scopes(needed));
        let issued = effects(AuditAction::CodeIssued {
            grant_id: done.grant.id,
        });
        tenant.complete_interaction(done, issued).await.unwrap()
    };
    let agree = async |name: &str, client: &str| {
        let mut asked = completion(name);
        asked.consent = Some(Consent {
            client_id: client_id(client),
            ..consent("email offline_access openid", 1)
        });
        let outcome = tenant.complete_interaction(asked, Effects::none()).await;
        assert_eq!(outcome.unwrap(), CompleteOutcome::Completed);
    };
    agree("a", "other").await;
    assert_eq!(complete("never", "openid").await, CompleteOutcome::Stale);
    agree("b", "app").await;
    assert_eq!(complete("more", "openid profile").await, CompleteOutcome::Stale);
    let app = client_id("app");
    let withdrawn = tenant.withdraw_consent(user_id("alice"), &app, at(2), Effects::none());
    assert_eq!(withdrawn.await.unwrap(), Some(2));
    assert_eq!(complete("withdrawn", "openid").await, CompleteOutcome::Stale);
    let living = backend.sql("SELECT 1 FROM grants WHERE revoked_at IS NULL").await;
    assert!(living.is_empty(), "the person sees no consent to withdraw");
    assert_eq!(backend.effect_counts().await[0], 0, "nothing was issued");
    let now = tenant.load_interaction(&hash("i"), at(1)).await.unwrap().unwrap();
    assert_eq!((now.state, now.version), (InteractionState::Pending, 0));
    agree("c", "app").await;
    assert_eq!(
        complete("again", "offline_access openid").await,
        CompleteOutcome::Completed
    );
}

pub async fn completion_at_once_needs_all_that_one_with_a_page_needs(backend: &impl Backend) {
    let tenant = backend.tenant();
    let owner = alice(&*tenant).await;
    for name in ["living", "ended"] {
        let made = session(name, &owner);
        let started = tenant.start_session(&made, Some(at(0)), None, Effects::none());
        started.await.unwrap();
    }
    let ended = session("ended", &owner).id;
    tenant.end_session(ended, at(1), Effects::none()).await.unwrap();
    let at_once = |name: &str, by: &str, needed: &str, secs| {
        let mut done = completion(name);
        done.grant.session_id = Some(session(by, &owner).id);
        done.relies_on = Some(scopes(needed));
        done.now = at(secs);
        done
    };
    let complete = async |done: Completion| {
        let issued = event(AuditAction::CodeIssued {
            grant_id: done.grant.id,
        });
        tenant.complete_interaction(done, issued).await.unwrap()
    };
    let living = |name: &str| at_once(name, "living", "openid", 2);
    assert_eq!(
        complete(living("never")).await,
        CompleteOutcome::Stale,
        "no consent"
    );
    let mut asked = completion("asked");
    asked.consent = Some(consent("email openid", 1));
    let outcome = tenant.complete_interaction(asked, Effects::none()).await;
    assert_eq!(outcome.unwrap(), CompleteOutcome::Completed);
    for (name, by, needed, secs) in [
        ("more", "living", "openid profile", 2),
        ("ended", "ended", "openid", 2),
        ("unknown", "unknown", "openid", 2),
        ("expired", "living", "openid", 100),
    ] {
        let turned_away = complete(at_once(name, by, needed, secs)).await;
        assert_eq!(turned_away, CompleteOutcome::Stale, "{name}");
    }
    let enable = async |enabled| {
        let changed = tenant.set_user_enabled(owner.id, enabled, at(1), Effects::none());
        assert!(changed.await.unwrap());
    };
    enable(false).await;
    assert_eq!(complete(living("disabled")).await, CompleteOutcome::Stale);
    enable(true).await;
    assert_eq!(backend.effect_counts().await[0], 0, "nothing was issued");
    let done = living("good");
    assert_eq!(complete(done.clone()).await, CompleteOutcome::Completed);
    let loaded = tenant.load_code(&hash("good")).await.unwrap().unwrap();
    assert_eq!((loaded.code, loaded.grant), (done.code, done.grant));
    assert_eq!(backend.audit().await, ["code_issued"]);
}

pub async fn completion_needs_an_enabled_person(backend: &impl Backend) {
    let tenant = backend.tenant();
    let owner = alice(&*tenant).await;
    let complete = async |name| {
        let done = completion(name);
        tenant.complete_interaction(done, Effects::none()).await.unwrap()
    };
    let enable = async |enabled| {
        let changed = tenant
            .set_user_enabled(owner.id, enabled, at(1), Effects::none())
            .await;
        assert!(changed.unwrap());
    };
    enable(false).await;
    assert_eq!(complete("a").await, CompleteOutcome::Stale);
    enable(true).await;
    assert_eq!(complete("b").await, CompleteOutcome::Completed);
    tenant.delete_user(owner.id, Effects::none()).await.unwrap();
    assert_eq!(complete("elsewhere").await, CompleteOutcome::Stale);
    assert!(backend.sql("SELECT 1 FROM grants").await.is_empty());
}
