//! The operator's main configuration grants; a toml narrows.

use std::{collections::BTreeMap, fs};

use authly_core::{
    plugin::PluginName,
    ports::{ClaimTarget, HookError},
};
use authly_plugin_host::{CallOutcome, ClaimGrants, Options, PluginPolicy, Policy, candidate_digest};
use authly_testkit::guests::guest;
use serde_json::json;

use crate::harness::{STAMP, Site};

#[tokio::test]
async fn a_claim_that_the_policy_grants_to_one_plugin_is_its_own() {
    let site = Site::new().await;
    site.put("trusted", "ungranted_claim", "optional = true\norder = 1\n");
    site.put("other", "ungranted_claim", "optional = true\norder = 2\n");
    let trusted = PluginPolicy {
        claims: Some(ClaimGrants::parse(&["email"]).unwrap()),
        ..PluginPolicy::default()
    };
    let plugins = BTreeMap::from([(PluginName::parse("trusted").unwrap(), trusted)]);
    let policy = Policy {
        plugins,
        ..Policy::default()
    };
    let node = site
        .start_with(Options {
            policy,
            ..site.options()
        })
        .await;
    let mapped = node.map("anyone").await.unwrap();
    assert_eq!(mapped.claims[&ClaimTarget::IdToken]["email"], "root@example.com");
    assert_eq!(node.observer.outcome_of("trusted"), CallOutcome::Ok);
    assert_eq!(node.observer.outcome_of("other"), CallOutcome::PatchRefused);
    assert!(mapped.origins.iter().all(|origin| origin.plugin == "trusted"));
}

fn policy_for(name: &str, of_plugin: PluginPolicy) -> Policy {
    Policy {
        plugins: BTreeMap::from([(PluginName::parse(name).unwrap(), of_plugin)]),
        ..Policy::default()
    }
}

#[tokio::test]
async fn a_new_policy_holds_for_what_is_loaded() {
    let site = Site::new().await;
    site.put("stamp", "first_version", "");
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!(1));
    let nothing = PluginPolicy {
        claims: Some(ClaimGrants::parse::<&str>(&[]).unwrap()),
        ..PluginPolicy::default()
    };
    node.host.set_policy(policy_for("stamp", nothing)).await.unwrap();
    let error = node.map("anyone").await.unwrap_err();
    assert!(matches!(error, HookError::Failed { .. }), "{error}");
    assert_eq!(node.observer.outcome_of("stamp"), CallOutcome::PatchRefused);
    node.host.set_policy(Policy::default()).await.unwrap();
    assert_eq!(node.stamp("anyone").await, json!(1));
}

#[tokio::test]
async fn a_new_pin_takes_the_predecessor_away() {
    let site = Site::new().await;
    site.put("stamp", "first_version", "");
    let node = site.start().await;
    site.put("stamp", "panics", "");
    node.propose("stamp").await;
    let mapped = node.map("anyone").await.unwrap();
    assert_eq!(mapped.claims[&ClaimTarget::IdToken][STAMP], 1);
    let only_new = PluginPolicy {
        pins: vec![candidate_digest(&fs::read(guest("panics")).unwrap(), "")],
        ..PluginPolicy::default()
    };
    node.host.set_policy(policy_for("stamp", only_new)).await.unwrap();
    assert!(node.map("anyone").await.is_err());
}
