//! What is shown of a client. Never its secret.

use std::time::Duration;

use authly_core::{
    client::{Client, GrantType},
    key::SigningAlg,
};
use serde_json::{Value, json};

pub(super) const HEADERS: [&str; 6] = [
    "CLIENT_ID",
    "NAME",
    "AUTH_METHOD",
    "ENABLED",
    "GRANT_TYPES",
    "REDIRECT_URIS",
];

pub(super) fn client_row(client: &Client) -> Vec<String> {
    vec![
        client.id.to_string(),
        client.name.clone(),
        client.token_endpoint_auth_method.as_str().to_owned(),
        if client.enabled { "yes" } else { "no" }.to_owned(),
        grant_types(client).join(", "),
        client.redirect_uris.join(", "),
    ]
}

/// A client under the names of RFC 7591 §2 and OpenID Connect Registration §2 where they have them.
pub(super) fn client_json(client: &Client) -> Value {
    let jwks = client.jwks.as_deref().map(serde_json::from_str::<Value>);
    json!({
        "client_id": client.id,
        "client_name": client.name,
        "token_endpoint_auth_method": client.token_endpoint_auth_method.as_str(),
        "token_endpoint_auth_signing_alg": client.token_endpoint_auth_signing_alg,
        "assertion_audience": client.assertion_audience.as_str(),
        "jwks": jwks.and_then(Result::ok),
        "jwks_uri": client.jwks_uri,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "grant_types": grant_types(client),
        "scope": client.scopes.to_string(),
        "audiences": client.audiences,
        "introspection_audiences": client.introspection_audiences,
        "id_token_signed_response_alg": client.id_token_signed_response_alg.as_str(),
        "access_token_signed_response_alg": client.access_token_signed_response_alg.as_str(),
        "access_token_format": client.access_token_format.as_str(),
        "userinfo_signed_response_alg": client.userinfo_signed_response_alg.map(SigningAlg::as_str),
        "access_token_ttl": client.access_token_ttl.map(seconds),
        "id_token_ttl": client.id_token_ttl.map(seconds),
        "refresh_token_ttl": client.refresh_token_ttl.map(seconds),
        "default_max_age": client.default_max_age,
        "first_party": client.first_party,
        "client_uri": client.client_uri,
        "policy_uri": client.policy_uri,
        "tos_uri": client.tos_uri,
        "rotate_refresh_tokens": client.rotate_refresh_tokens,
        "enabled": client.enabled,
        "client_id_issued_at": client.created_at.as_secs(),
    })
}

fn seconds(ttl: Duration) -> u64 {
    ttl.as_secs()
}

fn grant_types(client: &Client) -> Vec<&'static str> {
    client
        .grant_types
        .iter()
        .copied()
        .map(GrantType::as_str)
        .collect()
}
