//! The `claims` parameter (OIDC Core §5.5): claims asked for one by one, from JSON that a stranger wrote.

use std::collections::{BTreeMap, BTreeSet};

use authly_core::{
    ErrorCode, OAuthError, ScopeSet,
    claim::PROTOCOL_CLAIMS,
    claims_request::{ClaimsRequest, RequestedClaim},
    client::Client,
};
use serde_json::{Map, Value};

use crate::{Params, acr, claims, scopes};

/// The longest `claims`, in bytes.
const LENGTH_MAX: usize = 8 * 1024;
/// How many claims may be asked for in both places together: every standard one, several times over.
const COUNT_MAX: usize = 100;
/// How many `values` one claim may have.
const VALUES_MAX: usize = 32;
/// How deep the JSON may be: a request needs three levels and what a `value` has, such as an address.
const DEPTH_MAX: usize = 6;

/// What the parameter asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The claims, without those that there are none of.
    pub(super) claims: ClaimsRequest,
    /// The one person who may be answered (OIDC Core §5.5.1).
    pub(super) subject: Option<String>,
}

/// Checks `claims`.
///
/// A claim that nobody here has, or whose scope is not the client's, is left out, as a client must expect of any
/// (OIDC Core §5.5.1). Without `openid` there is neither an ID token nor UserInfo to hold one.
///
/// # Errors
/// `invalid_request` when it is not of the form of OIDC Core §5.5, or beyond a limit;
/// `unmet_authentication_requirements` for an essential `acr` that no sign-in here has (§5.5.1.1).
pub(super) fn check_claims(params: &Params, client: &Client, scope: &ScopeSet) -> Result<Asked, OAuthError> {
    let Some(text) = params.get("claims") else {
        return Ok(Asked::default());
    };
    let request = parse(text)?;
    let mut asked = Asked {
        subject: subject(&request)?,
        claims: request,
    };
    check_acr(&asked.claims)?;
    let has_place = scope.contains(scopes::OPENID);
    let is_there = |name: &str| match claims::scope_of(name) {
        Some(scope) => has_place && client.scopes.contains(scope),
        None => has_place && PROTOCOL_CLAIMS.contains(&name),
    };
    asked.claims.userinfo.retain(|name, _| is_there(name));
    asked.claims.id_token.retain(|name, _| is_there(name));
    Ok(asked)
}

/// Reads the parameter's JSON, whoever asks for whatever.
///
/// # Errors
/// `invalid_request`, as for the whole parameter.
pub fn parse(text: &str) -> Result<ClaimsRequest, OAuthError> {
    if text.len() > LENGTH_MAX {
        return Err(TOO_MUCH);
    }
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err(NOT_AN_OBJECT);
    };
    if members.values().any(|member| is_deeper(member, DEPTH_MAX - 1)) {
        return Err(TOO_MUCH);
    }
    // Members that are not understood are ignored (OIDC Core §5.5).
    let request = ClaimsRequest {
        userinfo: target(members.get("userinfo"))?,
        id_token: target(members.get("id_token"))?,
        locales: Vec::new(),
    };
    if request.userinfo.len() + request.id_token.len() > COUNT_MAX {
        return Err(TOO_MUCH);
    }
    Ok(request)
}

/// Whether the value has more than `levels` levels of arrays and objects.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return false,
    };
    levels == 0 || inner.into_iter().any(|value| is_deeper(value, levels - 1))
}

/// `userinfo` or `id_token`.
fn target(member: Option<&Value>) -> Result<BTreeMap<String, RequestedClaim>, OAuthError> {
    match member {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(claims)) => {
            let each = |(name, how): (&String, &Value)| Ok((name.clone(), requested(how)?));
            claims.iter().map(each).collect()
        }
        Some(_) => Err(WRONG_TYPE),
    }
}

/// `null`, or an object (OIDC Core §5.5.1), whose other members are ignored.
fn requested(how: &Value) -> Result<RequestedClaim, OAuthError> {
    match how {
        Value::Null => Ok(RequestedClaim::default()),
        Value::Object(how) => Ok(RequestedClaim {
            essential: essential(how)?,
            value: how.get("value").filter(|value| !value.is_null()).cloned(),
            values: values(how)?,
        }),
        _ => Err(WRONG_TYPE),
    }
}

fn essential(how: &Map<String, Value>) -> Result<bool, OAuthError> {
    match how.get("essential") {
        None => Ok(false),
        Some(Value::Bool(essential)) => Ok(*essential),
        Some(_) => Err(WRONG_TYPE),
    }
}

fn values(how: &Map<String, Value>) -> Result<Vec<Value>, OAuthError> {
    match how.get("values") {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) if values.len() > VALUES_MAX => Err(TOO_MUCH),
        Some(Value::Array(values)) => Ok(values.clone()),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// Everything that a claim of this name may be, in either place.
fn wishes<'a>(request: &'a ClaimsRequest, name: &str) -> impl Iterator<Item = &'a RequestedClaim> {
    [request.userinfo.get(name), request.id_token.get(name)]
        .into_iter()
        .flatten()
}

/// Whose `sub` is asked for: one person's or anybody's (OIDC Core §5.5.1, §3.1.2.2).
fn subject(request: &ClaimsRequest) -> Result<Option<String>, OAuthError> {
    let wished: BTreeSet<Option<&str>> = wishes(request, "sub")
        .flat_map(|claim| claim.value.iter().chain(&claim.values))
        .map(Value::as_str)
        .collect();
    let mut wished = wished.into_iter();
    match (wished.next(), wished.next()) {
        (None, _) => Ok(None),
        (Some(Some(subject)), None) => Ok(Some(subject.to_owned())),
        _ => Err(NOT_ONE_SUBJECT),
    }
}

/// An essential `acr` with values is a demand: one of them must be what a sign-in here has (OIDC Core §5.5.1.1).
fn check_acr(request: &ClaimsRequest) -> Result<(), OAuthError> {
    let is_met = |claim: &RequestedClaim| {
        let mut wished = claim.value.iter().chain(&claim.values).peekable();
        let any = wished.peek().is_none();
        any || wished.any(|value| value.as_str().is_some_and(|acr| acr::ACR_VALUES.contains(&acr)))
    };
    if wishes(request, "acr").all(|claim| !claim.essential || is_met(claim)) {
        Ok(())
    } else {
        Err(UNMET)
    }
}

const NOT_AN_OBJECT: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "claims must be a JSON object with the members userinfo and id_token (OpenID Connect Core section 5.5).",
);
const WRONG_TYPE: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "In claims, userinfo and id_token must be objects; each claim null, or an object whose essential is a boolean and \
     whose values is an array.",
);
const TOO_MUCH: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "claims may have 8 KiB, 100 claims, 32 values for each, and 6 levels.",
);
const NOT_ONE_SUBJECT: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "claims may ask for one value of sub, a string.",
);
const UNMET: OAuthError = OAuthError::new(
    ErrorCode::UnmetAuthenticationRequirements,
    "No sign-in at this server has a demanded acr; acr_values_supported lists those that there are.",
);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn check_for(text: &str, client: &Client, scope: &str) -> Result<Asked, ErrorCode> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("claims", text)
            .finish();
        let params = Params::parse(query.as_bytes()).unwrap();
        check_claims(&params, client, &ScopeSet::parse(scope).unwrap()).map_err(|e| e.code)
    }

    fn check(claims: &Value) -> Result<Asked, ErrorCode> {
        check_for(&claims.to_string(), &testing::client("c"), "openid")
    }

    #[test]
    fn claims_are_taken_as_asked() {
        let asked = check(&json!({
            "userinfo": { "name": { "essential": true, "unknown": 1 }, "email": null },
            "id_token": { "auth_time": {}, "acr": { "values": ["urn:x"] } },
            "elsewhere": 7,
        }))
        .unwrap();
        assert!(asked.claims.userinfo["name"].essential && !asked.claims.userinfo["email"].essential);
        assert_eq!(asked.claims.id_token["acr"].values, [json!("urn:x")]);
        assert_eq!(asked.claims.id_token["auth_time"], RequestedClaim::default());
        assert_eq!(asked.subject, None);
    }

    #[test]
    fn what_nobody_has_or_the_client_may_not_ask_is_left_out() {
        let mut client = testing::client("c");
        client.scopes = ScopeSet::parse("openid email").unwrap();
        let text = r#"{"userinfo":{"name":{"essential":true},"email":null,"department":null}}"#;
        let asked = check_for(text, &client, "openid").unwrap();
        assert_eq!(asked.claims.userinfo.into_keys().collect::<Vec<_>>(), ["email"]);
        assert!(check_for(text, &client, "email").unwrap().claims.is_empty());
    }

    #[test]
    fn malformed_claims_are_refused() {
        for bad in ["not JSON", "[]", "7", "null", "{", "{}x", "\"{}\""] {
            let answer = check_for(bad, &testing::client("c"), "openid");
            assert_eq!(answer, Err(ErrorCode::InvalidRequest), "{bad:?}");
        }
        for bad in [
            json!({ "userinfo": [] }),
            json!({ "id_token": "name" }),
            json!({ "userinfo": { "name": true } }),
            json!({ "userinfo": { "name": [] } }),
            json!({ "userinfo": { "name": { "essential": "true" } } }),
            json!({ "userinfo": { "name": { "values": "A" } } }),
            json!({ "id_token": { "sub": { "value": 7 } } }),
            json!({ "id_token": { "sub": { "values": ["a", "b"] } } }),
            json!({ "id_token": { "sub": { "value": "a" } }, "userinfo": { "sub": { "value": "b" } } }),
        ] {
            assert_eq!(check(&bad), Err(ErrorCode::InvalidRequest), "{bad}");
        }
    }

    #[test]
    fn no_part_is_endless() {
        let names = |count: usize| {
            let each = (0..count).map(|n| (format!("c{n}"), Value::Null));
            json!({ "userinfo": each.collect::<Map<String, Value>>() })
        };
        let values = |count: usize| json!({ "userinfo": { "name": { "values": vec!["x"; count] } } });
        let nested = |levels: usize| {
            let value = (0..levels).fold(json!(1), |inner, _| json!([inner]));
            json!({ "userinfo": { "name": { "value": value } } })
        };
        let long = |length: usize| {
            let text = json!({ "x": "" }).to_string().len();
            json!({ "x": "y".repeat(length - text) })
        };
        let over = Err(ErrorCode::InvalidRequest);
        for (good, bad) in [
            (names(COUNT_MAX), names(COUNT_MAX + 1)),
            (values(VALUES_MAX), values(VALUES_MAX + 1)),
            (nested(DEPTH_MAX - 3), nested(DEPTH_MAX - 2)),
            (long(LENGTH_MAX), long(LENGTH_MAX + 1)),
        ] {
            assert!(check(&good).is_ok(), "{good}");
            assert_eq!(check(&bad), over, "{bad}");
        }
        assert_eq!(
            check_for(&"[".repeat(4000), &testing::client("c"), "openid"),
            over
        );
    }

    #[test]
    fn one_subject_may_be_asked_for() {
        for claims in [
            json!({ "id_token": { "sub": { "value": "a" } } }),
            json!({ "userinfo": { "sub": { "values": ["a"] } } }),
            json!({ "id_token": { "sub": { "value": "a" } }, "userinfo": { "sub": { "value": "a" } } }),
        ] {
            assert_eq!(check(&claims).unwrap().subject.as_deref(), Some("a"), "{claims}");
        }
        assert_eq!(
            check(&json!({ "id_token": { "sub": null } })).unwrap().subject,
            None
        );
    }

    #[test]
    fn an_essential_acr_must_be_one_that_there_is() {
        let ours = acr::ACR_VALUES[0];
        let acr = |how: Value| check(&json!({ "id_token": { "acr": how } })).map(|_| ());
        for met in [
            json!(null),
            json!({ "essential": true }),
            json!({ "value": "urn:other" }),
            json!({ "essential": true, "value": ours }),
            json!({ "essential": true, "values": ["urn:other", ours] }),
        ] {
            assert_eq!(acr(met.clone()), Ok(()), "{met}");
        }
        for unmet in [
            json!({ "essential": true, "value": "urn:other" }),
            json!({ "essential": true, "values": ["urn:other", 7] }),
        ] {
            let error = Err(ErrorCode::UnmetAuthenticationRequirements);
            assert_eq!(acr(unmet.clone()), error, "{unmet}");
        }
    }
}
