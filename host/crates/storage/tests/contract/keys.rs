//! Signing keys.

use authly_core::{
    AuditAction, Effects, Kid, SecretBytes, StorageError, TenantId,
    key::{KeyState, SigningAlg, StoredKey},
    ports::TenantStorage,
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
        state_since: at(0),
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

/// Every published key as `kid state state_since`.
async fn published(tenant: &dyn TenantStorage) -> Vec<String> {
    let keys = tenant.load_keys().await.unwrap();
    keys.iter()
        .map(|key| {
            let since = key.state_since.as_secs() - at(0).as_secs();
            format!("{} {} {since}", key.kid.as_str(), key.state.as_str())
        })
        .collect()
}

fn kid(text: &str) -> Kid {
    Kid::parse(text).unwrap()
}

pub async fn keys_follow_one_another(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alg = SigningAlg::Es256;
    assert!(
        tenant
            .ensure_active_key(&key("a", alg), Effects::none())
            .await
            .unwrap()
    );
    assert!(tenant.add_pending_key(&key("b", alg), created()).await.unwrap());
    assert!(
        !tenant.add_pending_key(&key("c", alg), created()).await.unwrap(),
        "there is a next one"
    );
    assert!(
        tenant
            .add_pending_key(&key("r", SigningAlg::Rs256), Effects::none())
            .await
            .unwrap(),
        "of another algorithm"
    );
    assert_eq!(
        published(&*tenant).await,
        ["a active 0", "b pending 0", "r pending 0"]
    );
    let step = async |name| tenant.activate_key(&kid(name), at(5), created()).await.unwrap();
    assert!(step("b").await);
    assert!(!step("b").await, "it is active already");
    assert!(!step("a").await, "it is retiring");
    assert!(!step("unknown").await);
    assert_eq!(
        published(&*tenant).await,
        ["a retiring 5", "b active 5", "r pending 0"]
    );
    assert!(step("r").await, "the first of its algorithm");
    assert_eq!(backend.effect_counts().await, [3, 3, 0]);
    let other = backend.other_tenant().await;
    assert!(!other.activate_key(&kid("r"), at(6), created()).await.unwrap());
}

pub async fn emergency_replaces_the_active_key(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alg = SigningAlg::Es256;
    let replace = async |name| {
        let mut next = key(name, alg);
        next.state_since = at(7);
        tenant.replace_active_key(&next, at(7), created()).await
    };
    assert_eq!(replace("a").await.unwrap(), None, "there was none before");
    tenant
        .add_pending_key(&key("p", alg), Effects::none())
        .await
        .unwrap();
    assert_eq!(replace("b").await.unwrap(), Some(kid("a")));
    assert_eq!(
        published(&*tenant).await,
        ["a retiring 7", "b active 7", "p pending 0"]
    );
    let taken = replace("a").await;
    assert!(matches!(taken, Err(StorageError::Conflict(_))), "{taken:?}");
    assert_eq!(
        published(&*tenant).await,
        ["a retiring 7", "b active 7", "p pending 0"],
        "nothing of it happened"
    );
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}

pub async fn compromised_keys_go_together_and_at_once(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alg = SigningAlg::Es256;
    for name in ["a", "b"] {
        let next = key(name, alg);
        tenant
            .replace_active_key(&next, at(1), Effects::none())
            .await
            .unwrap();
    }
    for (name, alg) in [("p", alg), ("o", SigningAlg::Rs256)] {
        let next = key(name, alg);
        assert!(tenant.add_pending_key(&next, Effects::none()).await.unwrap());
    }
    let replace = async |name| {
        tenant
            .replace_compromised_keys(&key(name, alg), at(7), created())
            .await
    };
    let taken = replace("a").await;
    assert!(matches!(taken, Err(StorageError::Conflict(_))), "{taken:?}");
    assert_eq!(
        published(&*tenant).await,
        ["a retiring 1", "b active 0", "o pending 0", "p pending 0"],
        "nothing of it happened"
    );
    assert_eq!(replace("c").await.unwrap(), [kid("a"), kid("b"), kid("p")]);
    assert_eq!(published(&*tenant).await, ["c active 0", "o pending 0"]);
    let left = backend
        .sql("SELECT kid FROM signing_keys WHERE private_sealed IS NOT NULL ORDER BY kid")
        .await;
    assert_eq!(left, [["c"], ["o"]], "the private parts are gone");
    assert!(
        !tenant.activate_key(&kid("p"), at(10), created()).await.unwrap(),
        "what was published never signs"
    );
    assert_eq!(replace("d").await.unwrap(), [kid("c")]);
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}

pub async fn removed_key_is_destroyed(backend: &impl Backend) {
    let tenant = backend.tenant();
    let alg = SigningAlg::Es256;
    for name in ["a", "b"] {
        tenant
            .replace_active_key(&key(name, alg), at(1), Effects::none())
            .await
            .unwrap();
    }
    tenant
        .add_pending_key(&key("p", alg), Effects::none())
        .await
        .unwrap();
    let remove = async |name| tenant.remove_key(&kid(name), at(9), created()).await.unwrap();
    assert!(!remove("b").await, "it signs");
    assert!(!remove("unknown").await);
    for name in ["a", "p"] {
        assert!(remove(name).await, "{name}");
        assert!(!remove(name).await, "{name} again");
    }
    assert_eq!(published(&*tenant).await, ["b active 0"]);
    let left = backend
        .sql("SELECT kid FROM signing_keys WHERE private_sealed IS NOT NULL")
        .await;
    assert_eq!(left, [["b"]], "the private parts are gone");
    assert!(
        !tenant.activate_key(&kid("p"), at(10), created()).await.unwrap(),
        "it does not come back"
    );
    assert!(
        tenant.add_pending_key(&key("q", alg), created()).await.unwrap(),
        "and makes room for the next"
    );
    assert_eq!(backend.effect_counts().await, [3, 3, 0]);
}
