//! `client_secret_post`: `client_id` and `client_secret` in the body (RFC 6749 §2.3.1). The body alone: a secret in
//! the request URI is never read (RFC 6749 §2.3.1, last paragraph).

use authly_core::{SecretText, client::AuthMethod};

use super::{ClientAuthError, ClientCredentials, Presented};

/// Whether the request uses this method: a non-empty `client_secret`.
///
/// # Errors
/// [`ClientAuthError::Missing`] for a secret without `client_id` and without a header that names the client.
pub(super) fn present(credentials: ClientCredentials<'_>) -> Result<Option<Presented>, ClientAuthError> {
    let Some(secret) = credentials.params.get("client_secret") else {
        return Ok(None);
    };
    let client_id = match credentials.params.get("client_id") {
        Some(id) => id.to_owned(),
        // A second method is reported as such, even where this one is incomplete.
        None if credentials.authorization.is_some() => String::new(),
        None => return Err(ClientAuthError::Missing),
    };
    let secret = Some(SecretText::new(secret.to_owned()));
    Ok(Some(Presented {
        method: AuthMethod::ClientSecretPost,
        client_id,
        secret,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;

    fn present_body(body: &str) -> Result<Option<Presented>, ClientAuthError> {
        let params = Params::parse(body.as_bytes()).unwrap();
        present(ClientCredentials {
            authorization: None,
            params: &params,
        })
    }

    #[test]
    fn post_needs_both_fields() {
        let presented = present_body("client_id=web&client_secret=a%3A%2B+b")
            .unwrap()
            .unwrap();
        assert_eq!(presented.client_id, "web");
        assert_eq!(presented.secret.unwrap().expose(), "a:+ b");
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
