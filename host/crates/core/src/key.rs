//! Signing keys as stored.

use serde::{Deserialize, Serialize};

use crate::{ids::Kid, secret::SecretBytes, time::Timestamp};

/// Signature algorithms tokens may be signed with (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256: OpenID Connect's default for ID tokens.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256: our default for access tokens.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlg {
    /// Every algorithm that is built.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The JOSE name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// By JOSE name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == text)
    }
}

/// The life of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published in JWKS, not signing yet.
    Pending,
    /// The one that signs for its algorithm.
    Active,
    /// No longer signing, still published: tokens it signed are alive.
    Retiring,
    /// No longer published.
    Removed,
}

impl KeyState {
    /// Every state, in the order of a key's life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Retiring, Self::Removed];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Removed => "removed",
        }
    }
}

/// A signing key as stored. `private` is sealed by storage and plain only in memory.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// RFC 7638 thumbprint of the public key.
    pub kid: Kid,
    /// The one algorithm it signs with.
    pub alg: SigningAlg,
    /// Where in its life it is.
    pub state: KeyState,
    /// Public JWK as JSON text.
    pub public_jwk: String,
    /// PKCS#8 DER.
    pub private: SecretBytes,
    /// When generated.
    pub created_at: Timestamp,
    /// Since when it is in its state: the schedule counts from here.
    pub state_since: Timestamp,
}
