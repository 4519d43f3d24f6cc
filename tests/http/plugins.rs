//! Plugins as clients and operators see them: claims in tokens, edits without a restart, failures that cost nothing.

use std::path::Path;

use authly_core::plugin::{PluginDigest, PluginName};
use authly_plugin_host::{ClaimGrants, PluginPolicy, Policy, ProposalOutcome};
use authly_testkit::{TestApp, TestClient, TestUser, site::claims};
use serde_json::{Value, json};

const DEPARTMENT: &str = "https://example.com/department";

/// A server with the shipped plugin, whose toml maps the person's department to `claim`.
async fn with_plugin(claim: &str) -> (TestApp, TestClient, TestUser) {
    let app = TestApp::start().await;
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = built.join("../target/plugins/wasm32-wasip2/release/attribute_claims.wasm");
    let wasm =
        std::fs::read(&built).unwrap_or_else(|e| panic!("{} ({e}): run `make plugins`", built.display()));
    std::fs::write(app.plugins_dir().join("attribute-claims.wasm"), wasm).unwrap();
    assert!(matches!(
        write_toml(&app, claim).await,
        ProposalOutcome::Activated { .. }
    ));
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    (app, client, user)
}

/// Edits the plugin's configuration and lets the server look at its folder.
async fn write_toml(app: &TestApp, claim: &str) -> ProposalOutcome {
    let toml = format!(
        "hooks = [\"claim-mapper\"]\n[grants]\nclaims = [\"https://example.com/*\"]\n[config]\n\
         claims = [{{ claim = \"{claim}\", from = \"attribute\", name = \"department\" }}]\n"
    );
    propose(app, &toml).await
}

async fn propose(app: &TestApp, toml: &str) -> ProposalOutcome {
    std::fs::write(app.plugins_dir().join("attribute-claims.toml"), toml).unwrap();
    let mut proposals = app.parts.plugins.propose_directory().await;
    assert_eq!(proposals.len(), 1);
    proposals.remove(0).outcome
}

/// A policy under which the plugin may not run.
fn forbidding() -> Policy {
    let mut policy = Policy::default();
    let pins = vec![PluginDigest([7; 32])];
    policy.plugins.insert(
        PluginName::parse("attribute-claims").unwrap(),
        PluginPolicy { claims: None, pins },
    );
    policy
}

fn of<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

#[tokio::test]
async fn a_plugin_shapes_both_tokens_and_userinfo() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    let tokens = app.tokens(&client, &user, "openid").await;
    assert_eq!(claims(of(&tokens, "access_token"))[DEPARTMENT], "Research");
    assert_eq!(claims(of(&tokens, "id_token"))[DEPARTMENT], "Research");
    let userinfo = app.userinfo(of(&tokens, "access_token")).await.json();
    assert_eq!(userinfo, json!({ "sub": user.id, DEPARTMENT: "Research" }));
}

#[tokio::test]
async fn an_edit_changes_the_next_token_without_a_restart() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    let before = app.tokens(&client, &user, "openid").await;
    assert!(claims(of(&before, "access_token")).get(DEPARTMENT).is_some());
    let outcome = write_toml(&app, "https://example.com/unit").await;
    assert!(
        matches!(outcome, ProposalOutcome::Activated { .. }),
        "{outcome:?}"
    );
    let after = claims(of(&app.tokens(&client, &user, "openid").await, "access_token"));
    assert_eq!(
        (after.get(DEPARTMENT), &after["https://example.com/unit"]),
        (None, &json!("Research"))
    );
}

#[tokio::test]
async fn a_faulty_edit_and_a_deleted_file_change_nothing() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    let config = "[config]\nclaims = [{ claim = \"https://example.com/x\", from = \"nowhere\" }]";
    for faulty in [
        "hooks = [",
        "hooks = [\"claim-mapper\"]\nunknown = 1",
        "hooks = [\"claim-mapper\"]\n[grants]\nclaims = [\"sub\"]",
        "hooks = [\"claim-mapper\"]\n[grants]\nclaims = [\"email\"]",
        &format!("hooks = [\"claim-mapper\"]\n{config}"),
    ] {
        let outcome = propose(&app, faulty).await;
        assert!(
            matches!(outcome, ProposalOutcome::Refused { .. }),
            "{faulty}: {outcome:?}"
        );
        let tokens = app.tokens(&client, &user, "openid").await;
        assert_eq!(
            claims(of(&tokens, "access_token"))[DEPARTMENT],
            "Research",
            "{faulty}"
        );
    }
    std::fs::remove_file(app.plugins_dir().join("attribute-claims.wasm")).unwrap();
    std::fs::remove_file(app.plugins_dir().join("attribute-claims.toml")).unwrap();
    app.parts.plugins.propose_directory().await;
    let tokens = app.tokens(&client, &user, "openid").await;
    assert_eq!(claims(of(&tokens, "access_token"))[DEPARTMENT], "Research");
}

#[tokio::test]
async fn an_edit_that_oversteps_fails_closed_until_it_is_mended() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    // Its configuration is well-formed; that it may not set the claim shows with the first call. What ran before must
    // not answer: the operator changed what it was told.
    let outcome = write_toml(&app, "sub").await;
    assert!(
        matches!(outcome, ProposalOutcome::Activated { .. }),
        "{outcome:?}"
    );
    let (code, pkce) = app.code(&client, &user, "openid").await;
    let exchange = app.exchange(&client, &code, &pkce);
    let failed = app.token(&client, &exchange).await;
    assert_eq!(
        (failed.status.as_u16(), &failed.json()["error"]),
        (500, &json!("server_error"))
    );
    write_toml(&app, DEPARTMENT).await;
    let tokens = app.token(&client, &exchange).await.json();
    assert_eq!(claims(of(&tokens, "access_token"))[DEPARTMENT], "Research");
}

#[tokio::test]
async fn a_hook_that_fails_burns_no_code_and_no_refresh_token() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    let (code, pkce) = app.code(&client, &user, "openid offline_access").await;
    let exchange = app.exchange(&client, &code, &pkce);
    app.parts.plugins.set_policy(forbidding()).await.unwrap();
    let failed = app.token(&client, &exchange).await;
    assert!(
        failed.status.is_server_error(),
        "closed, not open: {} {}",
        failed.status,
        failed.body
    );
    app.parts.plugins.set_policy(Policy::default()).await.unwrap();
    let tokens = app.token(&client, &exchange).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);

    let refresh = app.refresh(&client, of(&tokens.json(), "refresh_token"));
    app.parts.plugins.set_policy(forbidding()).await.unwrap();
    assert!(app.token(&client, &refresh).await.status.is_server_error());
    assert!(
        app.userinfo(of(&tokens.json(), "access_token"))
            .await
            .status
            .is_server_error()
    );
    app.parts.plugins.set_policy(Policy::default()).await.unwrap();
    let refreshed = app.token(&client, &refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert_eq!(
        claims(of(&refreshed.json(), "access_token"))[DEPARTMENT],
        "Research"
    );
}

#[tokio::test]
async fn a_narrowed_policy_fails_the_clients_of_the_plugin_and_nobody_elses() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    let toml = std::fs::read_to_string(app.plugins_dir().join("attribute-claims.toml")).unwrap();
    propose(&app, &format!("clients = [\"another\"]\n{toml}")).await;
    let another = app.public_client("another").await;
    let narrow = ClaimGrants::parse(&["https://nothing.example/*"]).unwrap();
    let policy = Policy {
        claims: narrow,
        ..Policy::default()
    };
    app.parts.plugins.set_policy(policy).await.unwrap();
    let (code, pkce) = app.code(&another, &user, "openid").await;
    let failed = app.token(&another, &app.exchange(&another, &code, &pkce)).await;
    assert_eq!(failed.status, 500, "{}", failed.body);
    app.tokens(&client, &user, "openid").await;
}

#[tokio::test]
async fn a_plugin_that_no_client_is_bound_to_costs_nothing_and_changes_nothing() {
    let (app, client, user) = with_plugin(DEPARTMENT).await;
    let toml = std::fs::read_to_string(app.plugins_dir().join("attribute-claims.toml")).unwrap();
    let bound = format!("clients = [\"another\"]\n{toml}");
    std::fs::write(app.plugins_dir().join("attribute-claims.toml"), bound).unwrap();
    app.parts.plugins.propose_directory().await;
    let tokens = app.tokens(&client, &user, "openid").await;
    assert_eq!(claims(of(&tokens, "access_token")).get(DEPARTMENT), None);
}
