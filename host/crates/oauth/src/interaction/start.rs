//! Step 1: from a checked request to the first page, or straight back to the client.

use std::sync::Arc;

use authly_core::{
    PlainToken, RequestContext, StorageError,
    authorization::AuthorizationRequest,
    client::Client,
    interaction::{Interaction, InteractionState},
};

use super::{Browser, Next, Started, complete, evaluate};
use crate::{
    Provider,
    authorize::{ClientAnswer, RedirectTarget},
    session,
};
use evaluate::Need;

/// Decides what the request needs; persists it only when a page must be shown.
///
/// # Errors
/// [`StorageError`]; nothing was issued then.
pub async fn start(
    provider: &Provider,
    client: Arc<Client>,
    request: AuthorizationRequest,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Started, StorageError> {
    let target = RedirectTarget::of(&request, &provider.issuer);
    let need = match at_once(provider, &client, &request, browser, ctx).await? {
        Ok(answer) => return Ok(straight_back(answer)),
        Err(need) => need,
    };
    if let Some(error) = evaluate::refusal(&request, &need) {
        return Ok(straight_back(target.error(error).answer()));
    }
    let is_new = browser.binding.is_none();
    let binding = browser
        .binding
        .clone()
        .unwrap_or_else(|| PlainToken::generate(provider.rng.as_ref()));
    let interaction = store(provider, request, Some(&binding), ctx).await?;
    let next = match need {
        Need::Consent { .. } => Next::Consent { interaction },
        Need::Login
        | Need::NewPassword { .. }
        | Need::Select { .. }
        | Need::Nothing { .. }
        | Need::Impossible
        | Need::OtherPerson => Next::Login { interaction },
    };
    Ok(Started {
        next,
        binding: is_new.then_some(binding),
    })
}

/// How often it is tried to answer at once. What turned the first attempt away is seen by the second.
const ATTEMPTS: usize = 2;

/// The answer, when nothing is needed for it; else what is. A session that ends, or a consent that is withdrawn, between
/// deciding and writing turns the answer away, and it is decided anew.
async fn at_once(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Result<ClientAnswer, Need>, StorageError> {
    for _ in 0..ATTEMPTS {
        let cookie = browser.session.as_ref();
        let found = session::current_for(provider, cookie, &request.client_id, ctx).await?;
        let (signed_in, agreed) = found.unzip();
        let asked = evaluate::Asked {
            client,
            request,
            interaction: None,
            agreed,
        };
        let need = evaluate::evaluate(provider, &asked, signed_in, ctx).await?;
        let Need::Nothing { signed_in, scope } = &need else {
            return Ok(Err(need));
        };
        let answer = complete::Answer {
            request,
            signed_in,
            scope,
            consented: None,
        };
        if let Some(answer) = complete::complete_at_once(provider, client, &answer, ctx).await? {
            return Ok(Ok(answer));
        }
    }
    // Whoever is let in by a reading that is a moment old, and by no writing.
    Ok(Err(Need::Login))
}

fn straight_back(answer: ClientAnswer) -> Started {
    Started {
        next: Next::Client(answer),
        binding: None,
    }
}

/// Persists a request that arrived by POST. It is bound to the browser by the GET that follows, which carries the
/// cookies that a cross-site POST lacks (SameSite=Lax).
///
/// # Errors
/// [`StorageError`].
pub async fn persist(
    provider: &Provider,
    request: AuthorizationRequest,
    ctx: &RequestContext,
) -> Result<PlainToken, StorageError> {
    store(provider, request, None, ctx).await
}

async fn store(
    provider: &Provider,
    request: AuthorizationRequest,
    binding: Option<&PlainToken>,
    ctx: &RequestContext,
) -> Result<PlainToken, StorageError> {
    let id = PlainToken::generate(provider.rng.as_ref());
    let interaction = Interaction {
        hash: id.hash(),
        browser: binding.map(PlainToken::hash),
        request,
        state: InteractionState::Pending,
        version: 0,
        created_at: ctx.now,
        expires_at: ctx.now.plus(provider.settings.interaction_ttl),
    };
    provider.storage.create_interaction(&interaction).await?;
    Ok(id)
}
