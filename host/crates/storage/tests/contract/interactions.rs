//! Interactions, and consents that are withdrawn.

use authly_core::{
    AuditAction, Effects,
    grant::Consent,
    interaction::InteractionState,
    ports::{AdvanceOutcome, Transition},
};

use super::{
    Backend,
    fixtures::{
        alice, at, authentication, client_id, completion, consent, effects, grant, hash, interaction, killed,
        scopes, user_id,
    },
};

pub(super) fn transition(version: i64, state: InteractionState, secs: i64) -> Transition {
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
