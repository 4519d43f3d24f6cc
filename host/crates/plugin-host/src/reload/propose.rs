//! The directory proposes; storage decides.
//!
//! A node proposes when its own files change. What it finds at its first look at a name it proposes only if stored
//! history has never seen it, so that nodes with different files do not fight, and a rollback survives a restart beside
//! the bad file.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Effects, StorageError, Topic,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{ActivateOutcome, Activation},
};

use super::{
    ReloadState, Scan,
    directory::{self, Found, Unreadable},
};
use crate::{error::Refusal, generation::Prepared, host::Inner, observer::LoadEvent};

/// What became of one plugin in the directory.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The file's stem.
    pub name: String,
    /// What became of it.
    pub outcome: ProposalOutcome,
}

/// See [`Proposal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalOutcome {
    /// It serves, as this generation.
    Activated {
        /// The new generation.
        generation: i64,
    },
    /// It has not changed since it was last dealt with, or it is what runs already.
    Unchanged,
    /// Stored history knows it, and it is the first that this node sees of it: storage's choice stands.
    KnownBefore,
    /// It was refused; what served before goes on.
    Refused {
        /// Why.
        reason: String,
    },
    /// Somebody else changed the plugin at the same moment; theirs stands.
    Stale,
    /// It will be tried again: its files are being written, storage does not answer, or the machine is too busy.
    Postponed {
        /// Why.
        reason: String,
    },
}

impl ProposalOutcome {
    pub(super) fn unsettled() -> Self {
        Self::Postponed {
            reason: "its files are being written".to_owned(),
        }
    }
}

const TOML_GONE: &str =
    "its toml was there before and is gone; put it back, or an empty one if it shall say nothing";

/// A candidate that passed every check, about to become the desired one.
pub(super) struct Change {
    pub component: PluginComponent,
    pub prepared: Prepared,
}

impl Inner {
    /// Looks at every pair in the directory.
    pub(crate) async fn propose(self: &Arc<Self>, state: &mut ReloadState, scan: Scan) -> Vec<Proposal> {
        let mut proposals = Vec::new();
        for found in self.scan(state).await {
            let name = found.stem.clone();
            let outcome = self.propose_found(state, scan, found).await;
            proposals.push(Proposal { name, outcome });
        }
        proposals
    }

    async fn scan(&self, state: &mut ReloadState) -> Vec<Found> {
        let Some(dir) = self.dir.clone() else {
            return Vec::new();
        };
        let bytes_max = self.limits.component_bytes;
        let text = dir.display().to_string();
        let scanned = tokio::task::spawn_blocking(move || directory::scan(&dir, bytes_max)).await;
        match scanned {
            Ok(Ok(found)) => {
                state.unreadable.remove(&text);
                found
            }
            failed => {
                let reason = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "reading failed".to_owned(),
                };
                if state.unreadable.insert(text.clone(), reason.clone()).as_ref() != Some(&reason) {
                    tracing::error!(dir = text, reason, "the directory of plugins cannot be read");
                }
                Vec::new()
            }
        }
    }

    async fn propose_found(
        self: &Arc<Self>,
        state: &mut ReloadState,
        scan: Scan,
        found: Found,
    ) -> ProposalOutcome {
        let is_settled = found
            .stamps
            .is_none_or(|stamps| state.look(&found.stem, stamps, scan));
        if !is_settled {
            return ProposalOutcome::unsettled();
        }
        let (name, candidate) = match found.read {
            Ok(read) => read,
            Err(Unreadable::Unsettled) => {
                return ProposalOutcome::unsettled();
            }
            Err(Unreadable::Wrong(reason)) => return self.unreadable(state, &found.stem, reason),
        };
        let digest = candidate.digest;
        if state.seen.get(&name) == Some(&digest) {
            state.unreadable.remove(&found.stem);
            return ProposalOutcome::Unchanged;
        }
        if !found.stamps.is_some_and(|stamps| stamps.has_toml()) {
            match self.had_toml(state, &name).await {
                Ok(false) => {}
                Ok(true) => return self.unreadable(state, &found.stem, TOML_GONE.to_owned()),
                Err(error) => return self.postponed(&error),
            }
        }
        state.unreadable.remove(&found.stem);
        state.refused_by_server.remove(&name);
        let outcome = self
            .propose_candidate(state, &name, candidate)
            .await
            .unwrap_or_else(|error| self.postponed(&error));
        if !matches!(outcome, ProposalOutcome::Postponed { .. }) {
            state.looked_at.insert(name.clone());
            state.seen.insert(name, digest);
        }
        outcome
    }

    fn postponed(&self, error: &StorageError) -> ProposalOutcome {
        let reason = error.to_string();
        self.tell(&LoadEvent::StorageFailed {
            reason: reason.clone(),
        });
        ProposalOutcome::Postponed { reason }
    }

    /// Whether a toml stood beside this plugin before, here or where the active candidate comes from. Without one it
    /// would be bound to every client with all that the policy allows: nobody should get there by a lost file.
    async fn had_toml(&self, state: &ReloadState, name: &PluginName) -> Result<bool, StorageError> {
        if state.with_toml.contains(name.as_str()) {
            return Ok(true);
        }
        let Some(desired) = self.desired(name).await? else {
            return Ok(false);
        };
        let active = self.storage.load_component(desired.active_digest).await?;
        Ok(active.is_some_and(|component| !component.toml.is_empty()))
    }

    fn unreadable(&self, state: &mut ReloadState, stem: &str, reason: String) -> ProposalOutcome {
        let known = state.unreadable.insert(stem.to_owned(), reason.clone());
        if known.as_ref() != Some(&reason) {
            if let Ok(name) = PluginName::parse(stem) {
                self.tell(&LoadEvent::Refused {
                    name,
                    digest: None,
                    reason: Refusal::new(reason.clone()),
                });
            } else {
                tracing::warn!(file = %stem.escape_debug(), reason, "not a plugin");
            }
        }
        ProposalOutcome::Refused { reason }
    }

    async fn propose_candidate(
        self: &Arc<Self>,
        state: &mut ReloadState,
        name: &PluginName,
        candidate: PluginComponent,
    ) -> Result<ProposalOutcome, StorageError> {
        let digest = candidate.digest;
        let desired = self.desired(name).await?;
        if desired
            .as_ref()
            .is_some_and(|plugin| plugin.active_digest == digest)
        {
            return Ok(ProposalOutcome::Unchanged);
        }
        if !state.looked_at.contains(name)
            && let Some(became) = self.storage.plugin_history(name, digest).await?
        {
            return Ok(self.known(name, digest, became));
        }
        match self.prepare(name, candidate.clone()).await {
            Ok(prepared) => {
                let change = Change {
                    component: candidate,
                    prepared,
                };
                self.activate(name, desired, change).await
            }
            Err(reason) if reason.is_transient() => Ok(ProposalOutcome::Postponed {
                reason: reason.to_string(),
            }),
            Err(reason) => {
                if reason.is_by_server() {
                    state.refused_by_server.insert(name.clone());
                }
                self.reject(name, digest, reason).await
            }
        }
    }

    /// A candidate that history knows. One who has just started does not know better.
    fn known(&self, name: &PluginName, digest: PluginDigest, became: PluginHistory) -> ProposalOutcome {
        let name = name.clone();
        match became {
            PluginHistory::Activated => {
                self.tell(&LoadEvent::KnownBefore { name, digest });
                ProposalOutcome::KnownBefore
            }
            PluginHistory::Refused => {
                let reason = Refusal::new(
                    "it was refused or taken back before; change a file of it to propose it again",
                );
                let outcome = ProposalOutcome::Refused {
                    reason: reason.to_string(),
                };
                self.tell(&LoadEvent::Refused {
                    name,
                    digest: Some(digest),
                    reason,
                });
                outcome
            }
        }
    }

    pub(super) async fn desired(&self, name: &PluginName) -> Result<Option<DesiredPlugin>, StorageError> {
        Ok(self
            .storage
            .load_plugins()
            .await?
            .into_iter()
            .find(|plugin| plugin.name == *name))
    }

    async fn activate(
        self: &Arc<Self>,
        name: &PluginName,
        mut desired: Option<DesiredPlugin>,
        change: Change,
    ) -> Result<ProposalOutcome, StorageError> {
        let component = &change.component;
        let mut activated = self
            .compare_and_set(name, desired.as_ref(), component, None)
            .await?;
        if activated.is_none() {
            let now = self.desired(name).await?;
            // Nobody chose another candidate; it was only enabled or disabled. The files will not change again to
            // make this node propose once more.
            if now.is_some() && active(now.as_ref()) == active(desired.as_ref()) {
                desired = now;
                activated = self
                    .compare_and_set(name, desired.as_ref(), component, None)
                    .await?;
            }
        }
        let Some(generation) = activated else {
            self.follow_stored(name, None).await?;
            return Ok(ProposalOutcome::Stale);
        };
        self.follow_stored(name, Some(change.prepared)).await?;
        Ok(ProposalOutcome::Activated { generation })
    }

    /// Makes a candidate the desired one, unless the plugin has changed since `desired` was read: then `None`.
    /// `because`: what led to it, for the audit.
    pub(super) async fn compare_and_set(
        &self,
        name: &PluginName,
        desired: Option<&DesiredPlugin>,
        component: &PluginComponent,
        because: Option<AuditEvent>,
    ) -> Result<Option<i64>, StorageError> {
        let expected_generation = desired.map(|plugin| plugin.generation);
        let now = self.clock.now();
        let activated = AuditAction::PluginActivated {
            plugin: name.as_str().to_owned(),
            digest: component.digest.to_hex(),
            generation: expected_generation.unwrap_or(0).saturating_add(1),
        };
        let mut effects =
            Effects::audited(AuditEvent::internal(now, activated)).invalidating(Topic::Plugin, name.as_str());
        effects.audit.splice(0..0, because);
        let activation = Activation {
            name: name.clone(),
            component: component.clone(),
            expected_generation,
            rejects: given_up(desired, component.digest),
            now,
        };
        Ok(match self.storage.activate_plugin(activation, effects).await? {
            ActivateOutcome::Activated { generation } => Some(generation),
            ActivateOutcome::Stale => None,
        })
    }

    /// Follows what storage desires now. Another node may have been quicker still: then what was prepared is not it.
    pub(super) async fn follow_stored(
        self: &Arc<Self>,
        name: &PluginName,
        prepared: Option<Prepared>,
    ) -> Result<(), StorageError> {
        let Some(desired) = self.desired(name).await? else {
            return Ok(());
        };
        let prepared = prepared.filter(|prepared| prepared.id.digest == desired.active_digest);
        self.follow(&desired, prepared).await
    }

    async fn reject(
        &self,
        name: &PluginName,
        digest: PluginDigest,
        reason: Refusal,
    ) -> Result<ProposalOutcome, StorageError> {
        let now = self.clock.now();
        let text = reason.to_string();
        let rejected = AuditAction::PluginRejected {
            plugin: name.as_str().to_owned(),
            digest: digest.to_hex(),
            reason: text.clone(),
        };
        // History is every server's. One with another policy, or a newer one, must look for itself.
        if !reason.is_by_server() {
            let effects = Effects::audited(AuditEvent::internal(now, rejected));
            self.storage.reject_plugin(name, digest, now, effects).await?;
        }
        self.tell(&LoadEvent::Refused {
            name: name.clone(),
            digest: Some(digest),
            reason,
        });
        Ok(ProposalOutcome::Refused { reason: text })
    }
}

/// Whoever goes back to an earlier candidate has given up the one that ran: it must not answer in its place, not even on
/// a node that starts later.
fn given_up(left: Option<&DesiredPlugin>, new: PluginDigest) -> Option<PluginDigest> {
    left.filter(|left| left.previous_digests.contains(&new))
        .map(|left| left.active_digest)
}

fn active(desired: Option<&DesiredPlugin>) -> Option<PluginDigest> {
    desired.map(|plugin| plugin.active_digest)
}
