//! What a person agreed to, and taking it back (OIDC Core §11: the person can end what lasts without them).

use std::{collections::BTreeMap, sync::Arc};

use authly_core::{
    AuditAction, AuditEvent, ClientId, Effects, RequestContext, StorageError, Timestamp, client::Client,
    ports::ScopeDefinition,
};

use super::{AccountError, Owner, form::Purpose};
use crate::Provider;

/// What a person agreed to for one client.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// For whom.
    pub client_id: ClientId,
    /// The client as it is registered now, enabled or not.
    pub client: Option<Arc<Client>>,
    /// To what. A scope that is defined no longer has no description.
    pub scopes: Vec<ScopeDefinition>,
    /// When the person last agreed to something.
    pub agreed_at: Timestamp,
}

/// Everything the person agreed to, the latest first.
///
/// # Errors
/// [`StorageError`].
pub async fn list(provider: &Provider, owner: &Owner) -> Result<Vec<Agreement>, StorageError> {
    let storage = provider.storage.as_ref();
    let consents = storage.list_consents(owner.signed_in.user.id).await?;
    let defined = storage.list_scopes().await?;
    let defined: BTreeMap<&str, &ScopeDefinition> = defined.iter().map(|s| (s.name.as_str(), s)).collect();
    let mut agreements = Vec::with_capacity(consents.len());
    for consent in consents {
        let client = storage.load_client(&consent.client_id).await?;
        let scopes = consent
            .scope
            .iter()
            .map(|name| described(&defined, name.as_str()));
        agreements.push(Agreement {
            client,
            scopes: scopes.collect(),
            client_id: consent.client_id,
            agreed_at: consent.updated_at,
        });
    }
    agreements.sort_by_key(|agreement| std::cmp::Reverse(agreement.agreed_at));
    Ok(agreements)
}

/// For how many clients the person agreed to something.
///
/// # Errors
/// [`StorageError`].
pub async fn count(provider: &Provider, owner: &Owner) -> Result<usize, StorageError> {
    let consents = provider.storage.list_consents(owner.signed_in.user.id).await?;
    Ok(consents.len())
}

fn described(defined: &BTreeMap<&str, &ScopeDefinition>, name: &str) -> ScopeDefinition {
    let known = defined.get(name).map(|known| ScopeDefinition::clone(known));
    known.unwrap_or_else(|| ScopeDefinition {
        name: name.to_owned(),
        description: String::new(),
        is_default: false,
    })
}

/// Takes back what the person agreed to for a client. With it end the client's grants of this person, and so all their
/// tokens; `false` when there was nothing (any more).
///
/// # Errors
/// [`AccountError`].
pub async fn withdraw(
    provider: &Provider,
    owner: &Owner,
    client_id: &ClientId,
    csrf: &str,
    ctx: &RequestContext,
) -> Result<bool, AccountError> {
    owner.check_form(Purpose::Consents, csrf)?;
    let user = &owner.signed_in.user;
    let audit = AuditEvent::of(ctx, AuditAction::ConsentWithdrawn)
        .person(user.pseudonym)
        .client(client_id);
    let ended = provider
        .storage
        .withdraw_consent(user.id, client_id, ctx.now, Effects::audited(audit))
        .await?;
    Ok(ended.is_some())
}
