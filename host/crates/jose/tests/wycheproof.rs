//! Project Wycheproof's vectors for JSON Web Signatures, keys and key sets.
//!
//! The vectors are data that may be absent: `AUTHLY_WYCHEPROOF_DIR` names the folder that holds
//! `json_web_signature_test.json`, `json_web_key_test.json` and `json_web_crypto_test.json`. Vectors of encryption are
//! not for us.
#![cfg(test)]

use std::{fs, io::Write as _, path::Path};

use authly_jose::{JwsAlg, UnverifiedJws, VerificationKey, VerificationKeySet};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

const FOLDER: &str = "AUTHLY_WYCHEPROOF_DIR";

/// Vectors marked invalid that verify, with the reason.
const INVALID_THAT_VERIFY: [(&str, u64, &str); 2] = [
    (
        "signature",
        367,
        "byte for byte the token of tcId 357, which is valid: its padding was lost in the file",
    ),
    (
        "signature",
        370,
        "byte for byte the token of tcId 357, which is valid: its padding was lost in the file",
    ),
];

/// Vectors marked valid that are refused, with the reason.
const VALID_THAT_ARE_REFUSED: [(&str, u64, &str); 2] = [
    (
        "signature",
        372,
        "a `?` inside the header is no base64url (RFC 7515 §2)",
    ),
    (
        "signature",
        373,
        "a `?` inside the payload is no base64url (RFC 7515 §2)",
    ),
];

#[derive(Default, Debug, PartialEq, Eq)]
struct Tally {
    verified: u32,
    refused: u32,
    not_covered: u32,
}

#[test]
fn each_valid_vector_verifies_and_each_invalid_one_is_refused() {
    #[expect(clippy::disallowed_methods, reason = "names test data that may be absent")]
    let Some(folder) = std::env::var_os(FOLDER) else {
        // Past the harness's capture: a test that did not run must not look like one that passed.
        writeln!(
            std::io::stderr(),
            "wycheproof vectors were NOT run: {FOLDER} is not set"
        )
        .unwrap();
        return;
    };
    for (file, verified_min, refused_min) in [("signature", 20, 300), ("key", 2, 15), ("crypto", 4, 35)] {
        let tally = run(Path::new(&folder), file);
        println!("wycheproof {file}: {tally:?}");
        assert!(
            tally.verified >= verified_min,
            "{file}: only {} verified",
            tally.verified
        );
        assert!(
            tally.refused >= refused_min,
            "{file}: only {} refused",
            tally.refused
        );
    }
}

fn run(folder: &Path, file: &'static str) -> Tally {
    let text = fs::read_to_string(folder.join(format!("json_web_{file}_test.json"))).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let mut tally = Tally::default();
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = group.get("public").unwrap_or(&group["private"]);
        for test in group["tests"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|test| test.get("jws").is_some())
        {
            count(&mut tally, file, key, test);
        }
    }
    tally
}

fn count(tally: &mut Tally, file: &'static str, key: &Value, test: &Value) {
    let id = test["tcId"].as_u64().unwrap();
    let listed = |list: &[(&str, u64, &str)]| list.iter().any(|(f, t, _)| *f == file && *t == id);
    let token = test["jws"]
        .as_str()
        .map_or_else(|| test["jws"].to_string(), str::to_owned);
    let valid = test["result"] == "valid";
    let exception = if valid {
        listed(&VALID_THAT_ARE_REFUSED)
    } else {
        listed(&INVALID_THAT_VERIFY)
    };
    if valid && !exception && !is_covered(&token) {
        tally.not_covered += 1;
        return;
    }
    let verified = verifies(key, &token);
    assert_eq!(
        verified,
        valid != exception,
        "{file} tcId {id}: {}",
        test["comment"]
    );
    if verified {
        tally.verified += 1;
    } else {
        tally.refused += 1;
    }
}

fn verifies(key: &Value, token: &str) -> bool {
    let Ok(jws) = UnverifiedJws::parse(token) else {
        return false;
    };
    // The list of a use: secrets only for a secret, public algorithms only for a public key.
    let public = [JwsAlg::Rs256, JwsAlg::Ps256, JwsAlg::Es256, JwsAlg::EdDsa];
    let json = key.to_string();
    if key.get("keys").is_some() {
        return VerificationKeySet::parse(&json)
            .is_ok_and(|set| jws.verify_in_set(&set, &JwsAlg::ALL).is_ok());
    }
    VerificationKey::parse(&json).is_ok_and(|key| {
        let allowed: &[JwsAlg] = if key.is_symmetric() {
            &[JwsAlg::Hs256]
        } else {
            &public
        };
        jws.verify(&key, allowed).is_ok()
    })
}

/// Whether the vector's algorithm is one that is built.
fn is_covered(token: &str) -> bool {
    let header = token.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["alg"].as_str().and_then(JwsAlg::parse).is_some()
}
