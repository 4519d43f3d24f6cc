//! Why a refresh token gave no tokens, and what the client is told.

use authly_core::{ErrorCode, GrantId, OAuthError, StorageError};

use crate::grants::IssueError;

/// Why a refresh token gave no tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// No `refresh_token` in the request.
    #[error("the request has no refresh_token")]
    Missing,
    /// No such token.
    #[error("unknown refresh token")]
    Unknown,
    /// Issued to another client; its family is left alone (RFC 6749 §10.4).
    #[error("the refresh token of grant {grant_id} belongs to another client")]
    OtherClient {
        /// The grant.
        grant_id: GrantId,
    },
    /// `scope` is not a scope (RFC 6749 §3.3).
    #[error("scope is malformed")]
    MalformedScope,
    /// `scope` is wider than what was granted (RFC 6749 §6).
    #[error("scope is wider than the one of grant {grant_id}")]
    WiderScope {
        /// The grant.
        grant_id: GrantId,
    },
    /// At or after its end.
    #[error("the refresh token of grant {grant_id} is expired")]
    Expired {
        /// The grant.
        grant_id: GrantId,
    },
    /// It was rotated too long ago, or its successor was used; the family is dead now.
    #[error("the refresh token of grant {grant_id} was used before")]
    Replayed {
        /// The grant that died.
        grant_id: GrantId,
    },
    /// The grant is revoked or at its end.
    #[error("grant {grant_id} is no longer alive")]
    GrantDead {
        /// The grant.
        grant_id: GrantId,
    },
    /// The account is gone or disabled.
    #[error("the person of grant {grant_id} may not sign in")]
    UserDisabled {
        /// The grant.
        grant_id: GrantId,
    },
    /// `offline_access` is not, or no longer, part of what may be granted (OIDC Core §11).
    #[error("grant {grant_id} has no offline_access")]
    NotOffline {
        /// The grant.
        grant_id: GrantId,
    },
    /// Hook or signature.
    #[error("no tokens were issued")]
    Issue(#[source] IssueError),
    /// The database did not answer.
    #[error("storage failed during a refresh")]
    Storage(#[source] StorageError),
}

impl RefreshError {
    /// What the client is told (RFC 6749 §5.2).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Missing => OAuthError::new(ErrorCode::InvalidRequest, "The request needs refresh_token."),
            Self::MalformedScope => OAuthError::new(
                ErrorCode::InvalidScope,
                "scope must be at most 100 scope tokens of printable ASCII, separated by spaces.",
            ),
            Self::WiderScope { .. } => OAuthError::new(
                ErrorCode::InvalidScope,
                "scope must be within what was granted. Leave it out, or start a new authorization for more.",
            ),
            Self::Unknown
            | Self::OtherClient { .. }
            | Self::Expired { .. }
            | Self::Replayed { .. }
            | Self::GrantDead { .. }
            | Self::UserDisabled { .. }
            | Self::NotOffline { .. } => OAuthError::new(
                ErrorCode::InvalidGrant,
                "The refresh token is unknown, expired, used, revoked, or issued to another client. Start a new \
                 authorization.",
            ),
            Self::Issue(error) => error.oauth(),
            Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}
