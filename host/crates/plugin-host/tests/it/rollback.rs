//! A version that fails where the one before answers is taken back.

use std::time::Duration;

use authly_core::plugin::{PluginHistory, PluginName};
use authly_plugin_host::{LoadEvent, Options, ProposalOutcome, candidate_digest};
use authly_testkit::guests::guest;
use serde_json::json;

use crate::harness::{Node, Site};

/// A node that has just taken a bad version after a good one.
async fn with_bad_version(site: &Site) -> Node {
    site.put("stamp", "first_version", "");
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!(1));
    site.put("stamp", "panics", "");
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 2 }
    );
    node
}

async fn rolled_back(node: &Node) {
    node.event(|event| matches!(event, LoadEvent::Serving { plugin, .. } if plugin.generation == 3))
        .await;
    // The rollback holds this until it is done.
    node.host.shutdown().await;
}

#[tokio::test]
async fn a_node_that_starts_late_still_finds_the_predecessor_of_a_bad_version() {
    let site = Site::new().await;
    drop(with_bad_version(&site).await);
    let options = Options {
        dir: None,
        ..site.options()
    };
    site.clock.advance(options.canary + Duration::from_hours(2));
    let late = site.start_with(options).await;
    assert_eq!(late.stamp("anyone").await, json!(1));
}

#[tokio::test]
async fn a_version_that_fails_where_the_one_before_answers_is_taken_back() {
    let site = Site::new().await;
    let node = with_bad_version(&site).await;
    for _ in 0..4 {
        assert_eq!(node.stamp("anyone").await, json!(1));
    }
    node.host.shutdown().await;
    assert_eq!(site.storage.load_plugins().await.unwrap()[0].generation, 2);
    assert_eq!(node.stamp("anyone").await, json!(1));
    rolled_back(&node).await;
    let good = candidate_digest(&std::fs::read(guest("first_version")).unwrap(), "");
    let bad = candidate_digest(&std::fs::read(guest("panics")).unwrap(), "");
    let desired = site.storage.load_plugins().await.unwrap().remove(0);
    assert_eq!((desired.active_digest, desired.generation), (good, 3));
    assert_eq!(node.stamp("anyone").await, json!(1));
    // The bad file still lies there; neither this node nor one that starts beside it takes it up again.
    assert_eq!(node.propose("stamp").await, ProposalOutcome::Unchanged);
    let name = PluginName::parse("stamp").unwrap();
    assert_eq!(
        site.storage.plugin_history(&name, bad).await.unwrap(),
        Some(PluginHistory::Refused)
    );
    let another = site.start().await;
    assert_eq!(another.stamp("anyone").await, json!(1));
    assert_eq!(site.storage.load_plugins().await.unwrap()[0].generation, 3);
}

#[tokio::test]
async fn whoever_goes_back_has_given_up_what_ran() {
    let site = Site::new().await;
    let node = site.start().await;
    for (guest, generation) in [("panics", 1), ("first_version", 2), ("panics", 3)] {
        site.put("stamp", guest, "");
        assert_eq!(
            node.propose("stamp").await,
            ProposalOutcome::Activated { generation }
        );
    }
    let late = site.start().await;
    for node in [&node, &late] {
        assert!(
            node.map("anyone").await.is_err(),
            "the one that was left must not answer"
        );
    }
}

#[tokio::test]
async fn a_rollback_leaves_a_newer_choice_alone() {
    let site = Site::new().await;
    let node = with_bad_version(&site).await;
    // Another node has brought the mended version; this one has not heard of it.
    let other = site.start().await;
    site.put("stamp", "second_version", "");
    assert_eq!(
        other.propose("stamp").await,
        ProposalOutcome::Activated { generation: 3 }
    );
    for _ in 0..5 {
        assert_eq!(node.stamp("anyone").await, json!(1));
    }
    tokio::task::yield_now().await;
    node.host.shutdown().await;
    assert_eq!(site.storage.load_plugins().await.unwrap()[0].generation, 3);
    node.host.converge().await.unwrap();
    assert_eq!(node.stamp("anyone").await, json!(2));
}
