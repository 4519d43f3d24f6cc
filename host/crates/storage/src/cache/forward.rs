//! The verbs that are not remembered: what they read decides who is let in, or is spent. Those that change a person
//! or kill grants make their node forget both at once.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, SecretText, SessionId, Timestamp, TokenHash, UserId,
    grant::Consent,
    interaction::Interaction,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{
        ActivateOutcome, Activation, AdvanceOutcome, CompleteOutcome, Completion, ConsentStore, EndEffects,
        Ended, InteractionStore, LoadedSession, Page, PasswordChange, PasswordOutcome, PluginStore,
        ReplayNamespace, ReplayStore, ReserveOutcome, SessionStore, StartOutcome, StorageResult, ThrottleKey,
        ThrottlePolicy, ThrottleStore, Transition, UpdateOutcome, UserStore,
    },
    session::Session,
    user::{LoginRecord, User},
};

use super::{forgetting::Forgetting, standings::Owner, tables::Tables, tenant::CachedTenant};

impl CachedTenant {
    /// A person, and the grants they gave.
    fn forgetting_user(&self, id: UserId) -> Forgetting<'_, impl FnMut(&Tables) + use<>> {
        self.forgetting(move |tables| tables.standings.forget_owner(Owner::User(id)))
    }
}

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
    async fn load_user(&self, id: UserId) -> StorageResult<Option<Arc<User>>> {
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

    async fn load_credentials(&self, id: UserId) -> StorageResult<Option<LoginRecord>> {
        self.inner.load_credentials(id).await
    }

    async fn update_user(&self, user: &User, effects: Effects) -> StorageResult<UpdateOutcome> {
        let _forgotten = self.forgetting_user(user.id);
        self.inner.update_user(user, effects).await
    }

    async fn set_password(&self, change: PasswordChange, effects: Effects) -> StorageResult<PasswordOutcome> {
        let _forgotten = self.forgetting_user(change.user_id);
        self.inner.set_password(change, effects).await
    }

    async fn delete_user(&self, id: UserId, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting_user(id);
        self.inner.delete_user(id, effects).await
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        let _forgotten = self.forgetting_user(id);
        self.inner.set_user_enabled(id, enabled, now, effects).await
    }
}

#[async_trait]
impl SessionStore for CachedTenant {
    async fn load_session(
        &self,
        hash: &TokenHash,
        client_id: Option<&ClientId>,
        now: Timestamp,
    ) -> StorageResult<Option<LoadedSession>> {
        self.inner.load_session(hash, client_id, now).await
    }

    async fn find_session(&self, id: SessionId, now: Timestamp) -> StorageResult<Option<Session>> {
        self.inner.find_session(id, now).await
    }

    async fn start_session(
        &self,
        session: &Session,
        password_changed_at: Option<Timestamp>,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<StartOutcome> {
        self.inner
            .start_session(session, password_changed_at, replaces, effects)
            .await
    }

    async fn list_sessions(
        &self,
        user_id: Option<UserId>,
        now: Timestamp,
        limit: u32,
    ) -> StorageResult<Vec<Session>> {
        self.inner.list_sessions(user_id, now, limit).await
    }

    async fn touch_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<()> {
        self.inner.touch_session(hash, now).await
    }

    async fn end_sessions(
        &self,
        user_id: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<u64> {
        self.inner.end_sessions(user_id, keep, now, effects).await
    }

    async fn end_everything(
        &self,
        user_id: UserId,
        now: Timestamp,
        effects: EndEffects,
    ) -> StorageResult<Ended> {
        let _forgotten = self.forgetting_user(user_id);
        self.inner.end_everything(user_id, now, effects).await
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

    async fn list_consents(&self, user_id: UserId) -> StorageResult<Vec<Consent>> {
        self.inner.list_consents(user_id).await
    }

    async fn withdraw_consent(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<u64>> {
        let _forgotten = self.forgetting_user(user_id);
        self.inner
            .withdraw_consent(user_id, client_id, now, effects)
            .await
    }
}

#[async_trait]
impl ReplayStore for CachedTenant {
    async fn claim_once(
        &self,
        namespace: ReplayNamespace,
        key: &TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> StorageResult<bool> {
        self.inner.claim_once(namespace, key, expires_at, now).await
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
