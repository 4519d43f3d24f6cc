//! Clients and scopes.

use authly_core::{
    AuditAction, Effects, StorageError,
    client::AuthMethod,
    ports::{Page, ScopeDefinition},
};

use super::{
    Backend,
    fixtures::{client, client_id, effects},
};

pub async fn client_is_loaded_as_created(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut public = client("public");
    public.token_endpoint_auth_method = AuthMethod::None;
    public.secret_hash = None;
    public.redirect_uris = Vec::new();
    public.enabled = false;
    for made in [client("app"), public] {
        tenant
            .create_client(&made, effects(AuditAction::ClientCreated))
            .await
            .unwrap();
        assert_eq!(tenant.load_client(&made.id).await.unwrap(), Some(made));
    }
    assert_eq!(backend.audit().await, ["client_created", "client_created"]);
}

pub async fn client_belongs_to_its_tenant(backend: &impl Backend) {
    let (ours, theirs) = (backend.tenant(), backend.other_tenant().await);
    ours.create_client(&client("app"), Effects::none()).await.unwrap();
    assert_eq!(theirs.load_client(&client_id("app")).await.unwrap(), None);
    theirs
        .create_client(&client("app"), Effects::none())
        .await
        .unwrap();
    let app = client_id("app");
    assert!(
        theirs
            .set_client_enabled(&app, false, Effects::none())
            .await
            .unwrap()
    );
    assert!(
        ours.load_client(&client_id("app"))
            .await
            .unwrap()
            .unwrap()
            .enabled
    );
}

pub async fn client_id_is_taken_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .create_client(&client("app"), Effects::none())
        .await
        .unwrap();
    let again = client("app");
    let result = tenant
        .create_client(&again, effects(AuditAction::ClientCreated))
        .await;
    assert!(matches!(result, Err(StorageError::Conflict(_))));
    assert_eq!(
        backend.effect_counts().await,
        [0, 0, 0],
        "a refused change leaves nothing behind"
    );
}

pub async fn clients_are_listed_in_pages(backend: &impl Backend) {
    let tenant = backend.tenant();
    for id in ["b", "C", "a", "_"] {
        tenant.create_client(&client(id), Effects::none()).await.unwrap();
    }
    let page = async |after: Option<&str>, limit| {
        let page = Page {
            after: after.map(str::to_owned),
            limit,
        };
        let clients = tenant.list_clients(&page).await.unwrap();
        clients.iter().map(|c| c.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 10).await, ["C", "_", "a", "b"], "in byte order");
    assert_eq!(page(None, 2).await, ["C", "_"]);
    assert_eq!(page(Some("_"), 2).await, ["a", "b"]);
    assert!(page(Some("b"), 2).await.is_empty());
}

pub async fn client_is_disabled_with_its_effects(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .create_client(&client("app"), Effects::none())
        .await
        .unwrap();
    let disabled = || effects(AuditAction::ClientEnabled { enabled: false });
    assert!(
        tenant
            .set_client_enabled(&client_id("app"), false, disabled())
            .await
            .unwrap()
    );
    assert!(
        !tenant
            .load_client(&client_id("app"))
            .await
            .unwrap()
            .unwrap()
            .enabled
    );
    assert!(
        !tenant
            .set_client_enabled(&client_id("nobody"), false, disabled())
            .await
            .unwrap()
    );
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    let rows = backend
        .sql("SELECT tenant_id, detail, client_id, request_id FROM audit_events")
        .await;
    let detail: serde_json::Value = serde_json::from_str(&rows[0][1]).unwrap();
    assert_eq!(
        detail,
        serde_json::json!({"action": "client_enabled", "enabled": false})
    );
    assert_eq!(
        [&rows[0][0], &rows[0][2], &rows[0][3]],
        ["default", "app", "request-1"]
    );
}

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
    assert_eq!(tenant.list_scopes().await.unwrap(), expected);
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
