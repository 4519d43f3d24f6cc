//! Step 3: the consent page and its form.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Effects, ErrorCode, OAuthError, PlainToken, RequestContext, ScopeSet, SessionId,
    client::Client,
    interaction::InteractionState,
    ports::{AdvanceOutcome, ScopeDefinition},
    user::User,
};

use super::{
    Browser, InteractionError, Next, Opened, SignedIn, Started, complete, csrf, login, open, single_claims,
};
use crate::{Provider, authorize::RedirectTarget};

use super::evaluate::Need;

/// What the consent page shows.
#[derive(Debug)]
pub struct ConsentPrompt {
    /// Who asks.
    pub client: Arc<Client>,
    /// As whom.
    pub user: Arc<User>,
    /// For what; `true`: not agreed to before.
    pub scopes: Vec<(ScopeDefinition, bool)>,
    /// The claims asked for by name that no scope among them holds; `true`: not agreed to before.
    pub claims: Vec<(String, bool)>,
    /// Where the browser goes afterwards.
    pub redirect_uri: String,
    /// For the form.
    pub csrf: String,
    /// The id, for the form.
    pub interaction: PlainToken,
    /// Languages the client asked for.
    pub ui_locales: Vec<String>,
    /// A new binding cookie.
    pub binding: Option<PlainToken>,
}

/// What GET /consent answers.
#[derive(Debug)]
pub enum ConsentStep {
    /// Show the page.
    Show(Box<ConsentPrompt>),
    /// Something else is due, or nothing at all.
    Go(Started),
}

/// Answers GET /consent. What it lists is stored, so that exactly that is granted.
///
/// # Errors
/// [`InteractionError`].
pub async fn show_consent(
    provider: &Provider,
    id: &PlainToken,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<ConsentStep, InteractionError> {
    let mut opened = open::open(provider, id, browser, ctx).await?;
    let need = login::need_of(provider, &opened, ctx).await?;
    login::check_refusal(provider, &opened, &need)?;
    let (signed_in, scope) = match need {
        Need::Consent { signed_in, scope } => (signed_in, scope),
        other => {
            return Ok(ConsentStep::Go(
                login::follow(provider, opened, other, ctx).await?,
            ));
        }
    };
    if remember_what_is_asked(provider, &mut opened, &signed_in, &scope, ctx).await? == AdvanceOutcome::Stale
    {
        // The same page in another tab, or another person: it is shown as the interaction stands now.
        opened.check_alive(provider, ctx).await?;
        return Ok(ConsentStep::Go(Started {
            binding: opened.new_binding(),
            next: Next::Consent {
                interaction: opened.id,
            },
        }));
    }
    Ok(ConsentStep::Show(Box::new(
        prompt(provider, opened, signed_in, &scope).await?,
    )))
}

/// Stores who is asked for what. A reload of the same page by the same person stores nothing.
async fn remember_what_is_asked(
    provider: &Provider,
    opened: &mut Opened,
    signed_in: &SignedIn,
    scope: &ScopeSet,
    ctx: &RequestContext,
) -> Result<AdvanceOutcome, InteractionError> {
    let state = opened
        .interaction
        .asking_consent(signed_in.authentication(), scope.clone())
        .map_err(|_| opened.finished(provider))?;
    if state == opened.interaction.state {
        return Ok(AdvanceOutcome::Advanced);
    }
    Ok(opened.advance(provider, state, Effects::none(), ctx).await?)
}

async fn prompt(
    provider: &Provider,
    opened: Opened,
    signed_in: SignedIn,
    scope: &ScopeSet,
) -> Result<ConsentPrompt, InteractionError> {
    let defined = provider.storage.list_scopes().await?;
    let consent = provider
        .storage
        .load_consent(signed_in.user.id, &opened.client.id)
        .await?;
    let agreed = consent.map(|c| c.scope).unwrap_or_default();
    let scopes = defined.iter().filter(|d| scope.contains(&d.name));
    let claims = single_claims::beyond(&opened.interaction.request.claims, scope);
    let claims = claims
        .into_iter()
        .map(|name| (name.to_owned(), !single_claims::is_agreed(name, &agreed)))
        .collect();
    let page = csrf::Page::Consent {
        session: signed_in.session.id,
        scope,
        version: opened.interaction.version,
    };
    Ok(ConsentPrompt {
        scopes: scopes.map(|d| (d.clone(), !agreed.contains(&d.name))).collect(),
        claims,
        user: signed_in.user,
        csrf: csrf::page_token(&opened.binding, &opened.id, &page),
        binding: opened.new_binding(),
        redirect_uri: opened.interaction.request.redirect_uri,
        ui_locales: opened.interaction.request.ui_locales,
        client: opened.client,
        interaction: opened.id,
    })
}

/// `decision` of the consent form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// `allow`.
    Allow,
    /// `deny`.
    Deny,
}

impl Decision {
    /// By form value.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "allow" => Some(Self::Allow),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// The fields of the consent form.
#[derive(Clone, Debug)]
pub struct ConsentVerdict {
    /// `csrf`.
    pub csrf: String,
    /// `decision`.
    pub decision: Decision,
}

/// Answers POST /consent.
///
/// # Errors
/// [`InteractionError`]; a second submission finds the interaction finished and no second code exists.
pub async fn submit_consent(
    provider: &Provider,
    id: &PlainToken,
    browser: &Browser,
    verdict: ConsentVerdict,
    ctx: &RequestContext,
) -> Result<Next, InteractionError> {
    let opened = open::open(provider, id, browser, ctx).await?;
    if opened.binding_is_new || !csrf::page_token_is_ours(&opened.binding, id, &verdict.csrf) {
        return Err(InteractionError::Csrf);
    }
    let Some((session, scope)) = question(&opened, &verdict) else {
        return Ok(Next::Consent {
            interaction: opened.id,
        });
    };
    // Signed out, or in as somebody else in another tab: the answer was not this person's.
    let same = opened.signed_in.as_ref().filter(|s| s.session.id == session);
    let Some(signed_in) = same.cloned() else {
        return Ok(Next::Login {
            interaction: opened.id,
        });
    };
    match verdict.decision {
        Decision::Deny => deny(provider, opened, &signed_in, ctx).await,
        Decision::Allow => allow(provider, opened, &scope, ctx).await,
    }
}

/// Whose session was asked for what, when the answer was given on the page that stands now. Another tab may have moved
/// on to another person or scope since.
fn question(opened: &Opened, verdict: &ConsentVerdict) -> Option<(SessionId, ScopeSet)> {
    let InteractionState::Consent {
        authentication,
        scope,
    } = &opened.interaction.state
    else {
        return None;
    };
    let page = csrf::Page::Consent {
        session: authentication.session_id,
        scope,
        version: opened.interaction.version,
    };
    csrf::page_token_is_of(&page, &opened.binding, &opened.id, &verdict.csrf)
        .then(|| (authentication.session_id, scope.clone()))
}

/// The person said yes, perhaps long after the page was shown: what the request needs is decided anew, so that neither
/// a login that became due meanwhile nor a right that was lost is passed over. Exactly what the page listed is granted.
async fn allow(
    provider: &Provider,
    opened: Opened,
    listed: &ScopeSet,
    ctx: &RequestContext,
) -> Result<Next, InteractionError> {
    let need = login::need_of(provider, &opened, ctx).await?;
    let signed_in = match need {
        Need::Consent { signed_in, scope } | Need::Nothing { signed_in, scope }
            if listed.is_subset(&scope) =>
        {
            signed_in
        }
        Need::Consent { .. } | Need::Nothing { .. } => {
            return Ok(Next::Consent {
                interaction: opened.id,
            });
        }
        Need::Login
        | Need::NewPassword { .. }
        | Need::Select { .. }
        | Need::Impossible
        | Need::OtherPerson => {
            return Ok(login::follow(provider, opened, need, ctx).await?.next);
        }
    };
    let answer = complete::Answer {
        request: &opened.interaction.request,
        signed_in: &signed_in,
        scope: listed,
        consented: Some(listed),
    };
    Ok(match complete::complete(provider, &opened, &answer, ctx).await? {
        Some(answer) => Next::Client(answer),
        None => Next::Consent {
            interaction: opened.id,
        },
    })
}

/// The person said no: `access_denied` (RFC 6749 §4.1.2.1). What was agreed to earlier stays.
async fn deny(
    provider: &Provider,
    mut opened: Opened,
    signed_in: &SignedIn,
    ctx: &RequestContext,
) -> Result<Next, InteractionError> {
    let audit = AuditEvent::of(ctx, AuditAction::ConsentDenied)
        .person(signed_in.user.pseudonym)
        .client(&opened.client.id);
    let outcome = opened
        .advance(provider, InteractionState::Denied, Effects::audited(audit), ctx)
        .await?;
    if outcome == AdvanceOutcome::Stale {
        opened.check_alive(provider, ctx).await?;
        return Ok(Next::Consent {
            interaction: opened.id,
        });
    }
    let target = RedirectTarget::of(&opened.interaction.request, &provider.issuer);
    let denied = OAuthError::new(ErrorCode::AccessDenied, "The person did not allow the request.");
    Ok(Next::Client(target.error(denied).answer()))
}
