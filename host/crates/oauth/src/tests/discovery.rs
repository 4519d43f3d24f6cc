//! Server metadata.

use serde_json::json;

use super::Site;
use crate::discovery::{authorization_server, openid_configuration};

#[tokio::test]
async fn openid_configuration_says_what_is_built_and_nothing_else() {
    let site = Site::new().await;
    assert_eq!(
        openid_configuration(&site.provider).await.unwrap(),
        json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/api/v1/oauth/authorize",
            "token_endpoint": "https://op.example/api/v1/oauth/token",
            "userinfo_endpoint": "https://op.example/oidc/userinfo",
            "end_session_endpoint": "https://op.example/oidc/logout",
            "jwks_uri": "https://op.example/.well-known/jwks.json",
            "scopes_supported": [
                "account:read", "account:write", "address", "email", "offline_access", "openid", "phone", "profile",
                "profile:write", "read", "write"
            ],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"
            ],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA", "HS256"],
            "introspection_endpoint": "https://op.example/api/v1/oauth/introspect",
            "introspection_endpoint_auth_methods_supported": [
                "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"
            ],
            "introspection_endpoint_auth_signing_alg_values_supported":
                ["RS256", "PS256", "ES256", "EdDSA", "HS256"],
            "revocation_endpoint": "https://op.example/api/v1/oauth/revoke",
            "revocation_endpoint_auth_methods_supported": [
                "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"
            ],
            "revocation_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA", "HS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "EdDSA"],
            "userinfo_signing_alg_values_supported": ["ES256", "EdDSA"],
            "claim_types_supported": ["normal"],
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "acr", "sid", "name",
                "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
                "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified",
                "phone_number", "phone_number_verified", "address"
            ],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "display_values_supported": ["page", "popup"],
            "acr_values_supported": ["urn:authly:acr:password"],
            "claims_parameter_supported": true,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false
        })
    );
}

#[tokio::test]
async fn authorization_server_metadata_agrees() {
    let site = Site::new().await;
    let openid = openid_configuration(&site.provider).await.unwrap();
    let oauth = authorization_server(&site.provider).await.unwrap();
    for (name, value) in oauth.as_object().unwrap() {
        assert_eq!(&openid[name], value, "{name}");
    }
    assert!(oauth.get("userinfo_endpoint").is_none());
}
