//! `authly:plugin@0.1`: its types, and the way between them and the host's words.

use std::collections::BTreeMap;

use authly_core::{
    client::Client,
    ports::{ClaimMapInput, ClaimTarget, HookSession, HookSubject},
    user::User,
};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use self::{
    authly::plugin::types,
    exports::authly::plugin::claim_mapper::{Action, Change, Input},
};
use crate::{
    call::CallContext,
    error::PluginFailure,
    patch::{self, PatchError},
    text::{TEXT_BYTES_MAX, clean},
};

wasmtime::component::bindgen!({
    path: "../../../wit/0.1.0",
    world: "claim-mapper-plugin",
    imports: { default: trappable },
    exports: { default: async },
});

impl types::Host for CallContext {}

/// What a growth slot holds until there is something to put in.
const NOTHING: &str = "{}";

/// The input of one call. `claims` are those after earlier plugins.
pub(crate) fn input(
    input: &ClaimMapInput,
    claims: &BTreeMap<ClaimTarget, Map<String, Value>>,
    tenant: &str,
    deadline_ms: u32,
) -> Input {
    Input {
        request: types::RequestInfo {
            request_id: input.request.request_id.clone(),
            ip: Some(input.request.client_ip.to_string()),
            user_agent: input.request.user_agent.clone(),
            now_ms: unsigned(input.request.now.as_micros().div_euclid(1_000)),
            deadline_ms,
            locale: None,
            extra: NOTHING.to_owned(),
        },
        tenant: types::Tenant {
            id: tenant.to_owned(),
            issuer: input.issuer.clone(),
            extra: NOTHING.to_owned(),
        },
        client: client(&input.client),
        subject: match &input.subject {
            HookSubject::User(person) => types::Subject::User(user(person)),
            HookSubject::Service(sub) => types::Subject::Service(sub.clone()),
        },
        session: input.session.as_ref().map(session),
        targets: claims.keys().map(|target| target.as_str().to_owned()).collect(),
        grant_type: input.grant_type.to_owned(),
        scopes: input
            .scope
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
        audience: input.audience.clone(),
        claims: claims
            .iter()
            .map(|(target, claims)| (target.as_str().to_owned(), claims.iter().map(claim).collect()))
            .collect(),
        extra: NOTHING.to_owned(),
    }
}

/// Registered metadata under its RFC 7591 names, those in their alphabet.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<&'a str>,
    grant_types: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_uri: Option<&'a str>,
    redirect_uris: &'a [String],
    scope: String,
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos_uri: Option<&'a str>,
}

fn client(client: &Client) -> types::Client {
    let grant_types: Vec<_> = client.grant_types.iter().map(|grant| grant.as_str()).collect();
    let metadata = Metadata {
        client_uri: client.client_uri.as_deref(),
        grant_types: &grant_types,
        policy_uri: client.policy_uri.as_deref(),
        redirect_uris: &client.redirect_uris,
        scope: client.scopes.to_string(),
        token_endpoint_auth_method: client.token_endpoint_auth_method.as_str(),
        tos_uri: client.tos_uri.as_deref(),
    };
    types::Client {
        id: client.id.as_str().to_owned(),
        name: Some(client.name.clone()).filter(|name| !name.is_empty()),
        first_party: client.first_party,
        confidential: !client.is_public(),
        metadata: json_text(&metadata),
        grant_types: grant_types.into_iter().map(str::to_owned).collect(),
        extra: NOTHING.to_owned(),
    }
}

/// What is asked for has only texts for names, and that is all that could fail.
fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| NOTHING.to_owned())
}

fn user(user: &User) -> types::User {
    let text = |name: &str| user.claims.get(name).and_then(Value::as_str).map(str::to_owned);
    types::User {
        id: user.id.to_string(),
        username: Some(user.username.clone()),
        email: text("email"),
        email_verified: user
            .claims
            .get("email_verified")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        attributes: json_text(&user.claims),
        groups: user.groups.clone(),
        extra: NOTHING.to_owned(),
    }
}

fn session(session: &HookSession) -> types::Session {
    types::Session {
        id: session.id.map(|id| id.to_string()),
        auth_time: unsigned(session.auth_time.as_secs()),
        acr: None,
        amr: session.amr.clone(),
        extra: NOTHING.to_owned(),
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn claim((name, value): (&String, &Value)) -> types::Claim {
    types::Claim {
        name: name.clone(),
        value: claim_value(value),
    }
}

fn claim_value(value: &Value) -> types::ClaimValue {
    match value {
        Value::Null => types::ClaimValue::Null,
        Value::Bool(value) => types::ClaimValue::Boolean(*value),
        Value::String(text) => types::ClaimValue::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => types::ClaimValue::Integer(integer),
            None => types::ClaimValue::Json(value.to_string()),
        },
        Value::Array(items) => match text_list(items) {
            Some(texts) => types::ClaimValue::TextList(texts),
            None => types::ClaimValue::Json(value.to_string()),
        },
        Value::Object(_) => types::ClaimValue::Json(value.to_string()),
    }
}

fn text_list(items: &[Value]) -> Option<Vec<String>> {
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// The changes a plugin answered, in the host's words.
pub(crate) fn changes(changes: Vec<Change>) -> Result<Vec<patch::Change>, PatchError> {
    changes.into_iter().map(change).collect()
}

fn change(change: Change) -> Result<patch::Change, PatchError> {
    // A name that is not known belongs to a target of a later version, which this response does not have.
    let targets = change
        .targets
        .iter()
        .filter_map(|target| ClaimTarget::parse(target))
        .collect();
    let action = match change.action {
        Action::Set(claim) => {
            let value = json_value(claim.value)
                .ok_or_else(|| PatchError::Value(clean(&claim.name, TEXT_BYTES_MAX)))?;
            patch::Action::Set {
                name: claim.name,
                value,
            }
        }
        Action::Remove(name) => patch::Action::Remove { name },
        Action::Other((name, _)) => return Err(PatchError::UnknownAction(clean(&name, TEXT_BYTES_MAX))),
    };
    Ok(patch::Change { targets, action })
}

/// `None`: not a JSON value.
fn json_value(value: types::ClaimValue) -> Option<Value> {
    Some(match value {
        types::ClaimValue::Null => Value::Null,
        types::ClaimValue::Boolean(value) => Value::Bool(value),
        types::ClaimValue::Integer(value) => Value::from(value),
        types::ClaimValue::Float(value) => Value::Number(Number::from_f64(value)?),
        types::ClaimValue::Text(text) => Value::String(text),
        types::ClaimValue::TextList(texts) => Value::from(texts),
        types::ClaimValue::Json(text) => serde_json::from_str(&text).ok()?,
    })
}

impl From<types::PluginError> for PluginFailure {
    fn from(error: types::PluginError) -> Self {
        let clean = |text: &str| clean(text, TEXT_BYTES_MAX);
        match error {
            types::PluginError::Invalid(text) => Self::Invalid(clean(&text)),
            types::PluginError::Unavailable(text) => Self::Unavailable(clean(&text)),
            types::PluginError::Internal(text) => Self::Internal(clean(&text)),
            types::PluginError::Other((name, text)) => Self::Internal(clean(&format!("{name}: {text}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_plugin_says_of_its_failure_is_cut_and_cleaned() {
        let long = format!("a\0b\n{}", "x".repeat(10_000));
        for error in [
            types::PluginError::Invalid(long.clone()),
            types::PluginError::Unavailable(long.clone()),
            types::PluginError::Internal(long.clone()),
            types::PluginError::Other((long.clone(), long.clone())),
        ] {
            let text = PluginFailure::from(error).to_string();
            assert!(
                !text.chars().any(char::is_control) && text.len() < 1_200,
                "{text}"
            );
            assert!(text.contains("a\\u{0}b\\nxxx"), "{text}");
        }
    }

    #[test]
    fn metadata_has_the_names_of_rfc_7591_and_no_nulls() {
        let metadata = |uri| Metadata {
            client_uri: uri,
            grant_types: &["authorization_code"],
            policy_uri: None,
            redirect_uris: &[],
            scope: "openid".to_owned(),
            token_endpoint_auth_method: "none",
            tos_uri: None,
        };
        assert_eq!(
            json_text(&metadata(None)),
            r#"{"grant_types":["authorization_code"],"redirect_uris":[],"scope":"openid","token_endpoint_auth_method":"none"}"#
        );
        assert!(json_text(&metadata(Some("https://c/"))).starts_with(r#"{"client_uri":"https://c/","#));
    }

    #[test]
    fn every_json_value_survives_the_way_through_the_contract() {
        for value in [
            json!(null),
            json!(true),
            json!(-7),
            json!(1.5),
            json!(u64::MAX),
            json!("x"),
            json!(["a", "b"]),
            json!([]),
            json!(["a", 1]),
            json!({ "a": { "b": [1, null] } }),
        ] {
            assert_eq!(json_value(claim_value(&value)), Some(value));
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        assert_eq!(json_value(types::ClaimValue::Float(f64::NAN)), None);
        assert_eq!(json_value(types::ClaimValue::Json("{".to_owned())), None);
    }

    #[test]
    fn an_unknown_action_is_an_error_and_an_unknown_target_is_not() {
        let unknown = Change {
            targets: vec![],
            action: Action::Other(("wrap".to_owned(), NOTHING.to_owned())),
        };
        assert_eq!(
            change(unknown).unwrap_err(),
            PatchError::UnknownAction("wrap".to_owned())
        );
        let targets = vec!["introspection".to_owned(), "userinfo".to_owned()];
        let known = change(Change {
            targets,
            action: Action::Remove("a".to_owned()),
        })
        .unwrap();
        assert_eq!(known.targets, [ClaimTarget::Userinfo]);
    }
}
