//! Client secrets: generated with full entropy and kept as SHA-256, or an operator's own that is long enough.

use authly_core::{PlainToken, Rng, SecretText, TokenHash, client::AuthMethod};

use super::CreateClientError;

/// The shortest secret an operator may bring, in bytes: stored as a plain hash, it must be beyond guessing.
pub const SECRET_LENGTH_MIN: usize = 32;
/// The longest secret, in bytes.
pub const SECRET_LENGTH_MAX: usize = 512;

/// A client's secret.
pub(super) struct Secret {
    /// What is stored; `None` for a public client.
    pub(super) hash: Option<TokenHash>,
    /// What is shown once, when it was generated here.
    pub(super) generated: Option<SecretText>,
}

/// The secret that belongs to the method.
///
/// # Errors
/// [`CreateClientError::SecretOfPublicClient`], [`CreateClientError::Secret`].
pub(super) fn check_secret(
    method: AuthMethod,
    given: Option<SecretText>,
    rng: &dyn Rng,
) -> Result<Secret, CreateClientError> {
    match (method, given) {
        (AuthMethod::None, Some(_)) => Err(CreateClientError::SecretOfPublicClient),
        (AuthMethod::None, None) => Ok(Secret {
            hash: None,
            generated: None,
        }),
        (_, Some(secret)) => {
            let text = secret.expose();
            let fits = (SECRET_LENGTH_MIN..=SECRET_LENGTH_MAX).contains(&text.len());
            if !fits || text.chars().any(char::is_control) {
                return Err(CreateClientError::Secret);
            }
            Ok(Secret {
                hash: Some(TokenHash::of(text.as_bytes())),
                generated: None,
            })
        }
        (_, None) => {
            // base64url: the same with and without form encoding, which many clients forget (RFC 6749 §2.3.1).
            let token = PlainToken::generate(rng);
            let generated = Some(SecretText::new(token.expose().to_owned()));
            Ok(Secret {
                hash: Some(token.hash()),
                generated,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededRng;

    fn given(length: usize) -> Result<Secret, CreateClientError> {
        let secret = SecretText::new("x".repeat(length));
        check_secret(AuthMethod::ClientSecretPost, Some(secret), &SeededRng::new(1))
    }

    #[test]
    fn an_operators_secret_has_32_to_512_characters() {
        for (length, right) in [(31, false), (32, true), (512, true), (513, false)] {
            assert_eq!(given(length).is_ok(), right, "{length}");
        }
        assert!(given(32).unwrap().generated.is_none(), "the operator knows it");
        let control = Some(SecretText::new(format!("{}\n", "x".repeat(40))));
        assert!(check_secret(AuthMethod::ClientSecretBasic, control, &SeededRng::new(1)).is_err());
    }

    #[test]
    fn a_public_client_has_none() {
        let none = check_secret(AuthMethod::None, None, &SeededRng::new(1)).unwrap();
        assert!(none.hash.is_none() && none.generated.is_none());
        let secret = Some(SecretText::new("x".repeat(40)));
        assert!(check_secret(AuthMethod::None, secret, &SeededRng::new(1)).is_err());
    }

    #[test]
    fn a_generated_secret_has_256_bits_and_is_shown() {
        let secret = check_secret(AuthMethod::ClientSecretBasic, None, &SeededRng::new(1)).unwrap();
        let shown = secret.generated.unwrap();
        assert_eq!(shown.expose().len(), 43);
        assert!(secret.hash.unwrap().verifies(shown.expose().as_bytes()));
    }
}
