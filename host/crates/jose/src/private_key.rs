//! A private key, parsed once: parsing an RSA key anew for each signature would cost two thirds of it.

use authly_core::{SecretBytes, key::SigningAlg};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
    },
};

use crate::{jwk::JwkError, public_key::PublicKey};

pub(crate) enum PrivateKey {
    Rsa {
        pair: RsaKeyPair,
        encoding: &'static dyn RsaEncoding,
    },
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Parses PKCS#8. The public half is derived from it and checked, so the two cannot disagree.
    pub(crate) fn parse(alg: SigningAlg, pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        Ok(match alg {
            SigningAlg::Rs256 => Self::Rsa {
                pair: RsaKeyPair::from_pkcs8(pkcs8)?,
                encoding: &RSA_PKCS1_SHA256,
            },
            SigningAlg::Ps256 => Self::Rsa {
                pair: RsaKeyPair::from_pkcs8(pkcs8)?,
                encoding: &RSA_PSS_SHA256,
            },
            SigningAlg::Es256 => {
                Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?)
            }
            SigningAlg::EdDsa => Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8)?),
        })
    }

    /// A new key as PKCS#8. Its randomness is the cryptographic library's own: key generation takes no other source.
    pub(crate) fn generate(alg: SigningAlg) -> Result<SecretBytes, Unspecified> {
        let der = match alg {
            SigningAlg::Rs256 | SigningAlg::Ps256 => {
                let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?;
                der.as_ref().to_vec()
            }
            SigningAlg::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?
                .to_pkcs8v1()?
                .as_ref()
                .to_vec(),
            SigningAlg::EdDsa => Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(SecretBytes::new(der))
    }

    pub(crate) fn public(&self) -> Result<PublicKey, JwkError> {
        match self {
            Self::Rsa { pair, .. } => {
                let RsaPublicKeyComponents { n, e } =
                    RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                PublicKey::rsa(n, e)
            }
            Self::P256(pair) => {
                // SEC 1 §2.3.3: 4 ‖ x ‖ y.
                let point = pair.public_key().as_ref();
                let (x, y) = point
                    .split_first()
                    .and_then(|(_, xy)| xy.split_at_checked(32))
                    .ok_or(JwkError::Malformed("the point is not uncompressed"))?;
                PublicKey::p256(x.to_vec(), y.to_vec())
            }
            Self::Ed25519(pair) => PublicKey::ed25519(pair.public_key().as_ref().to_vec()),
        }
    }

    /// Signs. The library draws PSS salts and ECDSA nonces itself and ignores the source it is handed.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let rng = SystemRandom::new();
        match self {
            Self::Rsa { pair, encoding } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &rng, message, &mut signature)?;
                Ok(signature)
            }
            Self::P256(pair) => Ok(pair.sign(&rng, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}
