//! The operator's main configuration grants; a toml narrows.

use std::collections::BTreeMap;

use authly_core::{plugin::PluginName, ports::ClaimTarget};
use authly_plugin_host::{CallOutcome, ClaimGrants, Options, PluginPolicy, Policy};

use crate::harness::Site;

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
