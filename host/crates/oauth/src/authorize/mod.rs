//! The authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2).
//!
//! 1. `check_client`, `check_redirect_uri`: until both pass, an error is a page, never a redirect.
//! 2. The pipeline: one file per check; an error goes back to the client by the mode it asked for, with `state` and `iss`.
//! 3. [`interaction`](crate::interaction) decides which page is next, or answers at once.

mod check_claims;
mod check_client;
mod check_grant_type;
mod check_id_token_hint;
mod check_max_age;
mod check_nonce;
mod check_pkce;
mod check_prompt;
mod check_redirect_uri;
mod check_response_mode;
mod check_response_type;
mod check_scope;
mod check_state;
mod check_ui_hints;
mod check_unsupported;
mod redirect;

use authly_core::{
    OAuthError, RequestContext, StorageError, authorization::AuthorizationRequest,
    claims_request::ClaimsRequest, client::Client, ports::ScopeDefinition,
};

pub use check_claims::parse as parse_claims;
pub use check_pkce::CODE_CHALLENGE_METHODS;
pub use check_redirect_uri::{check_redirect_uri, matches_registered};
pub use check_response_type::RESPONSE_TYPES;
pub use check_unsupported::UNSUPPORTED_PARAMETERS;
pub(crate) use redirect::request_url;
pub use redirect::{ClientAnswer, RedirectTarget, RedirectableError};

use crate::{
    Params, Provider,
    interaction::{Browser, Next, Started},
};

/// Why the authorization endpoint answers with an error.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// Client or redirect URI are not known good: the person sees a page (RFC 6749 §4.1.2.1).
    #[error("refused on a page: {1}")]
    Page(PageReason, OAuthError),
    /// Both are good: the client is told.
    #[error("refused by an answer to the client: {}", .0.error)]
    Client(RedirectableError),
    /// The database did not answer before anything was known: a page with status 503.
    #[error("storage failed before client and redirect_uri were known")]
    Storage(#[source] StorageError),
}

/// What was not known good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageReason {
    /// The request itself.
    Request,
    /// The client.
    Client,
    /// Where to answer.
    RedirectUri,
}

impl From<RedirectableError> for AuthorizeError {
    fn from(error: RedirectableError) -> Self {
        Self::Client(error)
    }
}

/// How the request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// GET: the browser sent its cookies, the next step can be decided at once.
    Get,
    /// POST: possibly cross-site, then without SameSite=Lax cookies; the request is persisted and a GET decides.
    Post,
}

/// Answers an authorization request: where the browser goes next.
///
/// # Errors
/// [`AuthorizeError`]; nothing was stored then.
pub async fn authorize(
    provider: &Provider,
    params: &Params,
    arrival: Arrival,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Started, AuthorizeError> {
    let client = check_client::check_client(provider, params).await?;
    let target = check_redirect_uri(&provider.issuer, params, &client)?;
    let defined = provider
        .storage
        .list_scopes()
        .await
        .map_err(|e| target.storage_failed(&e))?;
    let mut request = check_request(params, &client, &target, &provider.settings, &defined)
        .map_err(|error| target.error(error))?;
    check_id_token_hint::check_id_token_hint(provider, params, &mut request, ctx.now)
        .map_err(|error| target.error(error))?;
    let started = match arrival {
        Arrival::Get => crate::interaction::start(provider, client, request, browser, ctx).await,
        Arrival::Post => crate::interaction::persist(provider, request, ctx)
            .await
            .map(|interaction| Started {
                next: Next::Login { interaction },
                binding: None,
            }),
    };
    started.map_err(|e| target.storage_failed(&e).into())
}

/// Step 2: every rule that may answer the client and needs neither storage nor keys, in order.
///
/// # Errors
/// What the client is told at its `target`.
pub fn check_request(
    params: &Params,
    client: &Client,
    target: &RedirectTarget,
    settings: &crate::Settings,
    defined: &[ScopeDefinition],
) -> Result<AuthorizationRequest, OAuthError> {
    params.check_no_duplicates()?;
    check_unsupported::check_unsupported(params)?;
    check_response_type::check_response_type(params)?;
    let response_mode = check_response_mode::check_response_mode(params)?;
    check_grant_type::check_grant_type(client)?;
    let scope = check_scope::check_scope(params, client, defined)?;
    check_redirect_uri::check_present_for_openid(target, &scope)?;
    let hints = check_ui_hints::check_ui_hints(params)?;
    let code_challenge = check_pkce::check_pkce(params, client, settings.pkce_required)?;
    let nonce = check_nonce::check_nonce(params)?;
    let asked = check_claims::check_claims(params, client, &scope)?;
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: target.redirect_uri.clone(),
        redirect_uri_given: target.redirect_uri_given,
        response_mode,
        scope,
        state: check_state::check_state(params)?,
        nonce,
        code_challenge,
        prompt: check_prompt::check_prompt(params)?,
        max_age: check_max_age::check_max_age(params, client)?,
        claims: ClaimsRequest {
            locales: hints.claims_locales,
            ..asked.claims
        },
        acr_values: hints.acr_values,
        hinted_subject: asked.subject,
        display: hints.display,
        login_hint: hints.login_hint,
        ui_locales: hints.ui_locales,
    })
}
