//! How a new version comes in: noticed, read, checked, proposed to storage, and served by every node that converges.

mod converge;
mod directory;
mod pipeline;
mod propose;
mod rollback;
pub(crate) mod watch;

use std::collections::{BTreeMap, BTreeSet};

use authly_core::plugin::{PluginDigest, PluginName};

pub use pipeline::candidate_digest;
pub use propose::{Proposal, ProposalOutcome};

/// What the reload path remembers between runs.
#[derive(Default)]
pub(crate) struct ReloadState {
    /// The pair that each name in the directory had when it was last dealt with.
    seen: BTreeMap<PluginName, PluginDigest>,
    /// Those of them that this server's policy or version refused.
    refused_by_server: BTreeSet<PluginName>,
    /// The names whose files this node has dealt with at least once since it started. A change of files can only be
    /// seen by who has seen them before.
    looked_at: BTreeSet<PluginName>,
    /// What could not be read, so that it is reported once.
    unreadable: BTreeMap<String, String>,
    /// What is loaded was judged by an earlier policy.
    pub(crate) policy_changed: bool,
}

impl ReloadState {
    /// What is loaded is to be judged again, and so is what was refused by the policy before.
    pub(crate) fn change_policy(&mut self) {
        self.policy_changed = true;
        for name in std::mem::take(&mut self.refused_by_server) {
            self.seen.remove(&name);
        }
    }
}
