//! Signing keys that follow one another on a running server (OIDC Core §10.1.1).

use std::{collections::BTreeSet, time::Duration};

use authly::app::{OldKey, publish_next, replace_now, rotate_due};
use authly_core::key::SigningAlg;
use authly_jose::RotationPolicy;
use authly_testkit::{
    TestApp, TestClient,
    client::Form,
    site::{jose_header, read},
};
use serde_json::Value;

/// Far beyond the bound in which a server learns of a change (250 ms), for a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two questions.
const TICK: Duration = Duration::from_millis(10);

async fn key_set(app: &TestApp) -> Value {
    read(app.http.get(app.at("/.well-known/jwks.json"))).await.json()
}

async fn published(app: &TestApp) -> BTreeSet<String> {
    let set = key_set(app).await;
    let keys = set["keys"].as_array().expect("keys");
    keys.iter()
        .map(|key| key["kid"].as_str().expect("a kid").to_owned())
        .collect()
}

/// Asks until the published keys are as expected: the server follows the database in the background.
async fn until(app: &TestApp, what: &str, is_so: impl Fn(&BTreeSet<String>) -> bool) -> BTreeSet<String> {
    let asked = async {
        loop {
            let kids = published(app).await;
            if is_so(&kids) {
                return kids;
            }
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(LIMIT, asked)
        .await
        .unwrap_or_else(|_| panic!("never {what}"))
}

async fn access_token(app: &TestApp, client: &TestClient) -> String {
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let answer = app.token(client, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn kid(token: &str) -> String {
    jose_header(token)["kid"].as_str().expect("a kid").to_owned()
}

async fn is_active(app: &TestApp, client: &TestClient, token: &str) -> bool {
    app.introspect(client, token).await.json()["active"] == true
}

#[tokio::test]
async fn edge_68_the_key_set_holds_public_members_only() {
    let app = TestApp::start().await;
    let set = key_set(&app).await;
    let public = BTreeSet::from(["kty", "use", "alg", "kid", "n", "e", "crv", "x", "y"]);
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(set.as_object().unwrap().len(), 1, "{set}");
    let algs: BTreeSet<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(
        algs,
        SigningAlg::ALL.into_iter().map(SigningAlg::as_str).collect()
    );
    for key in keys {
        for name in key.as_object().unwrap().keys() {
            assert!(public.contains(name.as_str()), "{name} is published");
        }
        assert_eq!(key["use"], "sig");
    }
}

#[tokio::test]
async fn edge_68_a_scheduled_rotation_publishes_first_and_serves_the_old_key_while_its_tokens_live() {
    let app = TestApp::start().await;
    let client = app.service_client("service").await;
    let (tenant, alg) = (app.tenant.as_ref(), SigningAlg::Es256);
    let policy = RotationPolicy {
        interval: Duration::from_hours(24 * 90),
        publish_before: Duration::from_hours(1),
        retire_after: Duration::from_hours(4),
    };
    let old_token = access_token(&app, &client).await;
    let old = kid(&old_token);
    let new = publish_next(tenant, alg, app.now())
        .await
        .unwrap()
        .expect("a key")
        .to_string();
    until(&app, "published", |kids| kids.contains(&new)).await;
    assert_eq!(
        kid(&access_token(&app, &client).await),
        old,
        "published, and not used yet"
    );

    app.advance(Duration::from_mins(59));
    assert_eq!(rotate_due(tenant, &policy, app.now()).await.unwrap(), 0);
    app.advance(Duration::from_mins(1));
    let token = access_token(&app, &client).await;
    assert_eq!(rotate_due(tenant, &policy, app.now()).await.unwrap(), 1);
    let signed_by_new = async {
        while kid(&access_token(&app, &client).await) != new {
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(LIMIT, signed_by_new)
        .await
        .expect("the new key signs");
    assert!(
        published(&app).await.contains(&old),
        "the old key is still served"
    );
    assert_eq!(kid(&token), old);
    assert!(
        is_active(&app, &client, &token).await,
        "what it signed is still believed"
    );

    app.advance(Duration::from_hours(4));
    rotate_due(tenant, &policy, app.now()).await.unwrap();
    let kids = until(&app, "removed", |kids| !kids.contains(&old)).await;
    assert!(kids.contains(&new));
}

#[tokio::test]
async fn edge_68_an_emergency_replaces_the_key_at_once_and_what_it_signed_is_believed_no_more() {
    let app = TestApp::start().await;
    let client = app.service_client("service").await;
    let user = app.user("ada").await;
    let person = app.public_client("spa").await;
    let token = app.tokens(&person, &user, "openid").await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(app.userinfo(&token).await.status, 200);
    let old = kid(&token);
    let replaced = replace_now(
        app.tenant.as_ref(),
        SigningAlg::Es256,
        OldKey::IsRemoved,
        app.now(),
    )
    .await
    .unwrap();
    assert!(replaced.old.iter().any(|kid| kid.as_str() == old));
    let new = replaced.new.to_string();
    until(&app, "replaced", |kids| {
        kids.contains(&new) && !kids.contains(&old)
    })
    .await;
    assert_eq!(app.userinfo(&token).await.status, 401);
    assert!(!is_active(&app, &client, &token).await);
    assert_eq!(kid(&access_token(&app, &client).await), new);
}
