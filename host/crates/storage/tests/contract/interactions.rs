//! Interactions and consents.

use authly_core::{
    AuditAction, Effects,
    grant::Consent,
    interaction::InteractionState,
    ports::{AdvanceOutcome, CompleteOutcome, Completion, Transition},
};

use super::{
    Backend,
    fixtures::{
        alice, at, authentication, client_id, completion, consent, effects, event, grant, hash, interaction,
        killed, scopes, session, user, user_id,
    },
};

fn transition(version: i64, state: InteractionState, secs: i64) -> Transition {
    Transition {
        hash: hash("i"),
        version,
        state,
        browser: None,
        now: at(secs),
    }
}

fn authenticated() -> InteractionState {
    InteractionState::Authenticated {
        authentication: authentication(),
    }
}

pub async fn interaction_lives_until_its_end(backend: &impl Backend) {
    let tenant = backend.tenant();
    let made = interaction("i");
    tenant.create_interaction(&made).await.unwrap();
    assert_eq!(
        tenant.load_interaction(&hash("i"), at(99)).await.unwrap(),
        Some(made)
    );
    assert_eq!(tenant.load_interaction(&hash("i"), at(100)).await.unwrap(), None);
    assert_eq!(tenant.load_interaction(&hash("j"), at(0)).await.unwrap(), None);
    let other = backend.other_tenant().await;
    assert_eq!(other.load_interaction(&hash("i"), at(0)).await.unwrap(), None);
}

pub async fn transition_needs_the_loaded_version(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant.create_interaction(&interaction("i")).await.unwrap();
    let step = async |version| {
        let effects = effects(AuditAction::LoginSucceeded);
        tenant
            .advance_interaction(transition(version, authenticated(), 1), effects)
            .await
            .unwrap()
    };
    assert_eq!(step(0).await, AdvanceOutcome::Advanced);
    assert_eq!(step(0).await, AdvanceOutcome::Stale, "another tab was faster");
    assert_eq!(step(7).await, AdvanceOutcome::Stale);
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    let now = tenant.load_interaction(&hash("i"), at(1)).await.unwrap().unwrap();
    assert_eq!((now.version, now.state), (1, authenticated()));
    let consent = InteractionState::Consent {
        authentication: authentication(),
        scope: scopes("openid email"),
    };
    let next = transition(1, consent.clone(), 2);
    let outcome = tenant.advance_interaction(next, Effects::none()).await.unwrap();
    assert_eq!(outcome, AdvanceOutcome::Advanced);
    let now = tenant.load_interaction(&hash("i"), at(2)).await.unwrap().unwrap();
    assert_eq!((now.version, now.state), (2, consent));
}

pub async fn browser_is_bound_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant.create_interaction(&interaction("i")).await.unwrap();
    for (version, browser) in [(0, "first"), (1, "second")] {
        let mut step = transition(version, InteractionState::Pending, 1);
        step.browser = Some(hash(browser));
        tenant.advance_interaction(step, Effects::none()).await.unwrap();
    }
    let now = tenant.load_interaction(&hash("i"), at(1)).await.unwrap().unwrap();
    assert_eq!(now.browser, Some(hash("first")));
}

pub async fn finished_and_expired_interactions_go_nowhere(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant.create_interaction(&interaction("i")).await.unwrap();
    let step = async |version, state, secs| {
        let step = transition(version, state, secs);
        tenant.advance_interaction(step, Effects::none()).await.unwrap()
    };
    assert_eq!(
        step(0, authenticated(), 100).await,
        AdvanceOutcome::Stale,
        "expired"
    );
    assert_eq!(
        step(0, InteractionState::Denied, 99).await,
        AdvanceOutcome::Advanced
    );
    assert_eq!(
        step(1, authenticated(), 99).await,
        AdvanceOutcome::Stale,
        "denied is final"
    );
    let now = tenant
        .load_interaction(&hash("i"), at(99))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(now.state, InteractionState::Denied, "a page can say so");
}

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

pub async fn chosen_person_is_a_stage(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant.create_interaction(&interaction("i")).await.unwrap();
    let selected = InteractionState::Selected {
        authentication: authentication(),
    };
    let step = transition(0, selected.clone(), 1);
    let outcome = tenant.advance_interaction(step, Effects::none()).await.unwrap();
    assert_eq!(outcome, AdvanceOutcome::Advanced);
    let now = tenant.load_interaction(&hash("i"), at(1)).await.unwrap().unwrap();
    assert_eq!(now.state, selected);
    assert_eq!(
        backend.sql("SELECT stage FROM interactions").await,
        [["selected"]]
    );
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

pub async fn consent_is_listed_and_withdrawn(backend: &impl Backend) {
    let tenant = backend.tenant();
    alice(&*tenant).await;
    let of = |client: &str| Consent {
        client_id: client_id(client),
        ..consent("openid", 1)
    };
    for (name, client) in [
        ("a", "app"),
        ("b", "app"),
        ("expired", "app"),
        ("elsewhere", "other"),
    ] {
        let mut done = completion(name);
        done.grant.client_id = client_id(client);
        done.consent = Some(of(client));
        if name == "expired" {
            done.grant.expires_at = at(4);
        }
        tenant.complete_interaction(done, Effects::none()).await.unwrap();
    }
    let person = user_id("alice");
    let list = async || tenant.list_consents(person).await.unwrap();
    assert_eq!(list().await, [of("app"), of("other")]);
    assert!(tenant.list_consents(user_id("bob")).await.unwrap().is_empty());
    let withdraw = async |client| {
        let withdrawn = effects(AuditAction::ConsentWithdrawn);
        tenant
            .withdraw_consent(person, &client_id(client), at(5), withdrawn)
            .await
            .unwrap()
    };
    assert_eq!(withdraw("app").await, Some(2));
    assert_eq!(withdraw("app").await, None, "nothing is left to withdraw");
    assert_eq!(list().await, [of("other")]);
    assert_eq!(killed(backend).await, ["a", "b"]);
    let spared = tenant.load_grant(grant("elsewhere").id).await.unwrap().unwrap();
    assert_eq!(spared.revoked_at, None);
    // A first-party client is not asked about, and its grant can be taken back all the same.
    tenant
        .complete_interaction(completion("living"), Effects::none())
        .await
        .unwrap();
    assert_eq!(withdraw("app").await, Some(1));
    assert_eq!(backend.audit().await, ["consent_withdrawn", "consent_withdrawn"]);
}
