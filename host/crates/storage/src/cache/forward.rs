//! The verbs that are not remembered: what they read decides who is let in, or is spent.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, GrantId, SecretText, SessionId, Timestamp, TokenHash, UserId,
    grant::{Consent, Grant},
    interaction::Interaction,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{
        ActivateOutcome, Activation, AdvanceOutcome, CodeStore, CompleteOutcome, Completion, ConsentStore,
        GrantStore, InteractionStore, LoadedCode, LoadedRefresh, Page, PluginStore, RedeemEffects,
        RedeemOutcome, Redemption, RefreshStore, ReserveOutcome, RotateEffects, RotateOutcome, Rotation,
        SessionStore, StorageResult, ThrottleKey, ThrottlePolicy, ThrottleStore, Transition, UserStore,
    },
    session::Session,
    user::{LoginRecord, User},
};

use super::tenant::CachedTenant;

#[async_trait]
impl PluginStore for CachedTenant {
    async fn load_plugins(&self) -> StorageResult<Vec<DesiredPlugin>> {
        self.inner.load_plugins().await
    }

    async fn load_component(&self, digest: PluginDigest) -> StorageResult<Option<PluginComponent>> {
        self.inner.load_component(digest).await
    }

    async fn plugin_history(
        &self,
        name: &PluginName,
        digest: PluginDigest,
    ) -> StorageResult<Option<PluginHistory>> {
        self.inner.plugin_history(name, digest).await
    }

    async fn activate_plugin(
        &self,
        activation: Activation,
        effects: Effects,
    ) -> StorageResult<ActivateOutcome> {
        self.inner.activate_plugin(activation, effects).await
    }

    async fn reject_plugin(
        &self,
        name: &PluginName,
        digest: PluginDigest,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<()> {
        self.inner.reject_plugin(name, digest, now, effects).await
    }

    async fn set_plugin_enabled(
        &self,
        name: &PluginName,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.inner.set_plugin_enabled(name, enabled, now, effects).await
    }
}

#[async_trait]
impl UserStore for CachedTenant {
    async fn load_user(&self, id: UserId) -> StorageResult<Option<User>> {
        self.inner.load_user(id).await
    }

    async fn load_login(&self, normalized_username: &str) -> StorageResult<Option<LoginRecord>> {
        self.inner.load_login(normalized_username).await
    }

    async fn list_users(&self, page: &Page) -> StorageResult<Vec<User>> {
        self.inner.list_users(page).await
    }

    async fn create_user(
        &self,
        user: &User,
        password_hash: Option<&SecretText>,
        effects: Effects,
    ) -> StorageResult<()> {
        self.inner.create_user(user, password_hash, effects).await
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.inner.set_user_enabled(id, enabled, now, effects).await
    }
}

#[async_trait]
impl SessionStore for CachedTenant {
    async fn load_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Session>> {
        self.inner.load_session(hash, now).await
    }

    async fn start_session(
        &self,
        session: &Session,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<()> {
        self.inner.start_session(session, replaces, effects).await
    }

    async fn end_session(&self, id: SessionId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.inner.end_session(id, now, effects).await
    }
}

#[async_trait]
impl InteractionStore for CachedTenant {
    async fn create_interaction(&self, interaction: &Interaction) -> StorageResult<()> {
        self.inner.create_interaction(interaction).await
    }

    async fn load_interaction(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Interaction>> {
        self.inner.load_interaction(hash, now).await
    }

    async fn advance_interaction(
        &self,
        transition: Transition,
        effects: Effects,
    ) -> StorageResult<AdvanceOutcome> {
        self.inner.advance_interaction(transition, effects).await
    }

    async fn complete_interaction(
        &self,
        completion: Completion,
        effects: Effects,
    ) -> StorageResult<CompleteOutcome> {
        self.inner.complete_interaction(completion, effects).await
    }
}

#[async_trait]
impl ConsentStore for CachedTenant {
    async fn load_consent(&self, user_id: UserId, client_id: &ClientId) -> StorageResult<Option<Consent>> {
        self.inner.load_consent(user_id, client_id).await
    }
}

#[async_trait]
impl CodeStore for CachedTenant {
    async fn load_code(&self, hash: &TokenHash) -> StorageResult<Option<LoadedCode>> {
        self.inner.load_code(hash).await
    }

    async fn redeem_code(
        &self,
        redemption: Redemption,
        effects: RedeemEffects,
    ) -> StorageResult<RedeemOutcome> {
        self.inner.redeem_code(redemption, effects).await
    }
}

#[async_trait]
impl RefreshStore for CachedTenant {
    async fn load_refresh(&self, hash: &TokenHash) -> StorageResult<Option<LoadedRefresh>> {
        self.inner.load_refresh(hash).await
    }

    async fn rotate_refresh(
        &self,
        rotation: Rotation,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        self.inner.rotate_refresh(rotation, effects).await
    }

    async fn use_refresh(
        &self,
        hash: &TokenHash,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        self.inner.use_refresh(hash, now, effects).await
    }
}

#[async_trait]
impl GrantStore for CachedTenant {
    async fn load_grant(&self, id: GrantId) -> StorageResult<Option<Grant>> {
        self.inner.load_grant(id).await
    }

    async fn revoke_grant(&self, id: GrantId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.inner.revoke_grant(id, now, effects).await
    }
}

#[async_trait]
impl ThrottleStore for CachedTenant {
    async fn reserve_attempt(
        &self,
        keys: &[(ThrottleKey, ThrottlePolicy)],
        now: Timestamp,
    ) -> StorageResult<ReserveOutcome> {
        self.inner.reserve_attempt(keys, now).await
    }

    async fn settle_attempt(
        &self,
        release: &[ThrottleKey],
        clear: &[ThrottleKey],
        effects: Effects,
    ) -> StorageResult<()> {
        self.inner.settle_attempt(release, clear, effects).await
    }
}
