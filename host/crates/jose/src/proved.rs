//! Tokens whose signature was verified before.
//!
//! A signature by a key over bytes is valid or not, for ever: nothing can happen that would make a remembered one wrong.
//! So only that is remembered, under the SHA-256 of what was signed and of the signature. Header, key, type, issuer and
//! times are judged anew each time; a key that leaves the ring takes what it proved with it.

use aws_lc_rs::digest::{Context, SHA256};
use quick_cache::{UnitWeighter, sync::Cache};

/// The most tokens remembered, about 70 bytes each.
const TOKENS_MAX: u64 = 1 << 17;
/// What there is room for at first; it grows to its limit.
const FIRST_ROOM: usize = 64;

/// The SHA-256 of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of what was signed and the signature. What is signed has one dot, so the second one divides the two.
    pub(crate) fn of(signing_input: &str, signature: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(signing_input.as_bytes());
        context.update(b".");
        context.update(signature);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self(digest)
    }
}

/// What was proved by the keys of one ring.
pub(crate) struct ProvedTokens(Cache<TokenDigest, ()>);

impl ProvedTokens {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(FIRST_ROOM, TOKENS_MAX, UnitWeighter))
    }

    pub(crate) fn contains(&self, token: &TokenDigest) -> bool {
        self.0.get(token).is_some()
    }

    pub(crate) fn insert(&self, token: TokenDigest) {
        self.0.insert(token, ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_tells_input_and_signature_apart() {
        let one = TokenDigest::of("a.b", b"c");
        assert_eq!(one, TokenDigest::of("a.b", b"c"));
        for other in [
            TokenDigest::of("a.bc", b""),
            TokenDigest::of("a.b", b"d"),
            TokenDigest::of("a.", b"b.c"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let proved = ProvedTokens::new();
        for n in 0..=TOKENS_MAX {
            proved.insert(TokenDigest::of(&n.to_string(), b""));
        }
        assert!(proved.0.weight() <= TOKENS_MAX);
    }
}
