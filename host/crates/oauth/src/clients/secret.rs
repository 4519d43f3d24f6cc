//! Client secrets: generated with full entropy and kept as SHA-256, or an operator's own that is long enough.

use authly_core::{
    PlainToken, Rng, SecretText, TokenHash,
    client::{AuthMethod, Client},
};

use super::CreateClientError;

/// The shortest secret an operator may bring, in bytes: stored as a plain hash, it must be beyond guessing.
pub const SECRET_LENGTH_MIN: usize = 32;
/// The longest secret, in bytes.
pub const SECRET_LENGTH_MAX: usize = 512;

/// A client's secret.
pub(super) struct Secret {
    /// What is compared with; `None` for a client without one.
    pub(super) hash: Option<TokenHash>,
    /// The secret itself, for a method that needs it as a key; sealed by storage.
    pub(super) plain: Option<SecretText>,
    /// What is shown once, when it was generated here.
    pub(super) generated: Option<SecretText>,
}

impl Secret {
    fn none() -> Self {
        Self {
            hash: None,
            plain: None,
            generated: None,
        }
    }

    fn of(method: AuthMethod, secret: SecretText) -> Self {
        Self {
            hash: Some(TokenHash::of(secret.expose().as_bytes())),
            plain: (method == AuthMethod::ClientSecretJwt).then_some(secret),
            generated: None,
        }
    }

    /// The client has it from now on.
    pub(super) fn give_to(self, client: &mut Client) {
        client.secret_hash = self.hash;
        client.secret = self.plain;
    }
}

/// Whether a client of this method has a secret.
pub(super) fn is_needed(method: AuthMethod) -> bool {
    match method {
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt => true,
        AuthMethod::None | AuthMethod::PrivateKeyJwt => false,
    }
}

/// The secret that belongs to the method: the operator's own or a generated one.
///
/// # Errors
/// [`CreateClientError::SecretOfPublicClient`], [`CreateClientError::Secret`].
pub(super) fn check_secret(
    method: AuthMethod,
    given: Option<SecretText>,
    rng: &dyn Rng,
) -> Result<Secret, CreateClientError> {
    match (is_needed(method), given) {
        (false, Some(_)) => Err(CreateClientError::SecretOfPublicClient),
        (false, None) => Ok(Secret::none()),
        (true, Some(secret)) => {
            let text = secret.expose();
            let fits = (SECRET_LENGTH_MIN..=SECRET_LENGTH_MAX).contains(&text.len());
            if !fits || text.chars().any(char::is_control) {
                return Err(CreateClientError::Secret);
            }
            Ok(Secret::of(method, secret))
        }
        (true, None) => {
            // base64url: the same with and without form encoding, which many clients forget (RFC 6749 §2.3.1).
            let generated = SecretText::new(PlainToken::generate(rng).expose().to_owned());
            Ok(Secret {
                generated: Some(generated.clone()),
                ..Secret::of(method, generated)
            })
        }
    }
}

/// The secret of a client whose method may have changed: the one it has where that serves, else a new one.
///
/// # Errors
/// As [`check_secret`].
pub(super) fn kept_or_new(
    before: &Client,
    method: AuthMethod,
    given: Option<SecretText>,
    rng: &dyn Rng,
) -> Result<Secret, CreateClientError> {
    let as_key = method == AuthMethod::ClientSecretJwt;
    let serves = is_needed(method) && before.secret_hash.is_some() && (!as_key || before.secret.is_some());
    if given.is_some() || !serves {
        return check_secret(method, given, rng);
    }
    Ok(Secret {
        hash: before.secret_hash,
        plain: before.secret.clone().filter(|_| as_key),
        generated: None,
    })
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
    fn a_client_that_proves_itself_otherwise_has_none() {
        for method in [AuthMethod::None, AuthMethod::PrivateKeyJwt] {
            let none = check_secret(method, None, &SeededRng::new(1)).unwrap();
            assert!(none.hash.is_none() && none.plain.is_none() && none.generated.is_none());
            let secret = Some(SecretText::new("x".repeat(40)));
            assert!(check_secret(method, secret, &SeededRng::new(1)).is_err());
        }
    }

    #[test]
    fn the_secret_itself_is_kept_only_where_it_is_a_key() {
        let made = |method| check_secret(method, None, &SeededRng::new(1)).unwrap();
        assert!(made(AuthMethod::ClientSecretBasic).plain.is_none());
        let jwt = made(AuthMethod::ClientSecretJwt);
        assert_eq!(jwt.plain.as_ref().unwrap(), jwt.generated.as_ref().unwrap());
    }

    #[test]
    fn a_secret_is_kept_where_it_serves_the_new_method() {
        let rng = SeededRng::new(1);
        let client = crate::testing::client("web");
        let kept = kept_or_new(&client, AuthMethod::ClientSecretPost, None, &rng).unwrap();
        assert!(kept.hash == client.secret_hash && kept.generated.is_none());
        let as_key = kept_or_new(&client, AuthMethod::ClientSecretJwt, None, &rng).unwrap();
        assert!(as_key.generated.is_some(), "its hash is no key");
        let gone = kept_or_new(&client, AuthMethod::PrivateKeyJwt, None, &rng).unwrap();
        assert!(gone.hash.is_none() && gone.plain.is_none());
    }

    #[test]
    fn a_generated_secret_has_256_bits_and_is_shown() {
        let secret = check_secret(AuthMethod::ClientSecretBasic, None, &SeededRng::new(1)).unwrap();
        let shown = secret.generated.unwrap();
        assert_eq!(shown.expose().len(), 43);
        assert!(secret.hash.unwrap().verifies(shown.expose().as_bytes()));
    }
}
