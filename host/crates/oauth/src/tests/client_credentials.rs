//! The client credentials grant.

use authly_core::client::{AuthMethod, GrantType};
use serde_json::json;

use super::{Site, error_of};

const BODY: &str = "grant_type=client_credentials";
const READ: &str = "grant_type=client_credentials&scope=read";

#[tokio::test]
async fn a_client_gets_an_access_token_of_its_own_and_nothing_else() {
    let site = Site::new().await;
    let response = site.request(&format!("{BODY}&scope=read")).await.unwrap();
    assert!(response.id_token.is_none() && response.refresh_token.is_none());
    let claims = site.claims(response.access_token.expose(), "at+jwt", "https://op.example");
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("web"), &json!("web"))
    );
    assert_eq!(claims["scope"], "read");
    assert!(!claims.contains_key("auth_time"));
    let refused = site.userinfo(response.access_token.expose()).await.unwrap_err();
    assert_eq!(refused.oauth().code.as_str(), "insufficient_scope");
}

#[tokio::test]
async fn subject_of_a_client_named_like_a_person_is_not_the_persons() {
    let site = Site::new().await;
    let posing = site.other_client(&site.user.id.to_string(), |_| ()).await;
    let response = site.request_as(&posing, READ).await.unwrap();
    let claims = site.claims(response.access_token.expose(), "at+jwt", "https://op.example");
    assert_ne!(claims["sub"], json!(site.user.id));
}

#[tokio::test]
async fn audiences_are_the_clients() {
    let site = Site::new().await;
    let api = site
        .other_client("api", |c| c.audiences = vec!["https://api.example".into()])
        .await;
    let response = site.request_as(&api, READ).await.unwrap();
    let claims = site.claims(response.access_token.expose(), "at+jwt", "https://api.example");
    assert_eq!(
        (&claims["aud"], &claims["scope"]),
        (&json!("https://api.example"), &json!("read"))
    );
}

#[tokio::test]
async fn public_and_unregistered_clients_are_refused() {
    let site = Site::new().await;
    let public = site
        .other_client("public", |c| {
            c.token_endpoint_auth_method = AuthMethod::None;
            c.secret_hash = None;
        })
        .await;
    assert_eq!(
        error_of(site.request_as(&public, BODY).await),
        "unauthorized_client"
    );
    let unregistered = site
        .other_client("codes", |c| c.grant_types = vec![GrantType::AuthorizationCode])
        .await;
    assert_eq!(
        error_of(site.request_as(&unregistered, BODY).await),
        "unauthorized_client"
    );
}

#[tokio::test]
async fn scopes_of_people_and_of_others_are_refused() {
    let site = Site::new().await;
    for scope in [
        "openid",
        "read+offline_access",
        "profile",
        "admin:users:read",
        "nobodys",
    ] {
        assert_eq!(
            error_of(site.request(&format!("{BODY}&scope={scope}")).await),
            "invalid_scope"
        );
    }
    assert_eq!(
        error_of(
            site.request(&format!("{BODY}&resource=https://api.example"))
                .await
        ),
        "invalid_target"
    );
}
