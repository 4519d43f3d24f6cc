//! Grants: how a client comes by tokens (RFC 6749 §4, §6). One file per grant type.
//!
//! Every grant keeps the same order, so that nothing is spent on an answer that cannot be given:
//! 1. load, and check everything;
//! 2. the claim-mapper hook;
//! 3. sign;
//! 4. spend through the storage port, which decides who was first;
//! 5. answer. Nothing fallible but storage stands between 3 and 5.

mod authorization_code;
mod client_credentials;
mod issue;
mod pkce;
mod refresh_token;

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Effects, GrantId, OAuthError, RequestContext, Topic,
    client::{Client, GrantType},
    user::User,
};

pub use authorization_code::CodeError;
pub use client_credentials::ClientCredentialsError;
pub use issue::IssueError;
pub(crate) use issue::{Issued, session_of};
pub use pkce::PkceMismatch;
pub use refresh_token::RefreshError;

use crate::{Params, Provider, token::TokenResponse};

/// A token request whose client is authenticated and registered for its grant type.
#[derive(Clone, Copy)]
pub(crate) struct GrantRequest<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) client: &'a Arc<Client>,
    pub(crate) params: &'a Params,
    pub(crate) ctx: &'a RequestContext,
}

/// Why a grant gave no tokens.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// `authorization_code`.
    #[error("the authorization code was not exchanged")]
    AuthorizationCode(#[source] CodeError),
    /// `refresh_token`.
    #[error("the refresh token was not used")]
    RefreshToken(#[source] RefreshError),
    /// `client_credentials`.
    #[error("the client was given no token of its own")]
    ClientCredentials(#[source] ClientCredentialsError),
}

impl GrantError {
    /// What the client is told.
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::AuthorizationCode(error) => error.oauth(),
            Self::RefreshToken(error) => error.oauth(),
            Self::ClientCredentials(error) => error.oauth(),
        }
    }
}

/// The registry: every grant type and who handles it. Discovery lists the same enum.
pub(crate) async fn run(
    grant_type: GrantType,
    request: GrantRequest<'_>,
) -> Result<TokenResponse, GrantError> {
    match grant_type {
        GrantType::AuthorizationCode => authorization_code::exchange(request)
            .await
            .map_err(GrantError::AuthorizationCode),
        GrantType::RefreshToken => refresh_token::refresh(request)
            .await
            .map_err(GrantError::RefreshToken),
        GrantType::ClientCredentials => client_credentials::grant(request)
            .await
            .map_err(GrantError::ClientCredentials),
    }
}

/// An audit event of this request about a grant's person and client.
fn audit(request: &GrantRequest<'_>, user: Option<&User>, action: AuditAction) -> Effects {
    let event = AuditEvent::of(request.ctx, action).client(&request.client.id);
    Effects::audited(match user {
        Some(user) => event.person(user.pseudonym),
        None => event,
    })
}

/// Effects of a replay: what happened, and that every node must forget the grant, which dies with it.
fn replay_effects(
    request: &GrantRequest<'_>,
    user: Option<&User>,
    grant_id: GrantId,
    action: AuditAction,
) -> Effects {
    audit(request, user, action).invalidating(Topic::Grant, grant_id.to_string())
}
