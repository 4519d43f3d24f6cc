//! Ports: the traits through which the use cases reach storage and hooks.
//!
//! A storage method is one atomic domain step, a verb; the backend decides how. No transaction handle leaks out.
//! `load_*` reads; `consume_*`, `redeem_*`, `rotate_*` spend once and answer an outcome that the database decided.
//! Every write takes [`Effects`](crate::Effects), one per outcome where it has several, and stores them in the same
//! transaction.

pub mod access;
pub mod accounts;
pub mod documents;
pub mod hooks;
pub mod interactions;
pub mod operations;
pub mod registry;
pub mod tokens;

pub use access::{ReserveOutcome, ThrottleKey, ThrottlePolicy, ThrottleStore};
pub use accounts::{
    EndEffects, Ended, LoadedSession, PasswordChange, PasswordEnds, PasswordOutcome, SessionStore,
    StartOutcome, UserStore,
};
pub use documents::{FetchError, RemoteDocuments};
pub use hooks::{
    ClaimMapInput, ClaimMapper, ClaimOrigin, ClaimTarget, HookError, HookSession, HookSubject, MappedClaims,
};
pub use interactions::{
    AdvanceOutcome, CompleteOutcome, Completion, ConsentStore, InteractionStore, Transition,
};
pub use operations::{
    InvalidationBatch, InvalidationCursor, InvalidationLog, Maintenance, PurgeReport, SequencedInvalidation,
};
pub use registry::{
    ActivateOutcome, Activation, ClientStore, KeyStore, Page, PluginStore, ScopeDefinition, ScopeStore,
    UpdateOutcome,
};
pub use tokens::{
    AccessTokenStore, CodeStore, GrantStore, LoadedCode, LoadedRefresh, RedeemEffects, RedeemOutcome,
    Redemption, RefreshStore, ReplayNamespace, ReplayStore, RotateEffects, RotateOutcome, Rotation, Standing,
};

/// Why storage could not answer. "Not found" is `None`, never an error.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A unique key is taken: the thing exists already.
    #[error("already exists: {0}")]
    Conflict(String),
    /// The database asked to run the step again; retries were used up.
    #[error("the database could not serialize the change")]
    Serialization(#[source] BoxError),
    /// The database did not answer in time, or cannot be reached. Never a "no".
    #[error("the database cannot be reached")]
    Unavailable(#[source] BoxError),
    /// A row fits no state the domain knows, or a sealed value does not open.
    #[error("stored data is corrupt: {0}")]
    Corrupt(String),
    /// Anything else the database said.
    #[error("the database failed")]
    Backend(#[source] BoxError),
}

/// Any error, as a source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a storage verb answers.
pub type StorageResult<T> = Result<T, StorageError>;

/// One tenant's storage: every verb, bound to its tenant when the handle was taken.
pub trait TenantStorage:
    ClientStore
    + ScopeStore
    + KeyStore
    + PluginStore
    + UserStore
    + SessionStore
    + InteractionStore
    + ConsentStore
    + CodeStore
    + RefreshStore
    + GrantStore
    + AccessTokenStore
    + ReplayStore
    + ThrottleStore
{
}

impl<T> TenantStorage for T where
    T: ClientStore
        + ScopeStore
        + KeyStore
        + PluginStore
        + UserStore
        + SessionStore
        + InteractionStore
        + ConsentStore
        + CodeStore
        + RefreshStore
        + GrantStore
        + AccessTokenStore
        + ReplayStore
        + ThrottleStore
{
}

/// A database. Handles for tenants are taken once and carry the tenant; nothing above passes it again.
pub trait Storage: InvalidationLog + Maintenance {
    /// The storage of one tenant.
    fn tenant(&self, id: &crate::TenantId) -> std::sync::Arc<dyn TenantStorage>;
}
