//! The JOSE header (RFC 7515 §4), before anything of the token is believed.

use serde_json::{Map, Value};

use crate::{alg::JwsAlg, compact::JwsError, strict_json};

/// Header parameters that carry or point to a key of the sender's choice (RFC 7515 §4.1.2, §4.1.3, §4.1.5, §4.1.6).
/// Keys come from our own storage only, so a token that brings one is an attack or a mistake (RFC 8725 §3.10).
const KEY_BEARING: [&str; 4] = ["jku", "jwk", "x5u", "x5c"];

/// What the header says and every rule lets pass. It is as trustworthy as the signature, so it chooses nothing but
/// among what the verifier allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwsHeader {
    pub(crate) alg: JwsAlg,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

impl JwsHeader {
    /// Parses the decoded header.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JwsError> {
        let header = strict_json::parse_object(bytes)
            .map_err(|_| JwsError::Malformed("the header is not a JSON object with distinct member names"))?;
        // No extension is built, so none that must be understood is (RFC 7515 §4.1.11).
        if header.contains_key("crit") {
            return Err(JwsError::Header("crit"));
        }
        // An unencoded payload (RFC 7797) would move the end of what is signed.
        if header.contains_key("b64") {
            return Err(JwsError::Header("b64"));
        }
        if let Some(name) = KEY_BEARING.into_iter().find(|name| header.contains_key(*name)) {
            return Err(JwsError::Header(name));
        }
        let alg = text(&header, "alg")?.ok_or(JwsError::Malformed("alg is missing"))?;
        Ok(Self {
            alg: JwsAlg::parse(alg).ok_or(JwsError::Algorithm)?,
            kid: text(&header, "kid")?.map(str::to_owned),
            typ: text(&header, "typ")?.map(str::to_owned),
        })
    }

    /// `alg` (RFC 7515 §4.1.1).
    pub fn alg(&self) -> JwsAlg {
        self.alg
    }

    /// `kid` (RFC 7515 §4.1.4).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether there is no `typ`.
    pub fn has_no_typ(&self) -> bool {
        self.typ.is_none()
    }

    /// Whether `typ` is `expected`, a media type without its `application/` prefix: case-insensitive, and the token
    /// may spell the prefix out (RFC 7515 §4.1.9). An absent `typ` is none (RFC 8725 §3.11).
    pub fn is_typ(&self, expected: &str) -> bool {
        const PREFIX: &str = "application/";
        let Some(typ) = self.typ.as_deref() else {
            return false;
        };
        let short = match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
            _ => typ,
        };
        short.eq_ignore_ascii_case(expected)
    }
}

fn text<'a>(header: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, JwsError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(JwsError::Malformed("alg, kid and typ must be strings")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<JwsHeader, JwsError> {
        JwsHeader::parse(json.as_bytes())
    }

    #[test]
    fn header_that_chooses_its_own_key_or_rules_is_refused() {
        for name in ["crit", "b64", "jku", "jwk", "x5u", "x5c"] {
            for value in ["[]", "true", "null", "{}", r#""x""#] {
                let json = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
                assert_eq!(parse(&json), Err(JwsError::Header(name)), "{json}");
            }
        }
    }

    #[test]
    fn alg_must_be_one_string_that_is_known() {
        assert!(parse(r#"{"alg":"ES256","x5t":"ignored","other":1}"#).is_ok());
        assert_eq!(parse(r#"{"alg":"none"}"#), Err(JwsError::Algorithm));
        for bad in [
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            "[]",
            "",
        ] {
            assert!(matches!(parse(bad), Err(JwsError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn typ_is_compared_as_a_media_type() {
        let is = |typ: &str, expected: &str| {
            parse(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#))
                .unwrap()
                .is_typ(expected)
        };
        for same in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(is(same, "at+jwt"), "{same}");
        }
        for other in [
            "JWT",
            "",
            "at",
            "application/",
            "application/x/at+jwt",
            "text/at+jwt",
            "at+jwt ",
        ] {
            assert!(!is(other, "at+jwt"), "{other}");
        }
        assert!(!parse(r#"{"alg":"ES256"}"#).unwrap().is_typ("JWT"));
    }
}
