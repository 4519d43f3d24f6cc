//! Interactions and consents.

use async_trait::async_trait;

use super::StorageResult;
use crate::{
    effects::Effects,
    grant::{AuthorizationCode, Consent, Grant},
    ids::{ClientId, UserId},
    interaction::{Interaction, InteractionState},
    scope::ScopeSet,
    secret::TokenHash,
    time::Timestamp,
};

/// A move of an interaction from the state it was loaded in to another that is not `Done`.
#[derive(Clone, Debug)]
pub struct Transition {
    /// Which interaction.
    pub hash: TokenHash,
    /// The version it was loaded at.
    pub version: i64,
    /// Where it goes.
    pub state: InteractionState,
    /// Binds it to this browser when none is bound yet.
    pub browser: Option<TokenHash>,
    /// When: an expired interaction goes nowhere.
    pub now: Timestamp,
}

/// What became of a [`Transition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvanceOutcome {
    /// It happened.
    Advanced,
    /// The interaction was at another version, finished, expired or gone: load it again.
    Stale,
}

/// Everything that ends an interaction well, written as one step.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The interaction and the version it was loaded at; `None` when no page was needed and none was persisted.
    pub interaction: Option<(TokenHash, i64)>,
    /// What was agreed to now: remembered beside what was agreed to before. `None` when the person was not asked.
    pub consent: Option<Consent>,
    /// What the person must have agreed to for the client before, and not have withdrawn since: what a completion
    /// without asking relies on. `None` when it relies on nothing, as when they were asked.
    pub relies_on: Option<ScopeSet>,
    /// The grant.
    pub grant: Grant,
    /// The code.
    pub code: AuthorizationCode,
    /// When.
    pub now: Timestamp,
}

/// What became of a [`Completion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// The code is good.
    Completed,
    /// It was answered before (a double click): no second code exists.
    AlreadyFinished,
    /// It was at another version, expired or gone, or the session of its grant has ended or its person may not sign in
    /// any more, or the consent it relies on was withdrawn; nothing was written: load it again.
    Stale,
}

/// The persisted state of authorizations.
#[async_trait]
pub trait InteractionStore: Send + Sync {
    /// Stores a new interaction.
    async fn create_interaction(&self, interaction: &Interaction) -> StorageResult<()>;
    /// The interaction unless it is expired at `now`. Finished ones are answered, so that a page can say so.
    async fn load_interaction(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Interaction>>;
    /// Makes the transition and raises the version by one, unless the interaction moved in between.
    async fn advance_interaction(
        &self,
        transition: Transition,
        effects: Effects,
    ) -> StorageResult<AdvanceOutcome>;
    /// Consumes the interaction and writes consent, grant and code, in one step.
    async fn complete_interaction(
        &self,
        completion: Completion,
        effects: Effects,
    ) -> StorageResult<CompleteOutcome>;
}

/// Remembered consent.
#[async_trait]
pub trait ConsentStore: Send + Sync {
    /// What the person agreed to for the client, if anything.
    async fn load_consent(&self, user_id: UserId, client_id: &ClientId) -> StorageResult<Option<Consent>>;
    /// Everything a person agreed to, by `client_id`.
    async fn list_consents(&self, user_id: UserId) -> StorageResult<Vec<Consent>>;
    /// Forgets what a person agreed to for a client and revokes the grants that came of it, in one step. `None` when
    /// there was neither; else how many grants ended.
    async fn withdraw_consent(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<u64>>;
}
