//! What runs, for health checks and operators.

use authly_core::{
    plugin::{PluginDigest, PluginName},
    time::Timestamp,
};

use crate::{
    engine::Allocator,
    observer::PluginId,
    registry::{Serving, Slot},
};

/// The state of the plugin host on this node.
#[derive(Clone, Debug)]
pub struct HostStatus {
    /// Where instances get their memory.
    pub allocator: Allocator,
    /// Rises as long as the clock that stops runaway plugins ticks, about every 2 ms.
    pub ticks: u64,
    /// Every desired plugin, in the order of their calls.
    pub plugins: Vec<PluginStatus>,
}

/// The state of one plugin on this node.
#[derive(Clone, Debug)]
pub struct PluginStatus {
    /// Its name.
    pub name: PluginName,
    /// The candidate that storage desires.
    pub desired_digest: PluginDigest,
    /// The generation that storage desires.
    pub desired_generation: i64,
    /// When it became the desired one.
    pub since: Timestamp,
    /// What answers calls.
    pub serving: Option<PluginId>,
    /// Whether it was disabled on purpose.
    pub disabled: bool,
    /// Why what is desired does not run here.
    pub trouble: Option<String>,
}

impl PluginStatus {
    pub(crate) fn of(slot: &Slot) -> Self {
        let serving = match &*slot.serving {
            Serving::Generation { current, .. } => Some((*current.id).clone()),
            Serving::Broken { .. } | Serving::Disabled => None,
        };
        Self {
            name: slot.name.clone(),
            desired_digest: slot.digest,
            desired_generation: slot.generation,
            since: slot.since,
            serving,
            disabled: matches!(&*slot.serving, Serving::Disabled),
            trouble: slot.trouble.as_ref().map(ToString::to_string),
        }
    }

    /// Whether this node runs what storage desires.
    pub fn is_converged(&self) -> bool {
        self.trouble.is_none()
    }
}
