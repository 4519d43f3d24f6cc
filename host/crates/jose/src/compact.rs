//! The compact serialization of a signature (RFC 7515 §7.1): unverified, then verified, two types.

use jsonwebtoken::{DecodingKey, crypto::aws_lc};

use serde_json::{Map, Value};

use crate::{
    alg::JwsAlg,
    base64url,
    header::JwsHeader,
    jwk::VerificationKey,
    jwk_set::VerificationKeySet,
    proved::{ProvedTokens, TokenDigest},
    strict_json,
    verify::JwtError,
};

/// The longest token signed or read, in bytes. Room for a few thousand groups; more belongs in UserInfo.
pub const TOKEN_SIZE_BYTES_MAX: usize = 64 * 1024;

/// Why a signature is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than [`TOKEN_SIZE_BYTES_MAX`].
    #[error("the token is longer than 64 KiB")]
    TooLarge,
    /// Not three parts of strict base64url, or a header that is no JOSE header.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The header has a parameter that is never accepted.
    #[error("the token's header has {0}, which is not accepted")]
    Header(&'static str),
    /// `alg` is unknown, `none`, or not on the list of this use.
    #[error("the token's algorithm is not accepted here")]
    Algorithm,
    /// No key of this `kid`, or none that may sign with `alg`.
    #[error("no key for the token's kid and alg")]
    Key,
    /// The signature is not that of the key.
    #[error("the signature does not verify")]
    Signature,
}

/// A signature as received. Its payload cannot be read: only [`VerifiedJws`] shows one.
#[derive(Clone, Debug)]
pub struct UnverifiedJws<'a> {
    header: JwsHeader,
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a compact serialization apart.
    ///
    /// # Errors
    /// [`JwsError::TooLarge`], [`JwsError::Malformed`], [`JwsError::Header`], [`JwsError::Algorithm`].
    ///
    /// Spec: RFC 7515 §5.2 (1–7); no JSON serialization (§7.2).
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > TOKEN_SIZE_BYTES_MAX {
            return Err(JwsError::TooLarge);
        }
        let three = JwsError::Malformed("it does not have three parts");
        let (signing_input, signature) = token.rsplit_once('.').ok_or(three)?;
        let (header, payload) = signing_input.split_once('.').ok_or(three)?;
        if payload.contains('.') {
            return Err(three);
        }
        let decode = |part| {
            base64url::decode(part).ok_or(JwsError::Malformed("a part is not base64url without padding"))
        };
        let header = JwsHeader::parse(&decode(header)?)?;
        Ok(Self {
            header,
            signing_input,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// What the header says, unverified.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// `sub` of the payload, before anything is proved: good for nothing but to choose whose keys to try.
    pub fn claimed_subject(&self) -> Option<String> {
        let claims = strict_json::parse_object(&self.payload).ok()?;
        claims.get("sub").and_then(Value::as_str).map(str::to_owned)
    }

    /// Verifies with one key. If both the token and the key name a `kid`, it must be the same.
    ///
    /// # Errors
    /// [`JwsError::Algorithm`] when `alg` is not in `allowed`, [`JwsError::Key`], [`JwsError::Signature`].
    ///
    /// Spec: RFC 7515 §5.2 (8), RFC 8725 §3.1.
    pub fn verify(self, key: &VerificationKey, allowed: &[JwsAlg]) -> Result<VerifiedJws, JwsError> {
        if let (Some(given), Some(own)) = (self.header.kid(), key.kid())
            && given != own
        {
            return Err(JwsError::Key);
        }
        if !key.supports(self.header.alg) {
            return Err(JwsError::Key);
        }
        self.verify_with(key.decoding_key(), allowed)
    }

    /// Verifies with the key of the set that the token's `kid` names. A token without `kid` means the only key of the set
    /// that signs with its algorithm, if there is just one.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_in_set(
        self,
        set: &VerificationKeySet,
        allowed: &[JwsAlg],
    ) -> Result<VerifiedJws, JwsError> {
        let key = match self.header.kid() {
            Some(kid) => set.find(kid),
            None => set.only(self.header.alg),
        }
        .ok_or(JwsError::Key)?;
        self.verify(key, allowed)
    }

    /// The same as [`Self::verify_with`] for a key of the ring that `proved` belongs to: a token that was verified before
    /// costs a SHA-256.
    pub(crate) fn verify_once(
        self,
        proved: &ProvedTokens,
        key: &DecodingKey,
        allowed: &[JwsAlg],
    ) -> Result<VerifiedJws, JwsError> {
        if !allowed.contains(&self.header.alg) {
            return Err(JwsError::Algorithm);
        }
        let digest = TokenDigest::of(self.signing_input, &self.signature);
        if proved.contains(&digest) {
            return Ok(VerifiedJws {
                header: self.header,
                payload: self.payload,
            });
        }
        let verified = self.verify_with(key, allowed)?;
        proved.insert(digest);
        Ok(verified)
    }

    /// The last step: the algorithm is on the list, the signature is the key's.
    pub(crate) fn verify_with(self, key: &DecodingKey, allowed: &[JwsAlg]) -> Result<VerifiedJws, JwsError> {
        let alg = self.header.alg;
        if !allowed.contains(&alg) {
            return Err(JwsError::Algorithm);
        }
        // The provider is named, not looked up: another crate's features cannot change it.
        let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&alg.jsonwebtoken(), key)
            .map_err(|_| JwsError::Key)?;
        verifier
            .verify(self.signing_input.as_bytes(), &self.signature)
            .map_err(|_| JwsError::Signature)?;
        Ok(VerifiedJws {
            header: self.header,
            payload: self.payload,
        })
    }
}

/// A signature that verified.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    header: JwsHeader,
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The payload as the claims of a JWT (RFC 7519 §7.2).
    ///
    /// # Errors
    /// [`JwtError::Payload`] when it is not a JSON object with distinct member names.
    pub fn claims(&self) -> Result<Map<String, Value>, JwtError> {
        strict_json::parse_object(&self.payload).map_err(|_| JwtError::Payload)
    }

    /// The header that was signed.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 appendix A.1.
    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const KEY: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;

    #[test]
    fn rfc_7515_a_1_verifies_when_the_list_says_so() {
        let key = VerificationKey::parse(KEY).unwrap();
        let jws = UnverifiedJws::parse(TOKEN).unwrap();
        assert!(
            jws.clone()
                .verify(&key, &[JwsAlg::Hs256])
                .unwrap()
                .payload()
                .starts_with(b"{\"iss\":\"joe\"")
        );
        assert_eq!(
            jws.verify(&key, &[JwsAlg::Es256, JwsAlg::Rs256]).unwrap_err(),
            JwsError::Algorithm
        );
    }

    #[test]
    fn tampered_or_reshaped_token_is_refused() {
        let key = VerificationKey::parse(KEY).unwrap();
        let verify = |token: &str| UnverifiedJws::parse(token)?.verify(&key, &[JwsAlg::Hs256]);
        assert_eq!(
            verify(&TOKEN.replace("dBj", "dBk")).unwrap_err(),
            JwsError::Signature
        );
        assert_eq!(
            verify(&TOKEN.replace(".eyJpc3", ".eyJpc2")).unwrap_err(),
            JwsError::Signature
        );
        for bad in [
            format!("{TOKEN}="),
            format!("{TOKEN}."),
            format!(".{TOKEN}"),
            format!("{TOKEN}\n"),
            String::new(),
        ] {
            assert!(matches!(verify(&bad), Err(JwsError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn kid_of_another_key_is_refused() {
        let jws = UnverifiedJws::parse("eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC1hZXMtc2lnbiJ9.Zm9v.TD37p4c_0jmreSrBSDmE0F3mYSPtkZ3WrSyI5wb_KTg").unwrap();
        let key = |kid: &str| {
            VerificationKey::parse(&format!(
                r#"{{"kty":"oct","kid":"{kid}","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}}"#
            ))
            .unwrap()
        };
        assert!(jws.clone().verify(&key("kid-aes-sign"), &[JwsAlg::Hs256]).is_ok());
        assert_eq!(
            jws.verify(&key("other"), &[JwsAlg::Hs256]).unwrap_err(),
            JwsError::Key
        );
    }

    #[test]
    fn token_has_a_size_limit() {
        let token = |n: usize| "a".repeat(n);
        assert!(matches!(
            UnverifiedJws::parse(&token(TOKEN_SIZE_BYTES_MAX)),
            Err(JwsError::Malformed(_))
        ));
        assert_eq!(
            UnverifiedJws::parse(&token(TOKEN_SIZE_BYTES_MAX + 1)).unwrap_err(),
            JwsError::TooLarge
        );
    }
}
