//! Bringing this node to the state that storage desires.

use std::sync::Arc;

use authly_core::{
    StorageError,
    plugin::{DesiredPlugin, PluginDigest, PluginHistory, PluginName},
};

use super::ReloadState;
use crate::{
    error::Refusal,
    generation::{Generation, Prepared},
    host::Inner,
    manifest::Manifest,
    observer::LoadEvent,
    policy::{ClaimGrants, Policy},
    registry::{Serving, Slot},
};

impl Inner {
    /// Reads the desired state and follows it, plugin by plugin. The state proves that the caller is the only one.
    pub(crate) async fn converge(self: &Arc<Self>, state: &mut ReloadState) -> Result<(), StorageError> {
        let desired = self.storage.load_plugins().await?;
        if state.policy_changed {
            self.enforce_policy(&desired).await?;
            state.policy_changed = false;
        }
        self.registry
            .retain(|name| desired.iter().any(|plugin| plugin.name == *name));
        for plugin in desired.iter().filter(|plugin| !self.is_converged(plugin)) {
            self.follow(plugin, None).await?;
        }
        Ok(())
    }

    /// Judges every desired plugin by the policy as it is now. Unlike a candidate that fails, one that the policy refuses
    /// leaves nothing serving in its place, nor does one that cannot be judged for now.
    async fn enforce_policy(self: &Arc<Self>, desired: &[DesiredPlugin]) -> Result<(), StorageError> {
        for desired in desired.iter().filter(|plugin| plugin.enabled) {
            match self.fetch(&desired.name, desired.active_digest).await? {
                Ok(prepared) => self.serve(desired, prepared).await,
                Err(refused) => {
                    let nothing = Arc::new(Serving::Broken { manifest: None });
                    self.registry.put(Slot::new(desired, nothing, None));
                    self.degrade(desired, refused);
                }
            }
        }
        Ok(())
    }

    fn is_converged(&self, desired: &DesiredPlugin) -> bool {
        self.registry.table().find(&desired.name).is_some_and(|slot| {
            let retry = slot.trouble.as_ref().is_some_and(Refusal::is_transient);
            slot.generation == desired.generation && slot.digest == desired.active_digest && !retry
        })
    }

    /// Follows one plugin. `prepared`: this node has just checked the candidate, as the one who proposed it.
    pub(super) async fn follow(
        self: &Arc<Self>,
        desired: &DesiredPlugin,
        prepared: Option<Prepared>,
    ) -> Result<(), StorageError> {
        if !desired.enabled {
            self.registry
                .put(Slot::new(desired, Arc::new(Serving::Disabled), None));
            self.tell(&LoadEvent::Disabled {
                name: desired.name.clone(),
            });
            return Ok(());
        }
        let prepared = match prepared {
            Some(prepared) => Ok(prepared),
            None => self.fetch(&desired.name, desired.active_digest).await?,
        };
        match prepared {
            Ok(prepared) => self.serve(desired, prepared).await,
            Err(refused) => self.degrade(desired, refused),
        }
        Ok(())
    }

    /// A stored candidate, made ready.
    async fn fetch(
        self: &Arc<Self>,
        name: &PluginName,
        digest: PluginDigest,
    ) -> Result<Result<Prepared, Refused>, StorageError> {
        let Some(component) = self.storage.load_component(digest).await? else {
            let reason = Refusal::transient("storage does not hold its component");
            return Ok(Err(Refused {
                reason,
                manifest: None,
            }));
        };
        let toml = component.toml.clone();
        // Whom it serves and whether it may be missing are its own words, whatever it is granted now: a policy that
        // refuses it must fail its clients and nobody else's.
        let widest = Policy {
            claims: ClaimGrants::everything(),
            ..Policy::default()
        };
        Ok(self.prepare(name, component).await.map_err(|reason| Refused {
            manifest: Manifest::parse(&toml, name, &widest, &self.limits).ok(),
            reason,
        }))
    }

    async fn serve(self: &Arc<Self>, desired: &DesiredPlugin, prepared: Prepared) {
        let began = prepared.began;
        let from_cache = prepared.from_cache;
        let generation = Arc::new(Generation::new(prepared, desired.generation, desired.updated_at));
        let predecessor = self.predecessor(desired, &generation).await;
        let plugin = (*generation.id).clone();
        let serving = Serving::Generation {
            current: generation,
            predecessor,
        };
        self.registry.put(Slot::new(desired, Arc::new(serving), None));
        self.tell(&LoadEvent::Serving {
            plugin,
            from_cache,
            duration: began.elapsed(),
        });
    }

    /// Who answers where the new generation fails while it is young: what ran before, unless the operator has since
    /// taken something back.
    async fn predecessor(
        self: &Arc<Self>,
        desired: &DesiredPlugin,
        new: &Arc<Generation>,
    ) -> Option<Arc<Generation>> {
        let slot = self.registry.table().find(&desired.name).cloned();
        let earlier = match slot.as_ref().map(|slot| &*slot.serving) {
            Some(Serving::Generation { current, predecessor }) => {
                let is_same = current.id.digest == new.id.digest;
                let goes_back = slot
                    .as_ref()
                    .is_some_and(|slot| slot.previous.contains(&new.id.digest));
                if is_same {
                    predecessor.clone()
                } else if goes_back {
                    // Whoever goes back has given up what ran till now.
                    None
                } else {
                    Some(Arc::clone(current))
                }
            }
            // This node has just started: what ran before is in storage. However long ago that was, here the new one
            // has not answered yet.
            _ => self.stored_predecessor(desired).await,
        };
        let policy = self.policy.load();
        earlier.filter(|earlier| {
            let may_run = policy.check_pin(&desired.name, earlier.id.digest).is_ok();
            may_run && !new.manifest.narrows(&earlier.manifest)
        })
    }

    async fn stored_predecessor(self: &Arc<Self>, desired: &DesiredPlugin) -> Option<Arc<Generation>> {
        let digest = *desired.previous_digests.first()?;
        // Only a convenience: without it the young generation's errors stand.
        let became = self.storage.plugin_history(&desired.name, digest).await.ok()?;
        if became != Some(PluginHistory::Activated) {
            return None;
        }
        let prepared = self.fetch(&desired.name, digest).await.ok()?.ok()?;
        Some(Arc::new(Generation::new(
            prepared,
            desired.generation.saturating_sub(1),
            desired.updated_at,
        )))
    }

    fn degrade(&self, desired: &DesiredPlugin, refused: Refused) {
        let slot = self.registry.table().find(&desired.name).cloned();
        let known = slot.as_ref().and_then(|slot| slot.trouble.as_ref()) == Some(&refused.reason);
        let serving = match slot {
            Some(slot) if matches!(&*slot.serving, Serving::Generation { .. }) => Arc::clone(&slot.serving),
            _ => Arc::new(Serving::Broken {
                manifest: refused.manifest,
            }),
        };
        let reason = refused.reason;
        self.registry
            .put(Slot::new(desired, serving, Some(reason.clone())));
        if !known {
            let name = desired.name.clone();
            self.tell(&LoadEvent::Degraded {
                name,
                digest: desired.active_digest,
                reason,
            });
        }
    }
}

/// A desired candidate that cannot serve here, with as much of its toml as could be read.
struct Refused {
    reason: Refusal,
    manifest: Option<Manifest>,
}
