//! Clients and scopes.

use authly_core::{
    AuditAction, Effects, SecretText, StorageError, TenantId,
    client::{AuthMethod, Client},
    ports::{Page, UpdateOutcome},
};

use super::{
    Backend,
    fixtures::{
        access_token, at, client, client_id, completion, consent, effects, grant, granted, hash, killed,
        sealer,
    },
};

pub async fn client_is_loaded_as_created(backend: &impl Backend) {
    let tenant = backend.tenant();
    let mut public = client("public");
    public.token_endpoint_auth_method = AuthMethod::None;
    public.secret_hash = None;
    public.secret = None;
    public.jwks = Some(r#"{"keys":[]}"#.to_owned());
    public.jwks_uri = None;
    public.redirect_uris = Vec::new();
    public.enabled = false;
    for made in [client("app"), public] {
        tenant
            .create_client(&made, effects(AuditAction::ClientCreated))
            .await
            .unwrap();
        assert_eq!(tenant.load_client(&made.id).await.unwrap(), Some(made.into()));
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

pub async fn client_secret_is_sealed_to_its_row(backend: &impl Backend) {
    let tenant = backend.tenant();
    for (id, secret) in [("a", "hush-a"), ("b", "hush-b")] {
        let mut made = client(id);
        made.secret = Some(SecretText::new(secret.to_owned()));
        tenant.create_client(&made, Effects::none()).await.unwrap();
    }
    let rows = backend.sql("SELECT secret_sealed FROM clients").await;
    assert!(
        rows.iter()
            .flatten()
            .all(|sealed| !sealed.contains(&hex::encode("hush")))
    );
    let stranger = backend.node(sealer(99)).await.tenant(&TenantId::default_tenant());
    let opened = stranger.load_client(&client_id("a")).await;
    assert!(matches!(opened, Err(StorageError::Corrupt(_))));
    backend
        .sql(
            "UPDATE clients SET secret_sealed = (SELECT o.secret_sealed FROM clients o WHERE o.client_id = 'b') \
             WHERE client_id = 'a'",
        )
        .await;
    let moved = tenant.load_client(&client_id("a")).await;
    assert!(matches!(moved, Err(StorageError::Corrupt(_))));
}

pub async fn client_is_updated_at_its_version(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .create_client(&client("app"), Effects::none())
        .await
        .unwrap();
    let mut changed = client("app");
    "Another name".clone_into(&mut changed.name);
    changed.secret_hash = Some(hash("new"));
    changed.secret = None;
    changed.redirect_uris = Vec::new();
    changed.access_token_ttl = None;
    changed.default_max_age = None;
    changed.enabled = false;
    changed.jwks_uri = None;
    changed.jwks = Some("{}".to_owned());
    let update = async |client: &Client| {
        let updated = effects(AuditAction::ClientUpdated);
        tenant.update_client(client, updated).await.unwrap()
    };
    assert_eq!(update(&changed).await, UpdateOutcome::Updated);
    assert_eq!(update(&client("app")).await, UpdateOutcome::Stale);
    assert_eq!(update(&client("nobody")).await, UpdateOutcome::Unknown);
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    changed.version = 1;
    let now = tenant.load_client(&changed.id).await.unwrap();
    assert_eq!(now.as_deref(), Some(&changed));
    tenant
        .set_client_enabled(&changed.id, true, Effects::none())
        .await
        .unwrap();
    assert_eq!(
        update(&changed).await,
        UpdateOutcome::Stale,
        "enabling is a change too"
    );
    let other = backend.other_tenant().await;
    let outcome = other.update_client(&changed, Effects::none()).await.unwrap();
    assert_eq!(outcome, UpdateOutcome::Unknown);
}

pub async fn deleted_client_takes_what_it_was_given(backend: &impl Backend) {
    let tenant = backend.tenant();
    let living = granted(backend, "living").await;
    let mut elsewhere = completion("elsewhere");
    elsewhere.grant.client_id = client_id("other");
    let mut agreed = completion("agreed");
    agreed.consent = Some(consent("openid", 1));
    for step in [elsewhere, agreed] {
        tenant.complete_interaction(step, Effects::none()).await.unwrap();
    }
    for id in ["app", "other"] {
        tenant.create_client(&client(id), Effects::none()).await.unwrap();
    }
    let token = access_token("opaque", None);
    tenant.store_access_token(&token, Effects::none()).await.unwrap();
    let deleted = || effects(AuditAction::ClientDeleted);
    let app = client_id("app");
    assert!(tenant.delete_client(&app, at(5), deleted()).await.unwrap());
    assert!(!tenant.delete_client(&app, at(5), deleted()).await.unwrap());
    assert_eq!(tenant.load_client(&app).await.unwrap(), None);
    for dead in [living.id, grant("agreed").id] {
        let now = tenant.load_grant(dead).await.unwrap().unwrap();
        assert_eq!(now.revoked_at, Some(at(5)));
    }
    let spared = tenant.load_grant(grant("elsewhere").id).await.unwrap().unwrap();
    assert_eq!(spared.revoked_at, None, "it is another client's");
    assert!(tenant.list_consents(living.user_id).await.unwrap().is_empty());
    let token = tenant.load_access_token(&hash("opaque")).await.unwrap().unwrap();
    assert_eq!(token.revoked_at, Some(at(5)));
    assert_eq!(backend.audit().await, ["client_deleted"]);
    assert_eq!(killed(backend).await, ["agreed", "living"]);
}
