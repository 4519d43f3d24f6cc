//! Step 4: consent, grant and code are written in one step; whoever loses a race writes nothing.

use authly_core::{
    AuditAction, AuditEvent, Effects, GrantId, PlainToken, RequestContext, ScopeSet, StorageError, TokenHash,
    authorization::AuthorizationRequest,
    client::Client,
    grant::{AuthorizationCode, Consent, Grant},
    ports::{CompleteOutcome, Completion},
};

use super::{InteractionError, Opened, SignedIn, single_claims};
use crate::{
    Provider,
    authorize::{ClientAnswer, RedirectTarget},
};

/// What is being granted, by whom.
pub(super) struct Answer<'a> {
    pub(super) request: &'a AuthorizationRequest,
    pub(super) signed_in: &'a SignedIn,
    /// What the code is for.
    pub(super) scope: &'a ScopeSet,
    /// What the person just agreed to on the page; `None` when they were not asked, since they agreed before.
    pub(super) consented: Option<&'a ScopeSet>,
}

/// Finishes a persisted interaction and answers what delivers the code; nothing when another page moved the
/// interaction in between: what is due is decided anew then.
pub(super) async fn complete(
    provider: &Provider,
    opened: &Opened,
    answer: &Answer<'_>,
    ctx: &RequestContext,
) -> Result<Option<ClientAnswer>, InteractionError> {
    let interaction = Some((opened.interaction.hash, opened.interaction.version));
    let (outcome, code) = write(provider, &opened.client, interaction, answer, ctx).await?;
    match outcome {
        CompleteOutcome::Completed => Ok(Some(code)),
        CompleteOutcome::AlreadyFinished => Err(opened.finished(provider)),
        CompleteOutcome::Stale => {
            opened.check_alive(provider, ctx).await?;
            Ok(None)
        }
    }
}

/// Answers a request for which no page was needed and nothing was persisted; nothing when the session ended, its
/// person lost their admission, or the consent was withdrawn, in between.
pub(super) async fn complete_at_once(
    provider: &Provider,
    client: &Client,
    answer: &Answer<'_>,
    ctx: &RequestContext,
) -> Result<Option<ClientAnswer>, StorageError> {
    let (outcome, code) = write(provider, client, None, answer, ctx).await?;
    match outcome {
        CompleteOutcome::Completed => Ok(Some(code)),
        CompleteOutcome::Stale => Ok(None),
        CompleteOutcome::AlreadyFinished => Err(StorageError::Corrupt(
            "a completion without an interaction was held against one".to_owned(),
        )),
    }
}

/// What became of it, and what delivers the code if it was completed.
async fn write(
    provider: &Provider,
    client: &Client,
    interaction: Option<(TokenHash, i64)>,
    answer: &Answer<'_>,
    ctx: &RequestContext,
) -> Result<(CompleteOutcome, ClientAnswer), StorageError> {
    let code = PlainToken::generate(provider.rng.as_ref());
    let grant = grant(provider, client, answer, ctx);
    let effects = effects(client, answer, &grant, ctx);
    let completion = Completion {
        interaction,
        consent: consent(client, answer, ctx),
        relies_on: relies_on(answer),
        code: authorization_code(provider, &code, &grant, answer, ctx),
        grant,
        now: ctx.now,
    };
    let outcome = provider.storage.complete_interaction(completion, effects).await?;
    let target = RedirectTarget::of(answer.request, &provider.issuer);
    Ok((outcome, target.code(code.expose())))
}

fn grant(provider: &Provider, client: &Client, answer: &Answer<'_>, ctx: &RequestContext) -> Grant {
    let session = &answer.signed_in.session;
    Grant {
        id: GrantId::generate(ctx.now, provider.rng.as_ref()),
        client_id: client.id.clone(),
        user_id: answer.signed_in.user.id,
        scope: answer.scope.clone(),
        auth_time: session.auth_time,
        amr: session.amr.clone(),
        claims: single_claims::grantable(&answer.request.claims, client),
        session_id: Some(session.id),
        created_at: ctx.now,
        expires_at: ctx.now.plus(provider.settings.grant_ttl),
        revoked_at: None,
    }
}

fn authorization_code(
    provider: &Provider,
    code: &PlainToken,
    grant: &Grant,
    answer: &Answer<'_>,
    ctx: &RequestContext,
) -> AuthorizationCode {
    AuthorizationCode {
        hash: code.hash(),
        grant_id: grant.id,
        client_id: grant.client_id.clone(),
        redirect_uri: answer.request.redirect_uri.clone(),
        redirect_uri_given: answer.request.redirect_uri_given,
        code_challenge: answer.request.code_challenge.clone(),
        nonce: answer.request.nonce.clone(),
        scope: grant.scope.clone(),
        created_at: ctx.now,
        expires_at: ctx.now.plus(provider.settings.authorization_code_ttl),
        consumed_at: None,
    }
}

/// What to remember. Agreeing to less today does not withdraw what was agreed before: storage adds it up, so that two
/// answers at once do not forget each other.
fn consent(client: &Client, answer: &Answer<'_>, ctx: &RequestContext) -> Option<Consent> {
    answer.consented.map(|scope| Consent {
        user_id: answer.signed_in.user.id,
        client_id: client.id.clone(),
        scope: scope.clone(),
        updated_at: ctx.now,
    })
}

/// What was read as agreed to when it was decided not to ask: the person may withdraw it at any moment, and storage sees
/// that none came in between.
fn relies_on(answer: &Answer<'_>) -> Option<ScopeSet> {
    let asked = answer.consented.is_some();
    (!asked).then(|| single_claims::needed(&answer.request.claims, answer.scope))
}

fn effects(client: &Client, answer: &Answer<'_>, grant: &Grant, ctx: &RequestContext) -> Effects {
    let event = |action| {
        AuditEvent::of(ctx, action)
            .person(answer.signed_in.user.pseudonym)
            .client(&client.id)
    };
    let agreed = answer.consented.map(|scope| {
        event(AuditAction::ConsentGranted {
            scope: scope.to_string(),
        })
    });
    let issued = event(AuditAction::CodeIssued { grant_id: grant.id });
    Effects {
        audit: agreed.into_iter().chain([issued]).collect(),
        ..Effects::default()
    }
}
