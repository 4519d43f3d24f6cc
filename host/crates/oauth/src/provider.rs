//! One tenant's OpenID provider: everything its use cases share.

use std::sync::Arc;

use authly_core::{
    Rng,
    ports::{ClaimMapper, TenantStorage},
    user::User,
};
use authly_jose::{SharedKeys, Signer};

use crate::{client_auth::ClientKeys, issuer::Issuer, settings::Settings};

/// The parts of one tenant's provider. Made once by the composition root and passed by reference; time comes with
/// each request's [`RequestContext`](authly_core::RequestContext).
pub struct Provider {
    /// `iss`, and the base of every endpoint.
    pub issuer: Issuer,
    /// Lifetimes and policies.
    pub settings: Settings,
    /// The tenant's storage.
    pub storage: Arc<dyn TenantStorage>,
    /// The tenant's signing keys, parsed.
    pub keys: Arc<SharedKeys>,
    /// Who signs: the process itself, later a KMS.
    pub signer: Arc<dyn Signer>,
    /// The claim-mapper hook.
    pub mapper: Arc<dyn ClaimMapper>,
    /// Randomness for codes, tokens and identifiers.
    pub rng: Arc<dyn Rng>,
    /// Keys that clients registered by URL.
    pub client_keys: ClientKeys,
}

impl Provider {
    /// Whether the person may be signed in, stay signed in and be answered about: asked at every step of every flow,
    /// not only at its start.
    pub fn admits(&self, user: &User) -> bool {
        user.enabled && (user.verified || !self.settings.require_verified)
    }
}
