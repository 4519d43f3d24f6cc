//! Assembling signed tokens (RFC 7515 §5.1, §7.1).

use authly_core::{Kid, key::SigningAlg};
use serde::Serialize;

use crate::{
    base64url,
    compact::TOKEN_SIZE_BYTES_MAX,
    signer::{SignError, Signer},
};

/// The longest signature of a built algorithm, in bytes: RSA with 4096 bits. Only a capacity.
const SIGNATURE_BYTES: usize = 512;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'a str,
}

/// Signs claims as a JWT in compact form, with `alg`, `kid` and `typ` in its header.
///
/// `typ` is the media type without `application/`: `JWT`, `at+jwt` (RFC 8725 §3.11). `alg` must be that of the key.
///
/// # Errors
/// [`SignError`]; nothing was spent.
///
/// Spec: RFC 7519 §7.1.
pub async fn sign_jwt(
    signer: &dyn Signer,
    kid: &Kid,
    alg: SigningAlg,
    typ: &str,
    claims: &(impl Serialize + Sync + ?Sized),
) -> Result<String, SignError> {
    let mut token = signing_input(kid, alg, typ, claims)?;
    let signature = signer.sign(kid, token.as_bytes()).await?;
    token.push('.');
    base64url::push(&signature, &mut token);
    if token.len() > TOKEN_SIZE_BYTES_MAX {
        return Err(SignError::TooLarge);
    }
    Ok(token)
}

/// `BASE64URL(header).BASE64URL(claims)`, with room for the signature: the token is allocated once.
fn signing_input(
    kid: &Kid,
    alg: SigningAlg,
    typ: &str,
    claims: &(impl Serialize + ?Sized),
) -> Result<String, SignError> {
    let header = Header {
        alg: alg.as_str(),
        kid: kid.as_str(),
        typ,
    };
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, &header).map_err(SignError::Claims)?;
    let header_bytes = json.len();
    serde_json::to_writer(&mut json, claims).map_err(SignError::Claims)?;
    let (header, claims) = json.split_at(header_bytes);
    let parts = [header.len(), claims.len(), SIGNATURE_BYTES].map(base64url::encoded_len);
    let mut token = String::with_capacity(parts.into_iter().sum::<usize>() + 2);
    base64url::push(header, &mut token);
    token.push('.');
    base64url::push(claims, &mut token);
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        compact::UnverifiedJws,
        generate::generate_key,
        jwk::VerificationKey,
        keyring::{KeyRing, SharedKeys},
        signer::LocalSigner,
    };
    use authly_core::Timestamp;
    use serde_json::json;
    use std::sync::Arc;

    #[tokio::test]
    async fn every_algorithm_signs_what_its_published_key_verifies() {
        for alg in SigningAlg::ALL {
            let stored = generate_key(alg, Timestamp::from_secs(0)).unwrap();
            let ring = KeyRing::parse(std::slice::from_ref(&stored)).unwrap();
            let signer = LocalSigner::new(Arc::new(SharedKeys::new(ring)));
            let claims = json!({"sub": "é\"x"});
            let token = sign_jwt(&signer, &stored.kid, alg, "at+jwt", &claims)
                .await
                .unwrap();
            let jws = UnverifiedJws::parse(&token).unwrap();
            assert!(jws.header().is_typ("at+jwt"));
            assert_eq!(jws.header().kid(), Some(stored.kid.as_str()));
            let key = VerificationKey::parse(&stored.public_jwk).unwrap();
            let verified = jws.verify(&key, &[alg.into()]).unwrap();
            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(verified.payload()).unwrap(),
                claims
            );
        }
    }

    #[tokio::test]
    async fn token_longer_than_what_is_read_is_not_issued() {
        let stored = generate_key(SigningAlg::EdDsa, Timestamp::from_secs(0)).unwrap();
        let ring = KeyRing::parse(std::slice::from_ref(&stored)).unwrap();
        let signer = LocalSigner::new(Arc::new(SharedKeys::new(ring)));
        let claims = json!({"x": "x".repeat(TOKEN_SIZE_BYTES_MAX * 3 / 4)});
        let result = sign_jwt(&signer, &stored.kid, SigningAlg::EdDsa, "JWT", &claims).await;
        assert!(matches!(result, Err(SignError::TooLarge)));
    }
}
