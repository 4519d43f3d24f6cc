//! Request parameters as OAuth defines them (RFC 6749 §3.1, §3.2, App. B).

use std::{collections::BTreeMap, fmt};

use authly_core::{ErrorCode, OAuthError};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

/// Decoded `application/x-www-form-urlencoded` parameters of one request.
///
/// An empty value counts as absent, unknown parameters are ignored, and a parameter given twice is an error
/// (RFC 6749 §3.1) which [`check_no_duplicates`](Self::check_no_duplicates) reports: the caller decides whether it may
/// be answered by a redirect.
#[derive(Default)]
pub struct Params {
    values: BTreeMap<String, Vec<Zeroizing<String>>>,
}

/// Why a query or body is not a parameter list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// More than [`Params::COUNT_MAX`] parameters.
    #[error("too many parameters")]
    TooMany,
    /// A name or value that is not UTF-8 once decoded, holds U+0000 (which no rule allows and PostgreSQL cannot store), or
    /// a percent sign without two hex digits.
    #[error("a parameter is not valid percent-encoded UTF-8")]
    Encoding,
    /// Not one JSON object whose members are texts.
    #[error("the body is not a JSON object of texts")]
    Json,
}

impl ParamsError {
    /// What the client is told.
    pub fn oauth(self) -> OAuthError {
        match self {
            Self::TooMany => OAuthError::new(
                ErrorCode::InvalidRequest,
                "The request has more than 100 parameters.",
            ),
            Self::Encoding => OAuthError::new(
                ErrorCode::InvalidRequest,
                "A parameter is not percent-encoded UTF-8. Encode the body as application/x-www-form-urlencoded.",
            ),
            Self::Json => OAuthError::new(
                ErrorCode::InvalidRequest,
                "The body is not a JSON object whose members are strings. Send one, or send the parameters as \
                 application/x-www-form-urlencoded.",
            ),
        }
    }
}

impl Params {
    /// The most parameters of one request.
    pub const COUNT_MAX: usize = 100;

    /// Parameters that may be repeated (RFC 8707 §2).
    const REPEATABLE: [&str; 1] = ["resource"];

    /// Decodes a query string (without `?`) or a form body.
    ///
    /// # Errors
    /// [`ParamsError`] for too many parameters or a foreign encoding. Both are refused before anything is believed.
    pub fn parse(encoded: &[u8]) -> Result<Self, ParamsError> {
        let mut params = Self::default();
        let pairs = encoded.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
        for (index, pair) in pairs.enumerate() {
            if index >= Self::COUNT_MAX {
                return Err(ParamsError::TooMany);
            }
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = form_decode(halves.next().unwrap_or_default())?;
            let value = form_decode(halves.next().unwrap_or_default())?;
            params.values.entry(name).or_default().push(Zeroizing::new(value));
        }
        Ok(params)
    }

    /// Reads a JSON object whose members are texts: how the predecessor's clients send some requests. A null counts as
    /// absent, as an empty text does.
    ///
    /// # Errors
    /// [`ParamsError`] for anything else, and for too many members.
    pub fn parse_json(body: &[u8]) -> Result<Self, ParamsError> {
        let Members(members) = serde_json::from_slice(body).map_err(|_| ParamsError::Json)?;
        if members.len() > Self::COUNT_MAX {
            return Err(ParamsError::TooMany);
        }
        let mut params = Self::default();
        for (name, value) in members {
            let value = Zeroizing::new(value.unwrap_or_default());
            if name.contains('\0') || value.contains('\0') {
                return Err(ParamsError::Json);
            }
            params.values.entry(name).or_default().push(value);
        }
        Ok(params)
    }

    /// The value of a parameter; `None` when absent or empty (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)?
            .iter()
            .map(|v| v.as_str())
            .find(|v| !v.is_empty())
    }

    /// Whether nothing was sent at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether the named parameter was given more than once.
    pub fn is_duplicate(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|v| v.len() > 1)
    }

    /// Refuses parameters given twice, known or not (RFC 6749 §3.1, §3.2; `resource` may repeat, RFC 8707 §2).
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn check_no_duplicates(&self) -> Result<(), OAuthError> {
        let twice = self
            .values
            .iter()
            .any(|(name, v)| v.len() > 1 && !Self::REPEATABLE.contains(&name.as_str()));
        if twice {
            return Err(OAuthError::new(
                ErrorCode::InvalidRequest,
                "A parameter is given more than once. Send each parameter a single time.",
            ));
        }
        Ok(())
    }
}

/// The members of a JSON object in their order: a name that comes twice is seen twice.
struct Members(Vec<(String, Option<String>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

/// Decodes one name or value: `+` is a space, `%XX` a byte, the result must be UTF-8.
pub(crate) fn form_decode(encoded: &[u8]) -> Result<String, ParamsError> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes.next().and_then(hex_digit).ok_or(ParamsError::Encoding)?;
                let low = bytes.next().and_then(hex_digit).ok_or(ParamsError::Encoding)?;
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(out)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or(ParamsError::Encoding)
}

/// The value of one hexadecimal digit.
fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_decode_and_treat_empty_as_absent() {
        let params = Params::parse(b"a=1+2%2B%C3%A9&b=&c&state=%20x").unwrap();
        assert_eq!(params.get("a"), Some("1 2+é"));
        assert_eq!(params.get("b"), None);
        assert_eq!(params.get("c"), None);
        assert_eq!(params.get("state"), Some(" x"));
        assert!(params.check_no_duplicates().is_ok());
    }

    #[test]
    fn params_refuse_duplicates_but_resource() {
        assert!(Params::parse(b"x=1&x=1").unwrap().check_no_duplicates().is_err());
        let resources = Params::parse(b"resource=a&resource=b").unwrap();
        assert!(resources.check_no_duplicates().is_ok());
    }

    #[test]
    fn params_are_read_from_an_object_of_texts_too() {
        let params = Params::parse_json(br#"{"token":"a b","token_type_hint":null,"x":""}"#).unwrap();
        assert_eq!(params.get("token"), Some("a b"));
        assert_eq!((params.get("token_type_hint"), params.get("x")), (None, None));
        let twice = Params::parse_json(br#"{"token":"a","token":"b"}"#).unwrap();
        assert!(twice.check_no_duplicates().is_err());
        for bad in [
            &b""[..],
            b"[]",
            b"\"token\"",
            br#"{"token":1}"#,
            br#"{"token":["a"]}"#,
            br#"{"token":"a"} x"#,
            br#"{"token":"\u0000"}"#,
            b"{\"token\":\"\xff\"}",
        ] {
            assert_eq!(Params::parse_json(bad).err(), Some(ParamsError::Json), "{bad:?}");
        }
        let flood = |n: usize| {
            let members: Vec<String> = (0..n).map(|i| format!("\"p{i}\":\"v\"")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(Params::parse_json(flood(Params::COUNT_MAX).as_bytes()).is_ok());
        assert_eq!(
            Params::parse_json(flood(Params::COUNT_MAX + 1).as_bytes()).err(),
            Some(ParamsError::TooMany)
        );
    }

    #[test]
    fn params_refuse_foreign_encodings_and_floods() {
        for bad in [&b"a=%"[..], b"a=%2", b"a=%zz", b"a=%ff", b"\xff=1", b"a=%00"] {
            assert_eq!(Params::parse(bad).err(), Some(ParamsError::Encoding));
        }
        let flood = |n: usize| vec!["a=1"; n].join("&");
        assert!(Params::parse(flood(Params::COUNT_MAX).as_bytes()).is_ok());
        assert_eq!(
            Params::parse(flood(Params::COUNT_MAX + 1).as_bytes()).err(),
            Some(ParamsError::TooMany)
        );
    }
}
