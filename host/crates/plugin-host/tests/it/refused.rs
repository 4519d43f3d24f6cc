//! A candidate that fails a check never serves; what was there before does.

use authly_core::plugin::{PluginHistory, PluginName};
use authly_plugin_host::{ClaimGrants, LoadEvent, Options, Policy, ProposalOutcome, candidate_digest};
use authly_testkit::guests::guest;
use serde_json::json;

use crate::harness::{Site, stamps};

/// Guest or bytes, toml, and what the operator is told.
fn candidates() -> Vec<(Vec<u8>, String, &'static str)> {
    let stamp = || std::fs::read(guest("stamp")).unwrap();
    let of = |name: &str| std::fs::read(guest(name)).unwrap();
    let mut torn = stamp();
    torn.truncate(torn.len() / 2);
    vec![
        (
            of("foreign_import"),
            String::new(),
            "it imports acme:directory/people@1.0.0, which this server does not offer",
        ),
        (
            of("unlinked_import"),
            String::new(),
            "it imports authly:plugin/http@0.1.0, which this server does not offer",
        ),
        (
            of("describe_loops"),
            String::new(),
            "its describe failed: it used more CPU time than it may",
        ),
        (torn, stamps("x"), "it is not WebAssembly"),
        (b"not wasm at all".to_vec(), stamps("x"), "it is not WebAssembly"),
        (
            b"\0asm\x01\0\0\0".to_vec(),
            stamps("x"),
            "it is a core module, not a component",
        ),
        (
            b"\0asm\x0d\0\x01\0".to_vec(),
            stamps("x"),
            "it does not export authly:plugin/meta@0.1",
        ),
        (
            stamp(),
            stamps("refused"),
            "it refuses its configuration; config.text: this text is refused",
        ),
        (
            stamp(),
            "[config]\ntext = 7\n".to_owned(),
            "config.text: invalid type: integer `7`, expected a string",
        ),
        (
            stamp(),
            "[config]\ntext = \"x\"\ncolour = 1\n".to_owned(),
            "config.colour: unknown field `colour`",
        ),
        (
            stamp(),
            "order = \"first\"\n".to_owned(),
            "stamp.toml: TOML parse error at line 1",
        ),
        (
            stamp(),
            format!("[grants]\nclaims = [\"department\"]\n{}", stamps("x")),
            "stamp.toml: grants.claims: \"department\" is more than the server's configuration allows this plugin",
        ),
        (
            stamp(),
            format!("[grants]\nclaims = [\"sub\"]\n{}", stamps("x")),
            "stamp.toml: grants.claims: \"sub\" belongs to the protocol",
        ),
    ]
}

#[tokio::test]
async fn a_refused_candidate_leaves_the_one_before_in_place_and_is_remembered() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("good"));
    let node = site.start().await;
    let name = PluginName::parse("stamp").unwrap();
    for (wasm, toml, expected) in candidates() {
        // What it is, as against what this server allows and offers.
        let own_fault = ["its describe", "not WebAssembly", "core module", "config"];
        let remembered = own_fault.iter().any(|fault| expected.contains(fault))
            && !expected.contains("configuration allows");
        let digest = candidate_digest(&wasm, &toml);
        site.put_bytes("stamp", &wasm, &toml);
        node.events().await;
        let outcome = node.propose("stamp").await;
        let ProposalOutcome::Refused { reason } = &outcome else {
            panic!("{expected}: {outcome:?}")
        };
        assert!(reason.contains(expected), "{expected}\n{reason}");
        assert_eq!(node.stamp("anyone").await, json!("good"), "{expected}");
        let became = site.storage.plugin_history(&name, digest).await.unwrap();
        let expected_history = remembered.then_some(PluginHistory::Refused);
        assert_eq!(became, expected_history, "{expected}");
        let told = node.events().await;
        let refused =
            |event: &LoadEvent| matches!(event, LoadEvent::Refused { digest: Some(d), .. } if *d == digest);
        assert_eq!(told.iter().filter(|event| refused(event)).count(), 1);
        assert_eq!(
            node.propose("stamp").await,
            ProposalOutcome::Unchanged,
            "not tried again"
        );
    }
    assert_eq!(node.trouble("stamp"), None);
    // The last good one is desired still, so another node serves it too.
    let another = site.start().await;
    assert_eq!(another.stamp("anyone").await, json!("good"));
}

#[tokio::test]
async fn a_refused_first_version_means_no_plugin() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("refused"));
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!(null));
    assert!(node.host.status().plugins.is_empty());
    site.put_toml("stamp", &stamps("mended"));
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 1 }
    );
    assert_eq!(node.stamp("anyone").await, json!("mended"));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_told_once() {
    let site = Site::new().await;
    std::fs::create_dir(site.dir().join("folder.wasm")).unwrap();
    let node = site.start().await;
    assert_eq!(node.events().await.len(), 1);
    assert!(matches!(
        node.propose("folder").await,
        ProposalOutcome::Refused { .. }
    ));
    assert!(node.events().await.is_empty());
}

#[tokio::test]
async fn what_the_policy_refused_serves_once_it_is_allowed() {
    let site = Site::new().await;
    let department = format!(
        "[grants]\nclaims = [\"department\", \"https://*\"]\n{}",
        stamps("one")
    );
    site.put("stamp", "stamp", &department);
    let strict = site.start().await;
    let told = strict.events().await;
    assert!(matches!(told[..], [LoadEvent::Refused { .. }]), "{told:?}");
    assert_eq!(strict.propose("stamp").await, ProposalOutcome::Unchanged);
    let wide = Policy {
        claims: ClaimGrants::parse(&["department", "https://*"]).unwrap(),
        ..Policy::default()
    };
    // A node that never ran under the strict policy.
    let other_site = Site::new().await;
    other_site.put("stamp", "stamp", &department);
    drop(other_site.start().await);
    let node = other_site
        .start_with(Options {
            policy: wide.clone(),
            ..other_site.options()
        })
        .await;
    assert_eq!(node.stamp("anyone").await, json!("one"));
    // And the node that refused it, told to allow it.
    strict.host.set_policy(wide).await.unwrap();
    assert_eq!(strict.stamp("anyone").await, json!("one"));
}

#[tokio::test]
async fn a_node_that_starts_beside_a_refused_file_says_so_and_not_that_it_ran() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("refused"));
    drop(site.start().await);
    let node = site.start().await;
    let told = node.events().await;
    assert!(matches!(told[..], [LoadEvent::Refused { .. }]), "{told:?}");
}
