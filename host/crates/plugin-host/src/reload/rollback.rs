//! Taking back a version that fails where the one before answers.

use std::sync::Arc;

use authly_core::{AuditAction, AuditEvent, StorageError, plugin::DesiredPlugin};

use super::propose::Change;
use crate::{
    error::Refusal,
    generation::Generation,
    host::Inner,
    observer::{LoadEvent, PluginId},
    registry::Serving,
};

impl Inner {
    /// Begins to take back `failing`, beside the request that saw it fail. The next failures try again if this
    /// cannot be done now.
    pub(crate) fn begin_rollback(self: &Arc<Self>, failing: &Arc<PluginId>, error: String) {
        let (host, failing) = (Arc::clone(self), Arc::clone(failing));
        tokio::spawn(async move {
            if let Err(error) = host.roll_back(&failing, &error).await {
                host.tell(&LoadEvent::StorageFailed {
                    reason: error.to_string(),
                });
            }
        });
    }

    /// Makes the predecessor the desired one again, unless anybody has changed the plugin since.
    async fn roll_back(self: &Arc<Self>, failing: &PluginId, error: &str) -> Result<(), StorageError> {
        let _one_reload_at_a_time = self.reload.lock().await;
        let (Some(predecessor), Some(desired)) =
            (self.predecessor_of(failing), self.desired(&failing.name).await?)
        else {
            return Ok(());
        };
        if !desired.enabled
            || desired.generation != failing.generation
            || desired.active_digest != failing.digest
        {
            return Ok(());
        }
        let Some(component) = self.storage.load_component(predecessor.id.digest).await? else {
            return Ok(());
        };
        // Policy and pins may have changed since the predecessor was loaded.
        let prepared = match self.prepare(&failing.name, component.clone()).await {
            Ok(prepared) => prepared,
            Err(reason) => {
                tracing::error!(plugin = %failing.name, %reason, "a failing plugin cannot be rolled back");
                return Ok(());
            }
        };
        let reason = Refusal::new(format!(
            "it failed {} times where the version before it answered, at last so: {error}",
            Generation::OUTDONE_MAX
        ));
        self.return_to(desired, Change { component, prepared }, reason)
            .await
    }

    fn predecessor_of(&self, failing: &PluginId) -> Option<Arc<Generation>> {
        let slot = self.registry.table().find(&failing.name).cloned()?;
        match &*slot.serving {
            Serving::Generation { current, predecessor } if *current.id == *failing => predecessor.clone(),
            _ => None,
        }
    }

    async fn return_to(
        self: &Arc<Self>,
        desired: DesiredPlugin,
        earlier: Change,
        reason: Refusal,
    ) -> Result<(), StorageError> {
        let (name, digest) = (desired.name.clone(), desired.active_digest);
        let now = self.clock.now();
        let rejected = AuditAction::PluginRejected {
            plugin: name.as_str().to_owned(),
            digest: digest.to_hex(),
            reason: reason.to_string(),
        };
        let because = AuditEvent::internal(now, rejected);
        if self
            .compare_and_set(&name, Some(&desired), &earlier.component, Some(because))
            .await?
            .is_none()
        {
            return Ok(());
        }
        self.tell(&LoadEvent::Refused {
            name: name.clone(),
            digest: Some(digest),
            reason,
        });
        self.follow_stored(&name, Some(earlier.prepared)).await
    }
}
