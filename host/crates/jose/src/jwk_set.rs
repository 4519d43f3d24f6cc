//! A JSON Web Key Set (RFC 7517 §5) of one client.

use serde_json::{Map, Value};

use crate::{
    alg::JwsAlg,
    jwk::{JWK_SIZE_BYTES_MAX, JwkError, VerificationKey},
    strict_json,
};

/// The most keys a set may hold; one verification looks at one of them.
const KEYS_MAX: usize = 50;

/// The keys of a set that signatures can be verified with.
#[derive(Clone, Debug)]
pub struct VerificationKeySet {
    keys: Vec<VerificationKey>,
}

impl VerificationKeySet {
    /// Reads a set. Keys of kinds that are not supported are passed over (RFC 7517 §5); malformed or weak ones spoil
    /// the set, and so do a repeated `kid` and shared secrets beside public keys (algorithm confusion, RFC 8725 §2.1).
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn parse(json: &str) -> Result<Self, JwkError> {
        if json.len() > JWK_SIZE_BYTES_MAX {
            return Err(JwkError::Malformed("it is longer than 64 KiB"));
        }
        let set = strict_json::parse_object(json.as_bytes())
            .map_err(|_| JwkError::Malformed("it is not a JSON object with distinct member names"))?;
        let keys = read_keys(&set)?;
        check_distinct_kids(&keys)?;
        if keys.iter().any(VerificationKey::is_symmetric) && !keys.iter().all(VerificationKey::is_symmetric) {
            return Err(JwkError::Malformed("it mixes shared secrets and public keys"));
        }
        Ok(Self { keys })
    }

    /// The one key that signs with this algorithm; `None` when there are several, or none.
    pub fn only(&self, alg: JwsAlg) -> Option<&VerificationKey> {
        let mut fitting = self.keys.iter().filter(|key| key.supports(alg));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }

    /// Whether any key is a shared secret.
    pub fn has_secrets(&self) -> bool {
        self.keys.iter().any(VerificationKey::is_symmetric)
    }

    /// Whether no key is one that signatures can be verified with.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of this `kid`.
    pub fn find(&self, kid: &str) -> Option<&VerificationKey> {
        self.keys.iter().find(|key| key.kid() == Some(kid))
    }
}

fn read_keys(set: &Map<String, Value>) -> Result<Vec<VerificationKey>, JwkError> {
    let list = set
        .get("keys")
        .and_then(Value::as_array)
        .ok_or(JwkError::Malformed("keys is missing or not an array"))?;
    if list.len() > KEYS_MAX {
        return Err(JwkError::Malformed("it holds more than 50 keys"));
    }
    let mut keys = Vec::with_capacity(list.len());
    for item in list {
        let jwk = item
            .as_object()
            .ok_or(JwkError::Malformed("a key is not an object"))?;
        match VerificationKey::from_members(jwk) {
            Ok(key) => keys.push(key),
            Err(JwkError::Unsupported(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

fn check_distinct_kids(keys: &[VerificationKey]) -> Result<(), JwkError> {
    let repeated =
        |i: usize, kid: Option<&str>| kid.is_some() && keys.iter().take(i).any(|key| key.kid() == kid);
    if keys.iter().enumerate().any(|(i, key)| repeated(i, key.kid())) {
        return Err(JwkError::Malformed("a kid is repeated"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = r#"{"kty":"oct","kid":"s","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}"#;
    const PUBLIC: &str = r#"{"kty":"EC","kid":"p","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}"#;
    const OTHER: &str = r#"{"kty":"EC","kid":"o","crv":"P-521","x":"AA","y":"AA"}"#;

    fn parse(keys: &[&str]) -> Result<VerificationKeySet, JwkError> {
        VerificationKeySet::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
    }

    #[test]
    fn unsupported_keys_are_passed_over_and_bad_ones_spoil_the_set() {
        let set = parse(&[OTHER, PUBLIC]).unwrap();
        assert!(set.find("p").is_some());
        assert!(set.find("o").is_none());
        assert!(parse(&[PUBLIC, r#"{"kty":"RSA"}"#]).is_err());
        assert!(parse(&[PUBLIC, "1"]).is_err());
        assert!(VerificationKeySet::parse("{}").is_err());
    }

    #[test]
    fn ambiguous_sets_are_refused() {
        assert!(parse(&[PUBLIC, PUBLIC]).is_err());
        assert!(parse(&[SECRET, PUBLIC]).is_err());
        assert!(parse(&[SECRET]).is_ok());
    }

    #[test]
    fn set_has_a_count_limit() {
        assert!(parse(&vec![OTHER; KEYS_MAX]).is_ok());
        assert!(parse(&vec![OTHER; KEYS_MAX + 1]).is_err());
    }
}
