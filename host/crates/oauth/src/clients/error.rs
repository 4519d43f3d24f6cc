//! Why a registration is refused, worded for whoever asked for it.

use authly_core::{ClientId, StorageError};
use authly_jose::JwkError;

use super::{
    AUDIENCE_LENGTH_MAX, NAME_LENGTH_MAX, RedirectUriError,
    secret::{SECRET_LENGTH_MAX, SECRET_LENGTH_MIN},
};

/// Why a client is not registered, in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
pub enum CreateClientError {
    /// `client_id` is not one.
    #[error("client_id must be 1 to 255 characters of printable ASCII without spaces")]
    Id,
    /// `client_id` is taken.
    #[error("client_id {0} is taken; choose another")]
    Taken(ClientId),
    /// `client_name` is not one.
    #[error("client_name must be 1 to {NAME_LENGTH_MAX} characters without control characters")]
    Name,
    /// A value that is not among those that are built.
    #[error("{field} {value:?} is not supported; choose from {choices}")]
    Unsupported {
        /// Which field.
        field: &'static str,
        /// What was typed.
        value: String,
        /// What could be.
        choices: String,
    },
    /// A redirect URI that is not safe to send an answer to.
    #[error("{field} {uri:?} {why}")]
    RedirectUri {
        /// `redirect_uri` or `post_logout_redirect_uri`.
        field: &'static str,
        /// What was typed.
        uri: String,
        /// Why not.
        why: RedirectUriError,
    },
    /// A link that a page would show and a browser should not follow.
    #[error("{field} {uri:?} must be an absolute https URL of at most 2000 characters (http for localhost)")]
    Link {
        /// Which field.
        field: &'static str,
        /// What was typed.
        uri: String,
    },
    /// More entries than one client may have.
    #[error("{field}: at most {max} per client")]
    TooMany {
        /// Which field.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// The code grant without anywhere to send a code.
    #[error("grant_type authorization_code needs at least one redirect_uri")]
    NoRedirectUri,
    /// A grant type that the rest of the registration makes useless or unsafe.
    #[error("grant_type {grant} cannot be used: {why}")]
    GrantType {
        /// Which.
        grant: &'static str,
        /// Why.
        why: &'static str,
    },
    /// No scope, or text that is none.
    #[error("scope must name at least one and at most 100 scopes of printable ASCII")]
    Scope,
    /// A scope nobody defined.
    #[error("scope {0} is not defined; define it first, or choose from those that are")]
    UndefinedScope(String),
    /// An audience that is not one.
    #[error("audience {0:?} must be 1 to {AUDIENCE_LENGTH_MAX} characters of printable ASCII without spaces")]
    Audience(String),
    /// A secret for a client that has none.
    #[error("a client with token_endpoint_auth_method none or private_key_jwt has no secret")]
    SecretOfPublicClient,
    /// Keys that the registration cannot use, or lacks.
    #[error("{why}")]
    Keys {
        /// Why.
        why: &'static str,
    },
    /// Keys beside a method that needs none.
    #[error("jwks and jwks_uri are for token_endpoint_auth_method private_key_jwt")]
    KeysOfOtherMethod,
    /// `jwks` is no JWK Set that can be used.
    #[error("jwks cannot be used: {0}")]
    Jwks(#[source] JwkError),
    /// A lifetime out of bounds.
    #[error("{field} must be from {min} to {max} seconds")]
    Lifetime {
        /// Which.
        field: &'static str,
        /// The shortest, in seconds.
        min: u64,
        /// The longest, in seconds.
        max: u64,
    },
    /// One refresh token for the life of a grant, for a client that cannot prove it is itself.
    #[error(
        "a client with token_endpoint_auth_method none cannot keep its refresh tokens: each use must replace them, or a \
         stolen one is never noticed; leave rotation on, or choose a method with a secret"
    )]
    KeptByPublicClient,
    /// A secret that could be guessed, or is too long.
    #[error(
        "the client secret must be {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} characters without control characters"
    )]
    Secret,
    /// The database did not answer.
    #[error("the client was not stored")]
    Storage(#[source] StorageError),
}

/// Why a registration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No such client.
    #[error("there is no client {0}; `authly admin client list` shows them")]
    Unknown(ClientId),
    /// Somebody else changed it meanwhile.
    #[error("client {0} was changed by somebody else in this moment; look at it again and repeat the change")]
    Stale(ClientId),
    /// What it would become is refused.
    #[error(transparent)]
    Invalid(CreateClientError),
    /// The database did not answer.
    #[error("the client was not changed")]
    Storage(#[source] StorageError),
}
