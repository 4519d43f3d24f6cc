//! What operators define: clients, scopes, signing keys, plugins.

use std::sync::Arc;

use async_trait::async_trait;

use super::StorageResult;
use crate::{
    client::Client,
    effects::Effects,
    ids::{ClientId, Kid},
    key::{SigningAlg, StoredKey},
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    time::Timestamp,
};

/// A page of a listing, in key order.
#[derive(Clone, Debug)]
pub struct Page {
    /// Keys after this one; `None` starts at the beginning.
    pub after: Option<String>,
    /// At most this many; backends cap it at [`Page::LIMIT_MAX`].
    pub limit: u32,
}

impl Page {
    /// The most items a page may hold.
    pub const LIMIT_MAX: u32 = 500;
}

/// What became of an update that compares-and-sets on a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It is stored, at the next version.
    Updated,
    /// It was changed since it was loaded; nothing was stored.
    Stale,
    /// There is no such thing.
    Unknown,
}

/// Registered clients.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// The client, enabled or not.
    async fn load_client(&self, id: &ClientId) -> StorageResult<Option<Arc<Client>>>;
    /// Clients in `client_id` order.
    async fn list_clients(&self, page: &Page) -> StorageResult<Vec<Client>>;
    /// Registers a client. `Conflict` when the `client_id` is taken.
    async fn create_client(&self, client: &Client, effects: Effects) -> StorageResult<()>;
    /// Replaces a registration, secret included, if it still is at `client.version`, and raises that by one.
    async fn update_client(&self, client: &Client, effects: Effects) -> StorageResult<UpdateOutcome>;
    /// Deletes a registration with what people agreed to for it, and revokes its grants; `false` when there is none.
    async fn delete_client(&self, id: &ClientId, now: Timestamp, effects: Effects) -> StorageResult<bool>;
    /// Enables or disables; `false` when there is no such client.
    async fn set_client_enabled(&self, id: &ClientId, enabled: bool, effects: Effects)
    -> StorageResult<bool>;
}

/// A scope clients may be registered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeDefinition {
    /// The scope token.
    pub name: String,
    /// For operators; the consent page has texts of its own for the standard scopes.
    pub description: String,
    /// Granted, where the client is registered for it, when a request names no scope (RFC 6749 §3.3).
    pub is_default: bool,
}

/// Defined scopes.
#[async_trait]
pub trait ScopeStore: Send + Sync {
    /// All of them, by name.
    async fn list_scopes(&self) -> StorageResult<Arc<[ScopeDefinition]>>;
    /// Defines a scope. `Conflict` when the name is taken.
    async fn create_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<()>;
    /// Replaces description and default of the scope of this name; `false` when there is none.
    async fn update_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<bool>;
    /// Deletes a scope; `false` when there is none. Clients keep its name in their registration: what is not defined
    /// is not granted, at no step.
    async fn delete_scope(&self, name: &str, effects: Effects) -> StorageResult<bool>;
    /// Defines scopes that are not defined yet; the others stay as they are. `effects` are stored if there was any.
    async fn seed_scopes(&self, scopes: &[ScopeDefinition], effects: Effects) -> StorageResult<()>;
}

/// Signing keys. Private parts are sealed at rest; a caller sees them plain, in memory only.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Every key that is not removed.
    async fn load_keys(&self) -> StorageResult<Vec<StoredKey>>;
    /// Stores `key` as the active one of its algorithm unless there is one already; two nodes starting at once end
    /// up with the same. Answers whether it was stored.
    async fn ensure_active_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool>;
    /// Stores `key` as the next one of its algorithm, to be published before it signs; `false` when there is one.
    async fn add_pending_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool>;
    /// In one step the pending key becomes the active one of its algorithm, and the one before it retires; `false`
    /// when `kid` is no pending key (any more).
    async fn activate_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool>;
    /// In one step `key` becomes the active one of its algorithm, published or not, and the one before it retires:
    /// for an emergency. A pending key stays. Answers the kid of the one before.
    async fn replace_active_key(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<Kid>>;
    /// In one step `key` becomes the active one of its algorithm and every other one of that algorithm is removed, its
    /// private part destroyed: whoever has one of them may have them all. Answers the kids of those, in order.
    async fn replace_compromised_keys(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Vec<Kid>>;
    /// Ends the publication of a pending or retiring key and destroys its private part; `false` when it is neither.
    async fn remove_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool>;
    /// Whether an active key exists for the algorithm.
    async fn has_active_key(&self, alg: SigningAlg) -> StorageResult<bool>;
}

/// A candidate that passed every check and shall become the desired one.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Which plugin.
    pub name: PluginName,
    /// The bytes, stored with the change.
    pub component: PluginComponent,
    /// The generation the caller saw; `None`: there was no such plugin.
    pub expected_generation: Option<i64>,
    /// The candidate that is left behind as bad, remembered as refused in the same step: a taken-back version that no
    /// starting node may try again.
    pub rejects: Option<PluginDigest>,
    /// When.
    pub now: Timestamp,
}

/// What became of an [`Activation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivateOutcome {
    /// It is the desired one now, as this generation.
    Activated {
        /// The new generation.
        generation: i64,
    },
    /// Somebody changed the plugin in between; nothing was stored.
    Stale,
}

/// Desired plugin state and the components' bytes.
#[async_trait]
pub trait PluginStore: Send + Sync {
    /// The desired state of every plugin.
    async fn load_plugins(&self) -> StorageResult<Vec<DesiredPlugin>>;
    /// A candidate's bytes.
    async fn load_component(&self, digest: PluginDigest) -> StorageResult<Option<PluginComponent>>;
    /// What became of this candidate under this name; `None` when stored history has never seen it.
    async fn plugin_history(
        &self,
        name: &PluginName,
        digest: PluginDigest,
    ) -> StorageResult<Option<PluginHistory>>;
    /// Compare-and-set on the generation: makes the candidate the desired one and remembers the one before.
    /// A plugin that is disabled stays so.
    async fn activate_plugin(
        &self,
        activation: Activation,
        effects: Effects,
    ) -> StorageResult<ActivateOutcome>;
    /// Remembers that a candidate was refused for what it is, taken back or given up, so that no starting node retries
    /// it until it changes.
    async fn reject_plugin(
        &self,
        name: &PluginName,
        digest: PluginDigest,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<()>;
    /// Enables or disables; goes up a generation. `false` when there is no such plugin.
    async fn set_plugin_enabled(
        &self,
        name: &PluginName,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool>;
}
