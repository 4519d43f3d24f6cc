//! Whoever shuts a person out and whoever completes an authorization for them meet at the person's row: the order of
//! commits forced, one way and the other.

use std::sync::Arc;

use authly_core::{
    AuditAction, Effects, GrantId, SecretText, SessionId,
    audit::AuditEvent,
    ports::{
        CompleteOutcome, Completion, EndEffects, Ended, PasswordChange, PasswordEnds, PasswordOutcome,
        TenantStorage,
    },
    session::Session,
    user::User,
};

use crate::fixture::{Fixture, NOW, at, authorization_code, client_id, grant, hash, number, user};

/// A person with a session.
async fn signed_in(tenant: &dyn TenantStorage) -> (User, Session) {
    let owner = user("alice");
    tenant.create_user(&owner, None, Effects::none()).await.unwrap();
    let session = Session {
        id: SessionId::from_uuid(owner.pseudonym),
        hash: hash("session"),
        user_id: owner.id,
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        created_at: NOW,
        expires_at: at(100),
        last_seen_at: NOW,
        user_agent: None,
        address: None,
    };
    tenant
        .start_session(&session, owner.password_changed_at, None, Effects::none())
        .await
        .unwrap();
    (owner, session)
}

/// What [`completion`] relies on.
const AGREE: &str = "INSERT INTO consents (tenant_id, user_id, client_id, scope, updated_at) \
    SELECT tenant_id, id, 'client', 'offline_access openid', 0 FROM users";

/// What a completion leaves.
fn issued() -> Effects {
    let grant_id = GrantId::from_uuid(user("alice").id.as_uuid());
    Effects::audited(AuditEvent::internal(NOW, AuditAction::CodeIssued { grant_id }))
}

fn completion(session: &Session) -> Completion {
    let mut grant = grant(session.user_id);
    grant.session_id = Some(session.id);
    Completion {
        interaction: None,
        consent: None,
        relies_on: Some(grant.scope.clone()),
        code: authorization_code("code", &grant),
        grant,
        now: NOW,
    }
}

#[tokio::test]
async fn completion_waits_for_whoever_shuts_the_person_out() {
    let changes = [
        "UPDATE users SET enabled = false",
        "UPDATE sessions SET ended_at = 1",
        "DELETE FROM users",
        "DELETE FROM consents",
    ];
    // By either statement of a completion.
    let both = [Effects::none(), issued()];
    for (shut_out, effects) in changes
        .iter()
        .flat_map(|sql| both.clone().map(|effects| (*sql, effects)))
    {
        let fixture = Fixture::new().await;
        let (_, session) = signed_in(&*fixture.tenant).await;
        let (mut elsewhere, observer) = (fixture.connect().await, fixture.connect().await);
        elsewhere.batch_execute(AGREE).await.unwrap();
        let open = elsewhere.transaction().await.unwrap();
        open.execute(shut_out, &[]).await.unwrap();
        let tenant = Arc::clone(&fixture.tenant);
        let completing = tokio::spawn(async move {
            tenant
                .complete_interaction(completion(&session), effects)
                .await
                .unwrap()
        });
        fixture.until_somebody_waits(&observer).await;
        open.commit().await.unwrap();
        assert_eq!(completing.await.unwrap(), CompleteOutcome::Stale, "{shut_out}");
        assert_eq!(number(&observer, "SELECT count(*) FROM grants").await, 0);
    }
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Password,
    Everything,
    Consent,
    Account,
}

/// How many grants it ended.
async fn end(tenant: &dyn TenantStorage, owner: &User, ending: Ending) -> u64 {
    let none = Effects::none();
    match ending {
        Ending::Password => {
            let change = PasswordChange {
                user_id: owner.id,
                replaces: None,
                hash: SecretText::new("new".to_owned()),
                requires_password_change: false,
                ends: PasswordEnds::Others { keep: None },
                now: at(1),
            };
            let outcome = tenant.set_password(change, none).await.unwrap();
            let ended = |grants| PasswordOutcome::Changed(Ended { sessions: 1, grants });
            (0..3).find(|n| outcome == ended(*n)).unwrap()
        }
        Ending::Everything => {
            let ended = tenant.end_everything(owner.id, at(1), EndEffects::default());
            ended.await.unwrap().grants
        }
        Ending::Consent => {
            let withdrawn = tenant.withdraw_consent(owner.id, &client_id(), at(1), none).await;
            withdrawn.unwrap().unwrap_or(0)
        }
        Ending::Account => u64::from(tenant.delete_user(owner.id, none).await.unwrap()),
    }
}

#[tokio::test]
async fn whoever_shuts_a_person_out_waits_for_a_completion_and_sees_its_grant() {
    for ending in [
        Ending::Password,
        Ending::Everything,
        Ending::Consent,
        Ending::Account,
    ] {
        let fixture = Fixture::new().await;
        let (owner, _) = signed_in(&*fixture.tenant).await;
        let (mut elsewhere, observer) = (fixture.connect().await, fixture.connect().await);
        // A completion that has not committed yet, by hand.
        let open = elsewhere.transaction().await.unwrap();
        open.batch_execute(
            "SELECT 1 FROM users FOR SHARE; \
             INSERT INTO grants (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, created_at, \
               expires_at) \
             SELECT tenant_id, pseudonym, 'client', id, 'openid', 0, '[]', '{}', 0, 9000000000000000 FROM users",
        )
        .await
        .unwrap();
        let (tenant, person) = (Arc::clone(&fixture.tenant), owner.clone());
        let ended = tokio::spawn(async move { end(&*tenant, &person, ending).await });
        fixture.until_somebody_waits(&observer).await;
        open.commit().await.unwrap();
        assert_eq!(ended.await.unwrap(), 1, "{ending:?}");
        let living = "SELECT count(*) FROM grants WHERE revoked_at IS NULL";
        assert_eq!(number(&observer, living).await, 0, "{ending:?}");
        let told = "SELECT count(*) FROM invalidations WHERE topic = 'grant'";
        assert_eq!(number(&observer, told).await, 1, "{ending:?}");
    }
}

#[tokio::test]
async fn completion_neither_waits_for_a_consent_that_grows_nor_takes_it_for_withdrawn() {
    let fixture = Fixture::new().await;
    let (_, session) = signed_in(&*fixture.tenant).await;
    let mut elsewhere = fixture.connect().await;
    elsewhere.batch_execute(AGREE).await.unwrap();
    let open = elsewhere.transaction().await.unwrap();
    open.execute("UPDATE consents SET scope = 'email ' || scope", &[])
        .await
        .unwrap();
    let outcome = fixture
        .tenant
        .complete_interaction(completion(&session), issued())
        .await;
    assert_eq!(outcome.unwrap(), CompleteOutcome::Completed);
    open.commit().await.unwrap();
}

#[tokio::test]
async fn everything_ends_or_nothing_when_the_caller_goes_away_in_between() {
    let fixture = Fixture::new().await;
    let (owner, session) = signed_in(&*fixture.tenant).await;
    let mut asked = completion(&session);
    asked.relies_on = None;
    let completed = fixture.tenant.complete_interaction(asked, Effects::none());
    assert_eq!(completed.await.unwrap(), CompleteOutcome::Completed);
    let (mut elsewhere, observer) = (fixture.connect().await, fixture.connect().await);
    let open = elsewhere.transaction().await.unwrap();
    open.execute("SELECT 1 FROM grants FOR UPDATE", &[])
        .await
        .unwrap();
    let tenant = Arc::clone(&fixture.tenant);
    let ending = tokio::spawn(async move {
        let ended = tenant.end_everything(owner.id, at(1), EndEffects::default());
        ended.await.unwrap();
    });
    fixture.until_somebody_waits(&observer).await;
    ending.abort();
    assert!(ending.await.unwrap_err().is_cancelled());
    open.commit().await.unwrap();
    let living =
        "SELECT count(*) FROM sessions s, grants g WHERE s.ended_at IS NULL AND g.revoked_at IS NULL";
    assert_eq!(number(&observer, living).await, 1);
}
