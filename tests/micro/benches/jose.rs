//! Signing and proving tokens, and reading the form that asks for them.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on stops and says where"
)]

use std::{hint::black_box, sync::Arc};

use authly_core::{
    Timestamp,
    key::{SigningAlg, StoredKey},
};
use authly_jose::{
    Expectation, KeyRing, LocalSigner, SharedKeys, UnverifiedJwt, generate_key, sign_jwt, verify_jwt,
};
use authly_oauth::params::Params;
use criterion::Criterion;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";
const NOW: i64 = 1_893_456_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    for alg in [SigningAlg::Es256, SigningAlg::EdDsa, SigningAlg::Rs256] {
        tokens(&mut criterion, &runtime, alg);
    }
    forms(&mut criterion);
    criterion.final_summary();
}

/// What an access token says (RFC 9068 §2.2).
fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "0198c2a2-6c1f-7f00-8000-000000000001", "aud": [AUDIENCE], "client_id": "web",
        "scope": "openid profile offline_access", "jti": "0198c2a2-6c1f-7f00-8000-000000000002",
        "iat": NOW, "exp": NOW + 300, "auth_time": NOW,
    })
}

fn tokens(criterion: &mut Criterion, runtime: &Runtime, alg: SigningAlg) {
    let name = alg.as_str();
    let stored: StoredKey = generate_key(alg, Timestamp::from_secs(NOW)).expect("a key");
    let ring = KeyRing::parse(std::slice::from_ref(&stored)).expect("a ring");
    let keys = Arc::new(SharedKeys::new(ring));
    let signer = LocalSigner::new(Arc::clone(&keys));
    let claims = claims();
    let sign = || {
        let token = sign_jwt(&signer, &stored.kid, alg, "at+jwt", &claims);
        runtime.block_on(token).expect("a token")
    };
    criterion.bench_function(&format!("sign {name}"), |bencher| bencher.iter(sign));

    let token = sign();
    let ring = keys.load();
    let expectation = Expectation {
        typ: "at+jwt",
        algs: &[alg],
        issuer: ISSUER,
        audience: AUDIENCE,
    };
    let now = Timestamp::from_secs(NOW + 1);
    criterion.bench_function(&format!("parse {name}"), |bencher| {
        bencher.iter(|| black_box(UnverifiedJwt::parse(black_box(&token)).is_ok()));
    });
    criterion.bench_function(&format!("parse and verify {name}"), |bencher| {
        bencher.iter(|| verify_jwt(black_box(&token), &ring, &expectation, now).expect("a good token"));
    });
}

fn forms(criterion: &mut Criterion) {
    let form = b"grant_type=refresh_token&refresh_token=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXU&\
        client_id=web&scope=openid+profile%20offline_access";
    criterion.bench_function("parse form", |bencher| {
        bencher.iter(|| Params::parse(black_box(form)).expect("a good form"));
    });
}
