//! Defined scopes.

use authly_core::{AuditAction, Effects, StorageError, ports::ScopeDefinition};

use super::{Backend, fixtures::effects};

pub async fn scopes_are_seeded_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    let scope = |name: &str, description: &str| ScopeDefinition {
        name: name.to_owned(),
        description: description.to_owned(),
        is_default: name == "openid",
    };
    let seed = [scope("profile", "old"), scope("openid", "old")];
    let created = || {
        effects(AuditAction::ScopeCreated {
            scope: "x".to_owned(),
        })
    };
    tenant.seed_scopes(&seed, created()).await.unwrap();
    tenant.seed_scopes(&seed, created()).await.unwrap();
    assert_eq!(
        backend.effect_counts().await,
        [1, 1, 0],
        "nothing was seeded the second time"
    );
    let more = [scope("profile", "new"), scope("email", "new")];
    tenant.seed_scopes(&more, Effects::none()).await.unwrap();
    let expected = [
        scope("email", "new"),
        scope("openid", "old"),
        scope("profile", "old"),
    ];
    assert_eq!(*tenant.list_scopes().await.unwrap(), expected);
    assert!(
        backend
            .other_tenant()
            .await
            .list_scopes()
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn scope_is_changed_and_deleted(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut scope = ScopeDefinition {
        name: "read".to_owned(),
        description: "old".to_owned(),
        is_default: false,
    };
    let step = |action: fn(String) -> AuditAction| effects(action("read".to_owned()));
    let created = || step(|scope| AuditAction::ScopeCreated { scope });
    let updated = || step(|scope| AuditAction::ScopeUpdated { scope });
    let deleted = || step(|scope| AuditAction::ScopeDeleted { scope });
    assert!(!tenant.update_scope(&scope, updated()).await.unwrap());
    assert!(!tenant.delete_scope("read", deleted()).await.unwrap());
    tenant.create_scope(&scope, created()).await.unwrap();
    let again = tenant.create_scope(&scope, created()).await;
    assert!(matches!(again, Err(StorageError::Conflict(_))));
    "new".clone_into(&mut scope.description);
    scope.is_default = true;
    let other = backend.other_tenant().await;
    assert!(!other.update_scope(&scope, updated()).await.unwrap());
    assert!(tenant.update_scope(&scope, updated()).await.unwrap());
    assert_eq!(*tenant.list_scopes().await.unwrap(), [scope]);
    assert!(!other.delete_scope("read", deleted()).await.unwrap());
    assert!(tenant.delete_scope("read", deleted()).await.unwrap());
    assert!(tenant.list_scopes().await.unwrap().is_empty());
    assert_eq!(
        backend.audit().await,
        ["scope_created", "scope_updated", "scope_deleted"]
    );
}
