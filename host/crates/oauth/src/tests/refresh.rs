//! The refresh token grant.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use authly_core::{PlainToken, ports::HookError};
use serde_json::json;

use super::{Site, error_of, redeem_body, refresh_body};
use crate::testing;

const SCOPE: &str = "openid offline_access read";

async fn first_token(site: &Site) -> PlainToken {
    let code = site.issue_code(SCOPE).await;
    site.redeem(&code).await.unwrap().refresh_token.unwrap()
}

#[tokio::test]
async fn refresh_rotates_and_keeps_the_login() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    site.advance(Duration::from_secs(100));
    let response = site.refresh(&first).await.unwrap();
    let second = response.refresh_token.unwrap();
    assert_ne!(first.expose(), second.expose());
    let id = site.claims(response.id_token.unwrap().expose(), "JWT", "web");
    assert_eq!(
        id["auth_time"],
        json!(testing::NOW.as_secs()),
        "the original login (OIDC Core §12.2)"
    );
    assert_eq!(id["iat"], json!(site.now().as_secs()));
    assert!(!id.contains_key("nonce"));
    site.refresh(&second).await.unwrap();
}

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_successor() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    let successor = site.refresh(&first).await.unwrap().refresh_token.unwrap();
    site.advance(Duration::from_secs(29));
    let again = site.refresh(&first).await.unwrap().refresh_token.unwrap();
    assert_eq!(successor.expose(), again.expose());
    site.refresh(&successor).await.unwrap();
}

#[tokio::test]
async fn reuse_after_the_grace_kills_the_family() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    let response = site.refresh(&first).await.unwrap();
    site.advance(Duration::from_secs(30));
    assert_eq!(error_of(site.refresh(&first).await), "invalid_grant");
    assert_eq!(
        error_of(site.refresh(&response.refresh_token.unwrap()).await),
        "invalid_grant"
    );
    assert!(site.userinfo(response.access_token.expose()).await.is_err());
}

#[tokio::test]
async fn reuse_after_the_successor_was_used_kills_the_family() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    let second = site.refresh(&first).await.unwrap().refresh_token.unwrap();
    let third = site.refresh(&second).await.unwrap().refresh_token.unwrap();
    assert_eq!(error_of(site.refresh(&first).await), "invalid_grant");
    assert_eq!(error_of(site.refresh(&third).await), "invalid_grant");
}

#[tokio::test]
async fn twenty_racers_share_one_successor() {
    let site = Arc::new(Site::new().await);
    let first = first_token(&site).await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (site, first) = (Arc::clone(&site), first.clone());
        racers.spawn(async move {
            site.refresh(&first)
                .await
                .unwrap()
                .refresh_token
                .unwrap()
                .expose()
                .to_owned()
        });
    }
    let successors: BTreeSet<String> = racers.join_all().await.into_iter().collect();
    assert_eq!(successors.len(), 1);
    let successor = PlainToken::presented(successors.first().unwrap()).unwrap();
    site.refresh(&successor).await.unwrap();
}

#[tokio::test]
async fn another_client_can_neither_use_nor_kill_a_family() {
    let site = Site::new().await;
    let other = site.other_client("other", |_| ()).await;
    let first = first_token(&site).await;
    assert_eq!(
        error_of(site.request_as(&other, &refresh_body(&first)).await),
        "invalid_grant"
    );
    site.refresh(&first).await.unwrap();
    site.advance(Duration::from_mins(1));
    assert_eq!(
        error_of(site.request_as(&other, &refresh_body(&first)).await),
        "invalid_grant"
    );
}

#[tokio::test]
async fn narrowing_once_does_not_narrow_for_ever() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    let narrow = site
        .request(&format!("{}&scope=read", refresh_body(&first)))
        .await
        .unwrap();
    assert_eq!(narrow.scope, "read");
    assert!(narrow.id_token.is_none());
    let second = narrow.refresh_token.unwrap();
    let wide = site
        .request(&format!("{}&scope=read+write", refresh_body(&second)))
        .await;
    assert_eq!(error_of(wide), "invalid_scope");
    assert_eq!(
        site.refresh(&second).await.unwrap().scope,
        "offline_access openid read"
    );
}

#[tokio::test]
async fn a_failing_hook_spends_no_token() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    site.mapper.fail_with(Some(HookError::Failed {
        plugin: "p".into(),
        reason: "trap".into(),
    }));
    assert_eq!(error_of(site.refresh(&first).await), "server_error");
    site.mapper.fail_with(None);
    site.advance(Duration::from_hours(1));
    site.refresh(&first).await.unwrap();
}

#[tokio::test]
async fn a_disabled_person_is_not_renewed() {
    let site = Site::new().await;
    let first = first_token(&site).await;
    site.disable_user().await;
    assert_eq!(error_of(site.refresh(&first).await), "invalid_grant");
}

#[tokio::test]
async fn without_rotation_the_token_stays_the_same() {
    let mut client = testing::client("web");
    client.rotate_refresh_tokens = false;
    let site = Site::with(client, testing::user("alice")).await;
    let first = first_token(&site).await;
    for _ in 0..3 {
        site.advance(Duration::from_mins(1));
        let again = site.refresh(&first).await.unwrap().refresh_token.unwrap();
        assert_eq!(first.expose(), again.expose());
    }
}

#[tokio::test]
async fn a_public_clients_token_is_rotated_whatever_was_registered() {
    // RFC 7636 App. B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let mut client = testing::public_client("web");
    client.rotate_refresh_tokens = false;
    let site = Site::with(client, testing::user("alice")).await;
    let code = site.issue_code_with(SCOPE, Some(CHALLENGE)).await;
    let body = format!("{}&code_verifier={VERIFIER}", redeem_body(&code));
    let first = site.request(&body).await.unwrap().refresh_token.unwrap();
    let second = site.refresh(&first).await.unwrap().refresh_token.unwrap();
    assert_ne!(first.expose(), second.expose());
    site.advance(Duration::from_mins(1));
    assert_eq!(error_of(site.refresh(&first).await), "invalid_grant");
}

#[tokio::test]
async fn no_token_outlives_the_grant() {
    let mut site = Site::new().await;
    site.provider.settings.refresh_token_ttl = site.provider.settings.grant_ttl * 2;
    let first = first_token(&site).await;
    site.advance(
        site.provider
            .settings
            .grant_ttl
            .saturating_sub(Duration::from_secs(10)),
    );
    let response = site.refresh(&first).await.unwrap();
    assert_eq!(response.expires_in, 10);
    site.advance(Duration::from_secs(10));
    assert_eq!(
        error_of(site.refresh(&response.refresh_token.unwrap()).await),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_refresh_token_is_required_and_ours() {
    let site = Site::new().await;
    assert_eq!(
        error_of(site.request("grant_type=refresh_token").await),
        "invalid_request"
    );
    for unknown in ["x".to_owned(), "x".repeat(600)] {
        let body = format!("grant_type=refresh_token&refresh_token={unknown}");
        assert_eq!(error_of(site.request(&body).await), "invalid_grant");
    }
}
