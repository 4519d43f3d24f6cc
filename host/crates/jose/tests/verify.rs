//! Every rule of token verification: accepted, refused, and at its boundary.
#![cfg(test)]

use std::sync::Arc;

use authly_core::{
    Kid, Timestamp,
    key::{KeyState, SigningAlg, StoredKey},
};
use authly_jose::{
    CLOCK_SKEW, Expectation, JwsError, JwtError, KeyRing, LocalSigner, SharedKeys, Signer as _,
    UnverifiedJwt, VerifiedJwt, generate_key, sign_jwt, verify_jwt,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const EXPECT: Expectation<'static> = Expectation {
    typ: "at+jwt",
    algs: &[SigningAlg::Es256],
    issuer: "https://issuer.example",
    audience: "https://api.example",
};

struct Issuer {
    keys: Arc<SharedKeys>,
    signer: LocalSigner,
    kid: Kid,
}

impl Issuer {
    fn new() -> Self {
        Self::with(&[SigningAlg::Es256])
    }

    fn with(algs: &[SigningAlg]) -> Self {
        let stored: Vec<StoredKey> = algs.iter().map(|alg| generate_key(*alg, NOW).unwrap()).collect();
        let keys = Arc::new(SharedKeys::new(KeyRing::parse(&stored).unwrap()));
        Self {
            signer: LocalSigner::new(Arc::clone(&keys)),
            keys,
            kid: stored[0].kid.clone(),
        }
    }

    /// A token with any header and payload, signed by our key.
    async fn raw(&self, header: &str, payload: &str) -> String {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = self.signer.sign(&self.kid, input.as_bytes()).await.unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn with_header(&self, header: Value) -> Result<VerifiedJwt, JwtError> {
        let mut full = json!({"alg": "ES256", "kid": self.kid.as_str(), "typ": "at+jwt"});
        for (name, value) in header.as_object().unwrap() {
            full[name] = value.clone();
        }
        let token = self.raw(&full.to_string(), &claims(&json!({})).to_string()).await;
        verify_jwt(&token, &self.keys.load(), &EXPECT, NOW)
    }

    async fn with_claims(&self, changed: Value) -> Result<VerifiedJwt, JwtError> {
        let token = sign_jwt(
            &self.signer,
            &self.kid,
            SigningAlg::Es256,
            "at+jwt",
            &claims(&changed),
        )
        .await
        .unwrap();
        verify_jwt(&token, &self.keys.load(), &EXPECT, NOW)
    }
}

/// Good claims with some replaced, or removed by null.
fn claims(changed: &Value) -> Value {
    let now = NOW.as_secs();
    let mut claims = json!({
        "iss": EXPECT.issuer, "aud": EXPECT.audience, "sub": "x", "iat": now - 10, "exp": now + 10,
    });
    for (name, value) in changed.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

#[tokio::test]
async fn own_token_verifies_and_shows_its_claims() {
    let verified = Issuer::new()
        .with_claims(json!({"scope": "openid"}))
        .await
        .unwrap();
    assert_eq!(verified.text("scope"), Some("openid"));
    assert_eq!(verified.claims()["sub"], "x");
}

#[tokio::test]
async fn exp_is_required_and_exclusive() {
    let issuer = Issuer::new();
    let now = NOW.as_secs();
    for (exp, expected) in [
        (json!(null), Err(JwtError::Claim("exp"))),
        (json!("9999999999"), Err(JwtError::Claim("exp"))),
        (json!(-1), Err(JwtError::Claim("exp"))),
        (json!(1e300), Err(JwtError::Claim("exp"))),
        (json!(now - 10), Err(JwtError::Claim("exp"))),
        (json!(now), Err(JwtError::Expired)),
        (json!(now - 1), Err(JwtError::Expired)),
        (json!(now + 1), Ok(())),
        (json!(1_800_000_000.5), Ok(())),
    ] {
        let result = issuer.with_claims(json!({"exp": exp})).await.map(|_| ());
        assert_eq!(result, expected, "{exp}");
    }
}

#[tokio::test]
async fn iat_and_nbf_may_run_ahead_by_the_skew_only() {
    let issuer = Issuer::new();
    let edge = NOW.plus(CLOCK_SKEW).as_secs();
    let far = json!(edge + 100);
    for name in ["iat", "nbf"] {
        assert!(
            issuer.with_claims(json!({"exp": far, name: edge})).await.is_ok(),
            "{name}"
        );
        let late = issuer.with_claims(json!({"exp": far, name: edge + 1})).await;
        assert_eq!(late.unwrap_err(), JwtError::NotYetValid, "{name}");
        let text = issuer.with_claims(json!({"exp": far, name: "0"})).await;
        assert_eq!(text.unwrap_err(), JwtError::Claim(name));
    }
    assert_eq!(
        issuer.with_claims(json!({"iat": null})).await.unwrap_err(),
        JwtError::Claim("iat")
    );
}

#[tokio::test]
async fn issuer_is_compared_exactly() {
    let issuer = Issuer::new();
    for (iss, expected) in [
        (json!("https://issuer.example/"), JwtError::Issuer),
        (json!(["https://issuer.example"]), JwtError::Claim("iss")),
        (json!(null), JwtError::Claim("iss")),
    ] {
        assert_eq!(
            issuer.with_claims(json!({"iss": iss})).await.unwrap_err(),
            expected,
            "{iss}"
        );
    }
}

#[tokio::test]
async fn audience_is_a_string_or_an_array_that_holds_us() {
    let issuer = Issuer::new();
    assert!(
        issuer
            .with_claims(json!({"aud": ["other", EXPECT.audience]}))
            .await
            .is_ok()
    );
    for (aud, expected) in [
        (json!("other"), JwtError::Audience),
        (json!([]), JwtError::Audience),
        (json!(["other"]), JwtError::Audience),
        (json!([EXPECT.audience, 1]), JwtError::Claim("aud")),
        (json!({"a": 1}), JwtError::Claim("aud")),
        (json!(null), JwtError::Claim("aud")),
    ] {
        assert_eq!(
            issuer.with_claims(json!({"aud": aud})).await.unwrap_err(),
            expected,
            "{aud}"
        );
    }
}

#[tokio::test]
async fn header_decides_nothing() {
    let issuer = Issuer::with(&[SigningAlg::Es256, SigningAlg::EdDsa]);
    assert!(
        issuer
            .with_header(json!({"typ": "application/AT+JWT", "x": 1}))
            .await
            .is_ok()
    );
    let other = issuer.keys.load().active(SigningAlg::EdDsa).unwrap().to_string();
    for (header, expected) in [
        (json!({"typ": "JWT"}), JwtError::Typ),
        (json!({"typ": ""}), JwtError::Typ),
        (
            json!({"typ": 1}),
            JwtError::Jws(JwsError::Malformed("alg, kid and typ must be strings")),
        ),
        (json!({"alg": "none"}), JwtError::Jws(JwsError::Algorithm)),
        (json!({"alg": "HS256"}), JwtError::Jws(JwsError::Algorithm)),
        (json!({"alg": "EdDSA"}), JwtError::Jws(JwsError::Algorithm)),
        (json!({"kid": "unknown"}), JwtError::Jws(JwsError::Key)),
        (json!({"kid": other}), JwtError::Jws(JwsError::Key)),
        (json!({"crit": ["exp"]}), JwtError::Jws(JwsError::Header("crit"))),
        (json!({"b64": false}), JwtError::Jws(JwsError::Header("b64"))),
        (json!({"jwk": {}}), JwtError::Jws(JwsError::Header("jwk"))),
        (
            json!({"jku": "https://evil.example"}),
            JwtError::Jws(JwsError::Header("jku")),
        ),
        (
            json!({"x5u": "https://evil.example"}),
            JwtError::Jws(JwsError::Header("x5u")),
        ),
        (json!({"x5c": []}), JwtError::Jws(JwsError::Header("x5c"))),
    ] {
        assert_eq!(
            issuer.with_header(header.clone()).await.unwrap_err(),
            expected,
            "{header}"
        );
    }
}

#[tokio::test]
async fn token_without_kid_or_typ_is_refused() {
    let issuer = Issuer::new();
    let payload = claims(&json!({})).to_string();
    let no_kid = issuer.raw(r#"{"alg":"ES256","typ":"at+jwt"}"#, &payload).await;
    let result = verify_jwt(&no_kid, &issuer.keys.load(), &EXPECT, NOW);
    assert_eq!(result.unwrap_err(), JwtError::Jws(JwsError::Key));
    let no_typ = issuer
        .raw(
            &json!({"alg": "ES256", "kid": issuer.kid.as_str()}).to_string(),
            &payload,
        )
        .await;
    assert_eq!(
        verify_jwt(&no_typ, &issuer.keys.load(), &EXPECT, NOW).unwrap_err(),
        JwtError::Typ
    );
}

#[tokio::test]
async fn payload_must_be_one_object_with_distinct_names() {
    let issuer = Issuer::new();
    let header = json!({"alg": "ES256", "kid": issuer.kid.as_str(), "typ": "at+jwt"}).to_string();
    let good = claims(&json!({})).to_string();
    let twice = good.replacen('{', r#"{"iss":"https://evil.example","#, 1);
    for payload in [twice.as_str(), "[]", "null", "", "\u{feff}{}"] {
        let token = issuer.raw(&header, payload).await;
        let result = verify_jwt(&token, &issuer.keys.load(), &EXPECT, NOW);
        assert_eq!(result.unwrap_err(), JwtError::Payload, "{payload}");
    }
}

#[tokio::test]
async fn token_of_a_removed_key_or_another_server_is_refused() {
    let (ours, theirs) = (Issuer::new(), Issuer::new());
    let token = sign_jwt(
        &theirs.signer,
        &theirs.kid,
        SigningAlg::Es256,
        "at+jwt",
        &claims(&json!({})),
    )
    .await
    .unwrap();
    let result = verify_jwt(&token, &ours.keys.load(), &EXPECT, NOW);
    assert_eq!(result.unwrap_err(), JwtError::Jws(JwsError::Key));
    // The same kid on another key: only the signature can tell.
    let forged = theirs
        .raw(
            &json!({"alg": "ES256", "kid": ours.kid.as_str(), "typ": "at+jwt"}).to_string(),
            "{}",
        )
        .await;
    let result = verify_jwt(&forged, &ours.keys.load(), &EXPECT, NOW);
    assert_eq!(result.unwrap_err(), JwtError::Jws(JwsError::Signature));
}

#[tokio::test]
async fn hint_may_be_past_and_for_anybody_but_is_still_ours() {
    let issuer = Issuer::new();
    let hint = |typ: &'static str, changed: Value| {
        let issuer = &issuer;
        async move {
            let all = claims(&changed);
            let alg = SigningAlg::Es256;
            let token = sign_jwt(&issuer.signer, &issuer.kid, alg, typ, &all)
                .await
                .unwrap();
            let unverified = UnverifiedJwt::parse(&token).unwrap();
            let verified = unverified.verify_hint(&issuer.keys.load(), "JWT", EXPECT.issuer, NOW);
            verified.map(|_| ())
        }
    };
    let now = NOW.as_secs();
    let past = json!({"iat": now - 20, "exp": now - 10, "aud": "another"});
    assert_eq!(hint("JWT", past.clone()).await, Ok(()));
    assert_eq!(hint("at+jwt", past).await, Err(JwtError::Typ));
    for (changed, why) in [
        (json!({"exp": null}), JwtError::Claim("exp")),
        (json!({"iss": "https://other.example"}), JwtError::Issuer),
        (json!({"iat": now + 61, "exp": now + 90}), JwtError::NotYetValid),
    ] {
        assert_eq!(hint("JWT", changed).await, Err(why));
    }
}

#[tokio::test]
async fn token_of_a_retiring_or_pending_key_verifies() {
    let stored = generate_key(SigningAlg::Es256, NOW).unwrap();
    let ring = |state| {
        KeyRing::parse(&[StoredKey {
            state,
            ..stored.clone()
        }])
        .unwrap()
    };
    let signer = LocalSigner::new(Arc::new(SharedKeys::new(ring(KeyState::Active))));
    let token = sign_jwt(
        &signer,
        &stored.kid,
        SigningAlg::Es256,
        "at+jwt",
        &claims(&json!({})),
    )
    .await
    .unwrap();
    // Pending here, active already on the node that signed.
    for state in [KeyState::Pending, KeyState::Active, KeyState::Retiring] {
        assert!(
            verify_jwt(&token, &ring(state), &EXPECT, NOW).is_ok(),
            "{state:?}"
        );
    }
    assert!(verify_jwt(&token, &ring(KeyState::Removed), &EXPECT, NOW).is_err());
}

#[tokio::test]
async fn token_that_was_proved_before_is_judged_anew_but_for_its_signature() {
    let issuer = Issuer::new();
    let good = sign_jwt(
        &issuer.signer,
        &issuer.kid,
        SigningAlg::Es256,
        "at+jwt",
        &claims(&json!({})),
    )
    .await
    .unwrap();
    let keys = issuer.keys.load();
    let verify = |token: &str, expect: &Expectation<'_>, now| verify_jwt(token, &keys, expect, now).map(drop);
    for _ in 0..2 {
        assert_eq!(verify(&good, &EXPECT, NOW), Ok(()));
    }
    // Everything but the signature may have changed since.
    assert_eq!(
        verify(&good, &EXPECT, Timestamp::from_secs(NOW.as_secs() + 10)),
        Err(JwtError::Expired)
    );
    let other = Expectation { typ: "JWT", ..EXPECT };
    assert_eq!(verify(&good, &other, NOW), Err(JwtError::Typ));
    let other = Expectation {
        algs: &[SigningAlg::EdDsa],
        ..EXPECT
    };
    assert_eq!(
        verify(&good, &other, NOW),
        Err(JwtError::Jws(JwsError::Algorithm))
    );
    // Nor does it speak for another signature over the same bytes, or the same signature under other bytes.
    let (input, signature) = good.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[7] ^= 1;
    let forged = format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes));
    for _ in 0..2 {
        assert_eq!(
            verify(&forged, &EXPECT, NOW),
            Err(JwtError::Jws(JwsError::Signature))
        );
    }
    // A ring without the key knows nothing of what it proved.
    let stranger = Issuer::new().keys.load();
    assert_eq!(
        verify_jwt(&good, &stranger, &EXPECT, NOW).map(drop),
        Err(JwtError::Jws(JwsError::Key))
    );
}
