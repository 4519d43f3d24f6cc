//! Twenty callers at once, on two nodes: nineteen complete authorizations of a person whom one shuts out.

use std::collections::BTreeMap;

use authly_core::{
    AuditAction, Effects,
    ports::{CompleteOutcome, PasswordEnds, PasswordOutcome, TenantStorage},
};

use super::{
    Backend,
    fixtures::{alice, at, client_id, completion, consent, event, scopes, session, user, user_id},
    races::{RACERS, race},
    users::{changed, password},
};

/// Alice with a session.
async fn signed_in(backend: &impl Backend) {
    let tenant = backend.tenant();
    let owner = alice(&*tenant).await;
    tenant
        .start_session(&session("s", &owner), Some(at(0)), None, Effects::none())
        .await
        .unwrap();
}

/// One completion of alice's, by the session of [`signed_in`].
async fn complete(tenant: &dyn TenantStorage, i: usize) -> String {
    let mut done = completion(&format!("c{i}"));
    done.grant.session_id = Some(session("s", &user("alice")).id);
    let issued = event(AuditAction::CodeIssued {
        grant_id: done.grant.id,
    });
    let outcome = tenant.complete_interaction(done, issued).await.unwrap();
    format!("{outcome:?}")
}

/// After the race: nothing that was completed lives, and nothing can be completed any more.
async fn assert_shut_out(backend: &impl Backend, answers: &BTreeMap<String, usize>) {
    let completions = ["Completed", "Stale"].map(|name| answers.get(name).copied().unwrap_or(0));
    assert_eq!(completions.iter().sum::<usize>(), RACERS - 1, "{answers:?}");
    let rows = backend.sql("SELECT revoked_at FROM grants").await;
    assert_eq!(rows.len(), completions[0], "{answers:?}");
    assert!(
        rows.iter().flatten().all(|revoked_at| !revoked_at.is_empty()),
        "a grant outlived what was to end it: {answers:?}"
    );
    assert_eq!(complete(&*backend.tenant(), RACERS).await, "Stale");
}

pub async fn completions_do_not_outlive_a_password_change(backend: &impl Backend) {
    signed_in(backend).await;
    let answers = race(backend, |tenant, i| async move {
        if i != RACERS / 2 {
            return complete(&*tenant, i).await;
        }
        let change = password("new", None, PasswordEnds::Others { keep: None });
        match tenant.set_password(change, changed()).await.unwrap() {
            PasswordOutcome::Changed(ended) => format!("changed, {} session", ended.sessions),
            other => format!("{other:?}"),
        }
    })
    .await;
    assert_eq!(answers.get("changed, 1 session"), Some(&1), "{answers:?}");
    assert_shut_out(backend, &answers).await;
}

pub async fn sign_ins_do_not_outlive_a_password_change(backend: &impl Backend) {
    let owner = alice(&*backend.tenant()).await;
    let answers = race(backend, |tenant, i| {
        let made = session(&format!("s{i}"), &owner);
        async move {
            if i != RACERS / 2 {
                let start = tenant.start_session(&made, Some(at(0)), None, Effects::none());
                return format!("{:?}", start.await.unwrap());
            }
            let change = password("new", None, PasswordEnds::Others { keep: None });
            match tenant.set_password(change, changed()).await.unwrap() {
                PasswordOutcome::Changed(_) => "changed".to_owned(),
                other => format!("{other:?}"),
            }
        }
    })
    .await;
    assert_eq!(answers.get("changed"), Some(&1), "{answers:?}");
    let [started, refused] = ["Started", "Refused"].map(|name| answers.get(name).copied().unwrap_or(0));
    assert_eq!(started + refused, RACERS - 1, "{answers:?}");
    let rows = backend.sql("SELECT ended_at FROM sessions").await;
    assert_eq!(rows.len(), started, "{answers:?}");
    assert!(
        rows.iter().flatten().all(|ended_at| !ended_at.is_empty()),
        "a session outlived the password that opened it: {answers:?}"
    );
}

pub async fn completions_do_not_outlive_the_end_of_a_session(backend: &impl Backend) {
    signed_in(backend).await;
    let answers = race(backend, |tenant, i| async move {
        if i != RACERS / 2 {
            return complete(&*tenant, i).await;
        }
        let id = session("s", &user("alice")).id;
        let ended = tenant.end_session(id, at(5), Effects::none()).await.unwrap();
        let alice = user_id("alice");
        // Whoever is still let in after the end would be missed here.
        tenant
            .withdraw_consent(alice, &client_id("app"), at(5), Effects::none())
            .await
            .unwrap();
        format!("ended {ended}")
    })
    .await;
    assert_eq!(answers.get("ended true"), Some(&1), "{answers:?}");
    assert_shut_out(backend, &answers).await;
}

pub async fn completions_do_not_outlive_the_consent_they_rely_on(backend: &impl Backend) {
    signed_in(backend).await;
    let mut agreed = completion("agreed");
    agreed.consent = Some(consent("openid", 1));
    let asked = backend
        .tenant()
        .complete_interaction(agreed, Effects::none())
        .await;
    assert_eq!(asked.unwrap(), CompleteOutcome::Completed);
    let answers = race(backend, |tenant, i| async move {
        if i == RACERS / 2 {
            let (alice, app) = (user_id("alice"), client_id("app"));
            let withdrawn = tenant.withdraw_consent(alice, &app, at(5), Effects::none());
            return format!("withdrawn {}", withdrawn.await.unwrap().is_some());
        }
        let mut silent = completion(&format!("c{i}"));
        silent.relies_on = Some(scopes("openid"));
        let issued = event(AuditAction::CodeIssued {
            grant_id: silent.grant.id,
        });
        let outcome = tenant.complete_interaction(silent, issued).await;
        format!("{:?}", outcome.unwrap())
    })
    .await;
    assert_eq!(answers.get("withdrawn true"), Some(&1), "{answers:?}");
    let living = backend.sql("SELECT 1 FROM grants WHERE revoked_at IS NULL").await;
    assert!(living.is_empty(), "a grant outlived the consent: {answers:?}");
}

pub async fn completions_do_not_outlive_a_disabled_person(backend: &impl Backend) {
    signed_in(backend).await;
    let answers = race(backend, |tenant, i| async move {
        if i != RACERS / 2 {
            return complete(&*tenant, i).await;
        }
        let alice = user_id("alice");
        let disabled = tenant
            .set_user_enabled(alice, false, at(5), Effects::none())
            .await
            .unwrap();
        tenant
            .withdraw_consent(alice, &client_id("app"), at(5), Effects::none())
            .await
            .unwrap();
        format!("disabled {disabled}")
    })
    .await;
    assert_eq!(answers.get("disabled true"), Some(&1), "{answers:?}");
    assert_shut_out(backend, &answers).await;
}
