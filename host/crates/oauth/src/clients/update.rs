//! Changing a registration. Every change is checked by the rules of a new one, and compares-and-sets on what it was made
//! from.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, ClientId, Effects, Rng, SecretText, StorageError, Timestamp, Topic,
    client::Client,
    ports::{ScopeDefinition, TenantStorage, UpdateOutcome},
};

use super::{
    ClientError, CreateClientError, NewClient, RegisteredClient, check,
    secret::{self, Secret},
};

/// Changes a registration by `edit`. The secret stays, unless the new method needs another kind: then one is generated,
/// or the old one goes.
///
/// # Errors
/// [`ClientError`]; nothing was stored.
pub async fn update_client(
    storage: &dyn TenantStorage,
    id: &ClientId,
    edit: impl FnOnce(&mut NewClient),
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<RegisteredClient, ClientError> {
    let before = load(storage, id).await?;
    let mut typed = NewClient::from(&before);
    edit(&mut typed);
    // Who it is does not change.
    typed.id = Some(before.id.to_string());
    let mut defined = storage
        .list_scopes()
        .await
        .map_err(ClientError::Storage)?
        .to_vec();
    // What it was registered for and is defined no longer is granted to nobody, and no reason to refuse other changes.
    defined.extend(before.scopes.iter().map(|scope| ScopeDefinition {
        name: scope.to_string(),
        description: String::new(),
        is_default: false,
    }));
    let mut client = check::check_client(&typed, &defined, now, rng).map_err(ClientError::Invalid)?;
    client.enabled = before.enabled;
    client.created_at = before.created_at;
    client.version = before.version;
    let secret = secret::kept_or_new(&before, client.token_endpoint_auth_method, typed.secret, rng)
        .map_err(ClientError::Invalid)?;
    store(storage, client, secret, AuditAction::ClientUpdated, now).await
}

/// Gives the client another secret; the one before is dead at once.
///
/// # Errors
/// [`ClientError`]; nothing was stored.
pub async fn rotate_secret(
    storage: &dyn TenantStorage,
    id: &ClientId,
    given: Option<SecretText>,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<RegisteredClient, ClientError> {
    let client = load(storage, id).await?;
    if !secret::is_needed(client.token_endpoint_auth_method) {
        return Err(ClientError::Invalid(CreateClientError::SecretOfPublicClient));
    }
    let secret =
        secret::check_secret(client.token_endpoint_auth_method, given, rng).map_err(ClientError::Invalid)?;
    store(storage, client, secret, AuditAction::ClientSecretRotated, now).await
}

/// Enables or disables a client.
///
/// # Errors
/// [`ClientError::Unknown`], [`ClientError::Storage`].
pub async fn set_client_enabled(
    storage: &dyn TenantStorage,
    id: &ClientId,
    enabled: bool,
    now: Timestamp,
) -> Result<(), ClientError> {
    let effects = effects(id, AuditAction::ClientEnabled { enabled }, now);
    match storage.set_client_enabled(id, enabled, effects).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ClientError::Unknown(id.clone())),
        Err(error) => Err(ClientError::Storage(error)),
    }
}

/// Deletes a client, what people agreed to for it, and every token it was given.
///
/// # Errors
/// [`ClientError::Unknown`], [`ClientError::Storage`].
pub async fn delete_client(
    storage: &dyn TenantStorage,
    id: &ClientId,
    now: Timestamp,
) -> Result<(), ClientError> {
    let effects = effects(id, AuditAction::ClientDeleted, now);
    match storage.delete_client(id, now, effects).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ClientError::Unknown(id.clone())),
        Err(error) => Err(ClientError::Storage(error)),
    }
}

async fn load(storage: &dyn TenantStorage, id: &ClientId) -> Result<Client, ClientError> {
    storage
        .load_client(id)
        .await
        .map_err(ClientError::Storage)?
        .map(Arc::unwrap_or_clone)
        .ok_or_else(|| ClientError::Unknown(id.clone()))
}

async fn store(
    storage: &dyn TenantStorage,
    mut client: Client,
    secret: Secret,
    action: AuditAction,
    now: Timestamp,
) -> Result<RegisteredClient, ClientError> {
    let generated_secret = secret.generated.clone();
    secret.give_to(&mut client);
    let effects = effects(&client.id, action, now);
    match storage.update_client(&client, effects).await {
        Ok(UpdateOutcome::Updated) => Ok(RegisteredClient {
            client,
            generated_secret,
        }),
        Ok(UpdateOutcome::Stale) => Err(ClientError::Stale(client.id)),
        Ok(UpdateOutcome::Unknown) => Err(ClientError::Unknown(client.id)),
        Err(error) => Err(ClientError::Storage(error)),
    }
}

fn effects(id: &ClientId, action: AuditAction, now: Timestamp) -> Effects {
    let audit: AuditEvent = AuditEvent::internal(now, action).client(id);
    Effects::audited(audit).invalidating(Topic::Client, id.as_str())
}

impl From<StorageError> for ClientError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}
