//! A JSON Web Key (RFC 7517) that signatures are verified with, read strictly.

use authly_core::SecretBytes;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use crate::{alg::JwsAlg, base64url, public_key::PublicKey, strict_json};

/// The largest JWK or JWK set read, in bytes.
pub(crate) const JWK_SIZE_BYTES_MAX: usize = 64 * 1024;
/// The shortest HS256 key, in bytes: that of the hash (RFC 7518 §3.2).
const HMAC_KEY_BYTES_MIN: usize = 32;
/// The longest HS256 key, in bytes; longer ones add nothing.
const HMAC_KEY_BYTES_MAX: usize = 1024;
/// Members of private keys (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2): whoever shows one has lost the key.
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Why a JWK is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// It breaks RFC 7517 or RFC 7518.
    #[error("the JWK is malformed: {0}")]
    Malformed(&'static str),
    /// It is well-formed, but of a kind, curve, algorithm or use that is not verified with here. In a set it is
    /// passed over (RFC 7517 §5).
    #[error("the JWK is not supported: {0}")]
    Unsupported(&'static str),
    /// Signatures of this key prove nothing.
    #[error("the JWK is too weak: {0}")]
    Weak(&'static str),
}

/// A key that signatures are verified with, parsed once.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    kid: Option<String>,
    alg: Option<JwsAlg>,
    material: Material,
    decoding: DecodingKey,
}

#[derive(Clone, Debug)]
enum Material {
    Public(PublicKey),
    Secret,
}

impl VerificationKey {
    /// Reads a JWK: a public key, or a symmetric one of type `oct`.
    ///
    /// # Errors
    /// [`JwkError`]. Private members of an asymmetric key are refused, not dropped.
    ///
    /// Spec: RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.
    pub fn parse(json: &str) -> Result<Self, JwkError> {
        if json.len() > JWK_SIZE_BYTES_MAX {
            return Err(JwkError::Malformed("it is longer than 64 KiB"));
        }
        let jwk = strict_json::parse_object(json.as_bytes())
            .map_err(|_| JwkError::Malformed("it is not a JSON object with distinct member names"))?;
        Self::from_members(&jwk)
    }

    pub(crate) fn from_members(jwk: &Map<String, Value>) -> Result<Self, JwkError> {
        let kid = text(jwk, "kid")?.map(str::to_owned);
        check_use(jwk)?;
        check_key_ops(jwk)?;
        let alg = match text(jwk, "alg")? {
            Some(name) => Some(JwsAlg::parse(name).ok_or(JwkError::Unsupported("its alg"))?),
            None => None,
        };
        let key = match text(jwk, "kty")? {
            None => return Err(JwkError::Malformed("kty is missing")),
            Some("oct") => Self::secret(jwk)?,
            Some(kty) => Self::from_public(parse_public(kty, jwk)?),
        };
        let key = Self { kid, alg, ..key };
        if alg.is_some_and(|alg| !key.supports(alg)) {
            return Err(JwkError::Malformed("alg does not fit kty and crv"));
        }
        Ok(key)
    }

    pub(crate) fn from_public(key: PublicKey) -> Self {
        Self {
            kid: None,
            alg: None,
            decoding: key.decoding_key(),
            material: Material::Public(key),
        }
    }

    fn secret(jwk: &Map<String, Value>) -> Result<Self, JwkError> {
        Self::from_secret(&SecretBytes::new(bytes(jwk, "k")?))
    }

    /// A shared secret, such as a `client_secret` (OIDC Core §10.1).
    ///
    /// # Errors
    /// [`JwkError::Weak`] below 32 bytes (RFC 7518 §3.2), [`JwkError::Unsupported`] above 1024.
    pub fn from_secret(secret: &SecretBytes) -> Result<Self, JwkError> {
        if secret.expose().len() < HMAC_KEY_BYTES_MIN {
            return Err(JwkError::Weak("an HS256 key must have at least 32 bytes"));
        }
        if secret.expose().len() > HMAC_KEY_BYTES_MAX {
            return Err(JwkError::Unsupported("an HS256 key may have at most 1024 bytes"));
        }
        let decoding = DecodingKey::from_secret(secret.expose());
        Ok(Self {
            kid: None,
            alg: None,
            material: Material::Secret,
            decoding,
        })
    }

    /// Its `kid`, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it is a shared secret.
    pub fn is_symmetric(&self) -> bool {
        matches!(self.material, Material::Secret)
    }

    /// Whether signatures of `alg` may be verified with it: its own `alg`, if it names one, must be that very one
    /// (RFC 8725 §3.1), and the kind of key must fit.
    pub fn supports(&self, alg: JwsAlg) -> bool {
        let fits = match &self.material {
            Material::Public(key) => key.supports(alg),
            Material::Secret => alg == JwsAlg::Hs256,
        };
        fits && self.alg.is_none_or(|own| own == alg)
    }

    /// Its RFC 7638 thumbprint with SHA-256, base64url; `None` for a shared secret, which must not be named by a hash.
    pub fn thumbprint(&self) -> Option<String> {
        match &self.material {
            Material::Public(key) => Some(key.thumbprint()),
            Material::Secret => None,
        }
    }

    pub(crate) fn decoding_key(&self) -> &DecodingKey {
        &self.decoding
    }
}

fn parse_public(kty: &str, jwk: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    if PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
        return Err(JwkError::Malformed("it holds members of a private key"));
    }
    match kty {
        "RSA" => PublicKey::rsa(bytes(jwk, "n")?, bytes(jwk, "e")?),
        "EC" => match text(jwk, "crv")? {
            Some("P-256") => PublicKey::p256(bytes(jwk, "x")?, bytes(jwk, "y")?),
            Some(_) => Err(JwkError::Unsupported("its crv")),
            None => Err(JwkError::Malformed("crv is missing")),
        },
        "OKP" => match text(jwk, "crv")? {
            Some("Ed25519") => PublicKey::ed25519(bytes(jwk, "x")?),
            Some(_) => Err(JwkError::Unsupported("its crv")),
            None => Err(JwkError::Malformed("crv is missing")),
        },
        _ => Err(JwkError::Unsupported("its kty")),
    }
}

/// RFC 7517 §4.2: a key for encryption verifies nothing.
fn check_use(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    match text(jwk, "use")? {
        None | Some("sig") => Ok(()),
        Some(_) => Err(JwkError::Unsupported("its use is not sig")),
    }
}

/// RFC 7517 §4.3: an array of distinct strings; ours is `verify`.
fn check_key_ops(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    let Some(value) = jwk.get("key_ops") else {
        return Ok(());
    };
    let malformed = JwkError::Malformed("key_ops is not an array of distinct strings");
    let ops: Vec<&str> = value
        .as_array()
        .and_then(|ops| ops.iter().map(Value::as_str).collect())
        .ok_or(malformed)?;
    if ops
        .iter()
        .enumerate()
        .any(|(i, op)| ops.iter().take(i).any(|before| before == op))
    {
        return Err(malformed);
    }
    if !ops.contains(&"verify") {
        return Err(JwkError::Unsupported("its key_ops do not include verify"));
    }
    Ok(())
}

/// A member that, if present, must be a string.
fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, JwkError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(JwkError::Malformed("kty, use, alg, kid and crv must be strings")),
    }
}

/// A required member in strict base64url.
fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JwkError> {
    text(jwk, name)?
        .and_then(base64url::decode)
        .filter(|bytes| !bytes.is_empty())
        .ok_or(JwkError::Malformed(
            "a required member is missing, empty or not base64url without padding",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY";
    const Y: &str = "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw";

    fn ec(more: &str) -> Result<VerificationKey, JwkError> {
        VerificationKey::parse(&format!(
            r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{more}}}"#
        ))
    }

    #[test]
    fn key_for_another_use_is_not_supported() {
        assert!(ec("").is_ok());
        assert!(ec(r#","use":"sig","key_ops":["verify"],"alg":"ES256","kid":"1","x5t":"abc""#).is_ok());
        for other in [
            r#","use":"enc""#,
            r#","key_ops":["encrypt"]"#,
            r#","key_ops":[]"#,
            r#","alg":"ES384""#,
        ] {
            assert!(matches!(ec(other), Err(JwkError::Unsupported(_))), "{other}");
        }
    }

    #[test]
    fn malformed_members_are_refused() {
        for bad in [
            r#","use":1"#,
            r#","kid":7"#,
            r#","alg":null"#,
            r#","key_ops":"verify""#,
            r#","key_ops":["verify","verify"]"#,
            r#","key_ops":["verify",1]"#,
            r#","alg":"RS256""#,
            r#","alg":"HS256""#,
            r#","d":"AA""#,
            r#","kty":"EC""#,
        ] {
            assert!(matches!(ec(bad), Err(JwkError::Malformed(_))), "{bad}");
        }
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"kty":"EC"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
        ] {
            assert!(
                matches!(VerificationKey::parse(bad), Err(JwkError::Malformed(_))),
                "{bad}"
            );
        }
        let padded = format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}=","y":"{Y}"}}"#);
        assert!(VerificationKey::parse(&padded).is_err());
    }

    #[test]
    fn secret_has_a_length_range() {
        let oct = |n: usize| {
            let k = base64url::encode(&vec![7; n]);
            VerificationKey::parse(&format!(r#"{{"kty":"oct","k":"{k}"}}"#))
        };
        assert!(matches!(oct(HMAC_KEY_BYTES_MIN - 1), Err(JwkError::Weak(_))));
        assert!(oct(HMAC_KEY_BYTES_MIN).is_ok_and(|key| key.is_symmetric()));
        assert!(oct(HMAC_KEY_BYTES_MAX).is_ok());
        assert!(matches!(
            oct(HMAC_KEY_BYTES_MAX + 1),
            Err(JwkError::Unsupported(_))
        ));
    }

    #[test]
    fn jwk_has_a_size_limit() {
        let long = format!(r#"{{"kid":"{}"}}"#, "x".repeat(JWK_SIZE_BYTES_MAX));
        assert_eq!(
            VerificationKey::parse(&long).unwrap_err(),
            JwkError::Malformed("it is longer than 64 KiB")
        );
    }

    #[test]
    fn key_supports_its_own_algorithm_only() {
        let key = ec(r#","alg":"ES256""#).unwrap();
        for alg in JwsAlg::ALL {
            assert_eq!(key.supports(alg), alg == JwsAlg::Es256, "{alg:?}");
        }
    }
}
