//! Public keys that passed every check, their JSON form and their thumbprint.

use authly_core::key::SigningAlg;
use aws_lc_rs::{
    digest,
    signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey},
};
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use crate::{alg::JwsAlg, base64url, jwk::JwkError, rsa_modulus::check_rsa};

/// The length of a P-256 coordinate and of an Ed25519 key, in bytes (RFC 7518 §6.2.1.2, RFC 8032 §5.1.5).
const COORDINATE_BYTES: usize = 32;

/// A public key. The constructors are the only way to one, so its numbers are in range and its point on the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl PublicKey {
    pub(crate) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, JwkError> {
        check_rsa(&n, &e)?;
        Ok(Self::Rsa { n, e })
    }

    pub(crate) fn p256(x: Vec<u8>, y: Vec<u8>) -> Result<Self, JwkError> {
        if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
            return Err(JwkError::Malformed("x and y of P-256 must have 32 bytes each"));
        }
        // Parsing checks that the point is on the curve: an invalid one would leak or forge in other uses.
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, sec1_point(&x, &y))
            .map_err(|_| JwkError::Malformed("the point is not on the curve"))?;
        Ok(Self::P256 { x, y })
    }

    pub(crate) fn ed25519(x: Vec<u8>) -> Result<Self, JwkError> {
        if x.len() != COORDINATE_BYTES {
            return Err(JwkError::Malformed("x of Ed25519 must have 32 bytes"));
        }
        ParsedPublicKey::new(&ED25519, &x).map_err(|_| JwkError::Malformed("x is not an Ed25519 key"))?;
        Ok(Self::Ed25519 { x })
    }

    /// Whether signatures of `alg` can be of this key at all.
    pub(crate) fn supports(&self, alg: JwsAlg) -> bool {
        match self {
            Self::Rsa { .. } => matches!(alg, JwsAlg::Rs256 | JwsAlg::Ps256),
            Self::P256 { .. } => alg == JwsAlg::Es256,
            Self::Ed25519 { .. } => alg == JwsAlg::EdDsa,
        }
    }

    pub(crate) fn decoding_key(&self) -> DecodingKey {
        match self {
            Self::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
            Self::P256 { x, y } => DecodingKey::from_ec_der(&sec1_point(x, y)),
            Self::Ed25519 { x } => DecodingKey::from_ed_der(x),
        }
    }

    /// The required members in the order of their names: what the thumbprint hashes (RFC 7638 §3.2, RFC 8037 §2).
    fn members(&self) -> Vec<(&'static str, String)> {
        let text = str::to_owned;
        match self {
            Self::Rsa { n, e } => vec![
                ("e", base64url::encode(e)),
                ("kty", text("RSA")),
                ("n", base64url::encode(n)),
            ],
            Self::P256 { x, y } => vec![
                ("crv", text("P-256")),
                ("kty", text("EC")),
                ("x", base64url::encode(x)),
                ("y", base64url::encode(y)),
            ],
            Self::Ed25519 { x } => vec![
                ("crv", text("Ed25519")),
                ("kty", text("OKP")),
                ("x", base64url::encode(x)),
            ],
        }
    }

    /// RFC 7638 thumbprint with SHA-256, base64url.
    pub(crate) fn thumbprint(&self) -> String {
        // No value needs escaping: all are base64url or registered names.
        let members: Vec<String> = self
            .members()
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":\"{value}\""))
            .collect();
        let text = format!("{{{}}}", members.join(","));
        base64url::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }

    /// The JWK as published (RFC 7517 §4): public members, `kid` (the thumbprint), `alg` and `use`.
    pub(crate) fn jwk(&self, alg: SigningAlg) -> Map<String, Value> {
        let mut jwk: Map<String, Value> = self
            .members()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect();
        jwk.insert("kid".to_owned(), Value::String(self.thumbprint()));
        jwk.insert("alg".to_owned(), Value::String(alg.as_str().to_owned()));
        jwk.insert("use".to_owned(), Value::String("sig".to_owned()));
        jwk
    }
}

/// The uncompressed point of SEC 1 §2.3.3.
fn sec1_point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_is_that_of_rfc_7638_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::rsa(base64url::decode(n).unwrap(), vec![1, 0, 1]).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn thumbprint_is_that_of_rfc_8037_a_3() {
        let x = base64url::decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::ed25519(x).unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn point_off_the_curve_is_refused() {
        let x = base64url::decode("04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY").unwrap();
        let y = base64url::decode("UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw").unwrap();
        assert!(PublicKey::p256(x.clone(), y.clone()).is_ok());
        assert!(PublicKey::p256(y.clone(), x.clone()).is_err());
        assert!(PublicKey::p256(vec![0; 32], vec![0; 32]).is_err());
        assert!(PublicKey::p256(x[1..].to_vec(), y).is_err());
    }
}
