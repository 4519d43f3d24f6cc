//! Replacing a plugin while it serves.

use std::{fs, sync::Arc, time::Duration};

use authly_core::{
    Clock as _, Effects,
    plugin::PluginName,
    ports::{ClaimMapper as _, ClaimTarget, HookError, HookSubject},
};
use authly_plugin_host::{AllocatorChoice, CallOutcome, LoadEvent, Options, ProposalOutcome};
use authly_testkit::guests::attribute_claims;
use serde_json::json;

use crate::harness::{STAMP, Site, input, only, stamps};

#[tokio::test]
async fn the_shipped_plugin_maps_attributes_and_groups() {
    let site = Site::new().await;
    let (wasm, toml) = attribute_claims();
    let (wasm, toml) = (fs::read(wasm).unwrap(), fs::read_to_string(toml).unwrap());
    site.put_bytes("attribute-claims", &wasm, &toml);
    let node = site.start().await;
    let mapped = node.map("anyone").await.unwrap();
    let access = &mapped.claims[&ClaimTarget::AccessToken];
    assert_eq!(access["https://example.com/department"], "research");
    assert_eq!(access["https://example.com/groups"], json!(["staff", "admins"]));
    assert_eq!(access["sub"], "the-person");
    let userinfo = &mapped.claims[&ClaimTarget::Userinfo];
    assert!(!userinfo.contains_key("https://example.com/department"));
    let origin = mapped
        .origins
        .iter()
        .find(|o| o.claim == "https://example.com/department")
        .unwrap();
    assert_eq!(
        (origin.plugin.as_str(), origin.version.as_str(), origin.generation),
        ("attribute-claims", "0.1.0", 1)
    );

    let edited = toml.replace("https://example.com/department", "https://example.com/team");
    site.put_toml("attribute-claims", &edited);
    assert_eq!(
        node.propose("attribute-claims").await,
        ProposalOutcome::Activated { generation: 2 }
    );
    let mapped = node.map("anyone").await.unwrap();
    assert_eq!(
        mapped.claims[&ClaimTarget::IdToken]["https://example.com/team"],
        "research"
    );
    assert!(!mapped.claims[&ClaimTarget::IdToken].contains_key("https://example.com/department"));
}

/// Its stack is small, for the host clears it after every call: it must hold the deepest JSON that a parser takes.
#[tokio::test]
async fn the_shipped_plugin_maps_an_attribute_as_deep_as_json_may_be() {
    let site = Site::new().await;
    let (wasm, toml) = attribute_claims();
    let (wasm, toml) = (fs::read(wasm).unwrap(), fs::read_to_string(toml).unwrap());
    site.put_bytes("attribute-claims", &wasm, &toml);
    let node = site.start().await;
    let mut input = input("anyone", site.clock.now());
    let HookSubject::User(user) = &mut input.subject else {
        unreachable!()
    };
    // With the object around it and the innermost value, 127.
    let deep = (0..125).fold(json!("research"), |inner, nth| match nth % 2 {
        0 => json!([inner]),
        _ => json!({ "a": inner }),
    });
    let claims = &mut Arc::make_mut(user).claims;
    claims.insert("department".to_owned(), deep.clone());
    let mapped = node.host.map_claims(input).await.unwrap();
    let access = &mapped.claims[&ClaimTarget::AccessToken];
    assert_eq!(access["https://example.com/department"], deep);
}

/// An instance serves one call: what it was told of one person it cannot tell of the next.
#[tokio::test]
async fn a_plugin_remembers_nothing_of_earlier_calls() {
    let site = Site::new().await;
    site.put("counts", "counts", "");
    for allocator in [AllocatorChoice::Auto, AllocatorChoice::OnDemand] {
        let node = site
            .start_with(Options {
                allocator,
                ..site.options()
            })
            .await;
        for _ in 0..3 {
            assert_eq!(node.stamp("anyone").await, json!(1));
        }
    }
}

#[tokio::test]
async fn an_edit_of_either_file_changes_the_next_answer() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!("one"));
    site.put_toml("stamp", &stamps("two"));
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 2 }
    );
    assert_eq!(node.stamp("anyone").await, json!("two"));
    site.put("stamp", "second_version", "");
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 3 }
    );
    assert_eq!(node.stamp("anyone").await, json!(2));
    // And back: the pair changed, so it is proposed although history knows it.
    site.put("stamp", "stamp", &stamps("one"));
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 4 }
    );
    assert_eq!(node.stamp("anyone").await, json!("one"));
}

#[tokio::test]
async fn deleting_the_file_does_not_unload() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    let node = site.start().await;
    fs::remove_file(site.dir().join("stamp.wasm")).unwrap();
    fs::remove_file(site.dir().join("stamp.toml")).unwrap();
    assert!(node.host.propose_directory().await.is_empty());
    node.host.converge().await.unwrap();
    assert_eq!(node.stamp("anyone").await, json!("one"));
}

#[tokio::test]
async fn a_lost_toml_does_not_widen_what_it_narrowed() {
    let site = Site::new().await;
    site.put("stamp", "first_version", &only("bound"));
    let node = site.start().await;
    node.events().await;
    fs::remove_file(site.dir().join("stamp.toml")).unwrap();
    for _ in 0..2 {
        let outcome = node.propose("stamp").await;
        assert!(matches!(outcome, ProposalOutcome::Refused { .. }), "{outcome:?}");
    }
    let told = node.events().await;
    assert!(
        matches!(told[..], [LoadEvent::Refused { digest: None, .. }]),
        "{told:?}"
    );
    // A node that has never seen it knows it from storage.
    let another = site.start().await;
    for node in [&node, &another] {
        assert_eq!(node.stamp("free").await, json!(null));
        assert_eq!(node.stamp("bound").await, json!(1));
    }
    site.put_toml("stamp", "");
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 2 },
        "an empty one is a word"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_in_the_directory_is_noticed() {
    let site = Site::new().await;
    let node = site.start_watching(site.options()).await;
    // As a deployment does it: written elsewhere, renamed into place.
    for (file, text) in [
        ("stamp.toml", stamps("one").into_bytes()),
        ("stamp.wasm", {
            fs::read(authly_testkit::guests::guest("stamp")).unwrap()
        }),
    ] {
        let beside = site.dir().join(format!("{file}.part"));
        fs::write(&beside, text).unwrap();
        fs::rename(beside, site.dir().join(file)).unwrap();
    }
    node.event(|event| matches!(event, LoadEvent::Serving { .. }))
        .await;
    assert_eq!(node.stamp("anyone").await, json!("one"));
    site.put_toml("stamp", &stamps("two"));
    node.event(|event| matches!(event, LoadEvent::Serving { plugin, .. } if plugin.generation == 2))
        .await;
    assert_eq!(node.stamp("anyone").await, json!("two"));
}

#[tokio::test]
async fn plugins_run_in_order_and_see_what_came_before() {
    let site = Site::new().await;
    site.put("a", "sees_earlier", "order = 20\n");
    site.put("b", "stamp", &format!("order = 10\n{}", stamps("one")));
    let node = site.start().await;
    let mapped = node.map("anyone").await.unwrap();
    assert_eq!(
        mapped.claims[&ClaimTarget::IdToken]["https://example.com/seen"],
        3
    );
    let plugins: Vec<_> = mapped
        .origins
        .iter()
        .map(|origin| origin.plugin.as_str())
        .collect();
    assert_eq!(plugins, ["b", "b", "b", "a", "a", "a"]);
}

#[tokio::test]
async fn a_plugin_serves_only_the_clients_it_is_bound_to() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &format!("{}{}", only("bound"), stamps("one")));
    let node = site.start().await;
    assert_eq!(node.stamp("bound").await, json!("one"));
    assert_eq!(node.stamp("free").await, json!(null));
    assert_eq!(
        node.observer.calls.lock().unwrap().len(),
        1,
        "no call for a client it is not bound to"
    );
}

#[tokio::test]
async fn an_optional_plugin_that_fails_is_skipped() {
    let site = Site::new().await;
    site.put("a", "panics", "optional = true\n");
    site.put("b", "stamp", &stamps("one"));
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!("one"));
    assert_eq!(node.observer.outcome_of("a"), CallOutcome::Crash);
}

#[tokio::test]
async fn a_disabled_plugin_does_not_run() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    let node = site.start().await;
    let name = PluginName::parse("stamp").unwrap();
    let now = authly_core::Clock::now(&*site.clock);
    assert!(
        site.storage
            .set_plugin_enabled(&name, false, now, Effects::none())
            .await
            .unwrap()
    );
    node.host.converge().await.unwrap();
    assert_eq!(node.stamp("anyone").await, json!(null));
    assert!(node.host.status().plugins[0].disabled);
    assert!(
        site.storage
            .set_plugin_enabled(&name, true, now, Effects::none())
            .await
            .unwrap()
    );
    node.host.converge().await.unwrap();
    assert_eq!(node.stamp("anyone").await, json!("one"));
}

#[tokio::test]
async fn where_a_young_generation_fails_its_predecessor_answers() {
    let site = Site::new().await;
    site.put("stamp", "first_version", "");
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!(1));
    site.put("stamp", "panics", "");
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 2 }
    );
    let mapped = node.map("anyone").await.unwrap();
    assert_eq!(mapped.claims[&ClaimTarget::IdToken][STAMP], 1);
    assert!(mapped.origins.iter().all(|origin| origin.generation == 1));
    let calls = node.observer.calls.lock().unwrap().clone();
    let name = || "stamp".to_owned();
    assert_eq!(
        calls[1..],
        [
            (name(), 2, CallOutcome::Crash, true),
            (name(), 1, CallOutcome::Ok, false)
        ]
    );
    // A node that starts now finds the predecessor in storage.
    let another = site.start().await;
    assert_eq!(another.stamp("anyone").await, json!(1));
    // It never answered, so it stays young whatever the time.
    site.clock.advance(Duration::from_hours(2));
    assert_eq!(node.stamp("anyone").await, json!(1));
}

#[tokio::test]
async fn a_predecessor_never_answers_past_a_stricter_word() {
    for stricter in [
        "[grants]\nclaims = [\"https://example.com/other\"]\n",
        "clients = [\"anyone\"]\n",
        "[limits]\nmemory_bytes = 33554432\n",
    ] {
        let site = Site::new().await;
        site.put("stamp", "first_version", "");
        let node = site.start().await;
        site.put("stamp", "panics", stricter);
        assert_eq!(
            node.propose("stamp").await,
            ProposalOutcome::Activated { generation: 2 }
        );
        let error = node.map("anyone").await.unwrap_err();
        assert!(matches!(error, HookError::Failed { .. }), "{stricter}: {error}");
    }
}
