//! A JWK (RFC 7517): alone and in a set it is the same key, however its members are ordered; it fits algorithms of its own
//! kind only, and verifies nothing that another key signed.
#![no_main]

use std::sync::LazyLock;

use authly_fuzz::KEYS;
use authly_jose::{JwkError, JwsAlg, UnverifiedJws, VerificationKey, VerificationKeySet};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Signed with the one key.
static TOKEN: LazyLock<String> = LazyLock::new(|| KEYS.sign(br#"{"alg":"EdDSA"}"#, b"{}"));

fuzz_target!(|text: &str| {
    let _ = VerificationKeySet::parse(text);
    let parsed = VerificationKey::parse(text);
    if let Ok(key) = &parsed {
        fits_its_own_kind(key);
        let again = VerificationKey::parse(&rewritten(text)).expect("the same members");
        assert_eq!((again.kid(), again.thumbprint()), (key.kid(), key.thumbprint()));
        let jws = UnverifiedJws::parse(&TOKEN).expect("a token");
        let verified = jws.verify(key, &JwsAlg::ALL).is_ok();
        assert!(!verified || key.thumbprint().as_deref() == Some(KEYS.kid.as_str()));
    }
    // Two levels down, what is nested as deep as can be is too deep.
    if serde_json::from_str::<Value>(text).is_ok() && text.matches(['[', '{']).count() < 100 {
        same_in_a_set(text, &parsed);
    }
});

/// A public key has a thumbprint and signs with the algorithms of its kind; a shared secret has none, and HS256.
fn fits_its_own_kind(key: &VerificationKey) {
    let algs: Vec<JwsAlg> = JwsAlg::ALL.into_iter().filter(|alg| key.supports(*alg)).collect();
    let fit = if key.is_symmetric() {
        matches!(algs[..], [JwsAlg::Hs256])
    } else {
        use JwsAlg::{EdDsa, Es256, Ps256, Rs256};
        matches!(algs[..], [Rs256 | Ps256 | Es256 | EdDsa] | [Rs256, Ps256])
    };
    assert!(fit, "{algs:?}");
    assert_eq!(key.thumbprint().is_none(), key.is_symmetric());
}

/// The same members in the order of their names.
fn rewritten(text: &str) -> String {
    serde_json::from_str::<Value>(text)
        .expect("JSON, as it parsed")
        .to_string()
}

/// Alone in a set, a key is found, passed over or refused just as it is without.
fn same_in_a_set(text: &str, parsed: &Result<VerificationKey, JwkError>) {
    let set = VerificationKeySet::parse(&format!(r#"{{"keys":[{text}]}}"#));
    match parsed {
        Ok(key) => {
            let set = set.expect("a set of a good key");
            let found = key.kid().map(|kid| set.find(kid).expect("found by its kid"));
            assert!(found.is_none_or(|found| found.thumbprint() == key.thumbprint()));
        }
        Err(JwkError::Unsupported(_)) => assert!(set.is_ok(), "passed over (RFC 7517 section 5)"),
        Err(_) => assert!(set.is_err(), "spoils the set"),
    }
}
