//! People's accounts.

use authly_core::{
    AuditAction, Effects, SecretText, StorageError, UserId,
    ports::{Ended, Page, PasswordChange, PasswordEnds, PasswordOutcome, UpdateOutcome},
    user::User,
};

use super::{
    Backend,
    fixtures::{
        access_token, alice, at, completion, consent, effects, granted, hash, killed, living, refresh_token,
        session, user, user_id,
    },
};

pub async fn user_is_loaded_as_created(backend: &impl Backend) {
    let tenant = backend.tenant();
    let (alice, bob) = (user("Alice"), user("bob"));
    let password = SecretText::new("$argon2id$…".to_owned());
    let created = effects(AuditAction::UserCreated);
    tenant
        .create_user(&alice, Some(&password), created)
        .await
        .unwrap();
    tenant.create_user(&bob, None, Effects::none()).await.unwrap();
    assert_eq!(
        tenant.load_user(alice.id).await.unwrap(),
        Some(alice.clone().into())
    );
    let login = tenant.load_login("alice").await.unwrap().unwrap();
    assert_eq!(login.user, alice);
    assert_eq!(login.password_hash.unwrap().expose(), "$argon2id$…");
    assert!(
        tenant
            .load_login("bob")
            .await
            .unwrap()
            .unwrap()
            .password_hash
            .is_none()
    );
    assert!(
        tenant.load_login("Alice").await.unwrap().is_none(),
        "looked up by the normal form only"
    );
    assert_eq!(tenant.load_user(user_id("nobody")).await.unwrap(), None);
    assert_eq!(backend.audit().await, ["user_created"]);
    assert_eq!(
        backend.other_tenant().await.load_user(alice.id).await.unwrap(),
        None
    );
}

pub async fn user_name_is_taken_once_in_its_normal_form(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .create_user(&user("alice"), None, Effects::none())
        .await
        .unwrap();
    let mut second = user("second");
    " ALICE ".clone_into(&mut second.username);
    let result = tenant
        .create_user(&second, None, effects(AuditAction::UserCreated))
        .await;
    assert!(matches!(result, Err(StorageError::Conflict(_))));
    assert_eq!(tenant.load_user(second.id).await.unwrap(), None);
    assert_eq!(backend.effect_counts().await, [0, 0, 0]);
}

pub async fn users_are_listed_in_pages(backend: &impl Backend) {
    let tenant = backend.tenant();
    for name in ["Carol", "bob", "alice"] {
        tenant
            .create_user(&user(name), None, Effects::none())
            .await
            .unwrap();
    }
    let page = async |after: Option<&str>, limit| {
        let page = Page {
            after: after.map(str::to_owned),
            limit,
        };
        let users = tenant.list_users(&page).await.unwrap();
        users.into_iter().map(|u| u.username).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, ["alice", "bob"]);
    assert_eq!(page(Some("bob"), 2).await, ["Carol"]);
}

pub async fn user_is_disabled_with_the_time_and_effects(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .create_user(&user("alice"), None, Effects::none())
        .await
        .unwrap();
    let disabled = || effects(AuditAction::UserEnabled { enabled: false });
    assert!(
        tenant
            .set_user_enabled(user_id("alice"), false, at(9), disabled())
            .await
            .unwrap()
    );
    let alice = tenant.load_user(user_id("alice")).await.unwrap().unwrap();
    assert!(!alice.enabled);
    assert_eq!((alice.updated_at, alice.version), (at(9), 1));
    assert!(
        !tenant
            .set_user_enabled(user_id("nobody"), false, at(9), disabled())
            .await
            .unwrap()
    );
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}

pub async fn user_is_updated_at_its_version(backend: &impl Backend) {
    let tenant = backend.tenant();
    let made = alice(&*tenant).await;
    tenant
        .create_user(&user("bob"), None, Effects::none())
        .await
        .unwrap();
    let mut changed = made.clone();
    "Alicia".clone_into(&mut changed.username);
    changed.claims = serde_json::Map::new();
    changed.groups = Vec::new();
    (changed.is_admin, changed.enabled) = (false, false);
    (changed.verified, changed.requires_password_change) = (false, false);
    changed.updated_at = at(9);
    let update = async |user: &User| tenant.update_user(user, effects(AuditAction::UserUpdated)).await;
    assert_eq!(update(&changed).await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(update(&changed).await.unwrap(), UpdateOutcome::Stale);
    assert_eq!(update(&user("nobody")).await.unwrap(), UpdateOutcome::Unknown);
    changed.version = 1;
    let login = tenant.load_login("alicia").await.unwrap().unwrap();
    assert_eq!(login.user, changed, "found under the new name");
    assert!(tenant.load_login("alice").await.unwrap().is_none());
    let mut taken = changed.clone();
    "BOB".clone_into(&mut taken.username);
    let result = update(&taken).await;
    assert!(matches!(result, Err(StorageError::Conflict(_))));
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    let mut other = changed.clone();
    other.pseudonym = user_id("someone").as_uuid();
    other.created_at = at(99);
    assert_eq!(update(&other).await.unwrap(), UpdateOutcome::Updated);
    changed.version = 2;
    assert_eq!(
        tenant.load_user(made.id).await.unwrap(),
        Some(changed.into()),
        "pseudonym and age stay"
    );
}

/// A change of alice's password, at 5 s.
pub fn password(hash: &str, replaces: Option<&str>, ends: PasswordEnds) -> PasswordChange {
    PasswordChange {
        user_id: user_id("alice"),
        replaces: replaces.map(|old| SecretText::new(old.to_owned())),
        hash: SecretText::new(hash.to_owned()),
        requires_password_change: false,
        ends,
        now: at(5),
    }
}

pub fn changed() -> Effects {
    effects(AuditAction::PasswordChanged)
}

async fn stored_hash(backend: &impl Backend, id: UserId) -> Option<String> {
    let login = backend.tenant().load_credentials(id).await.unwrap().unwrap();
    login.password_hash.map(|hash| hash.expose().to_owned())
}

pub async fn password_replaces_the_one_that_was_checked(backend: &impl Backend) {
    let tenant = backend.tenant();
    let made = user("alice");
    let first = SecretText::new("first".to_owned());
    tenant
        .create_user(&made, Some(&first), Effects::none())
        .await
        .unwrap();
    let set = async |change| tenant.set_password(change, changed()).await.unwrap();
    let nothing = PasswordEnds::Nothing;
    assert_eq!(
        set(password("second", Some("wrong"), nothing)).await,
        PasswordOutcome::Stale
    );
    assert_eq!(stored_hash(backend, made.id).await.as_deref(), Some("first"));
    let done = PasswordOutcome::Changed(Ended::default());
    assert_eq!(set(password("second", Some("first"), nothing)).await, done);
    assert_eq!(
        set(password("third", Some("first"), nothing)).await,
        PasswordOutcome::Stale
    );
    assert_eq!(stored_hash(backend, made.id).await.as_deref(), Some("second"));
    let mut by_operator = password("fourth", None, nothing);
    by_operator.requires_password_change = true;
    assert_eq!(set(by_operator).await, done);
    let now = tenant.load_credentials(made.id).await.unwrap().unwrap();
    assert_eq!(now.password_hash.unwrap().expose(), "fourth");
    assert!(now.user.requires_password_change);
    assert_eq!(
        (
            now.user.password_changed_at,
            now.user.updated_at,
            now.user.version
        ),
        (Some(at(5)), at(5), 2)
    );
    let mut unknown = password("x", None, nothing);
    unknown.user_id = user_id("nobody");
    assert_eq!(set(unknown).await, PasswordOutcome::Unknown);
    assert!(
        tenant
            .load_credentials(user_id("nobody"))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}

pub async fn password_change_ends_what_was_opened_before(backend: &impl Backend) {
    let tenant = backend.tenant();
    for name in ["a", "b"] {
        granted(backend, name).await;
    }
    let owner = tenant.load_user(user_id("alice")).await.unwrap().unwrap();
    let kept = session("kept", &owner);
    let mut expired = session("expired", &owner);
    expired.expires_at = at(5);
    for made in [&kept, &session("other", &owner), &expired] {
        tenant
            .start_session(made, Some(at(0)), None, Effects::none())
            .await
            .unwrap();
    }
    let keep = Some(kept.id);
    let stale = password("x", Some("wrong"), PasswordEnds::Others { keep });
    let outcome = tenant.set_password(stale, changed()).await.unwrap();
    assert_eq!(outcome, PasswordOutcome::Stale);
    assert!(living(&*tenant, "other", 5).await.is_some());
    let change = password("new", None, PasswordEnds::Others { keep });
    let outcome = tenant.set_password(change, changed()).await.unwrap();
    let ended = Ended {
        sessions: 1,
        grants: 2,
    };
    assert_eq!(outcome, PasswordOutcome::Changed(ended));
    assert!(living(&*tenant, "kept", 5).await.is_some());
    assert!(living(&*tenant, "other", 5).await.is_none());
    assert_eq!(killed(backend).await, ["a", "b"]);
    let change = password("newer", None, PasswordEnds::Others { keep: None });
    let outcome = tenant.set_password(change, changed()).await.unwrap();
    let ended = Ended {
        sessions: 1,
        grants: 0,
    };
    assert_eq!(outcome, PasswordOutcome::Changed(ended));
    assert_eq!(backend.audit().await, ["password_changed", "password_changed"]);
}

pub async fn deleted_user_leaves_nothing_alive(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "a").await;
    let mut agreed = completion("b");
    agreed.consent = Some(consent("openid", 1));
    tenant
        .complete_interaction(agreed, Effects::none())
        .await
        .unwrap();
    let redemption = authly_core::ports::Redemption {
        hash: hash("a"),
        refresh_token: Some(refresh_token("r", &grant)),
        access_token: Some(access_token("opaque", Some(&grant))),
        now: at(1),
    };
    tenant
        .redeem_code(redemption, authly_core::ports::RedeemEffects::default())
        .await
        .unwrap();
    let owner = tenant.load_user(grant.user_id).await.unwrap().unwrap();
    tenant
        .start_session(&session("s", &owner), Some(at(0)), None, Effects::none())
        .await
        .unwrap();
    let deleted = || effects(AuditAction::UserDeleted);
    let other = backend.other_tenant().await;
    assert!(!other.delete_user(owner.id, deleted()).await.unwrap());
    assert!(tenant.delete_user(owner.id, deleted()).await.unwrap());
    assert!(!tenant.delete_user(owner.id, deleted()).await.unwrap());
    assert_eq!(tenant.load_user(owner.id).await.unwrap(), None);
    for table in ["sessions", "consents", "grants"] {
        let rows = backend.sql(&format!("SELECT 1 FROM {table}")).await;
        assert!(rows.is_empty(), "{table}");
    }
    assert!(tenant.load_code(&hash("b")).await.unwrap().is_none());
    assert!(tenant.load_refresh(&hash("r")).await.unwrap().is_none());
    let opaque = tenant.load_access_token(&hash("opaque")).await.unwrap().unwrap();
    let its_grant = tenant.load_grant(opaque.grant_id.unwrap()).await.unwrap();
    assert_eq!(its_grant, None, "a token without its grant is dead");
    assert_eq!(backend.audit().await, ["user_deleted"]);
    assert_eq!(killed(backend).await, ["a", "b"]);
}
