//! Verifying our own JSON Web Tokens (RFC 7519 §7.2, RFC 8725 §3).
//!
//! Order: size and shape, header, algorithm, key, signature, and only then claims. Time is the caller's.

use std::time::Duration;

use authly_core::{Timestamp, key::SigningAlg};
use serde_json::{Map, Value};

use crate::{
    alg::JwsAlg,
    compact::{JwsError, UnverifiedJws},
    header::JwsHeader,
    keyring::KeyRing,
    strict_json,
};

/// How far another node's clock may run ahead of ours: tolerated in `iat` and `nbf`, never in `exp`.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// The last second of the year 9999: a later date is a mistake or an attack on arithmetic.
const NUMERIC_DATE_MAX: f64 = 253_402_300_799.0;

/// What a use expects of a token; everything else is refused.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// `typ`, without `application/`: what keeps an ID token from being used as an access token (RFC 8725 §3.11).
    pub typ: &'a str,
    /// The algorithms of this use (RFC 8725 §3.1).
    pub algs: &'a [SigningAlg],
    /// `iss`, exactly.
    pub issuer: &'a str,
    /// One of `aud`.
    pub audience: &'a str,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The signature, or what carries it.
    #[error("the token is not signed as it must be")]
    Jws(#[from] JwsError),
    /// Another kind of token.
    #[error("the token is of another type")]
    Typ,
    /// The payload is not a JSON object, or repeats a name.
    #[error("the token's payload is not a JSON object with distinct member names")]
    Payload,
    /// A required claim is missing or of the wrong type.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// At or after `exp` (RFC 7519 §4.1.4).
    #[error("the token is expired")]
    Expired,
    /// Before `nbf` (RFC 7519 §4.1.5), or issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
}

/// A token as received: nothing of it may be believed.
#[derive(Clone, Debug)]
pub struct UnverifiedJwt<'a> {
    jws: UnverifiedJws<'a>,
}

impl<'a> UnverifiedJwt<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`JwtError::Jws`].
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        Ok(Self {
            jws: UnverifiedJws::parse(token)?,
        })
    }

    /// What the header says, unverified.
    pub fn header(&self) -> &JwsHeader {
        self.jws.header()
    }

    /// Proves the token with the server's own keys.
    ///
    /// # Errors
    /// [`JwtError`].
    pub fn verify(
        self,
        keys: &KeyRing,
        expect: &Expectation<'_>,
        now: Timestamp,
    ) -> Result<VerifiedJwt, JwtError> {
        let claims = self.proved(keys, expect.typ, expect.algs)?;
        if now >= check_times(&claims, now)? {
            return Err(JwtError::Expired);
        }
        check_issuer(&claims, expect.issuer)?;
        check_audience(&claims, expect.audience)?;
        Ok(VerifiedJwt { claims })
    }

    /// Proves that the issuer once said this, to anybody and perhaps long ago: for a token that is shown as a hint and
    /// opens nothing (OIDC Core §3.1.2.1, RP-Initiated Logout §4). Whom it was issued to is the caller's to check.
    ///
    /// # Errors
    /// [`JwtError`]; never [`JwtError::Expired`] or [`JwtError::Audience`].
    pub fn verify_hint(
        self,
        keys: &KeyRing,
        typ: &str,
        issuer: &str,
        now: Timestamp,
    ) -> Result<VerifiedJwt, JwtError> {
        let claims = self.proved(keys, typ, &SigningAlg::ALL)?;
        check_times(&claims, now)?;
        check_issuer(&claims, issuer)?;
        Ok(VerifiedJwt { claims })
    }

    /// Proves the token for whoever may ask about tokens of any audience (RFC 7662): that one is the caller's to judge.
    ///
    /// # Errors
    /// [`JwtError`]; never [`JwtError::Audience`].
    pub fn verify_for_any_audience(
        self,
        keys: &KeyRing,
        typ: &str,
        issuer: &str,
        now: Timestamp,
    ) -> Result<VerifiedJwt, JwtError> {
        let claims = self.proved(keys, typ, &SigningAlg::ALL)?;
        if now >= check_times(&claims, now)? {
            return Err(JwtError::Expired);
        }
        check_issuer(&claims, issuer)?;
        Ok(VerifiedJwt { claims })
    }

    /// Type, algorithm, key and signature; the claims behind them.
    fn proved(self, keys: &KeyRing, typ: &str, algs: &[SigningAlg]) -> Result<Map<String, Value>, JwtError> {
        let header = self.jws.header();
        if !header.is_typ(typ) {
            return Err(JwtError::Typ);
        }
        if !algs.iter().any(|alg| JwsAlg::from(*alg) == header.alg()) {
            return Err(JwtError::Jws(JwsError::Algorithm));
        }
        // A key signs with its one algorithm (RFC 8725 §3.1): `alg` chooses nothing.
        let key = header
            .kid()
            .and_then(|kid| keys.find(kid))
            .filter(|key| JwsAlg::from(key.alg()) == header.alg())
            .ok_or(JwtError::Jws(JwsError::Key))?;
        let jws = self
            .jws
            .verify_once(keys.proved(), key.decoding_key(), &[key.alg().into()])?;
        strict_json::parse_object(jws.payload()).map_err(|_| JwtError::Payload)
    }
}

/// A token that was proved. Only the verifier makes one.
#[derive(Clone, Debug)]
pub struct VerifiedJwt {
    claims: Map<String, Value>,
}

impl VerifiedJwt {
    /// The claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// A claim that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// Takes the claims out.
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

/// Verifies a token of ours at `now`.
///
/// # Errors
/// [`JwtError`]: `invalid_token` to a resource's client (RFC 6750 §3.1).
///
/// Spec: RFC 7519 §7.2, RFC 9068 §4, RFC 8725 §3.
pub fn verify_jwt(
    token: &str,
    keys: &KeyRing,
    expect: &Expectation<'_>,
    now: Timestamp,
) -> Result<VerifiedJwt, JwtError> {
    UnverifiedJwt::parse(token)?.verify(keys, expect, now)
}

/// `exp` and `iat` are required of every token of ours (RFC 9068 §2.2, OIDC Core §2), `nbf` is honoured. Answers `exp`.
fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, JwtError> {
    let exp = date(claims, "exp")?.ok_or(JwtError::Claim("exp"))?;
    let iat = date(claims, "iat")?.ok_or(JwtError::Claim("iat"))?;
    let nbf = date(claims, "nbf")?.unwrap_or(iat);
    if exp <= iat {
        return Err(JwtError::Claim("exp"));
    }
    let latest_start = now.plus(CLOCK_SKEW);
    if iat > latest_start || nbf > latest_start {
        return Err(JwtError::NotYetValid);
    }
    Ok(exp)
}

/// A NumericDate claim (RFC 7519 §2): seconds, fractions allowed. For tokens of others; `None` when it is absent.
///
/// # Errors
/// [`JwtError::Claim`] when it is not a number between 1970 and the year 9999.
pub fn numeric_date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, JwtError> {
    date(claims, name)
}

fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, JwtError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_f64()
        .filter(|s| (0.0..=NUMERIC_DATE_MAX).contains(s))
        .ok_or(JwtError::Claim(name))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked: at most 2.6e17"
    )]
    let micros = (seconds * 1e6) as i64;
    Ok(Some(Timestamp::from_micros(micros)))
}

fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), JwtError> {
    match claims.get("iss") {
        Some(Value::String(iss)) if iss == issuer => Ok(()),
        Some(Value::String(_)) => Err(JwtError::Issuer),
        _ => Err(JwtError::Claim("iss")),
    }
}

/// RFC 7519 §4.1.3: a string or an array of strings; ours must be among them.
fn check_audience(claims: &Map<String, Value>, audience: &str) -> Result<(), JwtError> {
    let found = match claims.get("aud") {
        Some(Value::String(aud)) => aud == audience,
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            list.iter().any(|aud| aud.as_str() == Some(audience))
        }
        _ => return Err(JwtError::Claim("aud")),
    };
    if found { Ok(()) } else { Err(JwtError::Audience) }
}
