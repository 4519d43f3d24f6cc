//! Storage says what runs, on every node and after every restart.

use std::{collections::BTreeMap, fs};

use authly_core::{plugin::PluginName, ports::HookError};
use authly_plugin_host::{
    CallOutcome, LoadEvent, Options, PluginPolicy, Policy, ProposalOutcome, candidate_digest,
};
use authly_testkit::guests::guest;
use serde_json::json;

use crate::harness::{Site, stamps};

#[tokio::test]
async fn every_node_converges_on_what_one_proposed() {
    let site = Site::new().await;
    let one = site.start().await;
    let without_files = site
        .start_with(Options {
            dir: None,
            ..site.options()
        })
        .await;
    site.put("stamp", "stamp", &stamps("one"));
    one.propose("stamp").await;
    without_files.host.converge().await.unwrap();
    assert_eq!(without_files.stamp("anyone").await, json!("one"));
    let (a, b) = (one.host.status(), without_files.host.status());
    assert_eq!(a.plugins[0].serving, b.plugins[0].serving);
}

#[tokio::test]
async fn a_starting_node_does_not_propose_what_history_knows() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("old"));
    let node = site.start().await;
    site.put_toml("stamp", &stamps("new"));
    node.propose("stamp").await;
    // A node with the old files comes up, as in a deployment that is rolled back half way.
    site.put_toml("stamp", &stamps("old"));
    let late = site.start().await;
    assert_eq!(late.stamp("anyone").await, json!("new"));
    let told = late.events().await;
    assert!(
        told.iter()
            .any(|event| matches!(event, LoadEvent::KnownBefore { .. })),
        "{told:?}"
    );
    assert_eq!(late.propose("stamp").await, ProposalOutcome::Unchanged);
    // Only a change of its own files makes it propose.
    site.put_toml("stamp", &stamps("newest"));
    assert_eq!(
        late.propose("stamp").await,
        ProposalOutcome::Activated { generation: 3 }
    );
}

#[tokio::test]
async fn what_could_not_be_read_at_the_start_is_no_change_when_it_can() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("old"));
    let node = site.start().await;
    site.put_toml("stamp", &stamps("new"));
    node.propose("stamp").await;
    // A node with the old files comes up before its volume is whole.
    let toml = site.dir().join("stamp.toml");
    fs::remove_file(&toml).unwrap();
    fs::create_dir(&toml).unwrap();
    let late = site.start().await;
    fs::remove_dir(&toml).unwrap();
    site.put_toml("stamp", &stamps("old"));
    assert_eq!(late.propose("stamp").await, ProposalOutcome::KnownBefore);
    assert_eq!(late.stamp("anyone").await, json!("new"));
}

#[tokio::test]
async fn a_candidate_of_several_nodes_becomes_one_generation() {
    let site = Site::new().await;
    let (one, other) = (site.start().await, site.start().await);
    site.put("stamp", "stamp", &stamps("one"));
    let (a, b) = tokio::join!(one.propose("stamp"), other.propose("stamp"));
    let activated = |outcome: &ProposalOutcome| matches!(outcome, ProposalOutcome::Activated { .. });
    assert_eq!(
        [&a, &b].into_iter().filter(|outcome| activated(outcome)).count(),
        1,
        "{a:?} {b:?}"
    );
    assert_eq!(site.storage.load_plugins().await.unwrap()[0].generation, 1);
    for node in [&one, &other] {
        node.host.converge().await.unwrap();
        assert_eq!(node.stamp("anyone").await, json!("one"));
    }
}

fn pinned(text: &str) -> Policy {
    let digest = candidate_digest(&fs::read(guest("stamp")).unwrap(), text);
    let pins = PluginPolicy {
        pins: vec![digest],
        ..PluginPolicy::default()
    };
    Policy {
        plugins: BTreeMap::from([(PluginName::parse("stamp").unwrap(), pins)]),
        ..Policy::default()
    }
}

#[tokio::test]
async fn a_pinned_plugin_takes_no_other_candidate() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    let node = site
        .start_with(Options {
            policy: pinned(&stamps("one")),
            ..site.options()
        })
        .await;
    assert_eq!(node.stamp("anyone").await, json!("one"));
    site.put_toml("stamp", &stamps("two"));
    let ProposalOutcome::Refused { reason } = node.propose("stamp").await else {
        panic!("it is pinned")
    };
    assert!(
        reason.contains("is not among those that the server's configuration pins for stamp"),
        "{reason}"
    );
    assert_eq!(node.stamp("anyone").await, json!("one"));
}

#[tokio::test]
async fn a_desired_plugin_that_does_not_load_here_fails_closed() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    site.start().await;
    // This node's operator pins another candidate.
    let strict = Options {
        policy: pinned(&stamps("other")),
        ..site.options()
    };
    let node = site.start_with(strict.clone()).await;
    let error = node.map("anyone").await.unwrap_err();
    assert!(matches!(error, HookError::Failed { .. }), "{error}");
    assert_eq!(node.observer.outcome_of("stamp"), CallOutcome::NotLoaded);
    assert!(node.trouble("stamp").unwrap().contains("pins"));
    let told = node.events().await;
    assert!(
        told.iter()
            .any(|event| matches!(event, LoadEvent::Degraded { .. })),
        "{told:?}"
    );

    let site = Site::new().await;
    site.put("stamp", "stamp", &format!("optional = true\n{}", stamps("one")));
    site.start().await;
    let node = site
        .start_with(Options {
            dir: Some(site.dir()),
            cache: None,
            ..strict
        })
        .await;
    assert_eq!(
        node.stamp("anyone").await,
        json!(null),
        "an optional one is skipped"
    );
}
