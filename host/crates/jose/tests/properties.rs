//! Parsers never panic, whatever they are given, and a changed token never verifies.
#![cfg(test)]

use std::sync::{Arc, LazyLock};

use authly_core::{Timestamp, key::SigningAlg};
use authly_jose::{
    Expectation, JwsAlg, KeyRing, LocalSigner, SharedKeys, UnverifiedJws, VerificationKey,
    VerificationKeySet, generate_key, sign_jwt, verify_jwt,
};
use proptest::prelude::*;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const EXPECT: Expectation<'static> = Expectation {
    typ: "JWT",
    algs: &SigningAlg::ALL,
    issuer: "https://i.example",
    audience: "c",
};

struct Fixture {
    ring: Arc<KeyRing>,
    tokens: Vec<String>,
    jwks: Vec<String>,
}

/// A ring with a key of each algorithm and a good token of each.
static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let stored: Vec<_> = SigningAlg::ALL
        .iter()
        .map(|alg| generate_key(*alg, NOW).unwrap())
        .collect();
    let keys = Arc::new(SharedKeys::new(KeyRing::parse(&stored).unwrap()));
    let signer = LocalSigner::new(Arc::clone(&keys));
    let now = NOW.as_secs();
    let claims =
        json!({"iss": EXPECT.issuer, "aud": EXPECT.audience, "iat": now, "exp": now + 60, "sub": "s"});
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tokens = stored
        .iter()
        .map(|key| {
            runtime
                .block_on(sign_jwt(&signer, &key.kid, key.alg, "JWT", &claims))
                .unwrap()
        })
        .collect();
    Fixture {
        ring: keys.load(),
        tokens,
        jwks: stored.into_iter().map(|key| key.public_jwk).collect(),
    }
});

#[test]
fn unchanged_tokens_verify() {
    for token in &FIXTURE.tokens {
        verify_jwt(token, &FIXTURE.ring, &EXPECT, NOW).unwrap();
    }
}

proptest! {
    // A counterexample is printed; it becomes a test of its own rather than a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_without_panic(text in ".{0,300}") {
        let _ = UnverifiedJws::parse(&text);
        let _ = VerificationKey::parse(&text);
        let _ = VerificationKeySet::parse(&text);
        prop_assert!(verify_jwt(&text, &FIXTURE.ring, &EXPECT, NOW).is_err());
    }

    #[test]
    fn any_three_parts_are_parsed_without_panic(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..5),
    ) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let text = parts.iter().map(|p| URL_SAFE_NO_PAD.encode(p)).collect::<Vec<_>>().join(".");
        prop_assert!(verify_jwt(&text, &FIXTURE.ring, &EXPECT, NOW).is_err());
    }

    #[test]
    fn changed_token_never_verifies(
        which in 0..SigningAlg::ALL.len(),
        at in any::<prop::sample::Index>(),
        replacement in "[A-Za-z0-9_.-]",
    ) {
        let token = &FIXTURE.tokens[which];
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &replacement);
        prop_assume!(&changed != token);
        prop_assert!(verify_jwt(&changed, &FIXTURE.ring, &EXPECT, NOW).is_err());
    }

    #[test]
    fn cut_or_extended_token_never_verifies(
        which in 0..SigningAlg::ALL.len(),
        at in any::<prop::sample::Index>(),
        more in "[A-Za-z0-9_=. -]{1,8}",
    ) {
        let token = &FIXTURE.tokens[which];
        let cut = &token[..at.index(token.len())];
        prop_assert!(verify_jwt(cut, &FIXTURE.ring, &EXPECT, NOW).is_err());
        let extended = format!("{token}{more}");
        prop_assert!(verify_jwt(&extended, &FIXTURE.ring, &EXPECT, NOW).is_err());
    }

    #[test]
    fn a_key_in_a_set_is_the_key_alone(order in Just((0..SigningAlg::ALL.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let jwks: Vec<&str> = order.iter().map(|which| FIXTURE.jwks[*which].as_str()).collect();
        let set = VerificationKeySet::parse(&format!(r#"{{"keys":[{}]}}"#, jwks.join(","))).unwrap();
        for (which, jwk) in order.iter().zip(jwks) {
            let alone = VerificationKey::parse(jwk).unwrap();
            let found = set.find(alone.kid().unwrap()).unwrap();
            prop_assert_eq!(found.thumbprint(), alone.thumbprint());
            let token = &FIXTURE.tokens[*which];
            prop_assert!(UnverifiedJws::parse(token).unwrap().verify_in_set(&set, &JwsAlg::ALL).is_ok());
            for other in FIXTURE.tokens.iter().filter(|other| *other != token) {
                prop_assert!(UnverifiedJws::parse(other).unwrap().verify(&alone, &JwsAlg::ALL).is_err());
            }
        }
    }

    #[test]
    fn changed_jwk_is_parsed_without_panic_and_verifies_nothing(
        which in 0..SigningAlg::ALL.len(),
        at in any::<prop::sample::Index>(),
        byte in "[ -~]",
    ) {
        let jwk = &FIXTURE.jwks[which];
        let at = at.index(jwk.len());
        let mut changed = jwk.clone();
        changed.replace_range(at..=at, &byte);
        let original = VerificationKey::parse(jwk).unwrap();
        if let Ok(key) = VerificationKey::parse(&changed)
            && key.thumbprint() != original.thumbprint()
        {
            let jws = UnverifiedJws::parse(&FIXTURE.tokens[which]).unwrap();
            prop_assert!(jws.verify(&key, &JwsAlg::ALL).is_err());
        }
    }
}
