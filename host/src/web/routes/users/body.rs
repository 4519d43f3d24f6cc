//! JSON bodies of the account API.

use std::fmt;

use authly_core::{ErrorCode, SecretText};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::web::{
    error::Failure,
    extract::{BearerToken, is_of_type},
};

/// A JSON object, each member once.
pub struct JsonObject(pub Map<String, Value>);

impl JsonObject {
    /// Takes a member that must be there and a text.
    ///
    /// # Errors
    /// 400 naming the member.
    pub fn take_text(&mut self, name: &'static str) -> Result<SecretText, Failure> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Ok(SecretText::new(text)),
            _ => Err(refused(format!("{name} is missing, or is not a string."))),
        }
    }

    /// Takes a member that is true, false or not there, which is false.
    ///
    /// # Errors
    /// 400 naming the member.
    pub fn take_flag(&mut self, name: &'static str) -> Result<bool, Failure> {
        match self.0.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(refused(format!("{name} must be true or false."))),
        }
    }
}

/// 400 with a text that says what to change.
pub fn refused(text: String) -> Failure {
    Failure::told(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, text)
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        // Another site's form can have no such type without asking first (Fetch §3.2.2).
        if !is_of_type(request.headers(), "application/json") {
            let text = "Send the body as Content-Type: application/json.";
            return Err(Failure::told(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ErrorCode::InvalidRequest,
                text,
            ));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Failure::body_broken())?;
        serde_json::from_slice::<Once>(&body)
            .map(|object| Self(object.0))
            .map_err(|_| refused("The body must be one JSON object with each member once.".to_owned()))
    }
}

/// A token in the header, which is looked for first, and a JSON object.
pub struct BearerJson {
    /// Unchecked.
    pub access_token: Zeroizing<String>,
    /// What it sends.
    pub object: JsonObject,
}

impl<S: Send + Sync> FromRequest<S> for BearerJson {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let head = Request::from_parts(parts.clone(), Body::empty());
        let BearerToken(access_token) = BearerToken::from_request(head, state).await?;
        let object = JsonObject::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self { access_token, object })
    }
}

/// An object in which no member comes twice: two readers of one that does would see two objects.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Once, A::Error> {
                let mut object = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member comes twice"));
                    }
                }
                Ok(Once(object))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(content_type: &str, body: &str) -> Result<JsonObject, u16> {
        let request = Request::builder()
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        JsonObject::from_request(request, &())
            .await
            .map_err(|failure| failure.status().as_u16())
    }

    #[tokio::test]
    async fn a_body_is_one_object_and_says_so() {
        let json = "application/json";
        let mut object = read(json, r#"{"a":"x","b":true,"c":{"d":1}}"#)
            .await
            .ok()
            .unwrap();
        assert_eq!(object.take_text("a").ok().unwrap().expose(), "x");
        assert!(object.take_flag("b").unwrap() && !object.take_flag("absent").unwrap());
        assert!(object.take_text("c").is_err() && object.take_text("absent").is_err());
        for bad in [
            "",
            "null",
            "[]",
            "{}{}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"\\u0061\":1}",
            "a=b",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert_eq!(read(json, bad).await.err(), Some(400), "{bad}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(read(json, &deep).await.err(), Some(400));
        for other in ["text/plain", "application/x-www-form-urlencoded"] {
            assert_eq!(read(other, "{}").await.err(), Some(415), "{other}");
        }
    }
}
