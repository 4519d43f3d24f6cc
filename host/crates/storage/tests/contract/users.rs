//! People's accounts.

use authly_core::{AuditAction, Effects, SecretText, StorageError, ports::Page};

use super::{
    Backend,
    fixtures::{at, effects, user, user_id},
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
    assert_eq!(tenant.load_user(alice.id).await.unwrap(), Some(alice.clone()));
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
    assert_eq!(alice.updated_at, at(9));
    assert!(
        !tenant
            .set_user_enabled(user_id("nobody"), false, at(9), disabled())
            .await
            .unwrap()
    );
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}
