//! Machine code between starts.

use std::{fs, path::PathBuf};

use authly_plugin_host::LoadEvent;
use serde_json::json;

use crate::harness::{Node, Site, stamps, tamper};

/// Whether the plugin's code came from the cache, when the node started.
async fn came_from_cache(node: &Node) -> bool {
    match node
        .event(|event| matches!(event, LoadEvent::Serving { .. }))
        .await
    {
        LoadEvent::Serving { from_cache, .. } => from_cache,
        other => panic!("{other:?}"),
    }
}

fn kept(site: &Site) -> Vec<PathBuf> {
    fs::read_dir(site.cache_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn a_restart_does_not_compile_again() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    assert!(!came_from_cache(&site.start().await).await);
    let node = site.start().await;
    assert!(came_from_cache(&node).await);
    assert_eq!(node.stamp("anyone").await, json!("one"));
    assert_eq!(kept(&site).len(), 1);
}

#[tokio::test]
async fn an_edit_of_the_configuration_does_not_compile_again() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    let node = site
        .start_with(authly_plugin_host::Options {
            cache: None,
            ..site.options()
        })
        .await;
    assert!(!came_from_cache(&node).await);
    site.put_toml("stamp", &stamps("two"));
    node.propose("stamp").await;
    assert!(came_from_cache(&node).await);
}

#[tokio::test]
async fn tampered_code_is_refused_and_made_anew() {
    let site = Site::new().await;
    site.put("stamp", "stamp", &stamps("one"));
    site.start().await;
    tamper(&kept(&site)[0]);
    let node = site.start().await;
    let told = node.events().await;
    assert!(matches!(told[0], LoadEvent::CacheRefused { .. }), "{told:?}");
    assert!(
        matches!(
            told[1],
            LoadEvent::Serving {
                from_cache: false,
                ..
            }
        ),
        "{told:?}"
    );
    assert_eq!(node.stamp("anyone").await, json!("one"));
    assert!(came_from_cache(&site.start().await).await);
}
