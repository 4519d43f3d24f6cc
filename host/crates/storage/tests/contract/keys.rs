//! Signing keys.

use authly_core::{
    AuditAction, Effects, Kid, SecretBytes, StorageError, TenantId,
    key::{KeyState, SigningAlg, StoredKey},
};

use super::{
    Backend,
    fixtures::{at, effects, sealer},
};

pub fn key(kid: &str, alg: SigningAlg) -> StoredKey {
    StoredKey {
        kid: Kid::parse(kid).unwrap(),
        alg,
        state: KeyState::Active,
        public_jwk: format!(r#"{{"kid":"{kid}"}}"#),
        private: SecretBytes::new(format!("private-{kid}").into_bytes()),
        created_at: at(0),
    }
}

fn created() -> Effects {
    effects(AuditAction::KeyCreated { kid: "k".to_owned() })
}

pub async fn key_is_stored_once_per_algorithm(backend: &impl Backend) {
    let tenant = backend.tenant();
    assert!(!tenant.has_active_key(SigningAlg::Es256).await.unwrap());
    assert!(
        tenant
            .ensure_active_key(&key("a", SigningAlg::Es256), created())
            .await
            .unwrap()
    );
    assert!(
        !tenant
            .ensure_active_key(&key("b", SigningAlg::Es256), created())
            .await
            .unwrap()
    );
    assert!(
        !tenant
            .ensure_active_key(&key("a", SigningAlg::Es256), created())
            .await
            .unwrap()
    );
    assert!(
        tenant
            .ensure_active_key(&key("c", SigningAlg::Rs256), created())
            .await
            .unwrap()
    );
    assert!(tenant.has_active_key(SigningAlg::Es256).await.unwrap());
    assert!(!tenant.has_active_key(SigningAlg::Ps256).await.unwrap());
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
    let keys = tenant.load_keys().await.unwrap();
    let seen: Vec<_> = keys.iter().map(|k| (k.kid.as_str(), k.alg, k.state)).collect();
    let active = KeyState::Active;
    assert_eq!(
        seen,
        [("a", SigningAlg::Es256, active), ("c", SigningAlg::Rs256, active)]
    );
    assert_eq!(keys[0].private.expose(), b"private-a");
    assert_eq!(
        (keys[0].public_jwk.as_str(), keys[0].created_at),
        (r#"{"kid":"a"}"#, at(0))
    );
}

pub async fn private_key_is_sealed(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .ensure_active_key(&key("a", SigningAlg::Es256), created())
        .await
        .unwrap();
    tenant
        .ensure_active_key(&key("b", SigningAlg::Rs256), created())
        .await
        .unwrap();
    let rows = backend.sql("SELECT private_sealed FROM signing_keys").await;
    let plain = hex::encode("private");
    assert!(rows.iter().flatten().all(|sealed| !sealed.contains(&plain)));
    backend
        .sql(
            "UPDATE signing_keys SET private_sealed = (SELECT o.private_sealed FROM signing_keys o \
             ORDER BY o.private_sealed DESC LIMIT 1)",
        )
        .await;
    let swapped = tenant.load_keys().await;
    assert!(
        matches!(swapped, Err(StorageError::Corrupt(_))),
        "a key moved to another row does not open"
    );
}

pub async fn wrong_encryption_key_is_corrupt(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .ensure_active_key(&key("a", SigningAlg::Es256), created())
        .await
        .unwrap();
    let stranger = backend.node(sealer(99)).await.tenant(&TenantId::default_tenant());
    assert!(matches!(
        stranger.load_keys().await,
        Err(StorageError::Corrupt(_))
    ));
    assert!(
        stranger.has_active_key(SigningAlg::Es256).await.unwrap(),
        "so it does not make a second one"
    );
}

pub async fn key_belongs_to_its_tenant(backend: &impl Backend) {
    let (ours, theirs) = (backend.tenant(), backend.other_tenant().await);
    ours.ensure_active_key(&key("a", SigningAlg::Es256), created())
        .await
        .unwrap();
    assert!(theirs.load_keys().await.unwrap().is_empty());
    assert!(
        theirs
            .ensure_active_key(&key("a", SigningAlg::Es256), created())
            .await
            .unwrap()
    );
}
