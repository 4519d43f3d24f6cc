//! What others do in storage between this node's looks at it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{ActivateOutcome, Activation, PluginStore, StorageResult, TenantStorage},
};
use authly_plugin_host::{Policy, ProposalOutcome};
use serde_json::json;

use crate::harness::{Site, stamps};

/// Storage in which somebody is always a moment quicker.
struct Interfered {
    inner: Arc<dyn TenantStorage>,
    /// Disable the plugin just before the next activation.
    disables: AtomicBool,
    /// Answer that there are no such bytes.
    hides_components: AtomicBool,
}

impl Interfered {
    fn on(site: &Site) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(&site.storage),
            disables: AtomicBool::new(false),
            hides_components: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl PluginStore for Interfered {
    async fn load_plugins(&self) -> StorageResult<Vec<DesiredPlugin>> {
        self.inner.load_plugins().await
    }

    async fn load_component(&self, digest: PluginDigest) -> StorageResult<Option<PluginComponent>> {
        if self.hides_components.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.inner.load_component(digest).await
    }

    async fn plugin_history(
        &self,
        name: &PluginName,
        digest: PluginDigest,
    ) -> StorageResult<Option<PluginHistory>> {
        self.inner.plugin_history(name, digest).await
    }

    async fn activate_plugin(
        &self,
        activation: Activation,
        effects: Effects,
    ) -> StorageResult<ActivateOutcome> {
        if self.disables.swap(false, Ordering::Relaxed) {
            self.inner
                .set_plugin_enabled(&activation.name, false, activation.now, Effects::none())
                .await?;
        }
        self.inner.activate_plugin(activation, effects).await
    }

    async fn reject_plugin(
        &self,
        name: &PluginName,
        digest: PluginDigest,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<()> {
        self.inner.reject_plugin(name, digest, now, effects).await
    }

    async fn set_plugin_enabled(
        &self,
        name: &PluginName,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.inner.set_plugin_enabled(name, enabled, now, effects).await
    }
}

#[tokio::test]
async fn a_change_of_files_is_not_lost_to_a_switch_thrown_meanwhile() {
    let site = Site::new().await;
    let storage = Interfered::on(&site);
    site.put("stamp", "stamp", &stamps("one"));
    let node = site.start_on(storage.clone()).await;
    storage.disables.store(true, Ordering::Relaxed);
    site.put_toml("stamp", &stamps("two"));
    assert_eq!(
        node.propose("stamp").await,
        ProposalOutcome::Activated { generation: 3 }
    );
    let desired = site.storage.load_plugins().await.unwrap().remove(0);
    assert!(!desired.enabled, "and the switch holds");
    assert_eq!(node.stamp("anyone").await, json!(null));
}

#[tokio::test]
async fn what_a_new_policy_cannot_judge_does_not_go_on() {
    let site = Site::new().await;
    let storage = Interfered::on(&site);
    site.put("stamp", "stamp", &stamps("one"));
    let node = site.start_on(storage.clone()).await;
    assert_eq!(node.stamp("anyone").await, json!("one"));
    storage.hides_components.store(true, Ordering::Relaxed);
    node.host.set_policy(Policy::default()).await.unwrap();
    node.map("anyone").await.unwrap_err();
    storage.hides_components.store(false, Ordering::Relaxed);
    node.host.converge().await.unwrap();
    assert_eq!(node.stamp("anyone").await, json!("one"), "it is tried again");
}
