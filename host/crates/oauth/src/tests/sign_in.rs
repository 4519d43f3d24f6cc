//! Signing in while the account changes: what the authenticator found is judged again when the session begins.

use async_trait::async_trait;
use authly_core::{
    AuditAction, AuditEvent, Effects, PlainToken, RequestContext, SecretText,
    interaction::PasswordProof,
    ports::{PasswordChange, PasswordEnds},
    user::User,
};

use super::Site;
use crate::{
    account::{
        form::{self, Purpose},
        login::{LoginVerdict, submit},
    },
    interaction::{
        Authenticated, Authenticator, Browser, Credentials, NewPasswordRefusal, PasswordAttempt, Refusal,
    },
    session_ends, testing,
};

/// Finds the person, before what happens meanwhile.
struct Slow<'a> {
    site: &'a Site,
    meanwhile: Option<Meanwhile>,
}

#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    NewPassword,
    Disabled,
    Deleted,
}

#[async_trait]
impl Authenticator for Slow<'_> {
    async fn authenticate(
        &self,
        _: PasswordAttempt<'_>,
        ctx: &RequestContext,
    ) -> Result<Authenticated, Refusal> {
        let storage = self.site.storage();
        let user = storage.load_user(self.site.user.id).await.unwrap().unwrap();
        match self.meanwhile {
            None => {}
            Some(Meanwhile::NewPassword) => {
                let change = PasswordChange {
                    user_id: user.id,
                    replaces: None,
                    hash: SecretText::new("another".to_owned()),
                    requires_password_change: false,
                    ends: PasswordEnds::Others { keep: None },
                    now: ctx.now.plus(std::time::Duration::from_secs(1)),
                };
                storage.set_password(change, Effects::none()).await.unwrap();
            }
            Some(Meanwhile::Disabled) => {
                let disabled = storage.set_user_enabled(user.id, false, ctx.now, Effects::none());
                assert!(disabled.await.unwrap());
            }
            Some(Meanwhile::Deleted) => {
                assert!(storage.delete_user(user.id, Effects::none()).await.unwrap());
            }
        }
        Ok(Authenticated {
            user,
            device: SecretText::new("device".to_owned()),
        })
    }

    async fn renew_password(
        &self,
        _: &PasswordProof,
        _: &SecretText,
        _: &RequestContext,
    ) -> Result<User, NewPasswordRefusal> {
        Err(NewPasswordRefusal::Stale)
    }
}

async fn sign_in(site: &Site, meanwhile: Option<Meanwhile>) -> LoginVerdict {
    let binding = PlainToken::generate(site.provider.rng.as_ref());
    let credentials = Credentials {
        csrf: form::token(&binding, Purpose::SignIn),
        username: "alice".to_owned(),
        password: SecretText::new("the old one".to_owned()),
    };
    let browser = Browser {
        binding: Some(binding),
        ..Browser::default()
    };
    let authenticator = Slow { site, meanwhile };
    let ctx = testing::request(site.now());
    submit(&site.provider, &authenticator, &browser, credentials, &ctx)
        .await
        .unwrap()
}

async fn living_sessions(site: &Site) -> usize {
    let listed = site.storage().list_sessions(None, site.now(), 10).await;
    listed.unwrap().len()
}

fn assert_rejected(verdict: &LoginVerdict, why: impl std::fmt::Debug) {
    assert!(
        matches!(
            verdict,
            LoginVerdict::Retry {
                refusal: Refusal::Rejected,
                ..
            }
        ),
        "{why:?}: {verdict:?}"
    );
}

#[tokio::test]
async fn a_sign_in_that_an_account_outran_is_answered_as_a_wrong_password() {
    for meanwhile in [Meanwhile::NewPassword, Meanwhile::Disabled, Meanwhile::Deleted] {
        let site = Site::new().await;
        let verdict = sign_in(&site, None).await;
        assert!(matches!(verdict, LoginVerdict::SignedIn { .. }), "{verdict:?}");
        assert_eq!(living_sessions(&site).await, 1);
        let before = match meanwhile {
            Meanwhile::Disabled => 1,
            Meanwhile::NewPassword | Meanwhile::Deleted => 0,
        };
        assert_rejected(&sign_in(&site, Some(meanwhile)).await, meanwhile);
        assert_eq!(living_sessions(&site).await, before, "{meanwhile:?}");
    }
}

#[tokio::test]
async fn an_operator_ends_one_session_or_all_of_a_person() {
    let site = Site::new().await;
    sign_in(&site, None).await;
    let storage = site.storage();
    let living = storage.list_sessions(None, site.now(), 10).await.unwrap();
    let ended = || AuditEvent::internal(site.now(), AuditAction::SessionEnded);
    assert!(
        session_ends::end_session(storage, living[0].id, ended())
            .await
            .unwrap()
    );
    assert!(
        !session_ends::end_session(storage, living[0].id, ended())
            .await
            .unwrap()
    );
    sign_in(&site, None).await;
    sign_in(&site, None).await;
    let all = session_ends::end_sessions_of(storage, &site.user, ended());
    assert_eq!(all.await.unwrap(), 2);
    assert_eq!(living_sessions(&site).await, 0);
}

#[tokio::test]
async fn an_unverified_person_begins_no_session_of_their_own_where_that_is_required() {
    let mut user = testing::user("alice");
    user.verified = false;
    let mut site = Site::with(testing::client("web"), user).await;
    site.provider.settings.require_verified = true;
    assert_rejected(&sign_in(&site, None).await, "unverified");
    assert_eq!(living_sessions(&site).await, 0);
    site.provider.settings.require_verified = false;
    let verdict = sign_in(&site, None).await;
    assert!(matches!(verdict, LoginVerdict::SignedIn { .. }), "{verdict:?}");
}
