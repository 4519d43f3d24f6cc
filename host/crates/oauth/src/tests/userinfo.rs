//! UserInfo.

use std::time::Duration;

use authly_core::{Effects, StorageError};
use serde_json::{Value, json};

use super::Site;
use crate::{
    bearer::{BearerError, TokenProblem},
    testing,
    userinfo::UserinfoError,
};

async fn access_token(site: &Site, scope: &str) -> String {
    let code = site.issue_code(scope).await;
    site.redeem(&code).await.unwrap().access_token.expose().to_owned()
}

fn code_of(answer: Result<serde_json::Map<String, Value>, UserinfoError>) -> &'static str {
    answer.unwrap_err().oauth().code.as_str()
}

#[tokio::test]
async fn claims_follow_the_scope_and_sub_is_always_there() {
    let mut user = testing::user("alice");
    user.claims =
        testing::object(json!({ "name": "Alice", "email": "a@example.com", "email_verified": true }));
    let site = Site::with(testing::client("web"), user).await;
    let sub = json!(site.user.id);
    let token = access_token(&site, "openid").await;
    assert_eq!(
        Value::Object(site.userinfo(&token).await.unwrap()),
        json!({ "sub": sub })
    );
    let token = access_token(&site, "openid email").await;
    assert_eq!(
        Value::Object(site.userinfo(&token).await.unwrap()),
        json!({ "sub": sub, "email": "a@example.com", "email_verified": true })
    );
    site.mapper.add(json!({ "sub": "root", "name": "Mapped" }));
    let token = access_token(&site, "openid profile").await;
    let claims = site.userinfo(&token).await.unwrap();
    assert_eq!((&claims["sub"], &claims["name"]), (&sub, &json!("Mapped")));
}

#[tokio::test]
async fn only_living_access_tokens_with_openid_are_accepted() {
    let site = Site::new().await;
    assert_eq!(
        code_of(site.userinfo(&access_token(&site, "read").await).await),
        "insufficient_scope"
    );
    let code = site.issue_code("openid").await;
    let response = site.redeem(&code).await.unwrap();
    let id_token = response.id_token.unwrap();
    assert_eq!(
        code_of(site.userinfo(id_token.expose()).await),
        "invalid_token",
        "an ID token is none"
    );
    for forged in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        assert_eq!(code_of(site.userinfo(forged).await), "invalid_token");
    }
    site.advance(Duration::from_secs(599));
    site.userinfo(response.access_token.expose()).await.unwrap();
    site.advance(Duration::from_secs(1));
    assert_eq!(
        code_of(site.userinfo(response.access_token.expose()).await),
        "invalid_token"
    );
}

#[tokio::test]
async fn disabled_people_and_clients_are_refused() {
    let site = Site::new().await;
    let token = access_token(&site, "openid").await;
    site.storage()
        .set_client_enabled(&site.client.id, false, Effects::none())
        .await
        .unwrap();
    assert_eq!(code_of(site.userinfo(&token).await), "invalid_token");
    site.storage()
        .set_client_enabled(&site.client.id, true, Effects::none())
        .await
        .unwrap();
    site.userinfo(&token).await.unwrap();
    site.disable_user().await;
    assert_eq!(code_of(site.userinfo(&token).await), "invalid_token");
}

#[tokio::test]
async fn a_client_with_audiences_of_its_own_can_still_ask() {
    let mut client = testing::client("web");
    client.audiences = vec!["https://api.example".into()];
    let site = Site::with(client, testing::user("alice")).await;
    let token = access_token(&site, "openid read").await;
    site.userinfo(&token).await.unwrap();
}

#[test]
fn an_outage_is_never_a_no() {
    let outage = UserinfoError::Bearer(BearerError::Token(TokenProblem::Storage(
        StorageError::Unavailable("down".into()),
    )));
    assert_eq!(outage.oauth().code.as_str(), "temporarily_unavailable");
}
