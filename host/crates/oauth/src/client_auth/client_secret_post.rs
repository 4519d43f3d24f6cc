//! `client_secret_post`: `client_id` and `client_secret` in the body (RFC 6749 §2.3.1). The body alone: a secret in
//! the request URI is never read (RFC 6749 §2.3.1, last paragraph).

use authly_core::{SecretText, client::AuthMethod};

use super::{ClientAuthError, ClientCredentials, Presented, Proof};

/// Whether the request uses this method: a non-empty `client_secret`.
///
/// # Errors
/// [`ClientAuthError::Missing`] for a secret without `client_id` and without a header that names the client.
pub(super) fn present(credentials: ClientCredentials<'_>) -> Result<Option<Presented<'_>>, ClientAuthError> {
    let Some(secret) = credentials.params.get("client_secret") else {
        return Ok(None);
    };
    let client_id = match credentials.params.get("client_id") {
        Some(id) => id.to_owned(),
        // A second method is reported as such, even where this one is incomplete.
        None if credentials.authorization.is_some() => String::new(),
        None => return Err(ClientAuthError::Missing),
    };
    Ok(Some(Presented {
        method: AuthMethod::ClientSecretPost,
        client_id,
        proof: Proof::Secret(SecretText::new(secret.to_owned())),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;

    /// The `client_id` and the secret.
    fn present_body(body: &str) -> Result<Option<(String, String)>, ClientAuthError> {
        let params = Params::parse(body.as_bytes()).unwrap();
        let presented = present(ClientCredentials {
            authorization: None,
            params: &params,
        })?;
        Ok(presented.map(|presented| match presented.proof {
            Proof::Secret(secret) => (presented.client_id, secret.expose().to_owned()),
            Proof::Nothing | Proof::Assertion(_) => panic!("not a secret"),
        }))
    }

    #[test]
    fn post_needs_both_fields() {
        assert_eq!(
            present_body("client_id=web&client_secret=a%3A%2B+b").unwrap(),
            Some(("web".to_owned(), "a:+ b".to_owned()))
        );
        assert!(matches!(
            present_body("client_secret=x"),
            Err(ClientAuthError::Missing)
        ));
        assert!(
            present_body("client_id=web&client_secret=").unwrap().is_none(),
            "empty is absent"
        );
    }
}
