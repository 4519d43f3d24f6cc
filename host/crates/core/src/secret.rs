//! Values that must not be printed, and the hashes under which they are kept.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::random::Rng;

/// Bytes that are wiped when dropped and never shown by `Debug`.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of secret bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// Text that is wiped when dropped and never shown by `Debug`: a password, a client secret.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes ownership of a secret text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// In constant time: how much of a guess is right shows nowhere.
impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// A bearer secret as its holder sees it: a code, a refresh token, a session cookie, an interaction id.
///
/// 256 random bits as 43 characters of base64url. Storage only ever sees its [`TokenHash`].
#[derive(Clone)]
pub struct PlainToken(Zeroizing<String>);

impl PlainToken {
    /// The longest presented value worth hashing, in bytes; longer ones cannot be ours.
    pub const LENGTH_MAX: usize = 512;

    /// A fresh token of 256 random bits.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rng.fill(bytes.as_mut_slice());
        Self::from_bytes(&bytes)
    }

    /// A token from 32 bytes that are as good as random (an HMAC output).
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What a caller presented, unchecked; `None` when it is empty or too long to be one of ours.
    pub fn presented(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= Self::LENGTH_MAX).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The value to hand to its holder.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The SHA-256 under which it is stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken(..)")
    }
}

/// SHA-256 of a [`PlainToken`] or of a generated client secret.
///
/// A plain hash is enough: what is hashed has 256 bits of entropy, so there is nothing to guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0u8; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// From 32 stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `candidate` hashes to this, without telling by time how much of it was right.
    pub fn verifies(&self, candidate: &[u8]) -> bool {
        use subtle::ConstantTimeEq as _;
        Self::of(candidate).0.ct_eq(&self.0).into()
    }

    /// The first 8 hex digits: enough to correlate log lines, useless to an attacker.
    pub fn log_id(&self) -> String {
        let mut id = hex::encode(self.0);
        id.truncate(8);
        id
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}..)", self.log_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;
    impl Rng for Counting {
        fn fill(&self, dest: &mut [u8]) {
            for (i, b) in dest.iter_mut().enumerate() {
                *b = u8::try_from(i % 251).unwrap();
            }
        }
    }

    #[test]
    fn token_is_43_characters_and_never_printed() {
        let token = PlainToken::generate(&Counting);
        assert_eq!(token.expose().len(), 43);
        assert_eq!(format!("{token:?}"), "PlainToken(..)");
        assert!(token.hash().verifies(token.expose().as_bytes()));
        assert!(!token.hash().verifies(b"other"));
    }

    #[test]
    fn presented_token_has_a_length_limit() {
        assert!(PlainToken::presented("").is_none());
        assert!(PlainToken::presented(&"a".repeat(PlainToken::LENGTH_MAX)).is_some());
        assert!(PlainToken::presented(&"a".repeat(PlainToken::LENGTH_MAX + 1)).is_none());
    }
}
