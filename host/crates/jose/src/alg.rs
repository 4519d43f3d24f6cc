//! The algorithms a signature may be verified with.

use authly_core::key::SigningAlg;
use jsonwebtoken::Algorithm;

/// An algorithm that can be verified (RFC 7518 §3.1, RFC 8037 §3.1). Which of them a use accepts is its caller's
/// allow-list; `none` has no value here, so no list can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256: for keys both sides hold. Never in a list beside asymmetric ones.
    Hs256,
}

impl JwsAlg {
    /// Every algorithm that is built.
    pub const ALL: [Self; 5] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa, Self::Hs256];

    /// The JOSE name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// By JOSE name; case matters (RFC 7515 §4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == text)
    }

    pub(crate) const fn jsonwebtoken(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
            Self::Hs256 => Algorithm::HS256,
        }
    }
}

impl From<SigningAlg> for JwsAlg {
    fn from(alg: SigningAlg) -> Self {
        match alg {
            SigningAlg::Rs256 => Self::Rs256,
            SigningAlg::Ps256 => Self::Ps256,
            SigningAlg::Es256 => Self::Es256,
            SigningAlg::EdDsa => Self::EdDsa,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_other_spellings_are_no_algorithm() {
        for bad in ["none", "None", "NONE", "rs256", "HS512", ""] {
            assert_eq!(JwsAlg::parse(bad), None, "{bad}");
        }
        for alg in JwsAlg::ALL {
            assert_eq!(JwsAlg::parse(alg.as_str()), Some(alg));
        }
    }
}
