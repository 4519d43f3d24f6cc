//! The authorization code grant.

use std::{sync::Arc, time::Duration};

use authly_core::{Effects, key::SigningAlg, ports::HookError, user::User};
use serde_json::json;

use super::{BrokenSigner, Site, error_of, redeem_body};
use crate::{id_token::at_hash, testing};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::test]
async fn code_gives_access_id_and_refresh_tokens() {
    let site = Site::new().await;
    let code = site.issue_code("openid profile offline_access").await;
    site.advance(Duration::from_secs(5));
    let response = site.redeem(&code).await.unwrap();
    assert_eq!((response.token_type, response.expires_in), ("Bearer", 600));
    assert_eq!(response.scope, "offline_access openid profile");
    assert!(response.refresh_token.is_some());

    let access = site.claims(response.access_token.expose(), "at+jwt", "https://op.example");
    assert_eq!(access["sub"], json!(site.user.id));
    assert_eq!(access["client_id"], "web");
    assert_eq!(access["scope"], "offline_access openid profile");
    let id = site.claims(response.id_token.as_ref().unwrap().expose(), "JWT", "web");
    let expected_hash = at_hash(response.access_token.expose(), SigningAlg::Es256);
    assert_eq!(
        (&id["at_hash"], &id["nonce"]),
        (&json!(expected_hash), &json!("n-0S6_WzA2Mj"))
    );
    assert_eq!(
        (&id["auth_time"], &id["sub"]),
        (&json!(testing::NOW.as_secs()), &access["sub"])
    );
    let names = [
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "exp",
        "iat",
        "iss",
        "nonce",
        "sub",
    ];
    assert!(
        id.len() == names.len() && names.iter().all(|n| id.contains_key(*n)),
        "{id:?}"
    );
}

#[tokio::test]
async fn tokens_follow_the_scope() {
    let site = Site::new().await;
    let code = site.issue_code("read").await;
    let response = site.redeem(&code).await.unwrap();
    assert!(response.id_token.is_none() && response.refresh_token.is_none());
}

#[tokio::test]
async fn a_second_use_revokes_what_the_first_one_gave() {
    let site = Site::new().await;
    let code = site.issue_code("openid offline_access").await;
    let first = site.redeem(&code).await.unwrap();
    site.userinfo(first.access_token.expose()).await.unwrap();
    let calls = site.mapper.calls();
    assert_eq!(error_of(site.redeem(&code).await), "invalid_grant");
    assert_eq!(site.mapper.calls(), calls, "a known replay runs no hook");
    assert_eq!(
        error_of(site.refresh(&first.refresh_token.unwrap()).await),
        "invalid_grant"
    );
    let refused = site.userinfo(first.access_token.expose()).await.unwrap_err();
    assert_eq!(refused.oauth().code.as_str(), "invalid_token");
}

#[tokio::test]
async fn another_client_can_neither_use_nor_burn_a_code() {
    let site = Site::new().await;
    let other = site.other_client("other", |_| ()).await;
    let code = site.issue_code("openid offline_access").await;
    assert_eq!(
        error_of(site.request_as(&other, &redeem_body(&code)).await),
        "invalid_grant"
    );
    let response = site.redeem(&code).await.unwrap();
    // Not even after it was used: the family lives.
    assert_eq!(
        error_of(site.request_as(&other, &redeem_body(&code)).await),
        "invalid_grant"
    );
    site.refresh(&response.refresh_token.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_verifier_or_redirect_uri_burns_nothing() {
    let site = Site::new().await;
    let code = site.issue_code_with("openid", Some(CHALLENGE)).await;
    let wrong = VERIFIER.replace('d', "e");
    for body in [
        redeem_body(&code),
        format!("{}&code_verifier={wrong}", redeem_body(&code)),
    ] {
        assert_eq!(error_of(site.request(&body).await), "invalid_grant");
    }
    let elsewhere = redeem_body(&code).replace("c.example", "evil.example");
    assert_eq!(
        error_of(
            site.request(&format!("{elsewhere}&code_verifier={VERIFIER}"))
                .await
        ),
        "invalid_grant"
    );
    site.request(&format!("{}&code_verifier={VERIFIER}", redeem_body(&code)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failing_hook_burns_nothing() {
    let site = Site::new().await;
    let code = site.issue_code("openid").await;
    let (plugin, reason) = ("p".to_owned(), "trap".to_owned());
    site.mapper.fail_with(Some(HookError::Failed {
        plugin: plugin.clone(),
        reason: reason.clone(),
    }));
    assert_eq!(error_of(site.redeem(&code).await), "server_error");
    site.mapper
        .fail_with(Some(HookError::Unavailable { plugin, reason }));
    assert_eq!(error_of(site.redeem(&code).await), "temporarily_unavailable");
    site.mapper.fail_with(None);
    site.redeem(&code).await.unwrap();
}

#[tokio::test]
async fn a_failing_signer_burns_nothing() {
    let mut site = Site::new().await;
    let code = site.issue_code("openid").await;
    let good = std::mem::replace(&mut site.provider.signer, Arc::new(BrokenSigner));
    assert_eq!(error_of(site.redeem(&code).await), "temporarily_unavailable");
    site.provider.signer = good;
    site.redeem(&code).await.unwrap();
}

#[tokio::test]
async fn code_ends_exactly_at_its_end() {
    let site = Site::new().await;
    let (late, early) = (site.issue_code("openid").await, site.issue_code("openid").await);
    site.advance(Duration::from_micros(59_999_999));
    site.redeem(&early).await.unwrap();
    site.advance(Duration::from_micros(1));
    assert_eq!(error_of(site.redeem(&late).await), "invalid_grant");
}

#[tokio::test]
async fn a_person_disabled_meanwhile_gets_nothing() {
    let site = Site::new().await;
    let code = site.issue_code("openid").await;
    site.disable_user().await;
    assert_eq!(error_of(site.redeem(&code).await), "invalid_grant");
}

#[tokio::test]
async fn a_revoked_grant_gives_nothing() {
    let site = Site::new().await;
    let code = site.issue_code("openid").await;
    let grant_id = site
        .storage()
        .load_code(&code.hash())
        .await
        .unwrap()
        .unwrap()
        .grant
        .id;
    assert!(
        site.storage()
            .revoke_grant(grant_id, site.now(), Effects::none())
            .await
            .unwrap()
    );
    assert_eq!(error_of(site.redeem(&code).await), "invalid_grant");
}

#[tokio::test]
async fn one_code_and_twenty_racers_give_one_answer() {
    let site = Arc::new(Site::new().await);
    let code = site.issue_code("openid").await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (site, code) = (Arc::clone(&site), code.clone());
        racers.spawn(async move { site.redeem(&code).await.is_ok() });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn a_mapper_shapes_tokens_but_not_what_the_protocol_owns() {
    let site = Site::new().await;
    let code = site.issue_code("openid").await;
    site.mapper
        .add(json!({ "sub": "root", "aud": "evil", "scope": "admin", "https://x.example/role": "boss" }));
    let response = site.redeem(&code).await.unwrap();
    assert_eq!(site.mapper.calls(), 1, "one call serves both tokens");
    let access = site.claims(response.access_token.expose(), "at+jwt", "https://op.example");
    let id = site.claims(response.id_token.unwrap().expose(), "JWT", "web");
    for claims in [&access, &id] {
        assert_eq!(
            (&claims["sub"], &claims["https://x.example/role"]),
            (&json!(site.user.id), &json!("boss"))
        );
    }
    assert_eq!(access["scope"], "openid");
    assert!(!id.contains_key("scope"));
}

#[tokio::test]
async fn algorithms_are_the_clients() {
    let mut client = testing::client("web");
    client.id_token_signed_response_alg = SigningAlg::EdDsa;
    let site = Site::with(client, testing::user("alice")).await;
    let response = site.redeem(&site.issue_code("openid").await).await.unwrap();
    let id = site.claims(response.id_token.unwrap().expose(), "JWT", "web");
    assert_eq!(
        id["at_hash"],
        json!(at_hash(response.access_token.expose(), SigningAlg::EdDsa))
    );
}

#[tokio::test]
async fn an_algorithm_without_a_key_is_our_failure() {
    let mut client = testing::client("web");
    client.access_token_signed_response_alg = SigningAlg::Ps256;
    let site = Site::with(client, testing::user("alice")).await;
    assert_eq!(
        error_of(site.redeem(&site.issue_code("read").await).await),
        "server_error"
    );
}

#[tokio::test]
async fn admin_scopes_are_for_administrators_through_clients_registered_for_them() {
    let scope = "openid admin:users:read";
    for (is_admin, registered, audience, granted) in [
        (true, "openid admin:users:read", None, "admin:users:read openid"),
        (
            true,
            "openid admin:users:read",
            Some("https://op.example"),
            "admin:users:read openid",
        ),
        // Its tokens go to an API, which must not be able to administer the server with them.
        (
            true,
            "openid admin:users:read",
            Some("https://api.example"),
            "openid",
        ),
        (false, "openid admin:users:read", None, "openid"),
        (true, "openid", None, "openid"),
    ] {
        let mut client = testing::client("web");
        client.audiences = audience.into_iter().map(str::to_owned).collect();
        client.scopes = authly_core::ScopeSet::parse(registered).unwrap();
        let site = Site::with(
            client,
            User {
                is_admin,
                ..testing::user("alice")
            },
        )
        .await;
        assert_eq!(
            site.redeem(&site.issue_code(scope).await).await.unwrap().scope,
            granted
        );
    }
}
