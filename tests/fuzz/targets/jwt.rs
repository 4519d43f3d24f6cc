//! A JWT of a header and a payload, a line each, that the server's own key signs: whatever they hold, only what was asked
//! for is believed. A third line says how the token is changed; a changed token never verifies.
#![no_main]

use authly_core::key::SigningAlg;
use authly_fuzz::{KEYS, NOW};
use authly_jose::{Expectation, UnverifiedJwt, VerifiedJwt, verify_jwt};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const EXPECT: Expectation<'static> = Expectation {
    typ: "at+jwt",
    algs: &[SigningAlg::EdDsa, SigningAlg::Es256],
    issuer: "https://i.example",
    audience: "c",
};

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(
            verify_jwt(text, &KEYS.ring, &EXPECT, NOW).is_err(),
            "nobody signed it"
        );
    }
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let [header, payload, change] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let token = KEYS.sign(header, payload);
    if let Ok(verified) = verify_jwt(&token, &KEYS.ring, &EXPECT, NOW) {
        is_what_was_asked_for(&token, &verified);
    }
    if let Some(changed) = changed(&token, change) {
        assert!(
            verify_jwt(&changed, &KEYS.ring, &EXPECT, NOW).is_err(),
            "{changed} was {token}"
        );
    }
});

/// The rules, told once more and in another way.
fn is_what_was_asked_for(token: &str, verified: &VerifiedJwt) {
    let claims = Value::Object(verified.claims().clone());
    assert_eq!(claims["iss"], EXPECT.issuer);
    let audience = &claims["aud"];
    assert!(
        audience == EXPECT.audience
            || audience
                .as_array()
                .is_some_and(|all| all.contains(&EXPECT.audience.into()))
    );
    #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
    let now = NOW.as_secs() as f64;
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp > now));
    let header = UnverifiedJwt::parse(token).expect("it verified").header().clone();
    assert!(header.is_typ(EXPECT.typ) && header.kid() == Some(KEYS.kid.as_str()));
}

/// The token with one character put in the place of another; `None` when it stays the same.
fn changed(token: &str, change: &[u8]) -> Option<String> {
    let [high, low, character] = *change.first_chunk()?;
    let at = usize::from(u16::from_be_bytes([high, low])) % token.len();
    let mut changed = token.to_owned();
    changed.replace_range(at..=at, char::from(character % 0x80).encode_utf8(&mut [0; 4]));
    (changed != token).then_some(changed)
}
