//! A client's own keys: what `private_key_jwt` is verified with (RFC 7591 §2, OIDC Registration §2).

use authly_core::client::AuthMethod;
use authly_jose::{JwsAlg, VerificationKeySet};

use super::{CreateClientError, NewClient, check::check_link};

/// The keys of a registration, and what they sign with.
pub(super) struct Keys {
    pub(super) jwks: Option<String>,
    pub(super) jwks_uri: Option<String>,
    pub(super) signing_alg: Option<String>,
}

/// Keys belong to `private_key_jwt` and to nothing else that is built; that method needs them, in one way.
///
/// # Errors
/// [`CreateClientError::Keys`], [`CreateClientError::KeysOfOtherMethod`], [`CreateClientError::Link`], [`CreateClientError::Unsupported`].
pub(super) fn check_keys(new: &NewClient, method: AuthMethod) -> Result<Keys, CreateClientError> {
    let refuse = |why| Err(CreateClientError::Keys { why });
    let by_key = method == AuthMethod::PrivateKeyJwt;
    match (&new.jwks, &new.jwks_uri) {
        (Some(_), Some(_)) => return refuse("jwks and jwks_uri exclude each other; give one of them"),
        (None, None) if by_key => {
            return refuse("private_key_jwt needs the client's public keys: give jwks or jwks_uri");
        }
        (Some(_), _) | (_, Some(_)) if !by_key => {
            return Err(CreateClientError::KeysOfOtherMethod);
        }
        _ => {}
    }
    if let Some(text) = &new.jwks {
        check_set(text)?;
    }
    Ok(Keys {
        jwks: new.jwks.clone(),
        jwks_uri: check_link("jwks_uri", new.jwks_uri.clone())?,
        signing_alg: check_signing_alg(new.token_endpoint_auth_signing_alg.as_deref(), method)?,
    })
}

/// A JWK Set with at least one public key that signatures can be verified with, and no private or shared one.
fn check_set(text: &str) -> Result<(), CreateClientError> {
    let set = VerificationKeySet::parse(text).map_err(CreateClientError::Jwks)?;
    if set.has_secrets() {
        return Err(CreateClientError::Keys {
            why: "jwks holds a shared secret (kty oct); give public keys only",
        });
    }
    if set.is_empty() {
        return Err(CreateClientError::Keys {
            why: "jwks holds no key that signatures can be verified with: RSA with 2048 bits or more, P-256 or Ed25519",
        });
    }
    Ok(())
}

/// The algorithms of the method: a public key never serves as a shared secret, nor the other way round (RFC 8725 §2.1).
fn check_signing_alg(alg: Option<&str>, method: AuthMethod) -> Result<Option<String>, CreateClientError> {
    let Some(text) = alg else { return Ok(None) };
    let fits = |alg: &JwsAlg| match method {
        AuthMethod::PrivateKeyJwt => *alg != JwsAlg::Hs256,
        AuthMethod::ClientSecretJwt => *alg == JwsAlg::Hs256,
        AuthMethod::None | AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => false,
    };
    let choices: Vec<&str> = JwsAlg::ALL.into_iter().filter(fits).map(JwsAlg::as_str).collect();
    if choices.is_empty() {
        return Err(CreateClientError::Keys {
            why: "token_endpoint_auth_signing_alg is for private_key_jwt and client_secret_jwt",
        });
    }
    if choices.contains(&text) {
        return Ok(Some(text.to_owned()));
    }
    Err(CreateClientError::Unsupported {
        field: "token_endpoint_auth_signing_alg",
        value: text.to_owned(),
        choices: choices.join(", "),
    })
}
