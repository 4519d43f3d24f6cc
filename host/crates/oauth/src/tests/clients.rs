//! Changing registrations in storage.

use authly_core::{ClientId, Effects, client::AuthMethod, ports::UpdateOutcome};

use super::Site;
use crate::{
    clients::{ClientError, delete_client, rotate_secret, set_client_enabled, update_client},
    testing,
};

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let site = Site::new().await;
    let (storage, rng) = (site.provider.storage.as_ref(), testing::SeededRng::new(5));
    let id = &site.client.id;
    let updated = update_client(storage, id, |new| new.name = Some("New".into()), site.now(), &rng)
        .await
        .unwrap();
    assert!(updated.generated_secret.is_none());
    let stored = storage.load_client(id).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.version), ("New", 1));
    assert_eq!(stored.secret_hash, site.client.secret_hash);
    assert_eq!(stored.redirect_uris, site.client.redirect_uris);
    let refused = update_client(storage, id, |new| new.redirect_uris.clear(), site.now(), &rng).await;
    assert!(matches!(refused, Err(ClientError::Invalid(_))));
}

#[tokio::test]
async fn a_method_that_needs_another_secret_gets_one() {
    let site = Site::new().await;
    let (storage, rng) = (site.provider.storage.as_ref(), testing::SeededRng::new(5));
    let id = &site.client.id;
    let to = |method: AuthMethod| {
        update_client(
            storage,
            id,
            move |new| new.token_endpoint_auth_method = Some(method.as_str().into()),
            site.now(),
            &rng,
        )
    };
    assert!(
        to(AuthMethod::ClientSecretPost)
            .await
            .unwrap()
            .generated_secret
            .is_none()
    );
    let as_key = to(AuthMethod::ClientSecretJwt).await.unwrap();
    let secret = as_key.generated_secret.unwrap();
    let stored = storage.load_client(id).await.unwrap().unwrap();
    assert_eq!(stored.secret.as_ref(), Some(&secret));
    let refused = to(AuthMethod::None).await.unwrap_err().to_string();
    assert!(refused.contains("client_credentials"), "{refused}");
}

#[tokio::test]
async fn a_rotated_secret_is_dead_at_once() {
    let site = Site::new().await;
    let (storage, rng) = (site.provider.storage.as_ref(), testing::SeededRng::new(5));
    let id = &site.client.id;
    let rotated = rotate_secret(storage, id, None, site.now(), &rng).await.unwrap();
    let secret = rotated.generated_secret.unwrap();
    let stored = storage.load_client(id).await.unwrap().unwrap();
    let hash = stored.secret_hash.unwrap();
    assert!(hash.verifies(secret.expose().as_bytes()));
    assert!(!hash.verifies(testing::SECRET.as_bytes()));
}

#[tokio::test]
async fn what_somebody_else_changed_is_not_overwritten() {
    let site = Site::new().await;
    let storage = site.provider.storage.as_ref();
    let id = &site.client.id;
    let seen = storage.load_client(id).await.unwrap().unwrap();
    set_client_enabled(storage, id, false, site.now()).await.unwrap();
    let outcome = storage.update_client(&seen, Effects::none()).await.unwrap();
    assert_eq!(outcome, UpdateOutcome::Stale);
}

#[tokio::test]
async fn an_unknown_client_is_named() {
    let site = Site::new().await;
    let storage = site.provider.storage.as_ref();
    let nobody = ClientId::parse("nobody").unwrap();
    let now = site.now();
    for answer in [
        set_client_enabled(storage, &nobody, true, now).await,
        delete_client(storage, &nobody, now).await,
    ] {
        assert!(answer.unwrap_err().to_string().contains("no client nobody"));
    }
    delete_client(storage, &site.client.id, now).await.unwrap();
    assert!(storage.load_client(&site.client.id).await.unwrap().is_none());
}
