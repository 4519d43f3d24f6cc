//! Defining scopes (RFC 6749 §3.3): the operator's own, beside those that the server needs.

use authly_core::{
    AuditAction, AuditEvent, Effects, Scope, StorageError, Timestamp, Topic,
    ports::{ScopeDefinition, TenantStorage},
};

use crate::scopes;

/// The longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 200;

/// What to change of a scope; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct ScopeChanges {
    /// For operators, and for consent pages where the scope is not a standard one.
    pub description: Option<String>,
    /// Whether a request without `scope` asks for it.
    pub is_default: Option<bool>,
}

/// Why a scope was not defined, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// Not a scope token.
    #[error("a scope has 1 to 255 characters of printable ASCII without spaces, quotes or backslashes")]
    Name,
    /// A description that no page could show.
    #[error("a description has 1 to {DESCRIPTION_CHARS_MAX} characters and no control characters")]
    Description,
    /// It is defined already.
    #[error("scope {0} is defined already")]
    Taken(String),
    /// Nobody defined it.
    #[error("there is no scope {0}; `authly admin scope list` shows them")]
    Unknown(String),
    /// The server itself needs it.
    #[error("scope {0} is the server's own and cannot be deleted")]
    Needed(String),
    /// The database did not answer.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Defines a scope.
///
/// # Errors
/// [`ScopeError`]; nothing was stored.
pub async fn create_scope(
    storage: &dyn TenantStorage,
    scope: ScopeDefinition,
    now: Timestamp,
) -> Result<ScopeDefinition, ScopeError> {
    Scope::parse(&scope.name).map_err(|_| ScopeError::Name)?;
    check_description(&scope.description)?;
    let action = AuditAction::ScopeCreated {
        scope: scope.name.clone(),
    };
    match storage
        .create_scope(&scope, effects(&scope.name, action, now))
        .await
    {
        Ok(()) => Ok(scope),
        Err(StorageError::Conflict(_)) => Err(ScopeError::Taken(scope.name)),
        Err(error) => Err(ScopeError::Storage(error)),
    }
}

/// Changes a scope. Clients keep it in their registration, whatever it is called.
///
/// # Errors
/// [`ScopeError`]; nothing was stored.
pub async fn update_scope(
    storage: &dyn TenantStorage,
    name: &str,
    changes: ScopeChanges,
    now: Timestamp,
) -> Result<ScopeDefinition, ScopeError> {
    let defined = storage.list_scopes().await.map_err(ScopeError::Storage)?;
    let unknown = || ScopeError::Unknown(name.to_owned());
    let mut scope = defined
        .iter()
        .find(|d| d.name == name)
        .cloned()
        .ok_or_else(unknown)?;
    if let Some(description) = changes.description {
        check_description(&description)?;
        scope.description = description;
    }
    scope.is_default = changes.is_default.unwrap_or(scope.is_default);
    let action = AuditAction::ScopeUpdated {
        scope: name.to_owned(),
    };
    match storage.update_scope(&scope, effects(name, action, now)).await {
        Ok(true) => Ok(scope),
        Ok(false) => Err(unknown()),
        Err(error) => Err(ScopeError::Storage(error)),
    }
}

/// Deletes a scope: from then on it is granted at no step, whatever clients are registered for and tokens were issued
/// with.
///
/// # Errors
/// [`ScopeError`]; nothing was stored.
pub async fn delete_scope(storage: &dyn TenantStorage, name: &str, now: Timestamp) -> Result<(), ScopeError> {
    if scopes::is_seeded(name) {
        return Err(ScopeError::Needed(name.to_owned()));
    }
    let action = AuditAction::ScopeDeleted {
        scope: name.to_owned(),
    };
    match storage.delete_scope(name, effects(name, action, now)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ScopeError::Unknown(name.to_owned())),
        Err(error) => Err(ScopeError::Storage(error)),
    }
}

fn check_description(text: &str) -> Result<(), ScopeError> {
    let length = text.trim().chars().count();
    if (1..=DESCRIPTION_CHARS_MAX).contains(&length) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(ScopeError::Description)
    }
}

fn effects(name: &str, action: AuditAction, now: Timestamp) -> Effects {
    Effects::audited(AuditEvent::internal(now, action)).invalidating(Topic::Scope, name)
}
