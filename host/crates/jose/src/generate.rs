//! New signing keys.

use authly_core::{
    Kid, Timestamp,
    key::{KeyState, SigningAlg, StoredKey},
};
use serde_json::Value;

use crate::{keyring::KeyError, private_key::PrivateKey};

/// Generates a key that is ready to sign: [`KeyState::Active`], its `kid` the RFC 7638 thumbprint.
///
/// Blocks: RSA with 2048 bits takes 20 to 200 ms of CPU, the others microseconds. Call it on the blocking pool.
///
/// # Errors
/// [`KeyError::Generation`] when the cryptographic library fails.
pub fn generate_key(alg: SigningAlg, now: Timestamp) -> Result<StoredKey, KeyError> {
    let private = PrivateKey::generate(alg).map_err(|_| KeyError::Generation)?;
    let public = PrivateKey::parse(alg, private.expose())
        .map_err(|_| KeyError::Generation)?
        .public()
        .map_err(|_| KeyError::Generation)?;
    let kid = Kid::parse(&public.thumbprint()).map_err(|_| KeyError::Generation)?;
    let public_jwk = Value::Object(public.jwk(alg)).to_string();
    Ok(StoredKey {
        kid,
        alg,
        state: KeyState::Active,
        public_jwk,
        private,
        created_at: now,
        state_since: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk::VerificationKey;

    #[test]
    fn generated_public_jwk_is_public_and_complete() {
        for alg in SigningAlg::ALL {
            let key = generate_key(alg, Timestamp::from_secs(7)).unwrap();
            let jwk: serde_json::Map<String, Value> = serde_json::from_str(&key.public_jwk).unwrap();
            assert_eq!(jwk["kid"], key.kid.as_str());
            assert_eq!(jwk["alg"], alg.as_str());
            assert_eq!(jwk["use"], "sig");
            let names: Vec<&str> = jwk.keys().map(String::as_str).collect();
            let expected: &[&str] = match alg {
                SigningAlg::Rs256 | SigningAlg::Ps256 => &["alg", "e", "kid", "kty", "n", "use"],
                SigningAlg::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
                SigningAlg::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
            };
            assert_eq!(names, expected, "{alg:?}");
            assert!(
                VerificationKey::parse(&key.public_jwk)
                    .unwrap()
                    .supports(alg.into())
            );
            assert_eq!(
                (key.state, key.created_at),
                (KeyState::Active, Timestamp::from_secs(7))
            );
        }
    }
}
