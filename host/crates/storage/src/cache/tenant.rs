//! The verbs that are remembered, and the changes that make their node forget at once.
//!
//! A change is forgotten whatever the database answered, or when whoever asked hung up before that: nobody knows whether
//! it was stored.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, Kid, Timestamp,
    client::Client,
    key::{SigningAlg, StoredKey},
    ports::{
        ClientStore, KeyStore, Page, ScopeDefinition, ScopeStore, StorageResult, TenantStorage, UpdateOutcome,
    },
};

use super::{Shared, standings::Owner, tables::Tables};

pub(super) struct CachedTenant {
    pub inner: Arc<dyn TenantStorage>,
    pub tables: Arc<Tables>,
    pub shared: Arc<Shared>,
}

impl CachedTenant {
    /// What the tables say, as long as they may be believed.
    pub(super) fn remembered<T>(&self, look_up: impl FnOnce(&Tables) -> Option<T>) -> Option<T> {
        self.shared.is_fresh().then(|| look_up(&self.tables)).flatten()
    }
}

#[async_trait]
impl ClientStore for CachedTenant {
    async fn load_client(&self, id: &ClientId) -> StorageResult<Option<Arc<Client>>> {
        if let Some(client) = self.remembered(|tables| tables.client(id)) {
            return Ok(Some(client));
        }
        let ticket = self.tables.ticket();
        let loaded = self.inner.load_client(id).await?;
        // An unknown client is not remembered: anybody can invent another.
        if let Some(client) = &loaded {
            self.tables.keep_client(ticket, client);
        }
        Ok(loaded)
    }

    async fn list_clients(&self, page: &Page) -> StorageResult<Vec<Client>> {
        self.inner.list_clients(page).await
    }

    async fn create_client(&self, client: &Client, effects: Effects) -> StorageResult<()> {
        let _forgotten = self.forgetting(|tables| tables.forget_client(client.id.as_str()));
        self.inner.create_client(client, effects).await
    }

    async fn update_client(&self, client: &Client, effects: Effects) -> StorageResult<UpdateOutcome> {
        let _forgotten = self.forgetting(|tables| tables.forget_client(client.id.as_str()));
        self.inner.update_client(client, effects).await
    }

    async fn delete_client(&self, id: &ClientId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(|tables| {
            tables.forget_client(id.as_str());
            // Its grants died with it.
            tables.standings.forget_owner(Owner::Client(id.clone()));
        });
        self.inner.delete_client(id, now, effects).await
    }

    async fn set_client_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        effects: Effects,
    ) -> StorageResult<bool> {
        let _forgotten = self.forgetting(|tables| tables.forget_client(id.as_str()));
        self.inner.set_client_enabled(id, enabled, effects).await
    }
}

#[async_trait]
impl ScopeStore for CachedTenant {
    async fn list_scopes(&self) -> StorageResult<Arc<[ScopeDefinition]>> {
        if let Some(scopes) = self.remembered(Tables::scopes) {
            return Ok(scopes);
        }
        let ticket = self.tables.ticket();
        let scopes = self.inner.list_scopes().await?;
        self.tables.keep_scopes(ticket, &scopes);
        Ok(scopes)
    }

    async fn create_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<()> {
        let _forgotten = self.forgetting(Tables::forget_scopes);
        self.inner.create_scope(scope, effects).await
    }

    async fn update_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(Tables::forget_scopes);
        self.inner.update_scope(scope, effects).await
    }

    async fn delete_scope(&self, name: &str, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(Tables::forget_scopes);
        self.inner.delete_scope(name, effects).await
    }

    async fn seed_scopes(&self, scopes: &[ScopeDefinition], effects: Effects) -> StorageResult<()> {
        let _forgotten = self.forgetting(Tables::forget_scopes);
        self.inner.seed_scopes(scopes, effects).await
    }
}

#[async_trait]
impl KeyStore for CachedTenant {
    async fn load_keys(&self) -> StorageResult<Vec<StoredKey>> {
        if let Some(keys) = self.remembered(Tables::keys) {
            return Ok(keys);
        }
        let ticket = self.tables.ticket();
        let keys = self.inner.load_keys().await?;
        self.tables.keep_keys(ticket, &keys);
        Ok(keys)
    }

    async fn ensure_active_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(Tables::forget_keys);
        self.inner.ensure_active_key(key, effects).await
    }

    async fn add_pending_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(Tables::forget_keys);
        self.inner.add_pending_key(key, effects).await
    }

    async fn activate_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(Tables::forget_keys);
        self.inner.activate_key(kid, now, effects).await
    }

    async fn replace_active_key(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<Kid>> {
        let _forgotten = self.forgetting(Tables::forget_keys);
        self.inner.replace_active_key(key, now, effects).await
    }

    async fn replace_compromised_keys(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Vec<Kid>> {
        let _forgotten = self.forgetting(Tables::forget_keys);
        self.inner.replace_compromised_keys(key, now, effects).await
    }

    async fn remove_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(Tables::forget_keys);
        self.inner.remove_key(kid, now, effects).await
    }

    async fn has_active_key(&self, alg: SigningAlg) -> StorageResult<bool> {
        self.inner.has_active_key(alg).await
    }
}
