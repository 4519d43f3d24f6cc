//! Opening an interaction: only the browser it is bound to may, and only while its client may still be answered.

use std::time::Duration;

use authly_core::{
    Effects, PlainToken, RequestContext, TokenHash,
    authorization::AuthorizationRequest,
    client::{Client, GrantType},
    interaction::Interaction,
    ports::{AdvanceOutcome, Transition},
};

use super::{Browser, InteractionError, Opened};
use crate::{Provider, authorize, session};

/// How long after its end an interaction still knows what the client asked for, so that the page can begin again.
const RESTARTABLE_FOR: Duration = Duration::from_hours(24);

/// Loads an interaction with its client and the browser's session.
///
/// # Errors
/// [`InteractionError`] when it is gone, finished, another browser's, or its client may not be answered any more.
pub(super) async fn open(
    provider: &Provider,
    id: &PlainToken,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Opened, InteractionError> {
    let loaded = provider
        .storage
        .load_interaction(&id.hash(), ctx.now.minus(RESTARTABLE_FOR))
        .await?;
    let mut interaction = loaded.ok_or(InteractionError::Expired { restart: None })?;
    let client = provider
        .storage
        .load_client(&interaction.request.client_id)
        .await?;
    let restart = restart(provider, &interaction, browser);
    if interaction.is_finished() {
        return Err(InteractionError::Finished { client, restart });
    }
    let client = client
        .filter(|client| is_still_answerable(client, &interaction.request))
        .ok_or(InteractionError::ClientGone)?;
    if interaction.expires_at <= ctx.now {
        return Err(InteractionError::Expired { restart });
    }
    let (binding, binding_is_new) = bind(provider, &mut interaction, browser, ctx).await?;
    if interaction.is_finished() {
        return Err(InteractionError::Finished {
            client: Some(client),
            restart,
        });
    }
    let signed_in = session::current(provider, browser.session.as_ref(), ctx).await?;
    Ok(Opened {
        id: id.clone(),
        interaction,
        client,
        signed_in,
        binding,
        binding_is_new,
    })
}

/// Whether the client as it is registered now would still be answered where the request said. An address that was
/// removed may be somebody else's by now, and hears of nothing any more (RFC 6749 §10.6).
fn is_still_answerable(client: &Client, request: &AuthorizationRequest) -> bool {
    let is_registered = client
        .redirect_uris
        .iter()
        .any(|registered| authorize::matches_registered(registered, &request.redirect_uri));
    client.enabled && client.allows(GrantType::AuthorizationCode) && is_registered
}

/// Checks the binding cookie, or binds an interaction that arrived by POST to the first browser that opens it.
async fn bind(
    provider: &Provider,
    interaction: &mut Interaction,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<(PlainToken, bool), InteractionError> {
    if let Some(bound) = interaction.browser {
        return Ok((held_by(bound, browser)?, false));
    }
    let (binding, is_new) = match &browser.binding {
        Some(binding) => (binding.clone(), false),
        None => (PlainToken::generate(provider.rng.as_ref()), true),
    };
    let hash = binding.hash();
    let transition = Transition {
        hash: interaction.hash,
        version: interaction.version,
        state: interaction.state.clone(),
        browser: Some(hash),
        now: ctx.now,
    };
    let outcome = provider
        .storage
        .advance_interaction(transition, Effects::none())
        .await?;
    if outcome == AdvanceOutcome::Stale {
        // Another request was faster, perhaps one of this very browser.
        let now = provider
            .storage
            .load_interaction(&interaction.hash, ctx.now)
            .await?;
        *interaction = now.ok_or(InteractionError::Expired { restart: None })?;
        let bound = interaction.browser.ok_or(InteractionError::OtherBrowser)?;
        return Ok((held_by(bound, browser)?, false));
    }
    interaction.browser = Some(hash);
    interaction.version += 1;
    Ok((binding, is_new))
}

/// The same request from its beginning, for the browser it was begun in: to others it tells what is none of their
/// business (`state`, `login_hint`).
fn restart(provider: &Provider, interaction: &Interaction, browser: &Browser) -> Option<String> {
    let theirs = interaction
        .browser
        .is_some_and(|bound| held_by(bound, browser).is_err());
    (!theirs).then(|| authorize::request_url(&interaction.request, &provider.issuer))
}

/// The browser's binding cookie, if the interaction is bound to it.
fn held_by(bound: TokenHash, browser: &Browser) -> Result<PlainToken, InteractionError> {
    browser
        .binding
        .clone()
        .filter(|binding| bound.verifies(binding.expose().as_bytes()))
        .ok_or(InteractionError::OtherBrowser)
}
